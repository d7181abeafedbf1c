"""Mandates: believed for ten minutes, from an organisation that stands in the register, and in one form only."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from accord.link.claims import seconds
from accord.link.jose import claims, decoded, encoded, sign, thumbprint
from accord.link.mandates import SKEW, TYPE, Mandates, make_mandate, read_mandate
from accord.link.salts import is_about
from accord.terms.evidence import Emergency, TreatmentBasis
from accord.terms.faults import Fault, Faulted
from accord.terms.members import KeyUse, MemberStatus, Part, RegionRegister
from accord.terms.vocabulary import CareCategory, PurposeOfUse
from tests.accord.link.evidence_world import (
    AT,
    BSN,
    GP,
    HOSPITAL_KEY,
    OTHER_USER,
    OTHER_USER_KEY,
    PROOF_KEY,
    REGISTER,
    USER,
    USER_KEY,
    changed,
    mandate,
    public_of,
    signing_key,
    wanted,
)

MADE: Final = mandate()


def fault_of(token: str, register: RegionRegister = REGISTER, at: datetime = AT) -> Fault:
    with pytest.raises(Faulted) as caught:
        read_mandate(token, register, at)
    return caught.value.fault


def content() -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(decoded(MADE.text.split(".")[1]))
    return plain


def signed(content: dict[str, Any], key: Any = USER_KEY, typ: str = TYPE) -> str:
    return sign(json.dumps(content).encode(), key, typ)


def test_a_mandate_says_to_its_reader_what_was_wanted() -> None:
    emergency = Emergency("unconscious", "Bewusteloos gevonden", AT)
    made = mandate(purpose=PurposeOfUse.EMERGENCY_TREATMENT, treatment=None, categories=frozenset({CareCategory.CONDITION}), emergency=emergency)

    read = read_mandate(made.text, REGISTER, AT)

    assert read == made.mandate
    assert (read.issuer, read.audience, read.professional, read.purpose) == (USER, "twente", GP, PurposeOfUse.EMERGENCY_TREATMENT)
    assert (read.treatment, read.categories, read.emergency) == (None, frozenset({CareCategory.CONDITION}), emergency)
    assert (read.issued, read.expires, read.key) == (AT, AT + timedelta(minutes=10), public_of(PROOF_KEY))
    assert is_about(read.patient, made.salt, BSN)
    assert MADE.mandate.treatment is TreatmentBasis.REGISTERED


def test_neither_the_bsn_nor_the_salt_stands_in_a_mandate() -> None:
    payload = decoded(MADE.text.split(".")[1])

    assert BSN.value.encode() not in payload
    assert encoded(MADE.salt).encode() not in payload
    assert encoded(MADE.salt) not in repr(MADE)


def test_no_mandate_is_evidence_that_is_missing() -> None:
    assert fault_of("") is Fault.EVIDENCE_MISSING


@pytest.mark.parametrize("at", [AT - SKEW, AT, AT + timedelta(minutes=10), AT + timedelta(minutes=10) + SKEW - timedelta(seconds=1)])
def test_clocks_may_be_half_a_minute_apart(at: datetime) -> None:
    assert read_mandate(MADE.text, REGISTER, at) == MADE.mandate


@pytest.mark.parametrize("at", [AT - SKEW - timedelta(seconds=1), AT + timedelta(minutes=10) + SKEW, AT + timedelta(days=1)])
def test_outside_its_time_a_mandate_says_nothing(at: datetime) -> None:
    known = Mandates()
    known.read(MADE.text, REGISTER, AT)

    assert fault_of(MADE.text, at=at) is Fault.MANDATE_EXPIRED
    with pytest.raises(Faulted) as caught:
        known.read(MADE.text, REGISTER, at)
    assert caught.value.fault is Fault.MANDATE_EXPIRED


REGISTERS: Final = {
    "blocked": (changed(USER, status=MemberStatus.BLOCKED), Fault.ORGANISATION_BLOCKED),
    "planned": (changed(USER, status=MemberStatus.PLANNED), Fault.ORGANISATION_BLOCKED),
    "no data user": (changed(USER, parts=frozenset({Part.DATA_HOLDER})), Fault.TOKEN_INVALID),
    "key withdrawn": (changed(USER, keys=()), Fault.TOKEN_INVALID),
    "key for answers only": (changed(USER, keys=(signing_key(USER_KEY, KeyUse.ANSWER),)), Fault.TOKEN_INVALID),
    "another key under its id": (
        changed(USER, keys=(replace(signing_key(OTHER_USER_KEY, KeyUse.MANDATE), id=thumbprint(public_of(USER_KEY))),)),
        Fault.TOKEN_INVALID,
    ),
    "gone": (replace(REGISTER, members=tuple(member for member in REGISTER.members if member.ura != USER)), Fault.TOKEN_INVALID),
    "another region": (replace(REGISTER, region="achterhoek"), Fault.TOKEN_INVALID),
    "register expired": (replace(REGISTER, expires=AT), Fault.REGISTER_OUTDATED),
}


@pytest.mark.parametrize(("register", "fault"), REGISTERS.values(), ids=REGISTERS.keys())
def test_p1_a_mandate_holds_only_while_its_organisation_and_key_stand_in_the_register(register: RegionRegister, fault: Fault) -> None:
    known = Mandates()
    known.read(MADE.text, REGISTER, AT)

    assert fault_of(MADE.text, register) is fault
    with pytest.raises(Faulted) as caught:
        known.read(MADE.text, register, AT)  # a signature that was found right does not outlive its organisation
    assert caught.value.fault is fault


def test_a_key_that_gets_a_second_use_still_signs_mandates() -> None:
    known = Mandates()
    known.read(MADE.text, REGISTER, AT)

    assert known.read(MADE.text, changed(USER, keys=(signing_key(USER_KEY, KeyUse.MANDATE, KeyUse.ANSWER),)), AT) == MADE.mandate


def test_an_emergency_without_words_of_anybody_is_read_as_such() -> None:
    emergency = Emergency("unconscious", "", AT)
    made = mandate(purpose=PurposeOfUse.EMERGENCY_TREATMENT, emergency=emergency)

    assert read_mandate(made.text, REGISTER, AT).emergency == emergency


def test_what_is_remembered_is_bounded_and_read_again() -> None:
    known = Mandates(1)
    made = [mandate() for _ in range(3)]

    assert [known.read(each.text, REGISTER, AT) for each in made + made] == [each.mandate for each in made + made]


FORGED: Final[dict[str, str]] = {
    "by the key of another member": signed(content(), OTHER_USER_KEY),
    "in the name of another member": signed(content() | {"iss": f"ura:{OTHER_USER}"}),
    "by an answer key": signed(content(), HOSPITAL_KEY),
    "by the key of the proofs": signed(content(), PROOF_KEY),
    "of the type of a proof": signed(content(), typ="question-proof+jwt"),
    "issuer without scheme": signed(content() | {"iss": str(USER)}),
    "issuer in Arabic digits": signed(content() | {"iss": "ura:٠٠٠٠٠٠٠١"}),
    "for another region": signed(content() | {"aud": "achterhoek"}),
    "for several regions": signed(content() | {"aud": ["twente"]}),
    "longer than ten minutes": signed(content() | {"exp": seconds(AT) + 601}),
    "of no length": signed(content() | {"exp": seconds(AT)}),
    "expiry a text": signed(content() | {"exp": str(seconds(AT) + 60)}),
    "expiry a fraction": signed(content() | {"exp": seconds(AT) + 60.5}),
    "expiry far away": signed(content() | {"exp": 10**15}),
    "issue negative": signed(content() | {"iat": -1}),
    "issue true": signed(content() | {"iat": True}),
    "unknown claim": signed(content() | {"nbf": seconds(AT)}),
    "no jti": signed({name: value for name, value in content().items() if name != "jti"}),
    "empty jti": signed(content() | {"jti": ""}),
    "unknown purpose": signed(content() | {"purpose": "HMARKT"}),
    "patient too short": signed(content() | {"patient": encoded(bytes(31))}),
    "patient padded": signed(content() | {"patient": encoded(bytes(32)) + "="}),
    "professional a text": signed(content() | {"professional": "900000001"}),
    "professional with more": signed(content() | {"professional": {"id": "1", "role": "01.015", "name": "x", "admin": "yes"}}),
    "professional without role": signed(content() | {"professional": {"id": "1", "name": "x"}}),
    "professional with a line break": signed(content() | {"professional": {"id": "1", "role": "01.015", "name": "x\ny"}}),
    "treatment unknown": signed(content() | {"treatment": "certainly"}),
    "treatment null": signed(content() | {"treatment": None}),
    "categories empty": signed(content() | {"categories": []}),
    "categories unknown": signed(content() | {"categories": ["Everything"]}),
    "categories a text": signed(content() | {"categories": "Condition"}),
    "key by address": signed(content() | {"cnf": {"jku": "https://attacker.example"}}),
    "key with its private half": signed(content() | {"cnf": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": encoded(public_of(PROOF_KEY)), "d": "AAAA"}}}),
    "key of another curve": signed(content() | {"cnf": {"jwk": {"kty": "OKP", "crv": "X25519", "x": encoded(public_of(PROOF_KEY))}}}),
    "key of zeros": signed(content() | {"cnf": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": encoded(bytes(32))}}}),
    "emergency without words": signed(content() | {"emergency": {"reason": "x", "second_factor_at": seconds(AT)}}),
    "emergency a text": signed(content() | {"emergency": "yes"}),
    "claims a list": sign(b"[]", USER_KEY, TYPE),
    "claim twice": sign(b'{"iss":"ura:00000001",' + json.dumps(content()).encode()[1:], USER_KEY, TYPE),
    "cut": MADE.text[:-1],
    "not ASCII": MADE.text + "é",
}


def test_the_claims_that_the_others_spoil_are_sound() -> None:
    assert read_mandate(signed(content()), REGISTER, AT).issuer == USER
    assert claims(json.dumps(content()).encode())["iss"] == "ura:00000001"


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED.keys())
def test_a5_a_mandate_in_any_other_form_is_refused_with_one_answer(token: str) -> None:
    assert fault_of(token) is Fault.TOKEN_INVALID


@pytest.mark.parametrize(
    "changes",
    [{"lifetime": timedelta(minutes=11)}, {"key": bytes(32)}, {"professional": replace(GP, name="x" * 300)}, {"region": ""}, {"lifetime": timedelta(0)}],
)
def test_nobody_makes_a_mandate_that_nobody_would_believe(changes: dict[str, Any]) -> None:
    with pytest.raises(Faulted) as caught:
        make_mandate(wanted(**changes), USER_KEY, AT)
    assert caught.value.fault is Fault.TOKEN_INVALID
