"""What is told in numbers about requests, and what is kept back because it is too few.

A number below five (or what a region sets) is not told, and neither is zero: every reason stands in every tally, so that
"not told" means "from none up to four", and a reason that is missing betrays nobody. Where the numbers that are told
already make up the whole total, what is not told could be worked out to be zero: then the smallest that would be told is
kept back too.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from accord.terms.capacity import CareKind, Tally
from accord.terms.placing import DeclineReason

#: A number below this is not told.
LEAST: Final = 5
_GRANTED: Final = "granted"


@dataclass(frozen=True, slots=True)
class LegCounted:
    """What is counted of one request at a provider. `answered`: its first answer of any sort; `declined`: its last word, where that is a no."""

    kind: CareKind
    came: datetime
    answered: datetime | None = None
    granted: bool = False
    declined: DeclineReason | None = None


def tally_of(legs: Iterable[LegCounted], kind: CareKind, days: int, now: datetime, *, least: int = LEAST) -> Tally:
    """The tally of one kind of care, of requests that came in the last *days*.

    Raises:
        ValueError: *least* is less than 2, which would keep nothing back.
    """
    counted = [leg for leg in legs if leg.kind is kind and now - timedelta(days=days) <= leg.came <= now]
    declined = Counter(leg.declined for leg in counted if leg.declined is not None and not leg.granted)
    waits = sorted(max(leg.answered - leg.came, timedelta(0)) for leg in counted if leg.answered is not None)
    parts = {_GRANTED: sum(leg.granted for leg in counted)} | {reason.value: declined[reason] for reason in DeclineReason}
    asked, told = _told(len(counted), parts, least)
    return Tally(
        kind,
        days,
        asked,
        told.pop(_GRANTED),
        tuple(told.items()),
        _median(waits) if len(waits) >= least else None,
    )


def _told(asked: int, parts: dict[str, int], least: int) -> tuple[int | None, dict[str, int | None]]:
    """What may be told of a total and of its parts, which need not make it up: not everybody was answered."""
    if least < 2:
        raise ValueError
    shown = {name: number for name, number in parts.items() if number >= least}
    if shown and sum(shown.values()) == asked and len(shown) < len(parts):
        # All others are zero, and whoever can add would know it.
        del shown[min(shown, key=lambda name: shown[name])]
    return asked if asked >= least else None, {name: shown.get(name) for name in parts}


def _median(waits: list[timedelta]) -> int:
    """In whole minutes; of an even number of them, halfway between the two in the middle."""
    middle = len(waits) // 2
    halfway = waits[middle] if len(waits) % 2 else (waits[middle - 1] + waits[middle]) / 2
    return int(halfway / timedelta(minutes=1))
