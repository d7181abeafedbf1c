"""The column row: its width, its members, and what is no whole number of rows."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.faults import BadInput, Fault
from accord.terms.limits import BATCH_RECORDS
from accord.terms.queries import NO_TIME
from accord.terms.records import TYPE_NAME
from accord.terms.vocabulary import CATEGORY_ORDER
from accord.wire.columns import COMPANION, DERIVED, ENTERED_IN_ERROR, ROW, ROW_BYTES, SPLICED, Row, rows

_u64, _u32, _u16 = (st.integers(0, 2**bits - 1) for bits in (64, 32, 16))
_rows = st.lists(st.builds(Row, _u64, _u64, st.integers(-(2**63), 2**63 - 1), _u32, _u32, _u16, _u16), max_size=20)


@given(_rows)
def test_rows_are_read_as_they_were_written(written: list[Row]) -> None:
    assert list(rows(b"".join(ROW.pack(*row) for row in written))) == written


def test_a_row_is_laid_out_as_the_contract_says() -> None:
    row = ROW.pack(1, 2, NO_TIME, 3, 4, 5, 6)

    assert len(row) == ROW_BYTES == ROW.size == 40
    assert row == struct.pack("<Q", 1) + struct.pack("<Q", 2) + struct.pack("<q", -(2**63)) + struct.pack("<IIHH", 3, 4, 5, 6) + bytes(4)


def test_flags_are_single_bits_and_none_is_used_twice() -> None:
    flags = [COMPANION, ENTERED_IN_ERROR, DERIVED, SPLICED]

    assert flags == [1, 2, 4, 8]


def test_every_type_and_category_fits_in_its_column() -> None:
    assert len(TYPE_NAME) < 2**16
    assert len(CATEGORY_ORDER) < 2**16


@pytest.mark.parametrize("length", [1, 39, 41, 79, (BATCH_RECORDS + 1) * 40])
def test_what_is_no_whole_number_of_rows_or_too_many_is_refused(length: int) -> None:
    with pytest.raises(BadInput) as caught:
        # Refused at once, before anybody walks them.
        rows(bytes(length))

    assert caught.value.fault is Fault.BROKEN_BATCH


def test_a_full_batch_and_an_empty_one_are_rows() -> None:
    assert len(list(rows(bytes(BATCH_RECORDS * 40)))) == BATCH_RECORDS
    assert list(rows(b"")) == []
