"""B12 at the holder: an emergency has a beginning, an end, and a limit, and stands in for no refusal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from accord.rules.budgets import Alarm, Level
from accord.rules.consent import Basis, Choice, Refusal, decide
from accord.rules.emergency import Lacking, ReasonCode
from accord.terms.evidence import Emergency, Mandate, TreatmentBasis
from accord.terms.faults import Fault
from accord.terms.identifiers import Pseudonym, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.policies import EmergencyPolicy
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from node_agent.emergencies import BrokenGlass, Emergencies, GlassUnbroken, PastEmergency

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
GATEWAY, HOSPITAL = Ura("90000009"), Ura("90000001")
SANNE = Professional("900001", "01.015", "S. ten Esker")
POLICY = EmergencyPolicy("Wkkgz", frozenset({"01.015"}), ends=NOW + timedelta(days=100))


class Desk:
    """A holder's emergencies, and time that passes when it is told to."""

    def __init__(self, policy: EmergencyPolicy | None = POLICY, own: Pseudonym | None = None) -> None:
        self.policy = policy
        self.passed = 0.0
        self.emergencies = Emergencies(lambda: self.policy, clock=lambda: 5_000.0 + self.passed, pseudonym_of=lambda _ura, _who: own)

    @property
    def now(self) -> datetime:
        """The moment."""
        return NOW + timedelta(seconds=self.passed)

    def mandate(self, professional: Professional = SANNE, *, reason: str = "unconscious", factor_age: float = 10.0) -> Mandate:
        """A mandate of just now."""
        emergency = Emergency(reason, "", self.now - timedelta(seconds=factor_age))
        issued, expires = self.now - timedelta(seconds=5), self.now + timedelta(minutes=10)
        purpose = PurposeOfUse.EMERGENCY_TREATMENT
        return Mandate("m", HOSPITAL, "twente", professional, purpose, bytes(32), TreatmentBasis.PRESENT, frozenset(), issued, expires, b"", b"", emergency)

    def use(self, number: int = 1, mandate: Mandate | None = None) -> BrokenGlass:
        """Break the glass."""
        return self.emergencies.use(mandate or self.mandate(), patient(number), gateway=GATEWAY, at=self.now)

    def refusal(self, number: int = 1, mandate: Mandate | None = None) -> GlassUnbroken:
        """Break no glass."""
        with pytest.raises(GlassUnbroken) as caught:
            self.use(number, mandate)
        return caught.value


def patient(number: int) -> Pseudonym:
    return Pseudonym(number.to_bytes(32, "big"))


def test_the_first_use_begins_an_emergency_and_the_next_does_not() -> None:
    desk = Desk()
    first = desk.use()
    desk.passed = 60.0

    assert first == BrokenGlass(ReasonCode.UNCONSCIOUS, NOW + timedelta(minutes=60), begins=True)
    assert desk.use() == replace(first, begins=False)


@pytest.mark.parametrize(
    ("policy", "fault"), [(None, Fault.EMERGENCY_NOT_OFFERED), (replace(POLICY, ends=NOW - timedelta(days=1)), Fault.EMERGENCY_NOT_OFFERED)]
)
def test_b12_it_is_offered_on_all_dossiers_or_on_none(policy: EmergencyPolicy | None, fault: Fault) -> None:
    desk = Desk(policy)

    assert {desk.refusal(number).fault for number in range(5)} == {fault}


def test_b12_without_a_reason_nothing_opens() -> None:
    desk = Desk()
    refused = desk.refusal(mandate=desk.mandate(reason=""))

    assert (refused.fault, refused.lacking) == (Fault.EMERGENCY_INCOMPLETE, Lacking.REASON)


def test_b12_with_a_role_that_may_not_nothing_opens() -> None:
    desk = Desk()
    refused = desk.refusal(mandate=desk.mandate(replace(SANNE, role="30.000")))

    assert (refused.fault, refused.lacking) == (Fault.EMERGENCY_INCOMPLETE, Lacking.ROLE)


def test_b12_thirty_patients_in_a_row_end_at_the_limit_and_alarm_once() -> None:
    desk = Desk()
    opened, refusals = 0, []
    for number in range(30):
        desk.passed += 60
        try:
            opened += desk.use(number).begins
        except GlassUnbroken as refused:
            refusals.append(refused)

    assert opened == POLICY.per_professional
    assert {(refused.fault, refused.lacking) for refused in refusals} == {(Fault.EMERGENCY_SPENT, Lacking.PROFESSIONAL_SPENT)}
    assert [refused.alarm is not None for refused in refusals] == [True] + [False] * 24
    assert refusals[0].alarm == Alarm(Level.PROFESSIONAL, GATEWAY, HOSPITAL, SANNE.identifier, POLICY.per_professional, hours=24)
    assert desk.use(4).begins is False  # what was opened stays open until its end


