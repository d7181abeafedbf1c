"""The decisions of one question: once for a category where its records are alike, record by record where a choice tells them apart."""

from dataclasses import replace
from random import Random

import pytest

from accord.rules.choices import Choice, Meaning
from accord.rules.grounds import Basis
from accord.rules.labels import ACT_CODE
from accord.rules.question import Question, RecordTraits
from accord.terms.identifiers import RecordRef
from accord.terms.policies import ANY_ROLE, HolderPolicy, RegionPolicy, RoleMatrix
from accord.terms.queries import EVERYTHING, Selection
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from node_agent.deciding import WITHOUT_A_MATRIX, Decisions, decide_case
from tests.node_agent.asking import ASKER, NOW

QUESTION = Question(ASKER, PurposeOfUse.TREATMENT, NOW)
YES, NO = Choice(permits=True), Choice(permits=False)
CONDITION, PROCEDURE, PATIENT = CareCategory.CONDITION, CareCategory.PROCEDURE, CareCategory.PATIENT
PSY = (ACT_CODE, "PSY")
CODE = ("http://snomed.info/sct", "1")
YEAR = (1_600_000_000_000, 1_600_000_000_001)


def decisions(*choices: Choice, region: RegionPolicy = WITHOUT_A_MATRIX, policy: HolderPolicy | None = None) -> Decisions:
    """The decisions of the hospital's question."""
    return decide_case(QUESTION, choices, region, policy or HolderPolicy())


@pytest.mark.parametrize(
    ("objection", "withheld", "released"),
    [
        (Choice(permits=False, codes=frozenset({CODE})), {"codes": frozenset({CODE})}, {"codes": frozenset()}),
        (Choice(permits=False, period=(0, YEAR[1])), {"moment": YEAR}, {"moment": (YEAR[1], YEAR[1] + 1)}),
        (
            Choice(permits=False, record=RecordRef("Encounter", "e"), meaning=Meaning.DEPENDENTS),
            {"refers_to": frozenset({"Encounter/e"})},
            {"refers_to": frozenset()},
        ),
    ],
)
def test_a_choice_about_some_records_is_decided_record_by_record(objection: Choice, withheld: dict[str, object], released: dict[str, object]) -> None:
    decided = decisions(YES, replace(objection, category=CONDITION))

    assert not decided.is_uniform(CONDITION)
    assert decided.is_uniform(PROCEDURE)
    assert decided.basis_of(CONDITION, "Condition", "1", **withheld) is None  # type: ignore[arg-type]
    assert decided.basis_of(CONDITION, "Condition", "1", **released) is Basis.PATIENT_CONSENTED  # type: ignore[arg-type]
    # What nobody knows of a record fits every objection.
    assert decided.basis_of(CONDITION, "Condition", "1") is None
    assert decided.basis_of(PROCEDURE, "Procedure", "1") is Basis.PATIENT_CONSENTED
    assert not decided.releases_all([CONDITION], "Condition")
    assert decided.releases_all([PROCEDURE], "Procedure")
    assert not decided.releases_all([PROCEDURE], "Procedure", labelled=True)


def test_the_short_way_decides_as_the_long_way_does() -> None:
    chance = Random(4)
    refs = [RecordRef("Condition", "1"), RecordRef("Condition", "2"), RecordRef("Procedure", "1")]
    for _ in range(400):
        choices = [
            Choice(
                chance.random() < 0.6,
                chance.choice((None, HolderKind.HOSPITAL, ASKER.data_user.ura)),
                chance.choice((None, CONDITION, frozenset({CONDITION, PROCEDURE}))),
                record=chance.choice((None, None, *refs)),
                types=chance.choice((frozenset(), frozenset(), frozenset({"Condition"}))),
                labels=chance.choice((frozenset(), frozenset(), frozenset({PSY}))),
                within=chance.choice((None, None, YES, Choice(permits=False, record=refs[0]))),
            )
            for _ in range(chance.choice((0, 1, 2, 3)))
        ]
        decided = decisions(*choices)
        for ref, category in ((refs[0], CONDITION), (refs[1], CONDITION), (refs[2], PROCEDURE)):
            for labels in (frozenset[tuple[str, str]](), frozenset({PSY})):
                outcome = decided.case.decide(category, RecordTraits(ref, labels))
                basis = decided.basis_of(category, ref.type, ref.id, labels=labels)

                assert basis is (outcome if isinstance(outcome, Basis) else None)
                if basis is not None and decided.beside(PATIENT) is not None:
                    assert decided.may_show(Selection(types=frozenset({ref.type})))
                    assert decided.may_be_located
                if not labels and decided.is_uniform(category):
                    assert basis is decided.categories.get(category)


