"""Envelopes: the reader for whom it is reads what was written, and nobody else reads, changes or moves it."""

from dataclasses import replace
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from msgspec import json

from accord.letters import envelopes
from accord.letters.envelopes import ENVELOPE_CHARACTERS, LETTER_BYTES, Addressed, Sender, address_on, new_request, opened, signed_now, write
from accord.link.jose import decoded, sign
from accord.terms.faults import BadInput, Fault
from accord.terms.members import KeyUse
from accord.terms.placing import FromAsker
from accord.wire.place_forms import to_form
from tests.accord.letters.letters_world import READER_KEY, READER_PUBLIC, REGION, blocked, from_askers, refused
from tests.accord.link.evidence_world import AT, HOSPITAL, HOSPITAL_KEY, OTHER_USER, OTHER_USER_KEY, PHARMACY, USER, USER_KEY, private_key

SENDER: Final = Sender(USER, USER_KEY)
LETTER: Final = b'{"type":"told","words":"Dina"}'
ENVELOPE: Final = write(SENDER, HOSPITAL, READER_PUBLIC, "r1", 1, LETTER, AT)


def read(envelope: str, **other: Any) -> Addressed:
    given: dict[str, Any] = {"reader": HOSPITAL, "register": REGION, "at": AT, "use": KeyUse.MANDATE} | other
    return address_on(envelope, **given)


def forged(key: Any = USER_KEY, **changes: Any) -> str:
    """An envelope of which something else is said, signed by the right key for it."""
    content = json.decode(decoded(ENVELOPE.split(".")[1])) | changes
    return sign(json.encode(content), key, envelopes._TYPE)


@drawn(from_askers, st.integers(1, 1 << 40))
@settings(max_examples=30)
def test_what_is_written_is_read_by_its_reader(letter: FromAsker, seq: int) -> None:
    content = to_form(letter)
    addressed = read(write(SENDER, HOSPITAL, READER_PUBLIC, "r1", seq, content, AT))

    assert (addressed.sender, addressed.request, addressed.seq) == (USER, "r1", seq)
    assert opened(addressed, HOSPITAL, READER_KEY) == content


def test_whoever_carries_it_reads_nothing_and_learns_its_length_only_about() -> None:
    box = read(ENVELOPE).box

    assert b"Dina" not in box
    assert len(box) == len(read(write(SENDER, HOSPITAL, READER_PUBLIC, "r1", 1, b'{"type":"ended"}', AT)).box)
    assert box != read(write(SENDER, HOSPITAL, READER_PUBLIC, "r1", 1, LETTER, AT)).box
    assert "Dina" not in repr(read(ENVELOPE))


def test_an_envelope_that_waited_while_its_sender_replaced_its_key_is_believed_and_opens_as_before() -> None:
    old = forged(private_key(99))
    refused(lambda: read(old), Fault.TOKEN_INVALID)

    assert opened(read(signed_now(old, SENDER)), HOSPITAL, READER_KEY) == LETTER
    assert signed_now(ENVELOPE, SENDER) is ENVELOPE


def test_nobody_else_opens_it() -> None:
    refused(lambda: opened(read(ENVELOPE), HOSPITAL, X25519PrivateKey.generate()), Fault.WRONG_KEY)


@pytest.mark.parametrize("moved", [{"request": "r2"}, {"seq": 2}, {"sender": OTHER_USER}])
def test_a_box_is_of_its_envelope_and_opens_in_no_other(moved: dict[str, Any]) -> None:
    refused(lambda: opened(replace(read(ENVELOPE), **moved), HOSPITAL, READER_KEY), Fault.WRONG_KEY)


def test_a_box_for_one_reader_does_not_open_for_another_with_the_same_key() -> None:
    refused(lambda: opened(read(ENVELOPE), PHARMACY, READER_KEY), Fault.WRONG_KEY)


@drawn(st.binary(max_size=100))
def test_p7_a_box_of_anything_is_refused(box: bytes) -> None:
    refused(lambda: opened(Addressed(USER, "r1", 1, box), HOSPITAL, READER_KEY), Fault.WRONG_KEY)


