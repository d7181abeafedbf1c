"""How long does one decision take? One category, in a case that is weighed already, and a whole case, against an empty call.

A case is what one question at one holder comes to; it is weighed once, and decided for each of its categories, and for each
record where a choice or a label tells records apart. The patients are three: one who said yes, one who made the choices of the
story (all but one kind of data, one organisation excepted), and one with thirty choices.
"""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Final

from accord.link.policy_file import default_policy
from accord.rules.choices import Choice
from accord.rules.deciding import Case
from accord.rules.question import Question, RecordTraits
from accord.terms.evidence import TreatmentBasis
from accord.terms.identifiers import RecordRef, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.policies import HolderPolicy
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from benches.staging import Finding, expect, tell
from node_agent.deciding import decide_case

_GOAL_US: Final = 5.0
_AT: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_ASKER: Final = Asker(DataUser(Ura("90001001"), "Bench", HolderKind.HOSPITAL), Professional("900000031", "01.015", "Bench"), treats_the_patient=True)
_QUESTION: Final = Question(
    _ASKER, PurposeOfUse.TREATMENT, _AT, TreatmentBasis.PRESENT, frozenset(CareCategory), None, Ura("90001003"), HolderKind.GP_PRACTICE
)  # fmt: skip
_SENSITIVE: Final = RecordTraits(
    RecordRef("Observation", "1"), frozenset({("http://terminology.hl7.org/CodeSystem/v3-ActCode", "PSY")}), frozenset(), None, frozenset(), None, None
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.rounds = 20
    policy, region = HolderPolicy(), default_policy()
    patients = {"who said yes": _yes(), "with the choices of the story": _some(), "with thirty choices": _many()}
    cases = {name: Case(_QUESTION, choices, region, policy) for name, choices in patients.items()}
    expect(any(case.open for case in cases.values()), "nothing is open to the role")
    one = {name: _microseconds(partial(_categories, case.decide), given.rounds, len(CareCategory)) for name, case in cases.items()}
    record = {name: _microseconds(partial(case.decide, CareCategory.CONDITION, _SENSITIVE), given.rounds, 1) for name, case in cases.items()}
    whole = {name: _microseconds(partial(decide_case, _QUESTION, choices, region, policy), given.rounds, 1) for name, choices in patients.items()}
    nothing = _microseconds(partial(_categories, _nothing), given.rounds, len(CareCategory))
    slowest = max(*one.values(), *record.values())
    tell(
        "How long does one decision take?",
        [
            Finding(
                "a decision on a category, of a patient " + name,
                f"{taken:.2f} µs, {taken / nothing:.0f} × an empty call",
                f"≤ {_GOAL_US:g} µs",
                taken <= _GOAL_US,
            )
            for name, taken in one.items()
        ]
        + [
            Finding("a decision on a labelled record, of a patient " + name, f"{taken:.2f} µs", f"≤ {_GOAL_US:g} µs", taken <= _GOAL_US)
            for name, taken in record.items()
        ]
        + [Finding(f"a whole case of {len(CareCategory)} categories, of a patient {name}", f"{taken:.0f} µs") for name, taken in whole.items()],
        {
            "categories": len(CareCategory),
            "empty_call_us": round(nothing, 3),
            "decision_us": {name: round(taken, 2) for name, taken in one.items()},
            "record_us": {name: round(taken, 2) for name, taken in record.items()},
            "case_us": {name: round(taken, 1) for name, taken in whole.items()},
            "ratio": round(slowest / nothing, 1),
        },
    )


def _yes() -> list[Choice]:
    return [Choice(permits=True, number=1)]


def _some() -> list[Choice]:
    return [
        Choice(permits=True, number=1),
        Choice(permits=False, category=CareCategory.CONDITION, number=2),
        Choice(permits=True, category=CareCategory.CONDITION, user=Ura("90001001"), number=3),
        Choice(permits=False, user=HolderKind.PHARMACY, number=4),
    ]


def _many() -> list[Choice]:
    categories = list(CareCategory)
    return [
        Choice(permits=number % 3 != 0, category=categories[number % len(categories)], user=list(HolderKind)[number % 5] if number % 2 else None)
        for number in range(30)
    ]


def _categories(decide: Callable[[CareCategory], object]) -> None:
    for category in CareCategory:
        decide(category)


def _nothing(category: CareCategory) -> CareCategory:
    return category


def _microseconds(run: Callable[[], object], rounds: int, each: int) -> float:
    """The median over rounds of a hundred, for one of *each* that a run does."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter_ns()
        for _ in range(100):
            run()
        taken.append((time.perf_counter_ns() - begun) / 100 / each / 1000)
    return median(taken)


if __name__ == "__main__":
    main()
