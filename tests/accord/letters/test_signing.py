"""Signed texts about places: believed of whom they are, about what they are, now, and of nobody and nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings

from accord.letters import collecting, signing
from accord.letters.believing import FRESH, digest_of
from accord.letters.collecting import collect, read_collect, read_receipt, receipt
from accord.letters.signing import (
    QUESTION_LIFE,
    AskedPlaces,
    Vouched,
    ask_places,
    read_question,
    read_statement,
    read_vouched,
    state_places,
    vouch,
    vouched_statement,
)
from accord.link.jose import sign
from accord.terms.answers import Ending
from accord.terms.capacity import PlacesQuestion, Statement
from accord.terms.faults import BadInput, Fault
from accord.terms.members import RegionRegister
from tests.accord.letters.letters_world import GATEWAY_KEY, REGION, STATEMENT, blocked, is_refused, questions, refused, statements, without_part
from tests.accord.link.evidence_world import (
    AT,
    GATEWAY,
    HOSPITAL,
    HOSPITAL_KEY,
    OTHER_USER_KEY,
    PHARMACY_KEY,
    USER,
    USER_KEY,
    private_key,
)

QUESTION: Final = ask_places(USER, PlacesQuestion(), "twente", USER_KEY, AT)
ASKED: Final = AskedPlaces(USER, PlacesQuestion(), digest_of(QUESTION))
STATED: Final = state_places(HOSPITAL, STATEMENT, ASKED, HOSPITAL_KEY)
VOUCHED: Final = Vouched(GATEWAY, "elders", "Elders", "053-2", Ending.ANSWERED)
WORD: Final = vouch(GATEWAY, VOUCHED, STATED, ASKED, GATEWAY_KEY, AT)
COLLECT: Final = collect(USER, HOSPITAL, {"r1": 3}, USER_KEY, AT)
RECEIPT: Final = receipt(HOSPITAL, USER, COLLECT, {"r1": 2}, HOSPITAL_KEY, AT)

#: Every sort of text: the right one, how it is read, and who signed it.
READ: Final[dict[str, tuple[str, Callable[[str, RegionRegister, datetime], object], Any]]] = {
    "question": (QUESTION, read_question, USER),
    "statement": (STATED, lambda token, region, at: read_statement(token, HOSPITAL, digest_of(QUESTION), region, at), HOSPITAL),
    "vouched": (WORD, lambda token, region, at: read_vouched(token, GATEWAY, STATED, digest_of(QUESTION), region, at), GATEWAY),
    "collect": (COLLECT, lambda token, region, at: read_collect(token, HOSPITAL, region, at), USER),
    "receipt": (RECEIPT, lambda token, region, at: read_receipt(token, HOSPITAL, COLLECT, region, at), HOSPITAL),
}
every = pytest.mark.parametrize(("token", "read", "signer"), READ.values(), ids=READ)


@given(questions)
@settings(max_examples=30)
def test_a_question_is_read_by_whoever_it_was_put_to(question: PlacesQuestion) -> None:
    token = ask_places(USER, question, "twente", USER_KEY, AT)

    assert read_question(token, REGION, AT) == AskedPlaces(USER, question, digest_of(token))


@given(statements)
@settings(max_examples=30)
def test_a_statement_is_read_by_whoever_asked(statement: Statement) -> None:
    token = state_places(HOSPITAL, statement, ASKED, HOSPITAL_KEY)

    assert read_statement(token, HOSPITAL, ASKED.digest, REGION, AT).statement == statement
    assert vouched_statement(token, AT).statement == statement


def test_the_others_are_read_too() -> None:
    assert read_vouched(WORD, GATEWAY, STATED, ASKED.digest, REGION, AT) == VOUCHED
    assert read_collect(COLLECT, HOSPITAL, REGION, AT).heard == {"r1": 3}
    assert read_receipt(RECEIPT, HOSPITAL, COLLECT, REGION, AT) == {"r1": 2}


@every
def test_a_member_that_was_cut_off_is_not_believed(token: str, read: Callable[..., object], signer: Any) -> None:
    read(token, REGION, AT)

    refused(lambda: read(token, blocked(signer), AT), Fault.ORGANISATION_BLOCKED)
    refused(lambda: read(token, without_part(signer), AT), Fault.TOKEN_INVALID)


@every
def test_after_the_register_ran_out_nobody_is_believed(token: str, read: Callable[..., object], signer: Any) -> None:
    del signer
    refused(lambda: read(token, replace(REGION, expires=AT), AT), Fault.REGISTER_OUTDATED)


@every
def test_what_is_too_old_or_from_the_future_is_not_believed(token: str, read: Callable[..., object], signer: Any) -> None:
    del signer
    for at in (AT + QUESTION_LIFE + FRESH, AT - FRESH - timedelta(seconds=1)):
        is_refused(lambda at=at: read(token, REGION, at))  # type: ignore[misc]  # mypy infers no type for a default of a lambda


@every
def test_a_text_of_another_sort_or_of_nobody_is_not_believed(token: str, read: Callable[..., object], signer: Any) -> None:
    del signer
    for other, _, _ in READ.values():
        if other != token:
            refused(lambda other=other: read(other, REGION, AT), Fault.TOKEN_INVALID)  # type: ignore[misc]  # mypy infers no type for a default of a lambda
    for nonsense in ("", "a.b.c", "é", token + "é", token[:-2], token + "A", token.replace(".", "..", 1), "a" * 1_000_000):
        refused(lambda nonsense=nonsense: read(nonsense, REGION, AT), Fault.TOKEN_INVALID)  # type: ignore[misc]  # mypy infers no type for a default of a lambda


TYPES: Final = {
    "question": signing._QUESTION,
    "statement": signing._STATEMENT,
    "vouched": signing._VOUCHED,
    "collect": collecting._COLLECT,
    "receipt": collecting._RECEIPT,
}
KEYS: Final = {USER: USER_KEY, HOSPITAL: HOSPITAL_KEY, GATEWAY: GATEWAY_KEY}


def content_of(token: str) -> dict[str, Any]:
    from accord.link.jose import decoded  # noqa: PLC0415 -- only here

    content: dict[str, Any] = json.loads(decoded(token.split(".")[1]))
    return content


def forged(name: str, **changes: Any) -> str:
    """A text of its sort with other claims, signed by the right key for it."""
    token, _, signer = READ[name]
    return sign(json.dumps(content_of(token) | changes).encode(), KEYS[signer], TYPES[name])


@pytest.mark.parametrize("name", READ)
def test_the_forger_can_also_write_what_is_believed(name: str) -> None:
    READ[name][1](forged(name), REGION, AT)


WRONG: Final[tuple[Any, ...]] = (
    None,
    [],
    {},
    1.5,
    "x",
    "ura:00000009",
    -1,
    0,
    -62135596800,
    253402300799,
    1 << 52,
    1 << 63,
    1 << 70,
    True,
    {"a": "b"},
    {"a": 1 << 63},
    [[]],
)


@pytest.mark.parametrize("name", READ)
def test_p7_a_claim_of_a_wrong_shape_never_raises_anything_but_a_refusal(name: str) -> None:
    for claim in content_of(READ[name][0]):
        for wrong in WRONG:
            try:
                READ[name][1](forged(name, **{claim: wrong}), REGION, AT)
            except BadInput:
                continue
            # What is said freely may be anything of its type; a question without members asks for all, and what names its question needs no reader.
            assert claim in ("nonce", "aud", "holder", "title", "telephone", "heard", "question")
            assert type(wrong) in (str, dict)


@pytest.mark.parametrize("name", READ)
def test_a_claim_that_stands_twice_is_refused(name: str) -> None:
    token, read, signer = READ[name]
    content = json.dumps(content_of(token))
    twice = f'{content[:-1]},"iat":{content_of(token)["iat"]}}}'

    refused(lambda: read(sign(twice.encode(), KEYS[signer], TYPES[name]), REGION, AT), Fault.TOKEN_INVALID)


@every
def test_another_members_key_signs_nothing_in_ones_name(token: str, read: Callable[..., object], signer: Any) -> None:
    name = next(name for name, (known, _, _) in READ.items() if known == token)
    for key in (*KEYS.values(), OTHER_USER_KEY, PHARMACY_KEY, private_key(99)):
        if key is not KEYS[signer]:
            other = sign(json.dumps(content_of(token)).encode(), key, TYPES[name])
            refused(lambda other=other: read(other, REGION, AT), Fault.TOKEN_INVALID)  # type: ignore[misc]  # mypy infers no type for a default of a lambda
