"""A source over a list of records in memory: small, complete, and slow or failing where a test wants it so."""

from base64 import b64decode
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Final

import anyio
import msgspec
from anyio.lowlevel import checkpoint

from accord.rules.identity import owner_reference
from accord.rules.reading import Record, bsns_of, read_record, references
from accord.terms.faults import BadInput
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.limits import CHUNK_BYTES
from accord.terms.queries import Selection
from accord.terms.records import RESOURCE_TYPES
from node_agent.ports import Attachment, LocalPatient, SourceFailure, SourceRecord, SourceUnavailable

_TYPES: Final = frozenset(kind.name for kind in RESOURCE_TYPES)
_MERGED: Final = frozenset({"replaced-by", "replaces"})


class _Link(msgspec.Struct):
    type: str = ""
    other: msgspec.Raw = msgspec.Raw(b"")


class _Binary(msgspec.Struct, rename="camel"):
    content_type: str = "application/octet-stream"
    data: str = ""


class MemorySource:
    """A `Source` over resources in memory.

    Attributes:
        at_once: Records per list.
        fails_after: After this many lists of an answer comes `failure`; none: never.
        failure: What is raised then.
        waits_after: After this many lists the source falls silent until `go_on` is set; none: never.
        go_on: Set by whoever wants a silent source to speak again.
        asked: What was asked of it, by the name of the method.
        left: How many answers were left half-way.
    """

    def __init__(self, records: Iterable[bytes], *, bases: tuple[str, ...] = (), at_once: int = 50) -> None:
        self.bases = bases
        self.at_once = at_once
        self.fails_after: int | None = None
        self.failure: SourceFailure = SourceUnavailable("memory")
        self.waits_after: int | None = None
        self.go_on = anyio.Event()
        self.asked: list[str] = []
        self.left = 0
        self._closed = False
        self._records: dict[RecordRef, SourceRecord] = {}
        self._read: dict[RecordRef, Record] = {}
        for text in records:
            self.put(SourceRecord(text))

    @property
    def name(self) -> str:
        """A word for diagnostics."""
        return "memory"

    @property
    def types(self) -> frozenset[str]:
        """Every type."""
        return _TYPES

    @property
    def is_copy(self) -> bool:
        """It is nobody's copy."""
        return False

    def put(self, given: SourceRecord) -> None:
        """Keep a record; one of the same name is replaced. What cannot be read is kept under a name of its own."""
        try:
            record = read_record(given.fhir_json)
            ref = RecordRef(record.resourceType, record.id)
        except BadInput:
            record, ref = Record("Unreadable"), RecordRef("Unreadable", str(len(self._records)))
        self._records[ref] = given
        self._read[ref] = record

    async def data_as_of_ms(self) -> int:
        """0: live."""
        return 0

    async def check(self) -> None:
        """Whether it was closed.

        Raises:
            SourceUnavailable: It was.
        """
        self._check("check")

    async def everyone(self) -> AsyncGenerator[tuple[Bsn, LocalPatient], None]:
        """Everybody with a valid BSN."""
        self._check("everyone")
        for value in sorted({value for ref, record in self._read.items() if ref.type == "Patient" for value in bsns_of(record)}):
            bsn = _bsn(value)
            if bsn is not None:
                yield bsn, LocalPatient(self._merged(self._with(bsn)))

    async def find(self, bsn: Bsn) -> LocalPatient | None:
        """The person with this BSN.

        Raises:
            SourceUnavailable: It was closed.
        """
        self._check("find")
        ids = self._with(bsn)
        return LocalPatient(self._merged(ids)) if ids else None

    async def patients(self, patient: LocalPatient) -> AsyncGenerator[list[SourceRecord], None]:
        """Their Patient records."""
        self._check("patients")
        found = [self._records[ref] for ref in (RecordRef("Patient", logical_id) for logical_id in sorted(patient.ids)) if ref in self._records]
        if found:
            yield found

    async def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:
        """What is about them, and what nobody can read (an adapter cannot always tell whose that is)."""
        self._check("records_of")
        own = {f"{prefix}Patient/{logical_id}".encode() for prefix in ("", *(f"{base}/" for base in self.bases)) for logical_id in patient.ids}
        found = [given for ref, given in self._records.items() if self._is_about(ref, own, selection)]
        finished = False
        try:
            for number, begin in enumerate(range(0, len(found), self.at_once)):
                await self._disturb(number)
                yield found[begin : begin + self.at_once]
            await self._disturb(-(-len(found) // self.at_once))
            finished = True
        finally:
            self.left += not finished

    async def read(self, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:
        """These very records."""
        self._check("read")
        return {ref: self._records[ref] for ref in refs if ref in self._records}

    async def attachment(self, url: str) -> Attachment | None:
        """The content of a Binary."""
        self._check("attachment")
        for base in self.bases:
            url = url.removeprefix(f"{base}/")
        given = next((given for ref, given in self._records.items() if ref.type == "Binary" and str(ref) == url), None)
        if given is None:
            return None
        binary = msgspec.json.decode(given.fhir_json, type=_Binary)
        return Attachment(binary.content_type, _chunks(b64decode(binary.data)))

    async def close(self) -> None:
        """From now on it cannot be used."""
        self._closed = True

    def _check(self, what: str) -> None:
        self.asked.append(what)
        if self._closed:
            raise SourceUnavailable("memory")

    async def _disturb(self, number: int) -> None:
        if number == self.fails_after:
            raise self.failure
        if number == self.waits_after:
            await self.go_on.wait()
        await checkpoint()

    def _is_about(self, ref: RecordRef, own: set[bytes], selection: Selection) -> bool:
        record = self._read[ref]
        kind = record.kind
        if kind is None:
            return True
        if not kind.owner or (selection.types and kind.name not in selection.types):
            return False
        return any(reference.partition(b"/_history/")[0] in own for reference in references(owner_reference(record, kind)))

    def _with(self, bsn: Bsn) -> frozenset[str]:
        return frozenset(ref.id for ref, record in self._read.items() if ref.type == "Patient" and bsn.value in bsns_of(record))

    def _merged(self, ids: frozenset[str]) -> frozenset[str]:
        """These records, and those that were merged into them or they into those."""
        while True:
            more = {other for logical_id in ids for other in self._linked(logical_id)}
            back = {ref.id for ref in self._read if ref.type == "Patient" and not ids.isdisjoint(self._linked(ref.id))}
            wider = ids | more | back
            if wider == ids:
                return ids
            ids = frozenset(wider)

    def _linked(self, logical_id: str) -> list[str]:
        record = self._read.get(RecordRef("Patient", logical_id))
        if record is None or not bytes(record.link):
            return []
        links = msgspec.json.decode(bytes(record.link), type=list[_Link])
        found = [reference.decode() for link in links if link.type in _MERGED for reference in references(b'{"other":' + bytes(link.other) + b"}")]
        return [reference.removeprefix("Patient/") for reference in found if reference.startswith("Patient/")]


def _bsn(value: str) -> Bsn | None:
    try:
        return Bsn(value)
    except BadInput:
        return None


async def _chunks(content: bytes) -> AsyncGenerator[bytes, None]:
    for begin in range(0, len(content), CHUNK_BYTES):
        yield content[begin : begin + CHUNK_BYTES]
