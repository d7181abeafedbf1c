"""The journal lines of a holder: every category with its outcome, on all the evidence there was."""

from random import Random

import pytest

from accord.audit.events import Decision
from accord.rules.choices import Choice
from accord.rules.grounds import Basis
from accord.rules.question import Question
from accord.terms.identifiers import QueryId, RecordRef, Ura
from accord.terms.policies import ANY_ROLE, HolderPolicy, RegionPolicy, RoleMatrix
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from node_agent.admitted import Asking
from node_agent.deciding import decide_case
from node_agent.recording import Recording
from testbed.plain import PlainLedger
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
