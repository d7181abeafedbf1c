"""What is sealed in a session opens in its own place, once, and nowhere else."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.link.session_seals import SEAL_BYTES, Seal, SessionKey, WorkSeals, same_token
from accord.terms.faults import BadInput, Fault

KEYS = st.binary(min_size=32, max_size=32)
NUMBERS = st.integers(0, 2**64 - 1)
MESSAGES = st.lists(st.binary(max_size=64), min_size=1, max_size=6)
KIND = b"message"


def both(secret: bytes, number: int) -> tuple[WorkSeals, WorkSeals]:
    """The seals of one piece of work, at either end."""
    return SessionKey(secret).work(number), SessionKey(secret).work(number)


def refused(seal: Seal, sealed: bytes, kind: bytes = KIND) -> bool:
    with pytest.raises(BadInput) as failed:
        seal.open(sealed, kind)
    return failed.value.fault is Fault.SESSION_BROKEN


@given(KEYS, NUMBERS, MESSAGES)
def test_what_is_sealed_opens_at_the_other_end_in_order(secret: bytes, number: int, messages: list[bytes]) -> None:
    ours, theirs = both(secret, number)

    assert same_token(ours.token, theirs.token)
    assert [theirs.reply.open(ours.reply.seal(message, KIND), KIND) for message in messages] == messages
    assert [ours.order.open(theirs.order.seal(message)) for message in messages] == messages


@given(KEYS, NUMBERS, MESSAGES, st.data())
def test_nothing_opens_out_of_order_or_after_one_that_was_left_out(secret: bytes, number: int, messages: list[bytes], data: st.DataObject) -> None:
    ours, theirs = both(secret, number)
    sealed = [ours.reply.seal(message, KIND) for message in messages]
    place = data.draw(st.integers(0, len(sealed) - 1))
    for message in sealed[:place]:
        theirs.reply.open(message, KIND)
    other = data.draw(st.sampled_from([each for at, each in enumerate(sealed) if at != place] or [b""]))

    assert refused(theirs.reply, other)


@given(KEYS, NUMBERS, st.binary(max_size=64))
def test_nothing_opens_twice(secret: bytes, number: int, message: bytes) -> None:
    ours, theirs = both(secret, number)
    sealed = ours.reply.seal(message, KIND)
    theirs.reply.open(sealed, KIND)

    assert refused(theirs.reply, sealed)


@given(KEYS, KEYS, NUMBERS, NUMBERS, st.binary(max_size=64))
def test_nothing_opens_of_another_work_direction_session_or_kind(secret: bytes, other: bytes, number: int, number2: int, message: bytes) -> None:
    ours, theirs = both(secret, number)
    sealed = ours.reply.seal(message, KIND)

    assert refused(theirs.order, sealed)
    assert refused(both(secret, number)[0].reply, sealed, b"end")
    if number2 != number:
        assert refused(SessionKey(secret).work(number2).reply, sealed)
        assert not same_token(SessionKey(secret).work(number2).token, ours.token)
    if other != secret:
        assert refused(SessionKey(other).work(number).reply, sealed)
        assert not same_token(SessionKey(other).work(number).token, ours.token)


def test_every_single_bit_that_is_changed_is_refused() -> None:
    secret, message = os.urandom(32), b"a record"
    sealed = SessionKey(secret).work(7).reply.seal(message, KIND)
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8

        assert refused(SessionKey(secret).work(7).reply, bytes(changed))


@given(KEYS, st.binary(max_size=64), st.integers(0, 80), st.binary(min_size=1, max_size=4))
def test_what_is_cut_short_or_made_longer_is_refused(secret: bytes, message: bytes, cut: int, more: bytes) -> None:
    sealed = SessionKey(secret).work(1).reply.seal(message, KIND)

    assert len(sealed) == len(message) + SEAL_BYTES
    assert refused(SessionKey(secret).work(1).reply, sealed[: min(cut, len(sealed) - 1)])
    assert refused(SessionKey(secret).work(1).reply, sealed + more)


def test_no_secret_is_in_a_representation() -> None:
    key = SessionKey(bytes(range(32)))

    assert "secret" not in repr(key)
    assert "token" not in repr(key.work(1))
