"""How the planners of the simulated region answer: after minutes or hours, with a yes, half a yes, a no with its reason, a question, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import Final

from accord.terms.capacity import Need, Service
from accord.terms.placing import DeclineReason, Fit, Terms

#: The middle of how long a planner takes, at work; half of them are within a factor of two of it.
_MINUTES: Final = 22.0
_SPREAD: Final = 1.0
#: Nobody is at the desk from eight in the evening until seven.
_FROM_HOUR: Final = 7
_UNTIL_HOUR: Final = 20
#: Of a hundred requests that could be taken, so many get another word than yes.
_ASKED_FIRST: Final = 0.12
_DECLINED: Final = 0.18
_SILENT: Final = 0.06
_REASONS: Final[Mapping[DeclineReason, int]] = {
    DeclineReason.NO_STAFF: 4,
    DeclineReason.TOO_COMPLEX: 3,
    DeclineReason.OTHER_CARE_FITS_BETTER: 2,
    DeclineReason.DATE: 2,
    DeclineReason.MISSING_INFORMATION: 1,
}


class Does(StrEnum):
    """What a planner does with a request."""

    OFFERS = "offers"
    DECLINES = "declines"
    ASKS_FIRST = "asks-first"
    """And offers after the answer."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a planner does: `terms` of an offer, `reason` of a no."""

    does: Does
    terms: Terms | None = None
    reason: DeclineReason | None = None


def delay(came: timedelta, chance: Random) -> timedelta:
    """How long after *came* (from Monday 00:00) a planner answers."""
    minutes = timedelta(minutes=round(min(_MINUTES * chance.lognormvariate(0.0, _SPREAD), 600.0)))
    at = came + minutes
    hour = at.seconds // 3600
    if _FROM_HOUR <= hour < _UNTIL_HOUR:
        return minutes
    morning = timedelta(days=at.days + (hour >= _UNTIL_HOUR), hours=_FROM_HOUR, minutes=15)
    return morning + timedelta(minutes=chance.randrange(60)) - came


def answer(need: Need, service: Service, free: int, chance: Random) -> Answer:
    """What the planner of *service* says, who knows how many places are really *free*."""
    # All drawn at once: what was decided by the house does not move what chance decides.
    silent, declined, asks, reason = chance.random(), chance.random(), chance.random(), chance.choices(list(_REASONS), list(_REASONS.values()))[0]
    if silent < _SILENT:
        return Answer(Does.NOTHING)
    if not need.conditions <= service.conditions:
        return Answer(Does.DECLINES, reason=DeclineReason.CONDITION)
    if need.near and service.area and not any(need.near.startswith(part) for part in service.area):
        return Answer(Does.DECLINES, reason=DeclineReason.AREA)
    if free < 1:
        return Answer(Does.DECLINES, reason=DeclineReason.NO_PLACE)
    if declined < _DECLINED:
        return Answer(Does.DECLINES, reason=reason)
    whole = free >= need.amount
    terms = Terms(Fit.FULL, need.amount) if whole else Terms(Fit.PART, free, words=f"{free} van de {need.amount}")
    return Answer(Does.ASKS_FIRST if asks < _ASKED_FIRST else Does.OFFERS, terms=terms)
