"""P1, A8, D2, D3: a gateway with real keys of the region that asks for more than it was given obtains nothing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from accord.audit.events import BudgetAlarm
from accord.link.jose import encoded
from accord.link.salts import seal_salt
from accord.region.draft import Draft
from accord.terms.answers import Ending
from accord.terms.evidence import Asked
from accord.terms.faults import CATALOGUE, Fault
from accord.terms.identifiers import Bsn, HolderName
from accord.terms.members import Part
from accord.terms.policies import Budget
from accord.terms.queries import EVERYTHING, Selection
from accord.terms.vocabulary import PurposeOfUse
from accord.wire import answer_codec
from accord.wire.v1 import holder_service_pb2 as pb
from accord.wire.v1 import terms_pb2
from testbed.attack_kit import AttackKit
from testbed.region_office import testbed_policy as policy_of_the_testbed
from testbed.scripted_gateway import Told, attachment, location, question
from testbed.scripted_user import ATTACKER, ScriptedMandate
from tests.region.trust_world import CANARY, HOLDER, SILENT, STRANGER, VICTIM, a_bsn, events_at, looks

pytestmark = pytest.mark.slow

CONDITIONS: Final = Selection(types=frozenset({"Condition"}))
Message = pb.QueryRequest


@dataclass(frozen=True, slots=True)
class Attack:
    """What is asked for, and with which code the holder refuses it."""

    make: Callable[[AttackKit], Message]
    fault: Fault


def honest(kit: AttackKit, **more: Any) -> Message:
    """What an honest gateway asks."""
    return question(kit.user().mandate(VICTIM), kit.ura(HOLDER), VICTIM, **more)


def about(kit: AttackKit, asked: Asked, **put: Any) -> Message:
    """A question with the proof of another one."""
    mandate = kit.user().mandate(VICTIM)
    return question(mandate, kit.ura(HOLDER), VICTIM, proof=mandate.proof(asked), **put)


def changed(change: Callable[[Message], object]) -> Callable[[AttackKit], Message]:
    """An honest question of which something was changed on its way."""

    def make(kit: AttackKit) -> Message:
        message = honest(kit)
        change(message)
        return message

    return make


def altered(token: str) -> str:
    """The token with one other character in the midst of its signature, where every bit counts."""
    return token[:-40] + ("A" if token[-40] != "A" else "B") + token[-39:]


def treating(selection: Selection = EVERYTHING, *holders: str) -> Asked:
    """What a proof says."""
    return Asked(PurposeOfUse.TREATMENT, selection, frozenset(map(HolderName, holders)))


def at(moment: timedelta) -> Callable[[AttackKit], Message]:
    """A question under a mandate that was made at another moment."""
    return lambda kit: question(kit.user().mandate(VICTIM, at=datetime.now(UTC) + moment), kit.ura(HOLDER), VICTIM)


def proven(moment: timedelta) -> Callable[[AttackKit], Message]:
    """A question whose proof was made at another moment."""

    def make(kit: AttackKit) -> Message:
        mandate = kit.user().mandate(VICTIM)
        return question(mandate, kit.ura(HOLDER), VICTIM, proof=mandate.proof(at=datetime.now(UTC) + moment))

    return make


def spliced(kit: AttackKit) -> Message:
    """The mandate of one question with the proof of another."""
    mandate, other = kit.user().mandate(VICTIM), kit.user().mandate(VICTIM)
    return question(mandate, kit.ura(HOLDER), VICTIM, proof=other.proof())


def proof_by_the_gateway(kit: AttackKit) -> Message:
    """A proof that the gateway signed with a key of its own."""
    mandate = kit.user().mandate(VICTIM)
    return question(mandate, kit.ura(HOLDER), VICTIM, proof=mandate.proof(key=kit.credentials("gateway").answer_key()))


def about_somebody_else(kit: AttackKit) -> Message:
    """The BSN replaced, and the salt sealed under the new one."""
    mandate = kit.user().mandate(STRANGER)
    message = question(mandate, kit.ura(HOLDER), STRANGER)
    message.query.bsn = VICTIM
    message.evidence.salt = seal_salt(mandate.salt, Bsn(VICTIM), mandate.digest)
    return message


def by_the_answer_key(kit: AttackKit) -> Message:
    """A mandate signed with a key of the organisation that is not for mandates."""
    user = replace(kit.user(), key=kit.credentials("dinkelhorst").answer_key())
    return question(user.mandate(VICTIM), kit.ura(HOLDER), VICTIM)


ATTACKS: Final[dict[str, Attack]] = {
    "no mandate": Attack(changed(lambda one: one.evidence.ClearField("mandate")), Fault.EVIDENCE_MISSING),
    "no proof": Attack(changed(lambda one: one.evidence.ClearField("proofs")), Fault.EVIDENCE_MISSING),
    "no evidence": Attack(changed(lambda one: one.ClearField("evidence")), Fault.EVIDENCE_MISSING),
    "an empty proof": Attack(changed(lambda one: one.evidence.proofs.__setitem__(0, "")), Fault.EVIDENCE_MISSING),
    "two proofs": Attack(changed(lambda one: one.evidence.proofs.append(one.evidence.proofs[0])), Fault.TOKEN_INVALID),
    "no salt": Attack(changed(lambda one: one.evidence.ClearField("salt")), Fault.TOKEN_INVALID),
    "another salt": Attack(changed(lambda one: setattr(one.evidence, "salt", bytes(32))), Fault.OTHER_PATIENT_MANDATED),
    "a changed mandate": Attack(changed(lambda one: setattr(one.evidence, "mandate", altered(one.evidence.mandate))), Fault.TOKEN_INVALID),
    "a mandate of yesterday": Attack(at(-timedelta(days=1)), Fault.MANDATE_EXPIRED),
    "a mandate of tomorrow": Attack(at(timedelta(days=1)), Fault.MANDATE_EXPIRED),
    "an old proof": Attack(proven(-timedelta(seconds=75)), Fault.PROOF_EXPIRED),
    "a proof of the future": Attack(proven(timedelta(seconds=30)), Fault.PROOF_EXPIRED),
    "a proof under another mandate": Attack(spliced, Fault.TOKEN_INVALID),
    "a proof by the gateway itself": Attack(proof_by_the_gateway, Fault.TOKEN_INVALID),
    "a mandate in another's name": Attack(
        lambda kit: question(kit.user("eschrand").mandate(VICTIM, issuer=kit.ura("dinkelhorst")), kit.ura(HOLDER), VICTIM), Fault.TOKEN_INVALID
    ),
    "a mandate by the answer key": Attack(by_the_answer_key, Fault.TOKEN_INVALID),
    "a mandate of another region": Attack(lambda kit: question(kit.user().mandate(VICTIM, region="elders"), kit.ura(HOLDER), VICTIM), Fault.TOKEN_INVALID),
    "another holder": Attack(changed(lambda one: setattr(one.query, "holder_ura", "90001007")), Fault.NOT_THIS_HOLDER),
    "another person": Attack(about_somebody_else, Fault.OTHER_PATIENT_MANDATED),
    "another person, the rest as it was": Attack(changed(lambda one: setattr(one.query, "bsn", SILENT)), Fault.OTHER_PATIENT_MANDATED),
    "another purpose": Attack(changed(lambda one: setattr(one.query, "purpose", terms_pb2.PURPOSE_OF_USE_ETREAT)), Fault.QUESTION_WIDENED),
    "another role": Attack(changed(lambda one: setattr(one.query.professional, "role", "01.071")), Fault.QUESTION_WIDENED),
    "another professional": Attack(changed(lambda one: setattr(one.query.professional, "identifier", "900000031")), Fault.QUESTION_WIDENED),
    "another organisation": Attack(changed(lambda one: setattr(one.query.data_user, "ura", "90001003")), Fault.QUESTION_WIDENED),
    "more types": Attack(
        lambda kit: about(kit, treating(CONDITIONS), selection=Selection(types=frozenset({"Condition", "Observation"}))), Fault.QUESTION_WIDENED
    ),
    "every type": Attack(lambda kit: about(kit, treating(CONDITIONS)), Fault.QUESTION_WIDENED),
    "more companions": Attack(lambda kit: about(kit, treating(replace(CONDITIONS, includes=())), selection=CONDITIONS), Fault.QUESTION_WIDENED),
    "more ids": Attack(lambda kit: about(kit, treating(Selection(ids=("1",))), selection=Selection(ids=("1", "2"))), Fault.QUESTION_WIDENED),
    "a holder that was not asked": Attack(lambda kit: about(kit, treating(EVERYTHING, "eschrand")), Fault.QUESTION_WIDENED),
    "a proof for an attachment": Attack(
        lambda kit: about(kit, Asked(PurposeOfUse.TREATMENT, EVERYTHING, frozenset(), "Binary/1", "DocumentReference/1")), Fault.QUESTION_WIDENED
    ),
}


def check_nothing_shows(told: Told, fault: Fault) -> None:
    """Whether a refusal is nothing but a code."""
    assert (told.frames, told.details) == ((), fault.value)
    assert CATALOGUE[fault].next_step
    assert CANARY not in repr(told.trailing)


def test_p1_what_an_honest_gateway_asks_is_answered(kit: AttackKit) -> None:
    told = kit.gateway(HOLDER).query(honest(kit))

    assert told.status == "OK"
    assert CANARY.encode() in told.blob


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_p1_a_gateway_that_changes_or_invents_evidence_obtains_nothing(kit: AttackKit, attack: Attack) -> None:
    gateway = kit.gateway(HOLDER)
    message = attack.make(kit)

    check_nothing_shows(gateway.query(message), attack.fault)
    assert gateway.query(honest(kit)).status == "OK"


@pytest.mark.parametrize("name", sorted(ATTACKS.keys() - {"a proof for an attachment"}))
def test_p1_evidence_that_was_changed_fetches_no_attachment_either(kit: AttackKit, name: str) -> None:
    told = kit.gateway(HOLDER).fetch(attachment(ATTACKS[name].make(kit), "Binary/1", "DocumentReference/1"))

    # No proof here names an attachment; so much may be found out before whose it is.
    check_nothing_shows(told, Fault.QUESTION_WIDENED if told.details == Fault.QUESTION_WIDENED else ATTACKS[name].fault)


def test_p1_of_fifty_that_use_one_proof_at_the_same_time_exactly_one_is_answered(kit: AttackKit) -> None:
    gateway, message = kit.gateway(HOLDER), honest(kit)
    with ThreadPoolExecutor(50) as threads:
        told = list(threads.map(gateway.query, [message] * 50))

    assert sorted(one.details for one in told) == [""] + [Fault.PROOF_USED.value] * 49
    assert [CANARY.encode() in one.blob for one in told].count(True) == 1


def test_p1_a_mandate_about_one_person_finds_nobody_else_by_pseudonym_and_not_yours_looks_like_unknown(kit: AttackKit) -> None:
    gateway = kit.gateway(HOLDER)

    def ask(bsn: str) -> Told:
        pseudonym, key = kit.pseudonym(HOLDER, bsn)
        return gateway.locate(location(kit.user().mandate(STRANGER), pseudonym, bsn, key))

    pseudonym, key = kit.pseudonym(HOLDER, VICTIM)
    own = gateway.locate(location(kit.user().mandate(VICTIM), pseudonym, VICTIM, key))
    known, unknown = ask(VICTIM), ask(a_bsn("99944160"))

    assert own.frames[0].located
    assert [(one.status, one.details, one.frames[0].SerializeToString(), one.trailing) for one in (known, unknown)] == [("OK", "", b"", known.trailing)] * 2


def test_p1_one_mandate_tries_one_pseudonym(kit: AttackKit) -> None:
    gateway, mandate = kit.gateway(HOLDER), kit.user().mandate(VICTIM)
    told = []
    for bsn in (VICTIM, SILENT, STRANGER):
        pseudonym, key = kit.pseudonym(HOLDER, bsn)
        told.append(gateway.locate(location(mandate, pseudonym, bsn, key)))

    assert [one.details for one in told] == ["", *[Fault.OTHER_PATIENT_MANDATED.value] * 2]


@pytest.mark.parametrize("mine", [VICTIM, STRANGER], ids=["of somebody known", "of nobody known"])
def test_p1_by_somebody_elses_record_a_mandate_obtains_what_it_would_by_one_that_does_not_exist(kit: AttackKit, mine: str) -> None:
    gateway = kit.gateway(HOLDER)

    def ask(record: str) -> Told:
        mandate = kit.user().mandate(mine)
        message = question(mandate, kit.ura(HOLDER), mine)
        message.query.record = record
        return gateway.query(message)

    theirs, nobodys = ask("Condition/c-silent"), ask("Condition/does-not-exist")

    assert looks(theirs) == looks(nobodys)
    assert theirs.closed.ending == answer_codec.ENDING_TO_WIRE[Ending.NOTHING_SHOWN]


def test_a8_what_was_made_for_one_place_is_refused_at_another(kit: AttackKit) -> None:
    other = "gateway-two"
    if other not in {member.name.value for member in kit.register.members}:
        kit.enrol(other, "90009002", {Part.GATEWAY})
    mandate = kit.user().mandate(VICTIM)
    for_brinkhof = mandate.proof(treating(EVERYTHING, "brinkhof"))
    captured = question(mandate, kit.ura("eschrand"), VICTIM, proof=for_brinkhof)
    through_the_other = question(mandate, kit.ura(HOLDER), VICTIM, proof=mandate.proof(gateway=kit.ura(other)))
    as_an_attachment = question(mandate, kit.ura(HOLDER), VICTIM, proof=mandate.proof())

    assert kit.gateway("eschrand").query(captured).details == Fault.QUESTION_WIDENED
    assert kit.gateway(HOLDER).query(through_the_other).details == Fault.TOKEN_INVALID
    assert kit.gateway(HOLDER).fetch(attachment(as_an_attachment, "Binary/1", "Condition/c-victim")).details == Fault.QUESTION_WIDENED


@contextmanager
def budget(kit: AttackKit, patients: int) -> Iterator[None]:
    """The region agrees on so many patients an hour for a professional, for the time of a test."""
    office = kit.region.office
    usual = policy_of_the_testbed()

    def tighter(draft: Draft) -> None:
        draft.set_policy(replace(usual, budget=Budget(per_professional=patients, per_organisation=10**6, per_gateway=10**6)))

    office.change(tighter)
    try:
        _until_known(kit)
        yield
    finally:
        office.change(lambda draft: draft.set_policy(usual))
        _until_known(kit)


def _until_known(kit: AttackKit) -> None:
    """Bring the newest register to the holder, as any gateway may."""
    live = kit.credentials("gateway").live
    kit.gateway(HOLDER).exchange(pb.ExchangeRequest(register=live.text, register_version=live.newest.version))


def test_d2_whoever_walks_through_numbers_is_stopped_and_cannot_tell_the_known_from_the_unknown(kit: AttackKit) -> None:
    walker = replace(ATTACKER, identifier="900000777")
    before = len([event for event in events_at(kit.region) if isinstance(event, BudgetAlarm)])

    def step(bsn: str) -> Told:
        pseudonym, key = kit.pseudonym(HOLDER, bsn)
        return kit.gateway(HOLDER).locate(location(kit.user().mandate(bsn, professional=walker), pseudonym, bsn, key))

    with budget(kit, 10):
        told = [step(a_bsn(f"999{number:05}")) for number in range(20_000, 20_300, 10)]
        known, unknown = step(SILENT), step(STRANGER)
    alarms = [event for event in events_at(kit.region) if isinstance(event, BudgetAlarm)]

    assert [one.details for one in told] == [""] * 10 + [Fault.BUDGET_SPENT.value] * 20
    assert not any(one.frames and one.frames[0].located for one in told)
    assert (known.details, known.frames, known.trailing) == (unknown.details, unknown.frames, unknown.trailing)
    assert len(alarms) > before


def test_d2_without_the_key_an_index_of_pseudonyms_finds_nobody(kit: AttackKit) -> None:
    _, right = kit.pseudonym(HOLDER, VICTIM)
    wrong, wrong_key = kit.pseudonym("eschrand", VICTIM)
    gateway = kit.gateway(HOLDER)

    said = gateway.locate(location(kit.user().mandate(VICTIM), wrong, VICTIM, wrong_key))
    unsaid = gateway.locate(location(kit.user().mandate(VICTIM), wrong, VICTIM, right))

    assert said.details == Fault.WRONG_KEY
    assert (unsaid.status, unsaid.frames[0].located) == ("OK", False)


@pytest.mark.parametrize(
    "change",
    [
        lambda query: query.selection.MergeFrom(terms_pb2.Selection(order=terms_pb2.ORDER_GLOBAL, limit=10**9)),
        lambda query: query.selection.ids.extend(str(number) for number in range(10_000)),
        lambda query: query.selection.types.extend(f"T{number}" for number in range(10_000)),
        lambda query: query.selection.MergeFrom(terms_pb2.Selection(codes=[terms_pb2.Token(system="a", code="b" * 100_000)])),
        lambda query: setattr(query, "bsn", f"{VICTIM},{SILENT}"),
        lambda query: setattr(query, "query_id", "x" * 10_000),
    ],
    ids=["a thousand million", "ten thousand ids", "ten thousand types", "an endless code", "two people", "an endless id"],
)
def test_d3_a_question_over_the_limits_is_refused_and_not_cut_down_in_silence(kit: AttackKit, change: Callable[[Any], object]) -> None:
    message = honest(kit)
    change(message.query)

    told = kit.gateway(HOLDER).query(message)

    assert told.refused
    assert told.details in {Fault.INVALID_QUESTION, Fault.INVALID_BSN, Fault.INVALID_ID}


def test_a2_a_gateway_cannot_bring_a_register_of_its_own_making(kit: AttackKit) -> None:
    gateway, live = kit.gateway(HOLDER), kit.credentials("gateway").live
    header, _, signature = live.text.split(".")
    forged = f"{header}.{encoded(b'{}')}.{signature}"
    answer = gateway.exchange(pb.ExchangeRequest(register=forged, register_version=10**6))

    # Refused, or set aside; and whoever has the office's own register is still asked and answered.
    assert not answer.frames or answer.frames[0].register_version <= live.newest.version
    assert gateway.query(honest(kit)).status == "OK"


def test_a2_somebody_with_a_certificate_who_is_no_gateway_is_answered_nothing(kit: AttackKit) -> None:
    stranger = kit.gateway(HOLDER, through="eschrand")
    pseudonym, key = kit.pseudonym(HOLDER, VICTIM)
    mandate: ScriptedMandate = kit.user("eschrand").mandate(VICTIM)
    with stranger.watching() as watch:
        told = [
            stranger.describe(),
            stranger.query(question(mandate, kit.ura(HOLDER), VICTIM)),
            stranger.locate(location(mandate, pseudonym, VICTIM, key)),
            stranger.fetch(attachment(question(mandate, kit.ura(HOLDER), VICTIM), "Binary/1", "DocumentReference/1")),
            stranger.exchange(pb.ExchangeRequest()),
            watch.rest(),
        ]

    assert [(one.frames, one.details) for one in told] == [((), Fault.NOT_A_MEMBER.value)] * 6
