"""A patient has another name at every holder, and nobody without the key can find it."""

import hmac
from hashlib import sha256

import pytest

from accord.link.pseudonyms import PseudonymKey, pseudonym_key
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn

KEY = "0123456789abcdef" * 4
BSN, NEIGHBOUR = Bsn("999970008"), Bsn("999970045")


def test_a_pseudonym_is_an_hmac_under_the_holders_key() -> None:
    expected = hmac.new(bytes.fromhex(KEY), b"noaber pseudonym v1\x00999970008", sha256).digest()

    assert pseudonym_key(KEY).pseudonym(BSN).value == expected


def test_people_and_holders_are_told_apart_and_the_same_stays_the_same() -> None:
    one, two = pseudonym_key(KEY), pseudonym_key(KEY[::-1])

    assert one.pseudonym(BSN) == pseudonym_key(KEY.upper()).pseudonym(Bsn("999970008"))
    assert len({key.pseudonym(bsn) for key in (one, two) for bsn in (BSN, NEIGHBOUR)}) == 4


@pytest.mark.parametrize(
    "text", ["", KEY[:-1], KEY + "0", KEY[:-2], KEY + "00", KEY + "\n", " " + KEY, " ".join(KEY), KEY[:-1] + "g", "٠" * 64, "0x" + KEY[2:]]
)
def test_a_key_that_is_not_64_hexadecimal_digits_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        pseudonym_key(text)

    assert (caught.value.fault, caught.value.where) == (Fault.INVALID_SETTING, "pseudonym_key")


def test_a_key_is_never_shown() -> None:
    key = pseudonym_key(KEY)

    for shown in (repr(key), str(key), repr([key])):
        assert KEY not in shown
        assert "\\x" not in shown
    with pytest.raises(BadInput):
        PseudonymKey(bytes(31))
