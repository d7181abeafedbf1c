"""Which statements of one holder about one subject hold now, and which were earlier; two that differ on one day both hold."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from accord.rules.moments import AMSTERDAM, interval
from accord.terms.faults import BadInput
from gateway.dossier.clinical.wishes import Validity, Wish

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Hold(StrEnum):
    """Whether a statement holds."""

    HOLDS = "holds"
    #: Its own record says that it counts from a later day.
    NOT_YET = "not-yet"
    #: A newer valid one of the same holder takes its place.
    REPLACED = "replaced"
    #: Its own record says that it ended.
    ENDED = "ended"
    #: It never was an agreement, or is none any more: draft, proposed, rejected, inactive.
    NOT_VALID = "not-valid"
    IN_ERROR = "in-error"


class Days(NamedTuple):
    """All days that a date can mean, in milliseconds; `end` is exclusive."""

    begin: int
    end: int


_RANKS: Final = {Hold.HOLDS: 0, Hold.NOT_YET: 1, Hold.REPLACED: 2, Hold.ENDED: 2, Hold.NOT_VALID: 3, Hold.IN_ERROR: 4}


def standing(wishes: Sequence[Wish], at: datetime) -> tuple[Hold, ...]:
    """How each of these statements of one holder about one subject stands at a moment, in the order that they have.

    A statement is replaced only by a valid one that is in force, states something, and is of a later day whatever its
    dates can mean. So of two of one day (clocks of sources differ, and some write a wrong zone), of a year and a day in
    it, or without a date, none takes the other's place: both hold, and where they differ that is for the reader to see.
    """
    now = (at - _EPOCH) // timedelta(milliseconds=1)
    holds = [_by_itself(wish, now) for wish in wishes]
    days = [days_of(wish) for wish in wishes]
    starts = [
        day.begin for wish, hold, day in zip(wishes, holds, days, strict=True) if hold is Hold.HOLDS and day is not None and not wish.answer.states_nothing
    ]
    newest = max(starts, default=None)
    return tuple(
        Hold.REPLACED if hold is Hold.HOLDS and day is not None and newest is not None and newest >= day.end else hold
        for hold, day in zip(holds, days, strict=True)
    )


def order_of(wishes: Sequence[Wish], at: datetime) -> tuple[tuple[Wish, Hold], ...]:
    """What holds, the newest on top; then what is to come, what was earlier, what is not valid and what was an error.

    The order in which the statements came makes no difference.
    """
    return tuple(sorted(zip(wishes, standing(wishes, at), strict=True), key=_place))


def _place(one: tuple[Wish, Hold]) -> tuple[int, bool, int, str]:
    wish, hold = one
    days = days_of(wish)
    return _RANKS[hold], days is None, -days.begin if days is not None else 0, repr(wish)


def _by_itself(wish: Wish, now: int) -> Hold:
    if wish.validity is not Validity.VALID:
        return Hold.IN_ERROR if wish.validity is Validity.IN_ERROR else Hold.NOT_VALID
    ended, begins = _day_of(wish.ended), _day_of(wish.begins)
    if ended is not None and ended.end <= now:
        return Hold.ENDED
    return Hold.NOT_YET if begins is not None and begins.begin > now else Hold.HOLDS


def days_of(wish: Wish) -> Days | None:
    """From the discussion to the writing down: a record with two dates can mean either."""
    known = [days for days in (_day_of(wish.when), _day_of(wish.recorded)) if days is not None]
    return Days(min(days.begin for days in known), max(days.end for days in known)) if known else None


def _day_of(text: str) -> Days | None:
    """A date as whole days here; none where there is none, or none that can be read."""
    try:
        begin, end = interval(text)
        if "T" in text:
            local = (_EPOCH + timedelta(milliseconds=begin)).astimezone(AMSTERDAM)
            begin, end = interval(f"{local:%Y-%m-%d}" if local.year >= 1000 else text)
    except (BadInput, OverflowError, ValueError):
        return None
    return Days(begin, end)
