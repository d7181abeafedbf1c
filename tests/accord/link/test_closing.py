"""The last word of a holder: whoever relays it can change nothing in it."""

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.link.closing import closed_bytes, closed_is_signed, sign_closed
from accord.link.jose import thumbprint
from accord.terms.answers import Closed, Counts, Ending
from accord.terms.faults import Fault
from accord.terms.members import KeyUse, MemberStatus, Part, RegionRegister
from tests.accord.link.evidence_world import HOSPITAL, HOSPITAL_KEY, PHARMACY, PHARMACY_KEY, REGISTER, USER_KEY, changed, public_of, signing_key

numbers: Final = st.integers(0, 2**64 - 1)
closeds: Final = st.builds(
    Closed,
    st.just(HOSPITAL),
    st.sampled_from(Ending),
    st.builds(Counts, numbers, numbers, numbers, numbers, numbers),
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.none() | st.sampled_from(Fault),
    st.booleans(),
)
SIGNED: Final = sign_closed(Closed(HOSPITAL, Ending.ANSWERED, Counts(1, 2, 3, 4, 5), bytes(32), b"\1" * 32), HOSPITAL_KEY)


@given(closeds)
def test_what_a_holder_signed_is_its_last_word(closed: Closed) -> None:
    signed = sign_closed(closed, HOSPITAL_KEY)

    assert signed == closed
    assert closed_is_signed(signed, REGISTER)


@given(closeds, closeds)
def test_two_last_words_that_differ_have_different_bytes(one: Closed, other: Closed) -> None:
    assert (closed_bytes(one) == closed_bytes(other)) == (one == other)


CHANGES: Final[dict[str, dict[str, Any]]] = {
    "ending": {"ending": Ending.NOTHING_SHOWN},
    "records": {"counts": Counts(0, 2, 3, 4, 5)},
    "oversized": {"counts": Counts(1, 2, 3, 4, 0)},
    "counts beyond a wire": {"counts": Counts(2**64, 2, 3, 4, 5)},
    "digest": {"digest": b"\1" * 32},
    "digest and question swapped": {"digest": b"\1" * 32, "question_hash": bytes(32)},
    "bytes moved from one to the other": {"digest": bytes(31), "question_hash": b"\0" + b"\1" * 32},
    "question": {"question_hash": bytes(32)},
    "code": {"code": Fault.PAUSED},
    "more": {"more": True},
    "holder": {"holder": PHARMACY},
    "no signature": {"signature": b""},
    "no key": {"key_id": ""},
    "another's key": {"key_id": thumbprint(public_of(PHARMACY_KEY))},
    "signature cut": {"signature": SIGNED.signature[:-1]},
    "signature lengthened": {"signature": SIGNED.signature + b"\0"},
    "signature of a bit more": {"signature": SIGNED.signature[:-1] + bytes([SIGNED.signature[-1] ^ 1])},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
def test_a_last_word_that_was_changed_is_not_believed(changes: dict[str, Any]) -> None:
    assert closed_is_signed(SIGNED, REGISTER)
    assert not closed_is_signed(replace(SIGNED, **changes), REGISTER)


def test_one_holder_does_not_speak_for_another() -> None:
    in_its_name = sign_closed(replace(SIGNED, holder=HOSPITAL), PHARMACY_KEY)

    assert not closed_is_signed(in_its_name, REGISTER)
    assert not closed_is_signed(replace(SIGNED, signature=HOSPITAL_KEY.sign(closed_bytes(SIGNED).removeprefix(b"noaber closed v1\0"))), REGISTER)


@pytest.mark.parametrize(
    "register",
    [
        changed(HOSPITAL, status=MemberStatus.BLOCKED),
        changed(HOSPITAL, keys=()),
        changed(HOSPITAL, keys=(signing_key(HOSPITAL_KEY, KeyUse.MANDATE),)),
        changed(HOSPITAL, keys=(replace(signing_key(USER_KEY, KeyUse.ANSWER), id=SIGNED.key_id),)),
        changed(HOSPITAL, keys=(replace(signing_key(USER_KEY, KeyUse.ANSWER), id=SIGNED.key_id, public=bytes(32)),)),
        changed(HOSPITAL, parts=frozenset({Part.DATA_USER})),
        replace(REGISTER, members=()),
    ],
    ids=["blocked", "key withdrawn", "mandate key", "another key under its id", "weak key", "no holder", "gone"],
)
def test_a_last_word_counts_only_while_its_holder_stands_in_the_register(register: RegionRegister) -> None:
    assert not closed_is_signed(SIGNED, register)
