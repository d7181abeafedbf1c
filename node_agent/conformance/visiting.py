"""One person's records, read from the source as a question would have them read: what is wrong with them is counted, and nothing is kept."""

import time
from base64 import b64encode
from collections.abc import Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Final

from accord.rules.identity import Identity, check_about, identity_of
from accord.rules.reading import category_of, check_record, read_record, references
from accord.rules.strictness import Json, Number, strict_json
from accord.terms.faults import BadInput, Faulted
from accord.terms.identifiers import Bsn, RecordRef, record_ref
from accord.terms.limits import RECORD_BYTES
from accord.terms.queries import EVERYTHING, Selection
from accord.terms.records import TYPE_BY_NAME, ResourceType
from node_agent.claims import AsksByCode
from node_agent.conformance.coverage import BLOCKS, blocks_of
from node_agent.conformance.findings import Block
from node_agent.conformance.seen import OF_SOMEBODY_ELSE, Seen
from node_agent.ports import LocalPatient, Source, SourceIncapable, SourceRecord

_MOST_REFERENCES: Final = 200
#: Asking for each code by itself takes some forty questions a person.
_MOST_BY_CODE: Final = 3
_AT_ONCE: Final = 50
_MOST_ATTACHMENTS: Final = 5
_LONGEST_URL: Final = 500
_LONGEST_SIZE: Final = 18


@dataclass(frozen=True, slots=True)
class _Told:
    """What a record says of an attachment; `size` and `hash` where it does."""

    url: str
    size: int | None
    hash: str | None


@dataclass(slots=True)
class _One:
    """What is known of one person while they are visited: as disclosure has it, only a Patient record that shows who they are makes others theirs.

    `number` is their place in the list that was given, `all` the references to every Patient record that the source calls theirs.
    """

    number: int
    all: frozenset[str]
    own: set[str] = field(default_factory=set)
    refs: set[RecordRef] = field(default_factory=set)
    blocks: dict[str, set[RecordRef]] = field(default_factory=dict)
    pointed: set[RecordRef] = field(default_factory=set)
    attachments: list[_Told] = field(default_factory=list)


