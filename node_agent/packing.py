"""What was released, packed into columnar batches: one blob of bytes, and a fixed-width row for each record."""

from typing import NamedTuple

from accord.rules.consent import Basis
from accord.terms.answers import Batch, Counts
from accord.terms.identifiers import RecordRef
from accord.terms.limits import BATCH_BYTES, BATCH_RECORDS, FIRST_BATCH_BYTES
from accord.terms.queries import SortKey
from accord.terms.records import TYPE_NAME
from accord.terms.vocabulary import CATEGORY_BIT, CATEGORY_CODE, CareCategory
from accord.wire.columns import ROW
from accord.wire.hashing import StreamDigest


class ReleasedRecord(NamedTuple):
    """A record that may leave this holder. Disclosure control makes it, and nothing else does (tested).

    A named tuple and not a dataclass, because one is made for every record of every answer: it takes a third of
    the time. `companions` are the records that belong to no patient and that it refers to.
    """

    fhir_json: bytes
    id: str
    type_code: int
    category: CareCategory
    basis: Basis
    flags: int
    time_ms: int
    identifier_hint: int
    content_hint: int
    companions: tuple[RecordRef, ...]

    @property
    def sort_key(self) -> SortKey:
        """Its place in the global order."""
        return SortKey(self.time_ms, self.type_code, self.content_hint, self.id)


class Packer:
    """Packs released records into batches, and keeps the count and digest of what was packed."""

    __slots__ = ("_batches", "_bytes", "_categories", "_columns", "_digest", "_end", "_names", "_records", "_taken", "_texts")

    def __init__(self) -> None:
        self._columns = bytearray()
        self._texts: list[bytes] = []
        self._names: list[str] = []
        self._end = 0
        self._categories = 0
        self._digest = StreamDigest()
        self._records = self._bytes = self._batches = self._taken = 0

    def add(self, record: ReleasedRecord) -> bool:
        """Put a record behind those that are waiting. True: the batch is full and must be taken now."""
        text = record.fhir_json
        self._texts.append(text)
        self._names.append(f"{TYPE_NAME[record.type_code]}/{record.id}")
        self._end += len(text)
        self._categories |= CATEGORY_BIT[record.category]
        self._columns += ROW.pack(
            record.identifier_hint,
            record.content_hint,
            record.time_ms,
            record.flags,
            self._end,
            record.type_code,
            CATEGORY_CODE[record.category],
        )
        return self._end >= (BATCH_BYTES if self._batches else FIRST_BATCH_BYTES) or len(self._texts) >= BATCH_RECORDS

    def take(self) -> tuple[Batch, list[str]] | None:
        """What is waiting, as a batch with the names of its records; none when nothing waits. `sent` or `lost` must follow."""
        if not self._texts:
            return None
        self._taken = len(self._names)
        batch, names = Batch(bytes(self._columns), b"".join(self._texts), self._categories), self._names
        self._columns.clear()
        self._texts.clear()
        self._names = []
        self._end = self._categories = 0
        return batch, names

    def sent(self, batch: Batch, names: list[str]) -> None:
        """Count a batch as sent."""
        self._taken = 0
        self._records += len(names)
        self._bytes += len(batch.blob)
        self._batches += 1
        self._digest.add(batch)

    def lost(self) -> None:
        """What was taken will not be sent."""
        self._taken = 0

    @property
    def records(self) -> int:
        """Records packed: sent, taken to be sent, and waiting. Those taken count, or an answer would look empty meanwhile."""
        return self._records + self._taken + len(self._texts)

    @property
    def size(self) -> int:
        """Bytes packed, those that wait included."""
        return self._bytes + self._end

    @property
    def waiting(self) -> bool:
        """Whether something waits to be taken."""
        return bool(self._texts)

    @property
    def digest(self) -> bytes:
        """The digest over the batches sent."""
        return self._digest.value()

    def counts(self, unfit: int, oversized: int) -> Counts:
        """What was sent, beside what could not be."""
        return Counts(self._records, self._bytes, self._batches, unfit, oversized)
