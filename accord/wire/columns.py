"""The fixed-width column row that travels beside every record of a batch.

A gateway walks the rows with `struct.iter_unpack` and need not look into a record to route, order or pair it.
Everything in a row but `end` is a *claim*: screening checks type and category on the bytes, folding confirms on
the bytes, and nothing is ever released because of a row.

Row, 40 bytes, little-endian, no padding before the last four bytes:

    identifier_hint  uint64  over the business identifiers; 0: it has none
    content_hint     uint64  over what the record states; equal statements have equal hints
    time_ms          int64   clinical moment, ms since 1970-01-01T00:00Z; NO_TIME: none
    flags            uint32  bits below
    end              uint32  offset in the blob just after the record
    type_code        uint16  accord.terms.records, 0: not in the list
    category_code    uint16  place in CATEGORY_ORDER
    (4 bytes)                zero, reserved
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from accord.terms.faults import BadInput, Fault
from accord.terms.limits import BATCH_RECORDS

ROW: Final = struct.Struct("<QQqIIHH4x")
ROW_BYTES: Final = 40

#: Belongs to no patient; here because a released record refers to it.
COMPANION: Final = 1
#: The source itself says that this was entered in error.
ENTERED_IN_ERROR: Final = 2
#: Converted or mapped by the agent (promise P13); the original can be asked for.
DERIVED: Final = 4
#: Import spliced an id or a reference (promise P13).
SPLICED: Final = 8


class Row(NamedTuple):
    """One column row. `end` is the offset in the blob just after the record."""

    identifier_hint: int
    content_hint: int
    time_ms: int
    flags: int
    end: int
    type_code: int
    category_code: int


def rows(columns: bytes) -> Iterator[Row]:
    """The rows of a column block.

    Raises:
        BadInput: `broken-batch`, when the block is not a whole number of rows or holds too many.
    """
    if len(columns) % ROW_BYTES or len(columns) > BATCH_RECORDS * ROW_BYTES:
        raise BadInput(Fault.BROKEN_BATCH)
    return map(Row._make, ROW.iter_unpack(columns))
