"""A5: tokens that were made to fool a reader are refused by everybody who reads one, and all with the same answer."""

from dataclasses import replace

import grpc
import pytest

from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn
from accord.wire import question_codec
from testbed.attack_kit import AttackKit, opening
from testbed.scripted_gateway import Told, question
from testbed.token_corpus import hostile_tokens, huge_token
from tests.region.trust_world import CANARY, HOLDER, VICTIM

pytestmark = pytest.mark.slow
#: What is too long is refused before it is read as a token, in the same words.
SAME_ANSWER = (grpc.StatusCode.UNAUTHENTICATED.name, Fault.TOKEN_INVALID.value)


def asked_with(kit: AttackKit, *, mandate: str = "", proof: str = "") -> Told:
    """What the holder says to a question of which one token is another one."""
    sound = kit.user().mandate(VICTIM)
    message = question(sound, kit.ura(HOLDER), VICTIM)
    message.evidence.mandate = mandate or message.evidence.mandate
    if proof:
        message.evidence.proofs[0] = proof
    return kit.gateway(HOLDER).query(message)


def test_a5_every_hostile_mandate_is_refused_by_the_holder_with_the_same_answer(kit: AttackKit) -> None:
    user = kit.user()
    made = user.mandate(VICTIM)
    answers = {}
    for hostile in hostile_tokens(made.text, user.key):
        bad = replace(made, text=hostile.text)
        message = question(made, kit.ura(HOLDER), VICTIM)
        # The proof and the seal are made for the hostile mandate: nothing but the mandate is wrong.
        message.evidence.CopyFrom(question_codec.evidence_to_wire(bad.sealed(Bsn(VICTIM))))
        told = kit.gateway(HOLDER).query(message)
        answers[hostile.name] = (told.status, told.details, len(told.frames), CANARY in repr(told.trailing))

    assert len(answers) > 80
    assert {name: answer for name, answer in answers.items() if answer != (*SAME_ANSWER, 0, False)} == {}


def test_a5_every_hostile_proof_is_refused_by_the_holder_with_the_same_answer(kit: AttackKit) -> None:
    made = kit.user().mandate(VICTIM)
    answers = {}
    for hostile in hostile_tokens(made.proof(), made.key):
        message = question(made, kit.ura(HOLDER), VICTIM, proof=hostile.text)
        told = kit.gateway(HOLDER).query(message)
        answers[hostile.name] = (told.status, told.details, len(told.frames))

    assert len(answers) > 80
    assert {name: answer for name, answer in answers.items() if answer != (*SAME_ANSWER, 0)} == {}


def test_a5_every_hostile_mandate_and_proof_is_refused_by_the_gateway_with_the_same_answer(kit: AttackKit) -> None:
    user = kit.user()
    made, answers = user.mandate(VICTIM), {}
    with kit.dossiers() as stub:
        for kind, sound, key in (("mandate", made.text, user.key), ("proof", made.proof(), made.key)):
            for hostile in hostile_tokens(sound, key):
                message = opening(made, VICTIM)
                if kind == "mandate":
                    message.evidence.CopyFrom(question_codec.evidence_to_wire(replace(made, text=hostile.text).evidence()))
                else:
                    message.evidence.proofs[0] = hostile.text
                with pytest.raises(grpc.RpcError) as refused:
                    list(stub.Open(message, timeout=10))
                answers[kind, hostile.name] = (refused.value.code().name, refused.value.details())

    assert {name: answer for name, answer in answers.items() if answer != SAME_ANSWER} == {}


def test_a5_a_token_of_two_mebibytes_is_not_even_taken_in(kit: AttackKit) -> None:
    told = asked_with(kit, mandate=huge_token(kit.user().mandate(VICTIM).text).text)

    assert told.refused
    assert told.status == grpc.StatusCode.RESOURCE_EXHAUSTED.name


def test_a5_a_mandate_is_no_proof_and_a_proof_is_no_mandate(kit: AttackKit) -> None:
    made = kit.user().mandate(VICTIM)

    assert asked_with(kit, mandate=made.proof()).details == Fault.TOKEN_INVALID
    assert asked_with(kit, proof=made.text).details == Fault.TOKEN_INVALID
    assert asked_with(kit).status == "OK"