def test_labels_are_looked_at_also_where_all_records_are_alike() -> None:
    decided = decisions(YES)

    assert decided.is_uniform(CONDITION)
    assert decided.basis_of(CONDITION, "Condition", "1") is Basis.PATIENT_CONSENTED
    assert decided.basis_of(CONDITION, "Condition", "1", labels=frozenset({PSY})) is None
    assert decided.beside(CareCategory.PRACTITIONER, RecordRef("Practitioner", "1"), labels=frozenset({PSY})) is None
    named = decisions(YES, Choice(permits=True, labels=frozenset({PSY})))
    assert named.basis_of(CONDITION, "Condition", "1", labels=frozenset({PSY})) is Basis.PATIENT_CONSENTED


def test_what_goes_along_needs_no_row_of_the_matrix_but_what_the_holder_never_shares_stays() -> None:
    narrow = RegionPolicy(RoleMatrix("1", {(None, ANY_ROLE): frozenset({CONDITION})}))

    assert decisions(YES, region=narrow).beside(PATIENT) is Basis.PATIENT_CONSENTED
    assert decisions(YES, region=narrow).may_show(EVERYTHING)
    assert not decisions(YES, region=narrow).may_show(Selection(types=frozenset({"Procedure"})))
    assert decisions(YES, policy=HolderPolicy(never=frozenset({PATIENT}))).beside(PATIENT) is None
    assert decisions(YES, policy=HolderPolicy(not_with=frozenset({HolderKind.HOSPITAL}))).beside(PATIENT) is None
    objection = Choice(permits=False, types=frozenset({"Practitioner"}))
    assert decisions(YES, objection).beside(CareCategory.PRACTITIONER, RecordRef("Practitioner", "1")) is None
    # An objection to conditions with a code is none to the Patient record.
    assert decisions(YES, Choice(permits=False, codes=frozenset({CODE}))).beside(PATIENT) is Basis.PATIENT_CONSENTED


def test_records_whose_own_references_decide_on_others_are_named() -> None:
    related = Choice(permits=False, record=RecordRef("Encounter", "e"), meaning=Meaning.RELATED)
    decided = decisions(YES, related)

    assert decided.must_be_read == {RecordRef("Encounter", "e")}
    known = {"refers_to": frozenset[str](), "referred_from": frozenset({"Encounter/e"})}
    assert decided.basis_of(CONDITION, "Condition", "1", **known) is None  # type: ignore[arg-type]
    assert decided.basis_of(CONDITION, "Condition", "1", refers_to=frozenset(), referred_from=frozenset()) is Basis.PATIENT_CONSENTED
    assert decisions(YES).must_be_read == frozenset()


def test_p9_where_nothing_could_be_released_nobody_is_located() -> None:
    for some in ([], [NO], [YES, NO], [NO, Choice(permits=True, user=HolderKind.PHARMACY, codes=frozenset({CODE}))]):
        assert not decisions(*some).may_be_located
    assert decisions(Choice(permits=True, codes=frozenset({CODE}))).may_be_located
    assert decisions(NO, Choice(permits=True, codes=frozenset({CODE}))).may_be_located
