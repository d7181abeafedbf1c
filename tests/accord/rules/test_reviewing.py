"""D7: in a synthetic month of a region what was planted is found, and an ordinary month gives hardly any findings."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from accord.rules.budgets import Alarm, Level
from accord.rules.reviewing import Access, Finding, FindingKind, review
from accord.terms.evidence import TreatmentBasis
from accord.terms.identifiers import Ura
from accord.terms.vocabulary import PurposeOfUse

BEGIN = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)
DAYS = 30
HOSPITAL, POST, PRACTICE = Ura("90000001"), Ura("90000002"), Ura("90000003")
TREATMENT, EMERGENCY = PurposeOfUse.TREATMENT, PurposeOfUse.EMERGENCY_TREATMENT
#: Of an organisation: its professionals, their role, patients they see on a day (least, most), and how these come.
STAFF = (
    (HOSPITAL, 25, "01.015", 4, 22, TreatmentBasis.ADMITTED),
    (HOSPITAL, 6, "01.014", 10, 32, TreatmentBasis.PRESENT),
    (HOSPITAL, 40, "30.000", 6, 30, TreatmentBasis.ADMITTED),
    (POST, 8, "01.015", 12, 30, TreatmentBasis.PRESENT),
    (PRACTICE, 4, "01.015", 15, 35, TreatmentBasis.REGISTERED),
)


def patient(number: int) -> bytes:
    return number.to_bytes(8, "big") * 4


def access(at: datetime, organisation: Ura, who: str, role: str, number: int, treatment: TreatmentBasis | None, purpose: PurposeOfUse = TREATMENT) -> Access:
    return Access(at, organisation, who, role, patient(number), purpose, treatment)


def ordinary_month(chance: random.Random) -> Iterator[Access]:
    """Shifts, patients who come again, wards that share them, two in a hundred opened in emergency, now and then a slip."""
    for organisation, people, role, least, most, treatment in STAFF:
        for person in range(people):
            for day in range(DAYS):
                if chance.random() < 0.4:  # off
                    continue
                for _ in range(chance.randint(least, most)):
                    number = chance.randrange(4_000) + int(organisation.value) * 10_000
                    at = BEGIN + timedelta(days=day, hours=chance.uniform(7, 23))
                    is_emergency = treatment is TreatmentBasis.PRESENT and chance.random() < 0.02
                    claimed = None if chance.random() < 0.002 else treatment
                    for again in range(chance.randint(1, 3)):
                        purpose = EMERGENCY if is_emergency else TREATMENT
                        yield access(at + timedelta(minutes=again), organisation, f"{role}-{person}", role, number, claimed, purpose)


@pytest.fixture(scope="module", params=[1, 2])
def month(request: pytest.FixtureRequest) -> list[Access]:
    """An ordinary month."""
    return list(ordinary_month(random.Random(request.param)))


@pytest.mark.slow
def test_d7_an_ordinary_month_gives_at_most_one_finding_a_day(month: list[Access]) -> None:
    per_day = [finding.day for finding in review(month)]

    assert len(month) > 10_000
    assert len(per_day) <= DAYS
    assert all(per_day.count(day) <= 1 for day in set(per_day))


@pytest.mark.slow
def test_d7_treatment_as_purpose_for_300_patients_without_a_relationship_is_found(month: list[Access]) -> None:
    planted = [access(BEGIN + timedelta(hours=2 * number), HOSPITAL, "30.000-7", "30.000", 990_000 + number, None) for number in range(300)]
    found = [finding for finding in review(month + planted) if finding.kind is FindingKind.NO_RELATION]

    assert [(finding.organisation, finding.professional) for finding in found] == [(HOSPITAL, "30.000-7")]
    assert found[0].count >= 300


@pytest.mark.slow
def test_d7_a_relationship_that_is_claimed_for_everybody_is_found_by_its_number(month: list[Access]) -> None:
    day = BEGIN + timedelta(days=12, hours=12)
    planted = [access(day + timedelta(seconds=number), HOSPITAL, "30.000-9", "30.000", 880_000 + number, TreatmentBasis.ADMITTED) for number in range(120)]
    found = [finding for finding in review(month + planted) if finding.kind is FindingKind.UNUSUALLY_MANY]

    assert (HOSPITAL, "30.000-9") in {(finding.organisation, finding.professional) for finding in found}


@pytest.mark.slow
def test_d7_an_organisation_that_breaks_glass_for_more_than_one_in_twenty_is_found(month: list[Access]) -> None:
    planted = [
        access(BEGIN + timedelta(hours=number), PRACTICE, f"01.015-{number % 4}", "01.015", 770_000 + number, TreatmentBasis.PRESENT, EMERGENCY)
        for number in range(150)
    ]
    before = [finding.organisation for finding in review(month) if finding.kind is FindingKind.EMERGENCIES]
    after = [finding.organisation for finding in review(month + planted) if finding.kind is FindingKind.EMERGENCIES]

    assert before == []
    assert after == [PRACTICE]


@pytest.mark.slow
def test_d7_one_patient_whom_very_many_look_up_is_found(month: list[Access]) -> None:
    day = BEGIN + timedelta(days=4, hours=9)
    planted = [access(day + timedelta(minutes=number), HOSPITAL, f"30.000-{number}", "30.000", 660_000, TreatmentBasis.ADMITTED) for number in range(30)]
    found = [finding for finding in review(month + planted) if finding.kind is FindingKind.MANY_EYES]

    assert [(finding.patient, finding.count) for finding in found] == [(patient(660_000), 30)]
    assert patient(660_000).hex() not in repr(found)


def test_every_budget_alarm_is_in_the_review_once_a_day() -> None:
    alarm = Alarm(Level.PROFESSIONAL, POST, HOSPITAL, "30.000-7", 60)
    found = review((), [(BEGIN, alarm), (BEGIN + timedelta(hours=2), alarm), (BEGIN + timedelta(days=2), alarm)])

    assert [(finding.kind, finding.count, finding.limit, finding.professional) for finding in found] == [
        (FindingKind.OVER_BUDGET, 2, 60, "30.000-7"),
        (FindingKind.OVER_BUDGET, 1, 60, "30.000-7"),
    ]


def test_one_emergency_of_a_small_practice_is_no_finding() -> None:
    accesses = [access(BEGIN, PRACTICE, "1", "01.015", number, TreatmentBasis.REGISTERED) for number in range(5)]
    accesses.append(access(BEGIN, PRACTICE, "1", "01.015", 9, TreatmentBasis.PRESENT, EMERGENCY))

    assert review(accesses) == ()


def test_a_forgotten_claim_about_an_own_patient_is_no_finding() -> None:
    accesses = [access(BEGIN, PRACTICE, "1", "01.015", number, treatment) for number in range(30) for treatment in (None, TreatmentBasis.REGISTERED)]

    assert review(accesses) == ()


def test_the_order_in_which_accesses_come_changes_nothing() -> None:
    accesses = [access(BEGIN + timedelta(hours=number), PRACTICE, "1", "01.015", number, None) for number in range(60)]
    shuffled = accesses[:]
    random.Random(1).shuffle(shuffled)
    found = review(accesses)

    assert found == review(shuffled)
    assert found == (Finding(FindingKind.NO_RELATION, 60, 10, PRACTICE, "1"),)
