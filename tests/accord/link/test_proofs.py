"""Proofs of questions: signed by the key of the mandate, for one gateway, for a minute."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from accord.link.claims import seconds
from accord.link.jose import decoded, encoded, sign
from accord.link.proofs import AHEAD, FRESH, TYPE, Proofs, make_proof, read_proof
from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.queries import Selection
from accord.terms.vocabulary import PurposeOfUse
from tests.accord.link.evidence_world import AT, GATEWAY, HOSPITAL_NAME, OTHER_GATEWAY, PROOF_KEY, USER_KEY, World, mandate

WORLD: Final = World()
MANDATE: Final = WORLD.made.mandate
ASKED: Final = Asked(PurposeOfUse.TREATMENT, Selection(types=frozenset({"Observation"})), frozenset({HOSPITAL_NAME}))
PROOF: Final = make_proof(ASKED, MANDATE.digest, GATEWAY, PROOF_KEY, AT)


def fault_of(token: str, gateway: Ura = GATEWAY, at: datetime = AT) -> Fault:
    with pytest.raises(BadInput) as caught:
        read_proof(token, MANDATE, gateway, at)
    return caught.value.fault


def content() -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(decoded(PROOF.split(".")[1]))
    return plain


def signed(content: dict[str, Any], key: Any = PROOF_KEY, typ: str = TYPE) -> str:
    return sign(json.dumps(content).encode(), key, typ)


def test_a_proof_says_what_was_asked_through_whom_and_when() -> None:
    proof = read_proof(PROOF, MANDATE, GATEWAY, AT)

    assert (proof.asked, proof.mandate, proof.gateway, proof.issued) == (ASKED, MANDATE.digest, GATEWAY, AT)
    assert read_proof(signed(content()), MANDATE, GATEWAY, AT) == proof


def test_no_two_proofs_have_the_same_nonce() -> None:
    again = make_proof(ASKED, MANDATE.digest, GATEWAY, PROOF_KEY, AT)

    assert read_proof(again, MANDATE, GATEWAY, AT).nonce != read_proof(PROOF, MANDATE, GATEWAY, AT).nonce


def test_no_proof_is_evidence_that_is_missing() -> None:
    assert fault_of("") is Fault.EVIDENCE_MISSING


@pytest.mark.parametrize("at", [AT - AHEAD, AT, AT + FRESH])
def test_a_proof_holds_for_a_minute(at: datetime) -> None:
    assert read_proof(PROOF, MANDATE, GATEWAY, at).issued == AT


@pytest.mark.parametrize("at", [AT - AHEAD - timedelta(seconds=1), AT + FRESH + timedelta(milliseconds=1), AT + timedelta(days=1)])
def test_a_proof_that_is_old_or_of_the_future_is_refused(at: datetime) -> None:
    assert fault_of(PROOF, at=at) is Fault.PROOF_EXPIRED


@pytest.mark.parametrize("at", [AT - AHEAD - timedelta(seconds=1), AT + FRESH + timedelta(milliseconds=1)])
def test_a_proof_whose_signature_is_remembered_is_as_old_as_it_is(at: datetime) -> None:
    proofs = Proofs()
    assert proofs.read(PROOF, MANDATE, AT) is proofs.read(PROOF, MANDATE, AT)

    with pytest.raises(BadInput) as caught:
        proofs.read(PROOF, MANDATE, at)

    assert caught.value.fault is Fault.PROOF_EXPIRED


def test_a8_a_remembered_proof_proves_nothing_on_another_mandate() -> None:
    proofs = Proofs()
    proofs.read(PROOF, MANDATE, AT)

    with pytest.raises(BadInput) as caught:
        proofs.read(PROOF, mandate().mandate, AT)

    assert caught.value.fault is Fault.TOKEN_INVALID


def test_what_is_refused_is_not_remembered_and_no_more_than_there_is_room_for() -> None:
    proofs = Proofs(2)
    spoilt = PROOF[:-4] + ("AAAA" if PROOF[-4:] != "AAAA" else "BBBB")
    first = proofs.read(PROOF, MANDATE, AT)
    for _ in range(2):
        with pytest.raises(BadInput):
            proofs.read(spoilt, MANDATE, AT)
    assert proofs.read(PROOF, MANDATE, AT) is first
    for _ in range(2):
        proofs.read(make_proof(ASKED, MANDATE.digest, GATEWAY, PROOF_KEY, AT), MANDATE, AT)

    again = proofs.read(PROOF, MANDATE, AT)

    assert again == first
    assert again is not first


def test_a8_a_proof_for_another_gateway_is_refused() -> None:
    assert fault_of(PROOF, OTHER_GATEWAY) is Fault.TOKEN_INVALID


SPOILT: Final[dict[str, str]] = {
    "of another mandate": make_proof(ASKED, mandate().mandate.digest, GATEWAY, PROOF_KEY, AT),
    "by the key of the organisation": make_proof(ASKED, MANDATE.digest, GATEWAY, USER_KEY, AT),
    "of the type of a mandate": signed(content(), typ="mandate+jwt"),
    "the mandate itself": WORLD.made.text,
    "gateway without scheme": signed(content() | {"aud": str(GATEWAY)}),
    "for two gateways": signed(content() | {"aud": [f"ura:{GATEWAY}", f"ura:{OTHER_GATEWAY}"]}),
    "nonce short": signed(content() | {"nonce": encoded(bytes(15))}),
    "nonce long": signed(content() | {"nonce": encoded(bytes(65))}),
    "nonce padded": signed(content() | {"nonce": encoded(bytes(16)) + "=="}),
    "nonce missing": signed({name: value for name, value in content().items() if name != "nonce"}),
    "unknown claim": signed(content() | {"exp": seconds(AT) + 600}),
    "moment a text": signed(content() | {"iat": str(seconds(AT))}),
    "asked a text": signed(content() | {"asked": "everything"}),
    "asked with more": signed(content() | {"asked": content()["asked"] | {"limit": 1}}),
    "two megabytes": signed(content() | {"nonce": "A" * 2_000_000}),
    "cut": PROOF[:-4],
}


@pytest.mark.parametrize("token", SPOILT.values(), ids=SPOILT.keys())
def test_a5_a_proof_in_any_other_form_is_refused_with_one_answer(token: str) -> None:
    assert fault_of(token) is Fault.TOKEN_INVALID
