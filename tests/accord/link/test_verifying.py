"""What a holder believes of a question that a gateway brings (promise P1), and what a gateway lets in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given

from accord.link.verifying import GatewayVerifier, HolderVerifier, Verified, VerifiedCaller
from accord.rules.narrowing import selection_narrows
from accord.terms.evidence import Asked
from accord.terms.faults import Fault, Faulted
from accord.terms.identifiers import Bsn, Pseudonym, RecordRef, Ura
from accord.terms.members import Member, MemberStatus
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.queries import EVERYTHING, NO_EVIDENCE, Evidence, HolderQuery, Selection
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from tests.accord.asked import bsns, selections
from tests.accord.link.evidence_world import (
    ASKER,
    BSN,
    GATEWAY,
    GP,
    HOSPITAL,
    HOSPITAL_NAME,
    OTHER_BSN,
    OTHER_GATEWAY,
    OTHER_USER,
    PHARMACY,
    PHARMACY_NAME,
    USER,
    USER_KEY,
    World,
    changed,
    holder_query,
    mandate,
)

TREAT: Final = PurposeOfUse.TREATMENT
SOMEBODY: Final = Pseudonym(b"\1" * 32)
SOMEBODY_ELSE: Final = Pseudonym(b"\2" * 32)
OBSERVATIONS: Final = Selection(types=frozenset({"Observation"}))


class Holder:
    """The hospital, with a verifier of its own."""

    def __init__(self, world: World | None = None, holder: Ura = HOSPITAL) -> None:
        self.world = world or World()
        self.verifier = HolderVerifier(self.world.register_of, holder, self.world.now)

    def gets(self, query: HolderQuery, through: Ura | None = GATEWAY, **more: Any) -> Verified:
        """The question as verified."""
        peer: Member | None = None if through is None else self.world.member(through)
        what = more.pop("what", "query")
        return self.verifier.verify(query, what, peer, **more)


def fault_of(attempt: Callable[[], object]) -> Fault | None:
    try:
        attempt()
    except Faulted as refused:
        return refused.fault
    return None


def test_a_question_with_sound_evidence_comes_from_whom_the_mandate_says() -> None:
    holder = Holder()
    said = replace(ASKER, data_user=DataUser(USER, "Somebody", HolderKind.HOSPITAL), professional=replace(GP, name="Somebody"), treats_the_patient=False)
    query = holder_query(holder.world.evidence(), asked_by=said)

    verified = holder.gets(query)

    assert verified.query == replace(query, asked_by=Asker(holder.world.member(USER).user, GP, treats_the_patient=True))
    assert verified.received == query
    assert verified.mandate == holder.world.made.mandate


def test_treatment_is_what_the_mandate_says_and_not_the_gateway() -> None:
    holder = Holder(World(mandate(treatment=None)))

    assert not holder.gets(holder_query(holder.world.evidence())).query.asked_by.treats_the_patient


@given(selections, selections)
def test_p1_a_gateway_cannot_widen(asked: Selection, put: Selection) -> None:
    holder = Holder()
    evidence = holder.world.evidence(holder.world.proof(Asked(TREAT, asked)))

    fault = fault_of(lambda: holder.gets(holder_query(evidence, put)))

    assert fault is (None if selection_narrows(asked, put) else Fault.QUESTION_WIDENED)


@given(bsns)
def test_p1_a_gateway_cannot_ask_about_another_patient(other: Bsn) -> None:
    holder = Holder()
    resealed = replace(holder.world.evidence(), salt=holder.world.sealed(other))

    for evidence in (holder.world.evidence(), resealed):
        assert (fault_of(lambda e=evidence: holder.gets(holder_query(e, about=other))) is Fault.OTHER_PATIENT_MANDATED) == (other != BSN)  # type: ignore[misc]


LIES: Final[dict[str, dict[str, Any]]] = {
    "another purpose": {"purpose": PurposeOfUse.EMERGENCY_TREATMENT},
    "another organisation": {"asked_by": replace(ASKER, data_user=replace(ASKER.data_user, ura=OTHER_USER))},
    "another professional": {"asked_by": replace(ASKER, professional=replace(GP, identifier="900000002"))},
    "another role": {"asked_by": replace(ASKER, professional=replace(GP, role="01.016"))},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_p1_a_gateway_that_says_something_else_than_the_mandate_is_caught(lie: dict[str, Any]) -> None:
    holder = Holder()

    assert fault_of(lambda: holder.gets(holder_query(holder.world.evidence(), **lie))) is Fault.QUESTION_WIDENED


def test_p1_a_proof_for_another_purpose_than_the_mandate_is_refused() -> None:
    holder = Holder()
    proof = holder.world.proof(Asked(PurposeOfUse.EMERGENCY_TREATMENT, EVERYTHING))

    for purpose in PurposeOfUse:
        assert fault_of(lambda p=purpose: holder.gets(holder_query(holder.world.evidence(proof), purpose=p))) is Fault.QUESTION_WIDENED  # type: ignore[misc]


def test_a8_a_question_for_one_holder_is_refused_at_another() -> None:
    world = World()
    pharmacy = Holder(world, PHARMACY)
    evidence = world.evidence(world.proof(Asked(TREAT, EVERYTHING, frozenset({HOSPITAL_NAME}))))

    assert fault_of(lambda: pharmacy.gets(holder_query(evidence))) is Fault.NOT_THIS_HOLDER
    assert fault_of(lambda: pharmacy.gets(holder_query(evidence, holder=PHARMACY))) is Fault.QUESTION_WIDENED
    assert fault_of(lambda: pharmacy.verifier.verify_locate(SOMEBODY, ASKER, TREAT, evidence, world.member(GATEWAY))) is Fault.QUESTION_WIDENED
    assert fault_of(lambda: Holder(world).gets(holder_query(evidence))) is None


def test_a8_a_proof_that_came_through_another_gateway_is_refused() -> None:
    holder = Holder()
    query = holder_query(holder.world.evidence())

    assert fault_of(lambda: holder.gets(query, OTHER_GATEWAY)) is Fault.TOKEN_INVALID
    assert fault_of(lambda: holder.gets(query, GATEWAY)) is None


def test_a8_a_proof_that_was_used_to_locate_does_not_come_through_another_gateway() -> None:
    holder = Holder()
    query = holder_query(holder.world.evidence())
    holder.verifier.verify_locate(SOMEBODY, ASKER, TREAT, query.evidence, holder.world.member(GATEWAY))

    assert fault_of(lambda: holder.gets(query, OTHER_GATEWAY)) is Fault.TOKEN_INVALID
    holder.world.at += timedelta(seconds=61)
    assert fault_of(lambda: holder.gets(query)) is Fault.PROOF_EXPIRED


def test_a8_a_proof_of_a_question_fetches_no_attachment_and_the_other_way_round() -> None:
    holder = Holder()
    pointer: dict[str, Any] = {"attachment": "Binary/7", "record": "DocumentReference/3"}
    query = holder_query(holder.world.evidence())
    attachment = holder_query(holder.world.evidence(holder.world.proof(Asked(TREAT, EVERYTHING, **pointer))))

    assert fault_of(lambda: holder.gets(query, what="attachment", **pointer)) is Fault.QUESTION_WIDENED
    assert fault_of(lambda: holder.gets(attachment)) is Fault.QUESTION_WIDENED
    assert fault_of(lambda: holder.gets(attachment, what="attachment", **pointer)) is None


def test_without_a_channel_the_proof_must_name_a_gateway_of_the_region() -> None:
    holder = Holder()

    assert fault_of(lambda: holder.gets(holder_query(holder.world.evidence()), None)) is None
    for nobody, fault in ((PHARMACY, Fault.NOT_A_MEMBER), (Ura("99999999"), Fault.NOT_A_MEMBER)):
        evidence = holder.world.evidence(holder.world.proof(gateway=nobody))
        assert fault_of(lambda e=evidence: holder.gets(holder_query(e), None)) is fault  # type: ignore[misc]


def test_a_data_user_does_not_ask_a_holder_without_a_gateway() -> None:
    holder = Holder()

    assert fault_of(lambda: holder.gets(holder_query(holder.world.evidence(holder.world.proof(gateway=USER))), USER)) is Fault.NOT_A_MEMBER


@pytest.mark.parametrize("blocked", [USER, GATEWAY, HOSPITAL])
def test_p1_whoever_is_blocked_is_cut_off_at_the_next_question(blocked: Ura) -> None:
    holder = Holder()
    first = fault_of(lambda: holder.gets(holder_query(holder.world.evidence())))
    peer = holder.world.member(GATEWAY)  # as the channel knew it when it opened
    holder.world.register = changed(blocked, status=MemberStatus.BLOCKED)

    query = holder_query(holder.world.evidence())

    assert first is None
    assert fault_of(lambda: holder.verifier.verify(query, "query", peer)) is Fault.ORGANISATION_BLOCKED


def test_p1_a_proof_serves_once_for_each_kind_of_call() -> None:
    holder = Holder()
    query = holder_query(holder.world.evidence())

    def locate() -> object:
        return holder.verifier.verify_locate(SOMEBODY, ASKER, TREAT, query.evidence, holder.world.member(GATEWAY))

    assert [fault_of(locate), fault_of(locate)] == [None, Fault.PROOF_USED]
    assert [fault_of(lambda: holder.gets(query)) for _ in range(3)] == [None, Fault.PROOF_USED, Fault.PROOF_USED]


def test_a_refused_question_does_not_use_up_its_proof() -> None:
    holder = Holder()
    query = holder_query(holder.world.evidence())

    assert fault_of(lambda: holder.gets(replace(query, about=OTHER_BSN))) is Fault.OTHER_PATIENT_MANDATED
    assert fault_of(lambda: holder.gets(query)) is None


def test_a_proof_of_before_the_start_is_refused_after_a_restart() -> None:
    world = World()
    query = holder_query(world.evidence())
    Holder(world).gets(query)
    world.at += timedelta(seconds=5)

    assert fault_of(lambda: Holder(world).gets(query)) is Fault.PROOF_USED


def test_evidence_that_is_missing_or_too_much_is_refused() -> None:
    holder = Holder()
    world = holder.world
    cases = {
        NO_EVIDENCE: Fault.EVIDENCE_MISSING,
        Evidence(world.made.text, (), world.sealed()): Fault.EVIDENCE_MISSING,
        Evidence(world.made.text, ("",), world.sealed()): Fault.EVIDENCE_MISSING,
        world.evidence(world.proof(), world.proof()): Fault.TOKEN_INVALID,
        Evidence(world.made.text, (world.proof(),), b""): Fault.TOKEN_INVALID,
        Evidence(world.made.text, (world.proof(),), world.made.salt): Fault.OTHER_PATIENT_MANDATED,
        Evidence(world.made.text, (world.proof(key=USER_KEY),), world.sealed()): Fault.TOKEN_INVALID,
    }

    assert [fault_of(lambda e=evidence: holder.gets(holder_query(e))) for evidence in cases] == list(cases.values())  # type: ignore[misc]


def test_the_mandates_categories_narrow_the_question() -> None:
    both = frozenset({CareCategory.CONDITION, CareCategory.PROCEDURE})
    holder = Holder(World(mandate(categories=both)))

    def categories(*asked: CareCategory) -> frozenset[CareCategory]:
        selection = Selection(categories=frozenset(asked))
        return holder.gets(holder_query(holder.world.evidence(), selection)).query.selection.categories

    assert categories() == both
    assert categories(CareCategory.CONDITION, CareCategory.DOCUMENT) == {CareCategory.CONDITION}
    assert fault_of(lambda: categories(CareCategory.DOCUMENT)) is Fault.QUESTION_WIDENED


def test_when_the_question_is_about_a_record_the_patient_is_checked_once_known() -> None:
    holder = Holder()
    verified = holder.gets(holder_query(holder.world.evidence(), about=RecordRef("Observation", "1")))

    assert fault_of(lambda: verified.check_patient(BSN)) is None
    assert fault_of(lambda: verified.check_patient(OTHER_BSN)) is Fault.OTHER_PATIENT_MANDATED


def test_p1_a_mandate_locates_one_person_however_many_proofs_are_made() -> None:
    holder = Holder()

    def locate(pseudonym: Pseudonym) -> Fault | None:
        return fault_of(lambda: holder.verifier.verify_locate(pseudonym, ASKER, TREAT, holder.world.evidence(), holder.world.member(GATEWAY)))

    assert [locate(SOMEBODY), locate(SOMEBODY), locate(SOMEBODY_ELSE)] == [None, None, Fault.OTHER_PATIENT_MANDATED]


def test_whom_a_pseudonym_stands_for_is_checked_when_the_index_knows_it() -> None:
    holder = Holder()
    asker = holder.verifier.verify_locate(SOMEBODY, ASKER, TREAT, holder.world.evidence(), holder.world.member(GATEWAY))

    assert asker.asked_by == Asker(holder.world.member(USER).user, GP, treats_the_patient=True)
    assert fault_of(lambda: asker.check_patient(BSN)) is None
    assert fault_of(lambda: asker.check_patient(OTHER_BSN)) is Fault.OTHER_PATIENT_MANDATED


class Gateway:
    """The gateway, with a verifier of its own."""

    def __init__(self) -> None:
        self.world = World()
        self.verifier = GatewayVerifier(self.world.register_of, GATEWAY, self.world.now)

    def gets(self, *proofs: str, through: Ura | None = USER, bsn: Bsn = BSN) -> VerifiedCaller:
        """The caller as verified."""
        evidence = Evidence(self.world.made.text, proofs, self.world.made.salt)
        return self.verifier.verify(evidence, bsn, None if through is None else self.world.member(through))


def test_a_gateway_hands_each_holder_the_proof_that_covers_its_question() -> None:
    gateway = Gateway()
    world = gateway.world
    hospital = world.proof(Asked(TREAT, OBSERVATIONS, frozenset({HOSPITAL_NAME})))
    pharmacy = world.proof(Asked(TREAT, EVERYTHING, frozenset({PHARMACY_NAME})))
    caller = gateway.gets(hospital, pharmacy)
    query = holder_query(NO_EVIDENCE, OBSERVATIONS, asked_by=caller.asker)

    evidence = caller.for_holder(query, HOSPITAL_NAME, BSN)

    assert caller.asker == Asker(world.member(USER).user, Professional("900000001", "01.015", "J. de Vries"), treats_the_patient=True)
    assert (evidence.proofs, evidence.salt) == ((hospital,), world.sealed())
    assert caller.cover(query, PHARMACY_NAME) == pharmacy
    assert fault_of(lambda: caller.cover(replace(query, selection=EVERYTHING), HOSPITAL_NAME)) is Fault.QUESTION_WIDENED
    assert Holder(world).gets(replace(query, evidence=evidence)).query == query


def test_a_gateway_lets_in_the_issuer_and_other_gateways_and_nobody_else() -> None:
    gateway = Gateway()
    through = {USER: None, None: None, OTHER_GATEWAY: None, OTHER_USER: Fault.TOKEN_INVALID, HOSPITAL: Fault.TOKEN_INVALID}

    assert [fault_of(lambda u=ura: gateway.gets(gateway.world.proof(), through=u)) for ura in through] == list(through.values())  # type: ignore[misc]


def test_a_gateway_refuses_what_no_holder_would_take() -> None:
    gateway = Gateway()
    world = gateway.world
    good = world.proof()
    cases: list[tuple[Callable[[], object], Fault]] = [
        (gateway.gets, Fault.EVIDENCE_MISSING),
        (lambda: gateway.gets(*(world.proof() for _ in range(5))), Fault.TOKEN_INVALID),
        (lambda: gateway.gets(world.proof(gateway=OTHER_GATEWAY)), Fault.TOKEN_INVALID),
        (lambda: gateway.gets(world.proof(Asked(PurposeOfUse.EMERGENCY_TREATMENT, EVERYTHING))), Fault.QUESTION_WIDENED),
        (lambda: gateway.gets(good, bsn=OTHER_BSN), Fault.OTHER_PATIENT_MANDATED),
        (lambda: gateway.gets(good, good), Fault.PROOF_USED),
        (lambda: gateway.gets(good), Fault.PROOF_USED),
    ]

    assert [fault_of(attempt) for attempt, _ in cases] == [fault for _, fault in cases]
    world.register = changed(USER, status=MemberStatus.BLOCKED)
    assert fault_of(lambda: gateway.gets(world.proof(), through=None)) is Fault.ORGANISATION_BLOCKED