@drawn(st.integers(0, 10_000), st.integers(1, 255))
def test_a_box_in_which_one_byte_is_changed_is_refused(place: int, by: int) -> None:
    box = bytearray(read(ENVELOPE).box)
    box[place % len(box)] ^= by

    # X25519 does not look at the last bit of a point: that changes the derived key all the same.
    refused(lambda: opened(Addressed(USER, "r1", 1, bytes(box)), HOSPITAL, READER_KEY), Fault.WRONG_KEY)


def test_it_is_for_its_reader_of_its_sender_and_under_a_key_for_that() -> None:
    refused(lambda: read(ENVELOPE, reader=PHARMACY), Fault.TOKEN_INVALID)
    refused(lambda: read(ENVELOPE, use=KeyUse.ANSWER), Fault.TOKEN_INVALID)
    refused(lambda: read(ENVELOPE, register=blocked(USER)), Fault.ORGANISATION_BLOCKED)
    refused(lambda: read(ENVELOPE, register=replace(REGION, expires=AT)), Fault.REGISTER_OUTDATED)
    for key in (OTHER_USER_KEY, HOSPITAL_KEY, private_key(99)):
        refused(lambda key=key: read(forged(key)), Fault.TOKEN_INVALID)  # type: ignore[misc]  # mypy infers no type for a default of a lambda


def test_a_letter_of_another_member_in_its_own_name_is_its_own() -> None:
    other = write(Sender(OTHER_USER, OTHER_USER_KEY), HOSPITAL, READER_PUBLIC, "r1", 1, LETTER, AT)

    assert read(other).sender == OTHER_USER


@pytest.mark.parametrize("envelope", ["", "a.b.c", "é", ENVELOPE + "é", ENVELOPE[:-3], "a" * (ENVELOPE_CHARACTERS + 1)])
def test_p7_what_is_no_envelope_is_refused(envelope: str) -> None:
    refused(lambda: read(envelope), Fault.TOKEN_INVALID)


@pytest.mark.parametrize(
    "changes",
    [
        {"request": ""},
        {"request": "x" * 65},
        {"request": "a\0b"},
        {"request": "é"},
        {"request": 1},
        {"seq": 0},
        {"seq": -1},
        {"seq": 1 << 53},
        {"seq": 1 << 63},
        {"seq": "1"},
        {"seq": 1.5},
        {"box": "*"},
        {"box": []},
        {"iss": "ura:00000009"},
        {"aud": ["ura:00000005"]},
    ],
)
def test_p7_an_envelope_of_a_wrong_shape_is_refused(changes: dict[str, Any]) -> None:
    read(forged())

    refused(lambda: read(forged(**changes)), Fault.TOKEN_INVALID)


def test_a_claim_that_stands_twice_is_refused() -> None:
    content = decoded(ENVELOPE.split(".")[1]).decode()

    refused(lambda: read(sign(f'{content[:-1]},"seq":1}}'.encode(), USER_KEY, envelopes._TYPE)), Fault.TOKEN_INVALID)


def test_p7_a_letter_that_is_too_large_is_not_written_and_the_largest_is_read() -> None:
    refused(lambda: write(SENDER, HOSPITAL, READER_PUBLIC, "r1", 1, bytes(LETTER_BYTES + 1), AT), Fault.TOO_LARGE)
    largest = write(SENDER, HOSPITAL, READER_PUBLIC, "r1", 1, b"x" * LETTER_BYTES, AT)
    assert len(opened(read(largest), HOSPITAL, READER_KEY)) == LETTER_BYTES


@pytest.mark.parametrize("key", [b"", bytes(32), b"x" * 31])
def test_a_key_that_is_none_seals_nothing(key: bytes) -> None:
    refused(lambda: write(SENDER, HOSPITAL, key, "r1", 1, LETTER, AT), Fault.REGISTER_INVALID)


def test_an_id_of_a_request_cannot_be_guessed_and_is_one_that_envelopes_carry() -> None:
    one = new_request()

    assert one != new_request()
    assert read(write(SENDER, HOSPITAL, READER_PUBLIC, one, 1, LETTER, AT)).request == one


@drawn(st.text(max_size=200))
def test_p7_any_text_is_refused_and_never_raises_anything_else(envelope: str) -> None:
    with pytest.raises(BadInput):
        read(envelope)
