"""The decision on a single record, by all that it says of itself and by what it holds (`labelling.CONTENTS`).

What a record leads to by those elements is read from the source before the record leaves, each once per answer, and what
that leads to in turn. If any of it is withheld for its label, so is the record. What the source does not have cannot be
withheld here: that reference dangles at the source too. A source that fails ends the answer. Whatever leads further than
can be looked at is withheld: that depends on the record and on nothing else that is kept of the patient, so that it
tells nothing of the others (promise P9).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from accord.rules.grounds import Basis
from accord.rules.labels import Label
from accord.rules.question import RecordTraits
from accord.rules.reading import category_of
from accord.terms.faults import BadInput
from accord.terms.identifiers import RecordRef
from accord.terms.records import TYPE_BY_NAME, ResourceType
from accord.terms.vocabulary import CareCategory
from node_agent.deciding import Decisions
from node_agent.labelling import Looked, Traits, contents_of, labels_of, look, may_bear_labels, may_hide_labels, references_of, traits_of
from node_agent.ports import Source, SourceRecord

#: Stands in for what a record would hold, where there is none.
NOT_HERE: Final = RecordRef("Observation", "not-here")
#: A report holds a panel, which holds a finding, which was worked out from another: so far and no further.
_DEEPEST: Final = 4
#: A record that leads to more than this, directly or in the end, is not looked into.
_MOST: Final = 1_000
_READ_AT_ONCE: Final = 100
#: What was looked at is forgotten when it is this much, and read again.
_REMEMBERED: Final = 20_000
_NO_LABELS: Final[frozenset[Label]] = frozenset()

#: Whether it is withheld for its label, and what it leads to.
_Verdict = tuple[bool, tuple[RecordRef, ...]]
_HARMLESS: Final[_Verdict] = (False, ())
_WITHHELD: Final[_Verdict] = (True, ())


class Judging:
    """What is decided about the records of one answer. `bases` are the addresses below which the holder's own records stand."""

    __slots__ = ("_bases", "_brought", "_decisions", "_known", "_related")

    def __init__(self, decisions: Decisions, bases: tuple[str, ...]) -> None:
        self._decisions = decisions
        self._bases = bases
        self._known: dict[RecordRef, _Verdict] = {}
        #: Companions that were read on the way, for whoever sends them along.
        self._brought: dict[RecordRef, SourceRecord] = {}
        #: What the records refer to whose references decide on others; none for one that cannot be read.
        self._related: dict[RecordRef, frozenset[str] | None] | None = None

    async def prepare(self, source: Source) -> None:
        """Read the records whose own references decide on others, once.

        Raises:
            SourceFailure: They could not be read.
        """
        wanted = self._decisions.must_be_read
        if self._related is None and wanted:
            found = await source.read(sorted(wanted, key=str))
            # What is not here refers to nothing here.
            self._related = {ref: self._references(found[ref]) if ref in found else frozenset() for ref in wanted}

    def basis_of(self, text: bytes, record: Looked, kind: ResourceType, category: CareCategory) -> Basis | None:
        """Why this record may be released, as far as it holds all itself; none when it may not."""
        decisions = self._decisions
        uneven = category in decisions.uneven
        if not uneven and not may_bear_labels(text, record):
            return decisions.basis_of(category, kind.name, record.id)
        try:
            own, whole = self._traits(text, record, kind, uneven=uneven)
        except BadInput:
            return None
        # Both must agree: what is contained brings no permit that the record has not, and keeps what it would be kept for.
        basis = self._decide(category, kind.name, record.id, own)
        if basis is None or own == whole:
            return basis
        held = self._decide(category, kind.name, record.id, whole)
        return basis if held is Basis.PATIENT_CONSENTED else held

    def beside(self, text: bytes, record: Looked, kind: ResourceType) -> Basis | None:
        """Why a companion, or a Patient record that shows who the answer is about, may go along; none when it may not."""
        try:
            labels = labels_of(text, kind.name)[1] if may_bear_labels(text, record) else _NO_LABELS
            ref = RecordRef(kind.name, record.id)
        except BadInput:
            return None
        return self._decisions.beside(kind.category, ref, labels=labels)

    def contents_of(self, text: bytes, record: Looked, fine: Mapping[str, bool]) -> tuple[RecordRef, ...] | None:
        """What must be looked into before this record may leave; none when that cannot be read."""
        try:
            return contents_of(text, record, self._bases, fine)
        except BadInput:
            return None

    async def look_into(self, refs: Iterable[RecordRef], fine: Mapping[str, bool], source: Source) -> None:
        """Read these, and what they lead to; but for those that are `fine`: that were released already.

        Raises:
            SourceFailure: Not all could be read.
        """
        frontier, seen = list(dict.fromkeys(refs)), set[RecordRef]()
        for _ in range(_DEEPEST):
            frontier = [ref for ref in frontier if not fine.get(str(ref))]
            if not frontier:
                return
            await self._read(frontier, source)
            seen.update(frontier)
            frontier = [ref for ref in dict.fromkeys(one for ref in frontier for one in self._known[ref][1]) if ref not in seen]

    def keeps(self, refs: tuple[RecordRef, ...], fine: Mapping[str, bool]) -> bool:
        """Whether a record that leads to these is withheld. They were looked into."""
        frontier, seen = list(refs), set[RecordRef]()
        for _ in range(_DEEPEST):
            further: list[RecordRef] = []
            for ref in frontier:
                if ref in seen or fine.get(str(ref)):
                    continue
                seen.add(ref)
                withheld, leads_to = self._known.get(ref, _WITHHELD)
                if withheld or len(seen) > _MOST:
                    return True
                further += leads_to
            frontier = further
        return any(ref not in seen and not fine.get(str(ref)) for ref in frontier)

    def brought(self, ref: RecordRef) -> SourceRecord | None:
        """A companion, when it was read on the way; it is given once."""
        return self._brought.pop(ref, None)

    def judge(self, ref: RecordRef, given: SourceRecord) -> None:
        """Take in a record that was read elsewhere."""
        self._known[ref] = self._verdict(ref, given)

    def note(self, given: SourceRecord, record: Looked, kind: ResourceType, *, withheld: bool = False) -> bool:
        """Take in a record that came by and is not released, so that what holds it can be decided on without reading it again.

        One that is *withheld*, and would not be for its label, is not taken in: what holds it is released, at the very place
        where it would stand if this one were not there at all (promise P9).
        """
        ref = RecordRef(kind.name, record.id)
        # Of a record that comes twice, the stricter verdict stands.
        if self._known.get(ref) == _WITHHELD:
            return True
        verdict = self._verdict_on(given.fhir_json, record, kind)
        if withheld and verdict != _WITHHELD:
            return False
        if ref in self._known or len(self._known) <= _REMEMBERED:
            self._known[ref] = verdict
        return True

    def make_room(self) -> None:
        """Forget what was looked at, where that is much: asked for while nothing is decided on."""
        if len(self._known) > _REMEMBERED:
            self._known.clear()
            self._brought.clear()

    async def _read(self, refs: list[RecordRef], source: Source) -> None:
        unread = [ref for ref in refs if ref not in self._known]
        for begin in range(0, len(unread), _READ_AT_ONCE):
            some = unread[begin : begin + _READ_AT_ONCE]
            found = await source.read(some)
            for ref in some:
                given = found.get(ref)
                self._known[ref] = _HARMLESS if given is None else self._verdict(ref, given)
                if given is not None and TYPE_BY_NAME[ref.type].is_companion:
                    self._brought[ref] = given

    def _verdict(self, ref: RecordRef, given: SourceRecord) -> _Verdict:
        text = given.fhir_json
        try:
            record = look(text)
            kind = record.kind
            if given.unfit or kind is None or (record.resourceType, record.id) != (ref.type, ref.id):
                return may_hide_labels(text), ()
        except BadInput:
            return may_hide_labels(text), ()
        return self._verdict_on(text, record, kind)

    def _verdict_on(self, text: bytes, record: Looked, kind: ResourceType) -> _Verdict:
        try:
            if may_bear_labels(text, record) and self._is_kept_for_its_label(text, record, kind):
                return _WITHHELD
            leads_to = contents_of(text, record, self._bases)
        except BadInput:
            return may_hide_labels(text), ()
        return (False, leads_to) if len(leads_to) <= _MOST else _WITHHELD

    def _is_kept_for_its_label(self, text: bytes, record: Looked, kind: ResourceType) -> bool:
        """Whether its label is why it is withheld, or would be if nothing else were.

        Raises:
            BadInput: It cannot be read.
        """
        decisions, category = self._decisions, category_of(record, kind)
        if kind.is_companion or kind.name == "Patient":
            basis, unlabelled = self.beside(text, record, kind), decisions.beside(kind.category, RecordRef(kind.name, record.id))
        else:
            basis = self.basis_of(text, record, kind, category)
            own, _ = self._traits(text, record, kind, uneven=category in decisions.uneven)
            unlabelled = self._decide(category, kind.name, record.id, own._replace(labels=_NO_LABELS))
        if basis is not None:
            return False
        labelled = RecordTraits(RecordRef(kind.name, record.id), labels_of(text, kind.name)[1])
        if not labelled.labels:
            return False
        return unlabelled is not None or decisions.case.keeps_label(labelled) or self._is_objected_to(category, labelled)

    def _is_objected_to(self, category: CareCategory, labelled: RecordTraits) -> bool:
        return any(
            not choice.permits and any(one.labels for one in (choice, *choice.ancestors)) and choice.is_about(category) and choice.fits(labelled)
            for choice in self._decisions.case.speaking
        )

    def _traits(self, text: bytes, record: Looked, kind: ResourceType, *, uneven: bool) -> tuple[Traits, Traits]:
        if uneven:
            return traits_of(text, record, kind, self._bases)
        own, whole = labels_of(text, kind.name)
        return Traits(own), Traits(whole)

    def _decide(self, category: CareCategory, name: str, logical_id: str, traits: Traits) -> Basis | None:
        labels, codes, moment, authors, refers_to = traits
        referred_from = self._referred_from(f"{name}/{logical_id}")
        return self._decisions.basis_of(
            category, name, logical_id, labels=labels, codes=codes, moment=moment, authors=authors, refers_to=refers_to, referred_from=referred_from
        )

    def _referred_from(self, name: str) -> frozenset[str] | None:
        if self._related is None:
            return None
        found = set()
        for ref, references in self._related.items():
            if references is None:
                return None
            if name in references:
                found.add(str(ref))
        return frozenset(found)

    def _references(self, given: SourceRecord) -> frozenset[str] | None:
        try:
            return references_of(given.fhir_json, self._bases)
        except BadInput:
            return None
