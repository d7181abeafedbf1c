"""One person's history as it happened; every holder sees and writes down its own part of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from accord.terms.vocabulary import HolderKind
from testbed.holders import holders_of_kind
from testbed.people.catalogue import ALLERGENS, LAB_TESTS, PROBLEMS, LabTest, Medicine, Problem
from testbed.people.person import Person

Allergy = tuple[str, str, str, tuple[str, str]]

_PRACTICES: Final = tuple(holder.name.value for holder in holders_of_kind(HolderKind.GP_PRACTICE))
_PHARMACY_OF: Final = {"brinkhof": "vijzelmarke", "waterveld": "vijzelmarke", "holterloo": "kruudhoes"}


@dataclass(frozen=True, slots=True)
class LabResult:
    """One line of a laboratory order, under a number of its own; `value` is the text that was reported."""

    number: str
    test: LabTest
    value: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Life:
    """What happened to a person, and which holders know of them."""

    who: Person
    at: datetime
    problems: tuple[tuple[Problem, datetime], ...]
    allergies: tuple[tuple[Allergy, datetime], ...]
    results: tuple[LabResult, ...]
    visits: tuple[datetime, ...]
    holders: tuple[str, ...]

    @property
    def age(self) -> int:
        """Whole years on the day of the question."""
        return self.who.age(self.at)

    @property
    def medicines(self) -> tuple[tuple[Medicine, datetime], ...]:
        """What was prescribed, with the moment at which it began."""
        return tuple((problem.medicine, since) for problem, since in self.problems if problem.medicine is not None)


def draw_life(who: Person, at: datetime, chance: Random) -> Life:
    """A history that fits the person's age; nothing is older than the person."""
    age = who.age(at)
    problems = tuple((problem, _before(at, age, chance)) for problem in PROBLEMS if age >= problem.from_age and chance.random() < problem.share)
    allergies = tuple((chance.choice(ALLERGENS), _before(at, age, chance)) for _ in range(chance.choices((0, 1), weights=(80, 20))[0]))
    visits = tuple(sorted(_before(at, min(age, 3), chance) for _ in range(chance.randint(2, 4) if age else 1)))
    holders = _holders(age, who.gender, problems, chance)
    results: list[LabResult] = []
    if "twickelaar" in holders:
        for order in range(chance.randint(1, 2 if age < 60 else 3)):
            results.extend(_order(who, order, _before(at, min(max(age, 1), 2), chance), chance))
    return Life(who, at, problems, allergies, tuple(results), visits, holders)


def _before(at: datetime, years: int, chance: Random) -> datetime:
    """Some moment by day in the last *years*, in whole minutes."""
    on = at - timedelta(days=chance.randint(3, max(years, 1) * 300))
    return on.replace(hour=chance.randint(8, 17), minute=chance.randint(0, 59), second=0, microsecond=0)


def _order(who: Person, order: int, when: datetime, chance: Random) -> list[LabResult]:
    """An order of two to four tests under one order number, a line each."""
    lines = []
    for line, test in enumerate(chance.sample(LAB_TESTS, chance.randint(2, 4)), start=1):
        value = f"{chance.uniform(test.low, test.high):.{test.steps}f}"
        lines.append(LabResult(f"TWK{when:%y%m}-{who.bsn[-5:]}{order}.{line}", test, value, when))
    return lines


def _holders(age: int, gender: str, problems: tuple[tuple[Problem, datetime], ...], chance: Random) -> tuple[str, ...]:
    """Two to five holders for most: a practice and its pharmacy, and what age and illness bring."""
    codes = {problem.snomed for problem, _ in problems}
    practice = chance.choice(_PRACTICES)
    odds = {
        _PHARMACY_OF[practice]: 0.95 if codes else 0.4,
        "dinkelhorst": 0.15 + age / 220,
        "reggerbrug": 0.08 + age / 400,
        "twickelaar": 0.25 + age / 200,
        "marksveen": 0.12,
        "eschrand": 0.75 if codes & {"35489007", "197480006"} else 0.02,
        "wieke": 0.35 if age > 77 else 0.02,
        "weefgetouw": 0.06 if age > 77 else 0.0,
        "havezate": 0.35 if "26929004" in codes else 0.0,
        "losserveld": 0.02 + age / 1500,
        "noaberhoes": 0.04 if age > 70 else 0.0,
        "hoeseken": 0.25 if gender == "female" and 20 <= age <= 42 else 0.0,
        "spinnewiel": 0.02,
        "haarveld": 0.08,
        "noordmarke": 0.9 if age < 18 else 0.02,
        "opdenes": 0.3 if "239873007" in codes else 0.05,
    }
    return (practice, *(name for name, share in odds.items() if chance.random() < share))
