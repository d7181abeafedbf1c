"""The journal lines of a holder: every category with its outcome, on all the evidence there was."""

from datetime import timedelta
from random import Random

import pytest

from accord.audit.content import Event, Truth
from accord.audit.events import Decision
from accord.audit.reading import accesses_in
from accord.rules.choices import Choice
from accord.rules.data_kinds import BASICS
from accord.rules.grounds import Basis
from accord.rules.question import Question
from accord.terms.evidence import Emergency, TreatmentBasis
from accord.terms.identifiers import QueryId, RecordRef, Ura
from accord.terms.policies import ANY_ROLE, EmergencyPolicy, HolderPolicy, RegionPolicy, RoleMatrix
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from node_agent.admitted import Asking
from node_agent.deciding import decide_case
from node_agent.recording import Recording
from node_agent.stating import looks_of
from testbed.plain import PlainLedger
from tests.accord.audit import scenes
from tests.node_agent.asking import ASKER, NOW

pytestmark = pytest.mark.anyio

CATEGORIES = tuple(CareCategory)


def some_choices(chance: Random) -> list[Choice]:
    """Choices of a patient, about everything, some categories, or single records."""
    about = (None, None, CareCategory.CONDITION, frozenset(chance.sample(CATEGORIES, 5)))
    return [
        Choice(
            chance.random() < 0.6,
            chance.choice((None, None, HolderKind.HOSPITAL, HolderKind.PHARMACY)),
            chance.choice(about),
            record=chance.choice((None, None, RecordRef("Condition", "1"))),
            source=chance.choice(("", "", "register A", "register B")),
            number=number,
        )
        for number in range(chance.randrange(6))
    ]


async def test_a_decision_is_recorded_with_the_outcome_and_the_evidence_of_each_category() -> None:
    chance = Random(11)
    for _ in range(200):
        matrix = RoleMatrix("v7", {(None, ANY_ROLE): frozenset(chance.sample(CATEGORIES, chance.choice((0, 20, len(CATEGORIES)))))})
        policy = HolderPolicy(never=frozenset(chance.sample(CATEGORIES, chance.choice((0, 3)))))
        question = Question(ASKER, PurposeOfUse.TREATMENT, NOW)
        decisions = decide_case(question, some_choices(chance), RegionPolicy(matrix), policy)
        ledger = PlainLedger()
        asking = Asking(QueryId("q"), ASKER, PurposeOfUse.TREATMENT, Ura("90009000"), None, lambda _: None)

        await Recording(ledger, Ura("90000001"), asking).decided(decisions, may_show=True, evidence=("register C",))

        (line,) = ledger.lines
        assert isinstance(line, Decision)
        explained = {category: decisions.explain(category) for category in CATEGORIES}
        assert line.released == tuple(category for category in CATEGORIES if isinstance(explained[category].outcome, Basis))
        assert {one.category: one.refusal for one in line.withheld} == {
            category: one.outcome.value for category, one in explained.items() if not isinstance(one.outcome, Basis)
        }
        named = {f"choice {number}" for one in explained.values() for number in one.choices}
        assert set(line.evidence) == {"matrix v7", "register C", *named, *(source for one in explained.values() for source in one.sources)}
        assert len(set(line.evidence)) == len(line.evidence)


async def test_p12_what_only_the_emergency_opens_is_told_apart_from_what_the_patient_permits() -> None:
    ends = NOW + timedelta(days=1)
    policy = RegionPolicy(RoleMatrix("v7", {(None, ANY_ROLE): frozenset(CATEGORIES)}), EmergencyPolicy("law", frozenset({ASKER.professional.role}), ends))
    emergency = Emergency("unconscious", "", NOW)
    question = Question(ASKER, PurposeOfUse.EMERGENCY_TREATMENT, NOW, TreatmentBasis.PRESENT, emergency=emergency)
    permitted = Choice(True, category=frozenset({CareCategory.MEDICATION_USE}) | BASICS)
    decisions = decide_case(question, [permitted], policy, HolderPolicy())
    ledger = PlainLedger()
    asking = Asking(QueryId("q"), ASKER, PurposeOfUse.EMERGENCY_TREATMENT, Ura("90009000"), None, lambda _: None)

    await Recording(ledger, Ura("90000001"), asking).decided(decisions, may_show=True)

    (line,) = ledger.lines
    assert isinstance(line, Decision)
    assert set(line.released) - set(line.in_emergency) == {CareCategory.MEDICATION_USE} | BASICS


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ({"MedicationUse", "AllergyIntolerance", "Patient"}, {"patient-consented": {"MedicationUse", "Patient"}, "emergency": {"AllergyIntolerance"}}),
        ({"MedicationUse", "Patient"}, {"patient-consented": {"MedicationUse", "Patient"}}),
        ({"AllergyIntolerance", "Patient"}, {"emergency": {"AllergyIntolerance", "Patient"}}),
        (set(), {"": set()}),
    ],
)
def test_p12_the_patient_is_told_of_each_right_what_was_seen_by_it(shown: set[str], told: dict[str, set[str]]) -> None:
    released = (CareCategory.PATIENT, CareCategory.MEDICATION_USE, CareCategory.ALLERGY_INTOLERANCE)
    lines: list[Event] = [scenes.decision(released=released, in_emergency=(CareCategory.ALLERGY_INTOLERANCE,))]
    lines += [scenes.release(categories=tuple(map(CareCategory, shown)))] if shown else [scenes.closing(truth=Truth.NOTHING_KNOWN)]
    (access,) = accesses_in(lines)

    assert {look.basis: {category.value for category in look.categories} for look in looks_of(access)} == told
