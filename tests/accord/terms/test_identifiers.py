"""Identifiers: checked when made, never shown where they must not be, and nothing but ASCII counts as a digit."""

import traceback
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Bsn, HolderName, Pseudonym, QueryId, RecordRef, Ura, is_logical_id, passes_the_eleven_test, record_ref

GOOD = "999970008"


@given(st.integers(0, 999_999_999).map("{:09d}".format))
def test_a_bsn_is_nine_digits_that_pass_the_eleven_test(digits: str) -> None:
    weighed = sum(int(digits[place]) * (9 - place) for place in range(8)) - int(digits[8])

    assert passes_the_eleven_test(digits) == (weighed % 11 == 0 and int(digits) != 0)
    if passes_the_eleven_test(digits):
        assert Bsn(digits).value == digits
    else:
        with pytest.raises(BadInput) as caught:
            Bsn(digits)
        assert caught.value.fault is Fault.INVALID_BSN


@given(st.integers(0, 99_999_999), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_never_passes(number: int, place: int, shift: int) -> None:
    head = f"{number:08d}"
    check = sum(int(digit) * (9 - at) for at, digit in enumerate(head)) % 11
    if check == 10 or (number == 0 and check == 0):
        return
    good = f"{head}{check}"
    wrong = good[:place] + str((int(good[place]) + shift) % 10) + good[place + 1 :]

    assert passes_the_eleven_test(good)
    assert not passes_the_eleven_test(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "000000000",
        GOOD + "\n",
        "\n" + GOOD,
        " " + GOOD,
        GOOD + " ",
        GOOD[:8],
        GOOD + "0",
        "99997000８",
        "٩٩٩٩٧٠٠٠٨",
        "９９９９７０００８",
        "99997000²",
        "9999.70.008",
        "-99970008",
        "+99970008",
        "999970008\x00",
        "99997_008",
    ],
)
def test_nothing_but_nine_ascii_digits_is_a_bsn(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        Bsn(text)

    assert caught.value.fault is Fault.INVALID_BSN


def test_a_bsn_and_a_pseudonym_are_shown_nowhere() -> None:
    bsn, pseudonym = Bsn(GOOD), Pseudonym(bytes(range(32)))

    for shown in (repr(bsn), str(bsn), f"{bsn}", f"{bsn!r}", "%s" % bsn, repr([bsn]), repr({"bsn": bsn})):  # noqa: UP031 - every way to show it
        assert GOOD not in shown
    for shown in (repr(pseudonym), str(pseudonym), f"{pseudonym}", repr((pseudonym,))):
        assert "\\x" not in shown
        assert pseudonym.value.hex() not in shown


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (Bsn, "999970009"),
        (Ura, "canary-ura"),
        (HolderName, "canary.name"),
        (QueryId, "canary id"),
        (record_ref, "Canary"),
        (record_ref, "Canary/under_score"),
        (lambda text: Pseudonym(text.encode()), "canary"),
    ],
)
def test_p6_a_refusal_never_shows_what_was_refused(make: Callable[[str], object], text: str) -> None:
    with pytest.raises(Faulted) as caught:
        make(text)

    shown = "".join(traceback.format_exception_only(caught.value)) + repr(caught.value) + repr(caught.value.args) + caught.value.where
    assert text not in shown
    assert "anary" not in shown


@pytest.mark.parametrize("text", ["", "1234567", "123456789", "12345678\n", "１２３４５６７８", "1234567a", " 2345678"])
def test_a_ura_is_eight_digits(text: str) -> None:
    assert str(Ura("00001234")) == "00001234"
    with pytest.raises(BadInput):
        Ura(text)


@pytest.mark.parametrize("text", ["a", "a1", "ab-c", "a" * 20, "reggerbrug", "z9-9"])
def test_a_holder_name_is_a_word(text: str) -> None:
    assert str(HolderName(text)) == text


@pytest.mark.parametrize("text", ["", "1a", "-a", "a-", "a" * 21, "a.b", "A", "a_b", "a\n", "ä", "a b", "a/b", "a:b", "ａ"])
def test_a_holder_name_has_no_dot_and_nothing_else_that_divides(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        HolderName(text)

    assert caught.value.fault is Fault.UNKNOWN_HOLDER


@given(st.from_regex(r"[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?", fullmatch=True), st.from_regex(r"[A-Za-z0-9.-]{1,43}", fullmatch=True))
def test_a_name_before_an_id_splits_in_one_way(name: str, logical_id: str) -> None:
    holder, dot, rest = f"{HolderName(name)}.{logical_id}".partition(".")

    assert (holder, dot, rest) == (name, ".", logical_id)


@pytest.mark.parametrize("text", ["", "a b", "a\n", "a.b", "a" * 65, "é", "a/b"])
def test_a_query_id_fits_on_one_line_of_a_journal(text: str) -> None:
    assert str(QueryId("0-a" + "Z" * 61))
    with pytest.raises(BadInput):
        QueryId(text)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_pseudonym_is_32_bytes(length: int) -> None:
    with pytest.raises(BadInput):
        Pseudonym(bytes(length))


@pytest.mark.parametrize("text", ["Observation/1", "A/" + "x" * 64, "Patient/a.b-C"])
def test_a_record_reference_reads_as_it_is_written(text: str) -> None:
    assert str(record_ref(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "Observation",
        "Observation/",
        "/1",
        "Observation/1/2",
        "Observation/1/_history/2",
        "Observation/1\n",
        "Ob servation/1",
        "Öbs/1",
        "Obs1/1",
        "Observation/" + "x" * 65,
        "http://x/Observation/1",
        "#1",
        "Observation/é",
        "Observation/1_2",
        "Observation//1",
    ],
)
def test_what_is_no_reference_to_a_record_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        record_ref(text)

    assert caught.value.fault is Fault.INVALID_ID


@given(st.text(max_size=70))
def test_a_logical_id_is_what_r4_says(text: str) -> None:
    by_hand = 1 <= len(text) <= 64 and all(c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-." for c in text)

    assert is_logical_id(text) == by_hand


def test_equal_values_are_equal_and_cannot_be_changed() -> None:
    assert Bsn(GOOD) == Bsn(GOOD)
    assert len({Bsn(GOOD), Bsn(GOOD), RecordRef("A", "1"), RecordRef("A", "1")}) == 2
    with pytest.raises(AttributeError):
        Bsn(GOOD).value = "123456782"  # type: ignore[misc]  # that is the point
