"""The plain account of a week: how many asked, how long until a yes, and why others said no."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
from typing import Any

from accord.terms.capacity import CareKind
from accord.terms.placing import DeclineReason


@dataclass(slots=True)
class Outcome:
    """What came of one request: whose place it has and since when, who said no and why."""

    number: int
    kind: CareKind
    at: timedelta
    asked: int = 0
    winner: str = ""
    yes_at: timedelta | None = None
    given_up: bool = False
    declined: dict[str, DeclineReason] = field(default_factory=dict)

    @property
    def minutes(self) -> float | None:
        """From the request to the yes."""
        return None if self.yes_at is None else (self.yes_at - self.at).total_seconds() / 60


@dataclass(frozen=True, slots=True)
class Account:
    """What came of a week. `twice` and `lost` are of the audit (`testbed.placing_audit`), which asks neither side what it thinks."""

    seed: int
    outcomes: tuple[Outcome, ...]
    twice: int = 0
    lost: int = 0

    @property
    def placed(self) -> int:
        """How many have a place."""
        return sum(bool(one.winner) for one in self.outcomes)

    @property
    def median_minutes(self) -> float | None:
        """Of those who have one: from the request to the yes, in the week's own time."""
        minutes = [one.minutes for one in self.outcomes if one.minutes is not None]
        return median(minutes) if minutes else None

    @property
    def refusals(self) -> Counter[DeclineReason]:
        """How often each reason was given."""
        return Counter(reason for one in self.outcomes for reason in one.declined.values())

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "seed": self.seed,
            "requests": len(self.outcomes),
            "placed": self.placed,
            "nobody_to_ask": sum(not one.asked for one in self.outcomes),
            "given_up": sum(one.given_up for one in self.outcomes),
            "median_minutes_to_yes": self.median_minutes,
            "refusals": {reason.value: number for reason, number in sorted(self.refusals.items())},
            "granted_twice": self.twice,
            "lost": self.lost,
        }

    def lines(self) -> list[str]:
        """For people."""
        said = self.as_json()
        minutes = self.median_minutes
        yes = "no yes at all" if minutes is None else f"median time to yes {minutes / 60:.1f} hours"
        counts = f"{said['requests']} requests: {said['placed']} placed, {said['given_up']} given up, {said['nobody_to_ask']} with nobody to ask; {yes}"
        refusals = ", ".join(f"{reason} {number}" for reason, number in self.refusals.most_common()) or "none"
        return [counts, f"refusals by reason: {refusals}", f"granted twice: {self.twice}, lost: {self.lost}"]