class Visiting:
    """Visits people one after the other. A failure of the source is counted, and the next person visited."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._known: dict[frozenset[str], Bsn] = {}
        self._visited = 0
        self._prefixes = ("", *(f"{base.rstrip('/')}/" for base in source.bases))
        self.seen = Seen()

    def blocks(self) -> list[Block]:
        """What was found of the BgZ, block by block."""
        return self.seen.coverage.blocks(self._source.types, incapable=self.seen.incapable)

    async def visit(self, bsn: Bsn) -> None:
        """Read all that is there about one person."""
        began = time.monotonic()
        self._visited += 1
        try:
            person = await self._source.find(bsn)
            self.seen.seconds_to_find.append(time.monotonic() - began)
            if person is None:
                self.seen.unknown += 1
                self.seen.note("people found", self._visited, "not found")
                return
            self.seen.people += 1
            if self._known.setdefault(person.ids, bsn) != bsn:
                self.seen.shared += 1
                self.seen.note("people found", self._visited, "the same as another")
            await self._read(person, bsn, began)
        except Faulted as failure:
            self.seen.failures[failure.fault] += 1
            self.seen.note("source keeps answering", self._visited, failure.fault.value)

    async def _read(self, person: LocalPatient, bsn: Bsn, began: float) -> None:
        one = _One(self._visited, self._references_to(person.ids))
        async with aclosing(self._source.patients(person)) as lists:
            patients = [given async for some in lists for given in some]
        for given in patients:
            self._note_patient(given, one, bsn)
        for given in patients:
            self._note(given, one, bsn)
        self.seen.nameless += not one.own
        first = True
        try:
            async with aclosing(self._source.records_of(person, EVERYTHING)) as lists:
                async for some in lists:
                    if first:
                        self.seen.seconds_to_first.append(time.monotonic() - began)
                        first = False
                    for given in some:
                        self._note(given, one, bsn)
        except SourceIncapable:
            self.seen.incapable = True
        self.seen.seconds_in_all.append(time.monotonic() - began)
        await self._compare(person, one)
        await self._follow(one)
        await self._fetch(one)

    def _references_to(self, ids: Iterable[str]) -> frozenset[str]:
        return frozenset(f"{prefix}Patient/{name}" for prefix in self._prefixes for name in ids)

    def _note_patient(self, given: SourceRecord, one: _One, bsn: Bsn) -> None:
        # What cannot be read is counted where every record is.
        with suppress(BadInput):
            record = read_record(given.fhir_json)
            identity = identity_of(record, bsn, None)
            self.seen.identities[identity] += 1
            if identity is Identity.SAME:
                one.own |= self._references_to([record.id])
            else:
                self.seen.note("right person", one.number, "Patient")

    def _note(self, given: SourceRecord, one: _One, bsn: Bsn) -> None:
        """Count one record, and what is wrong with it."""
        self.seen.records += 1
        text = given.fhir_json
        if len(text) > RECORD_BYTES:
            self.seen.oversized += 1
            self.seen.note("records readable", one.number, "too large")
            return
        name = "unreadable"
        try:
            record = read_record(text)
            name = record.resourceType if record.resourceType in TYPE_BY_NAME else name
            kind = check_record(record)
            if kind.name != "Patient":
                check_about(text, kind, one.all, bsn)
            ref = RecordRef(kind.name, record.id)
        except BadInput as failure:
            self.seen.unfit[failure.fault] += 1
            self.seen.note("right person" if failure.fault in OF_SOMEBODY_ELSE else "records readable", one.number, name)
            return
        if ref in one.refs:
            self.seen.twice += 1
            self.seen.note("ids and references", one.number, name)
            return
        if one.own and self._is_hidden(given, kind, one, bsn):
            self.seen.hidden += 1
            if kind.name != "Patient":
                self.seen.note("right person", one.number, name)
        one.refs.add(ref)
        for block in blocks_of(kind.name, category_of(record, kind)):
            one.blocks.setdefault(block, set()).add(ref)
        self.seen.coverage.note(text, record, kind)
        one.pointed.update(self._targets(text))
        if kind.name in ("DocumentReference", "DiagnosticReport", "Media"):
            one.attachments += _attachments(text)

    def _is_hidden(self, given: SourceRecord, kind: ResourceType, one: _One, bsn: Bsn) -> bool:
        """Whether it is theirs only by a Patient record that does not show who it is about: then it never leaves."""
        if one.own == one.all:
            return False
        try:
            if kind.name == "Patient":
                return identity_of(read_record(given.fhir_json), bsn, None) is Identity.UNVERIFIED
            check_about(given.fhir_json, kind, frozenset(one.own), bsn)
        except BadInput:
            return True
        return False

    def _targets(self, text: bytes) -> set[RecordRef]:
        """The records of this source to which a record refers."""
        found: set[RecordRef] = set()
        for written in references(text):
            path = written.decode("utf-8", "replace").replace("\\/", "/").partition("/_history/")[0]
            for prefix in self._prefixes[1:]:
                path = path.removeprefix(prefix)
            if path.partition("/")[0] in TYPE_BY_NAME and path.count("/") == 1:
                try:
                    found.add(record_ref(path))
                except BadInput:
                    continue
        return found

    async def _compare(self, person: LocalPatient, one: _One) -> None:
        """Asked type by type, for the categories of a block of the BgZ, and code by code, the source must bring what it brought for all together."""
        for kind in sorted({ref.type for ref in one.refs} - {"Patient"}):
            again = {ref for ref in await self._asked(person, Selection(types=frozenset({kind}))) if ref.type == kind}
            self._hold_together(one, kind, alike=again == {ref for ref in one.refs if ref.type == kind})
        for block, refs in sorted(one.blocks.items()):
            kinds, categories = BLOCKS[block]
            if categories:
                # More may come: the agent sorts it out.
                self._hold_together(one, block, alike=refs <= await self._asked(person, Selection(types=kinds, categories=categories)))

        if isinstance(self._source, AsksByCode) and self.seen.people <= _MOST_BY_CODE:
            for logical_id in sorted(person.ids):
                for kind, missed in sorted((await self._source.missed_by_lists(logical_id)).items()):
                    self._hold_together(one, f"{kind} by code", alike=not missed)

    def _hold_together(self, one: _One, what: str, *, alike: bool) -> None:
        self.seen.compared += 1
        if not alike:
            self.seen.missing_by_type[what] += 1
            self.seen.note("pages agree", one.number, what)

    async def _asked(self, person: LocalPatient, selection: Selection) -> set[RecordRef]:
        found: set[RecordRef] = set()
        try:
            async with aclosing(self._source.records_of(person, selection)) as lists:
                async for some in lists:
                    found.update(ref for given in some if (ref := _ref_of(given)) is not None)
        except SourceIncapable:
            self.seen.incapable = True
        return found

    async def _follow(self, one: _One) -> None:
        wanted = sorted(one.pointed - one.refs, key=str)[:_MOST_REFERENCES]
        self.seen.references += len(wanted)
        for at in range(0, len(wanted), _AT_ONCE):
            some = wanted[at : at + _AT_ONCE]
            found = await self._source.read(some)
            self.seen.dangling += sum(ref not in found for ref in some)

    async def _fetch(self, one: _One) -> None:
        ours = [told for told in dict.fromkeys(one.attachments) if told.url.startswith(("Binary/", *self._prefixes[1:]))]
        for told in ours[:_MOST_ATTACHMENTS]:
            self.seen.attachments += 1
            attachment = await self._source.attachment(told.url)
            if attachment is None:
                self.seen.lost_attachments += 1
                self.seen.note("attachments", one.number, "not there")
                continue
            size, digest = 0, sha1(usedforsecurity=False)  # as FHIR R4 has it
            async with aclosing(attachment.chunks) as chunks:
                async for chunk in chunks:
                    size += len(chunk)
                    digest.update(chunk)
            if told.size not in (None, size) or told.hash not in (None, b64encode(digest.digest()).decode("ascii")):
                self.seen.other_attachments += 1
                self.seen.note("attachments", one.number, "another size or hash")


def _attachments(text: bytes) -> list[_Told]:
    """Everything in a record that is written as an attachment with a URL, wherever it stands; nothing in one from which no attachment is ever fetched."""
    found: list[_Told] = []
    try:
        rest: list[Json] = [strict_json(text)]
    except BadInput:
        return found
    while rest:
        match rest.pop():
            case dict() as values:
                url, size, digest = values.get("url"), values.get("size"), values.get("hash")
                if isinstance(url, str) and len(url) <= _LONGEST_URL:
                    count = int(size) if isinstance(size, Number) and size.isdecimal() and len(size) <= _LONGEST_SIZE else None
                    found.append(_Told(url, count, digest if isinstance(digest, str) else None))
                rest += values.values()
            case list() as values:
                rest += values
    return found


def _ref_of(given: SourceRecord) -> RecordRef | None:
    try:
        record = read_record(given.fhir_json)
        return RecordRef(check_record(record).name, record.id)
    except BadInput:
        return None
