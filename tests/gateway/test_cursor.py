"""Sealed cursors."""

import base64
from dataclasses import replace

import pytest

from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.queries import NO_TIME, SortKey
from gateway.cursor import KEY_BYTES, Cursor, Cursors, Missed, marks_of

USER = Ura("90000001")
SEARCH = b"s" * 32
CURSOR = Cursor(
    SortKey(1_700_000_000_000, 4, 2**64 - 1, "999911120"),
    HolderName("alfa"),
    (Missed(HolderName("beta"), Ending.TOO_LATE, Fault.HOLDER_SILENT), Missed(HolderName("gamma"), Ending.UNREACHABLE, None)),
    expires_s=2_000,
    took_part=marks_of([HolderName("alfa"), HolderName("beta"), HolderName("gamma")]),
)
SEALER = Cursors(b"k" * KEY_BYTES)


def opened(text: str, *, search: bytes = SEARCH, user: Ura = USER, now_s: float = 1_000.0) -> Cursor:
    return SEALER.open(text, search=search, user=user, now_s=now_s)


@pytest.mark.parametrize("cursor", [CURSOR, replace(CURSOR, last=SortKey(NO_TIME, 1, 0, "a"), missed=(), took_part=marks_of([]))])
def test_a_cursor_comes_back_as_it_was(cursor: Cursor) -> None:
    assert opened(SEALER.seal(cursor, search=SEARCH, user=USER)) == cursor


def test_it_knows_who_took_part_and_a_cursor_of_before_there_were_marks_knows_everybody() -> None:
    names = [HolderName(f"holder-{number}") for number in range(300)]
    cursor = opened(SEALER.seal(replace(CURSOR, missed=(), took_part=marks_of(names)), search=SEARCH, user=USER))

    assert all(map(cursor.knows, names))
    assert not cursor.knows(HolderName("holder-300"))
    assert replace(CURSOR, took_part=None).knows(HolderName("holder-300"))
    assert not replace(CURSOR, took_part=marks_of([])).knows(HolderName("alfa"))


def test_nothing_of_it_can_be_read() -> None:
    sealed = SEALER.seal(CURSOR, search=SEARCH, user=USER)
    raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))

    for secret in (b"999911120", b"alfa", b"beta", b"too-late"):
        assert secret not in raw


def test_one_that_is_too_old_has_expired() -> None:
    sealed = SEALER.seal(CURSOR, search=SEARCH, user=USER)

    with pytest.raises(BadInput, match=Fault.CURSOR_EXPIRED):
        opened(sealed, now_s=2_000.0)


def test_it_is_good_for_one_search_of_one_data_user_only() -> None:
    sealed = SEALER.seal(CURSOR, search=SEARCH, user=USER)

    with pytest.raises(BadInput, match=Fault.CURSOR_INVALID):
        opened(sealed, search=b"x" * 32)
    with pytest.raises(BadInput, match=Fault.CURSOR_INVALID):
        opened(sealed, user=Ura("90000002"))


def test_every_change_makes_it_invalid() -> None:
    sealed = SEALER.seal(CURSOR, search=SEARCH, user=USER)
    changed = [sealed[:i] + ("A" if sealed[i] != "A" else "B") + sealed[i + 1 :] for i in range(len(sealed))]

    for text in (*changed, "", "é", sealed + "=", sealed + "A", sealed[:-1], " " + sealed, "A" * 20_000):
        with pytest.raises(BadInput, match=Fault.CURSOR_INVALID):
            opened(text)


def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(BadInput, match=Fault.INVALID_SETTING):
        Cursors(b"short")