def test_b12_many_professionals_of_one_organisation_end_at_its_limit() -> None:
    desk = Desk(replace(POLICY, per_organisation=8))
    for number in range(8):
        desk.use(number, desk.mandate(replace(SANNE, identifier=str(number))))
    refused = desk.refusal(9, desk.mandate(replace(SANNE, identifier="9")))

    assert refused.lacking is Lacking.ORGANISATION_SPENT


def test_a_day_later_there_is_room_again() -> None:
    desk = Desk(replace(POLICY, per_professional=1))
    desk.use(1)
    desk.passed = 86_399.0
    assert desk.refusal(2).fault is Fault.EMERGENCY_SPENT
    desk.passed = 86_401.0

    assert desk.use(2).begins


def test_b12_a_mandate_replayed_after_its_end_opens_nothing_while_the_emergency_lasts_or_later() -> None:
    desk = Desk()
    mandate = desk.mandate()
    desk.use(mandate=mandate)
    faults = []
    for seconds in (601, 3_599, 3_601, 90_000):
        desk.passed = seconds
        faults.append(desk.refusal(mandate=mandate).fault)

    assert set(faults) == {Fault.MANDATE_EXPIRED}


def test_b12_a_mandate_that_still_holds_begins_no_second_emergency() -> None:
    desk = Desk(replace(POLICY, minutes=1))
    mandate = desk.mandate(factor_age=0)
    desk.use(mandate=mandate)
    desk.passed = 61.0
    assert desk.refusal(mandate=mandate).lacking is Lacking.SECOND_FACTOR

    assert desk.use(mandate=desk.mandate(factor_age=0)).begins


def test_b12_an_explicit_never_stays_never() -> None:
    desk = Desk()
    asker = Asker(DataUser(HOSPITAL, "Ziekenhuis", HolderKind.HOSPITAL), SANNE, treats_the_patient=True)
    never = (Choice(permits=False),)
    assert desk.use().begins

    for category in CareCategory:
        assert decide(asker, PurposeOfUse.EMERGENCY_TREATMENT, category, never, at=NOW) is Refusal.PATIENT_REFUSED
        assert decide(asker, PurposeOfUse.EMERGENCY_TREATMENT, category, (), at=NOW) is Basis.EMERGENCY


def test_b12_nobody_opens_their_own_record_where_the_holder_knows_it() -> None:
    assert Desk(own=patient(1)).refusal(1).lacking is Lacking.ONESELF
    assert Desk(own=patient(1)).use(2).begins


def test_a_clock_that_is_set_back_makes_no_emergency_longer() -> None:
    emergencies_clock = [0.0]
    emergencies = Emergencies(lambda: POLICY, clock=lambda: emergencies_clock[0])
    desk = Desk()
    first = emergencies.use(desk.mandate(), patient(1), gateway=GATEWAY, at=NOW)
    emergencies_clock[0] = 3_500.0
    second = emergencies.use(desk.mandate(), patient(1), gateway=GATEWAY, at=NOW)  # the wall clock stood still
    emergencies_clock[0] = 3_601.0

    assert (first.ends, second.ends) == (NOW + timedelta(minutes=60), NOW + timedelta(seconds=100))
    with pytest.raises(GlassUnbroken):
        emergencies.use(desk.mandate(), patient(1), gateway=GATEWAY, at=NOW)


def test_after_a_restart_an_emergency_goes_on_and_still_counts() -> None:
    desk = Desk(replace(POLICY, per_professional=1))
    began = NOW - timedelta(minutes=10)
    desk.emergencies.restore([PastEmergency(GATEWAY, HOSPITAL, SANNE.identifier, patient(1), began, began)], now=NOW)

    assert desk.use(1) == BrokenGlass(ReasonCode.UNCONSCIOUS, began + timedelta(minutes=60), begins=False)
    assert desk.refusal(2).lacking is Lacking.PROFESSIONAL_SPENT


def test_past_emergencies_count_when_the_policy_returns() -> None:
    desk = Desk(None)
    desk.emergencies.restore([PastEmergency(GATEWAY, HOSPITAL, SANNE.identifier, patient(1), NOW - timedelta(minutes=1), NOW - timedelta(minutes=1))], now=NOW)
    desk.policy = replace(POLICY, per_professional=1)

    assert desk.refusal(2).lacking is Lacking.PROFESSIONAL_SPENT


def test_p7_what_is_kept_of_emergencies_is_bounded_and_forgotten_after_a_day() -> None:
    desk = Desk(replace(POLICY, per_organisation=2, per_professional=1))
    for number in range(100):
        try:
            desk.use(1, desk.mandate(replace(SANNE, identifier=str(number))))
        except GlassUnbroken:
            continue
    assert len(desk.emergencies) == 16
    desk.passed = 90_000.0
    desk.use(2)

    assert len(desk.emergencies) == 1


def test_p6_neither_words_nor_patient_are_in_what_is_raised() -> None:
    desk = Desk(None)
    mandate = replace(desk.mandate(), emergency=Emergency("unconscious", "canary words", NOW))

    assert "canary" not in repr(mandate)
    assert str(desk.refusal(mandate=mandate)) == "emergency-not-offered"
