"""Tells what was seen when it is news, and now and then when it is not: each telling is in the journal, and heard by the region."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from node_agent.places.ports import Observation, Observed, Seen

#: What stays as it is, is told again after so long, and sooner where it counts for less than four times that.
_AT_LAST: Final = timedelta(minutes=5)
_PART: Final = 4


class Steady:
    """Between one source and where it is taken in."""

    def __init__(self, observed: Observed) -> None:
        self._observed = observed
        self._told: Observation | None = None

    async def tell(self, observation: Observation) -> bool:
        """Tell it, unless it says no more than what was told just now; whether it was told.

        Raises:
            BadInput, Unavailable: As `Observed.observe`; then it is told again the next time.
        """
        if self._told is not None and _says_the_same(self._told, observation) and not _is_due(self._told.seen, observation.seen):
            return False
        self._told = None
        await self._observed.observe(observation)
        self._told = observation
        return True


def _says_the_same(one: Observation, other: Observation) -> bool:
    return {_content(seen) for seen in one.seen} == {_content(seen) for seen in other.seen}


def _content(seen: Seen) -> tuple[object, ...]:
    return seen.service, seen.places, seen.light, seen.since, seen.until, seen.stop


def _is_due(told: Iterable[Seen], newer: Iterable[Seen]) -> bool:
    before = {_content(seen): seen for seen in told}
    return any(_late(before[_content(seen)], seen.observed_at) for seen in newer)


def _late(told: Seen, at: datetime) -> bool:
    valid = told.valid_until - told.observed_at
    # What nobody knows does not get older.
    return valid > timedelta(0) and at - told.observed_at >= min(_AT_LAST, valid / _PART)
