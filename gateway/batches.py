"""A batch as screening reads it: rows column by column, and a partial decode of each record.

Both are written for speed, because they run for every record of every answer; what they find is only ever believed
when it agrees.
"""

from array import array
from collections.abc import Sequence
from operator import sub
from sys import byteorder
from typing import Final

import msgspec

from accord.terms.answers import Batch
from accord.terms.faults import BadInput, Fault
from accord.terms.limits import BATCH_RECORDS, RECORD_BYTES
from accord.wire.columns import COMPANION, ROW_BYTES

_NOTHING: Final = msgspec.Raw(b"")


class Reference(msgspec.Struct, gc=False):
    """A reference, as far as it is one by address."""

    reference: str = ""


class Head(msgspec.Struct, gc=False):
    """What the fast path decodes. A record whose members have another shape falls to the slow path."""

    resourceType: str
    id: str
    subject: Reference | None = None
    patient: Reference | None = None
    category: msgspec.Raw = _NOTHING


class Contained(msgspec.Struct, gc=False):
    """The contained resources of a record, undecoded."""

    contained: msgspec.Raw = _NOTHING


_decode_head: Final = msgspec.json.Decoder(Head).decode
decode_contained: Final = msgspec.json.Decoder(Contained).decode


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
        words = memoryview(columns if byteorder == "little" else _swapped(columns)).cast("Q")
        flags_and_ends = words[3::5].tolist()
        self.kinds: list[int] = words[4::5].tolist()
        self.ends: list[int] = [word >> 32 for word in flags_and_ends]
        self.starts = [0, *self.ends[:-1]]
        sizes = list(map(sub, self.ends, self.starts))
        if min(sizes) <= 0 or max(sizes) > RECORD_BYTES or self.ends[-1] != len(batch.blob):
            raise BadInput(Fault.BROKEN_BATCH)
        distinct = set(zip(self.kinds, [word & COMPANION for word in flags_and_ends], strict=True))
        self.claims = {(kind & 0xFFFF, kind >> 16, bool(flag)) for kind, flag in distinct}

    def __len__(self) -> int:
        return len(self.ends)

    def record(self, blob: bytes, index: int) -> bytes:
        """The bytes of one record."""
        return blob[self.starts[index] : self.ends[index]]


def _swapped(columns: bytes) -> bytes:
    words = array("Q", columns)
    words.byteswap()
    return words.tobytes()


def heads_of(records: Sequence[memoryview]) -> Sequence[Head | None]:
    """The heads of all records; none for one that the fast path cannot decode."""
    try:
        return list(map(_decode_head, records))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return [_head(record) for record in records]


def _head(record: memoryview) -> Head | None:
    try:
        return _decode_head(record)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
