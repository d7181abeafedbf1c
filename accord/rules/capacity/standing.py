"""How an opening stands at a moment: free, full, stopped, later, over, or unknown.

What is older than its provider vouches for is unknown. That is neither free nor full: somebody has to call.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from accord.terms.capacity import Light, Opening, Stop

#: How far ahead of ours the clock of a provider may be.
SKEW: Final = timedelta(seconds=60)


class State(StrEnum):
    """How an opening stands."""

    FREE = "free"
    LATER = "later"
    """Free, from a day after the one that was asked for."""
    UNKNOWN = "unknown"
    FULL = "full"
    STOPPED = "stopped"
    OVER = "over"
    """It was for days before the one that was asked for."""


#: There is a place, as far as anybody can know.
KNOWN_FREE: Final = frozenset({State.FREE, State.LATER})


class Doubt(StrEnum):
    """Why nobody knows how it stands."""

    STALE = "stale"
    FROM_THE_FUTURE = "from-the-future"
    """Observed at a moment that is still to come."""
    NOTHING_SAID = "nothing-said"
    """Neither a number nor a light."""
    STOP_RAN_OUT = "stop-ran-out"
    """It was to take people again by now, and nobody said that it does."""


@dataclass(frozen=True, slots=True)
class Stand:
    """How an opening stands, and how long ago anybody looked. `places` is a number only where it can be relied on."""

    state: State
    age: timedelta
    places: int | None = None
    light: Light | None = None
    doubt: Doubt | None = None
    stop: Stop | None = None
    since: date | None = None
    """From which day, when it is later."""


def stand(opening: Opening, at: datetime, day: date) -> Stand:
    """How *opening* stands at a moment, for somebody who needs it on *day*.

    A stop comes first: it is what a provider says about itself, and holds until it ends, however old the count is.
    """
    age = max(at - opening.observed_at, timedelta(0))
    if opening.stop is not None:
        ends = opening.stop.expected_end
        if ends is None or at < ends:
            return Stand(State.STOPPED, age, stop=opening.stop)
        return Stand(State.UNKNOWN, age, doubt=Doubt.STOP_RAN_OUT, stop=opening.stop)
    if (doubt := _doubt(opening, at)) is not None:
        return Stand(State.UNKNOWN, age, doubt=doubt)
    if opening.places == 0 or opening.light is Light.RED:
        return Stand(State.FULL, age, places=0 if opening.places is not None else None, light=opening.light)
    if opening.until is not None and opening.until < day:
        return Stand(State.OVER, age)
    if opening.since is not None and opening.since > day:
        return Stand(State.LATER, age, opening.places, opening.light, since=opening.since)
    return Stand(State.FREE, age, opening.places, opening.light)


def _doubt(opening: Opening, at: datetime) -> Doubt | None:
    if opening.observed_at - at > SKEW:
        return Doubt.FROM_THE_FUTURE
    if at > opening.valid_until:
        return Doubt.STALE
    # Less than none is no count.
    if (opening.places is None and opening.light is None) or (opening.places is not None and opening.places < 0):
        return Doubt.NOTHING_SAID
    return None
