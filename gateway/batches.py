"""A batch as screening reads it: rows column by column, and a partial decode of each record.

Both are written for speed, because they run for every record of every answer; what they find is only ever believed
when it agrees.
"""

from array import array
from collections.abc import Sequence
from operator import attrgetter, sub
from sys import byteorder
from typing import Final

import msgspec

from accord.terms.answers import Batch
from accord.terms.faults import BadInput, Fault
from accord.terms.limits import BATCH_RECORDS, RECORD_BYTES
from accord.wire.columns import COMPANION, ROW_BYTES

_NOTHING: Final = msgspec.Raw(b"")


class Reference(msgspec.Struct, gc=False, frozen=True):
    """A reference, as far as it is one by address; empty where there is none."""

    reference: str = ""


_NOBODY: Final = Reference()


class Head(msgspec.Struct, gc=False):
    """What the fast path decodes. A record whose members have another shape falls to the slow path."""

    resourceType: str
    id: str
    subject: Reference = _NOBODY
    patient: Reference = _NOBODY
    category: msgspec.Raw = _NOTHING
    contained: msgspec.Raw = _NOTHING

    @property
    def keys(self) -> int:
        """How many of the two keys for a patient the decode saw refer to one."""
        return bool(self.subject.reference) + bool(self.patient.reference)


_decode_head: Final = msgspec.json.Decoder(Head).decode
#: Stands for a record that the fast path cannot decode: it is of no type, and so never what its row says.
_UNREADABLE: Final = Head("", "")
#: What a record says and its row must agree with: its type, its patient by either key.
_said: Final = attrgetter("resourceType", "subject.reference", "patient.reference")
_category: Final = attrgetter("category")

#: One record's claims in its row (`kinds`), what `_said` finds, and its category element as it stands.
Said = tuple[int, tuple[str, str, str], bytes]


class Rows:
    """A batch's column rows, as far as screening reads them: where records begin and end, and what they claim to be.

    `kinds` are type codes in the low 16 bits and category codes above them; `claims` are the distinct (type code,
    category code, is a companion).

    Raises:
        BadInput: `broken-batch`, when the rows do not cover the blob, one after another.
    """

    __slots__ = ("claims", "ends", "kinds", "starts")

    def __init__(self, batch: Batch) -> None:
        columns = batch.columns
        if not columns or len(columns) % ROW_BYTES or len(columns) > BATCH_RECORDS * ROW_BYTES:
            raise BadInput(Fault.BROKEN_BATCH)
        # A row is five 64-bit words; the fourth holds flags and end, the fifth type, category and zeroes.
        ordered = memoryview(columns if byteorder == "little" else _swapped(columns))
        self.kinds: list[int] = ordered.cast("Q")[4::5].tolist()
        halves = ordered.cast("I")
        low = 6 if byteorder == "little" else 7
        self.ends: list[int] = halves[13 - low :: 10].tolist()
        self.starts = [0, *self.ends[:-1]]
        sizes = list(map(sub, self.ends, self.starts))
        if min(sizes) <= 0 or max(sizes) > RECORD_BYTES or self.ends[-1] != len(batch.blob):
            raise BadInput(Fault.BROKEN_BATCH)
        distinct = set(zip(self.kinds, halves[low::10].tolist(), strict=True))
        self.claims = {(kind & 0xFFFF, kind >> 16, bool(flags & COMPANION)) for kind, flags in distinct}

    def __len__(self) -> int:
        return len(self.ends)

    def views(self, blob: bytes, first: int) -> list[memoryview]:
        """The records from *first* on. Views, not copies: each is read once more by a decoder while it is in the cache."""
        return list(map(memoryview(blob).__getitem__, map(slice, self.starts[first:], self.ends[first:])))

    def record(self, blob: bytes, index: int) -> bytes:
        """The bytes of one record."""
        return blob[self.starts[index] : self.ends[index]]


def _swapped(columns: bytes) -> bytes:
    words = array("Q", columns)
    words.byteswap()
    return words.tobytes()


def heads_of(records: Sequence[memoryview]) -> Sequence[Head]:
    """The heads of all records; one that the fast path cannot decode has no type."""
    try:
        return list(map(_decode_head, records))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return [_head(record) for record in records]


def said_by(kinds: Sequence[int], heads: Sequence[Head]) -> list[Said]:
    """What each record says beside what its row claims: most records of a batch say the same, and are judged once."""
    return list(zip(kinds, map(_said, heads), map(bytes, map(_category, heads)), strict=True))


def _head(record: memoryview) -> Head:
    try:
        return _decode_head(record)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _UNREADABLE
