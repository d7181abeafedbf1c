"""Whether a statement of planning ahead is in force, and of which days it is; which one holds is for the grouping (`rules_of_statements`)."""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from accord.rules.moments import AMSTERDAM, interval
from accord.terms.faults import BadInput
from gateway.dossier.clinical.wishes import Validity, Wish

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Days(NamedTuple):
    """All days that a date can mean, in milliseconds; `end` is exclusive."""

    begin: int
    end: int


def in_force(wish: Wish, at: datetime) -> bool:
    """Whether a statement counts at a moment by its own record: it is valid, has begun, and has not ended; its last day still counts."""
    if wish.validity is not Validity.VALID:
        return False
    now = (at - _EPOCH) // timedelta(milliseconds=1)
    ended, begins = _day_of(wish.ended), _day_of(wish.begins)
    return not (ended is not None and ended.end <= now) and not (begins is not None and begins.begin > now)


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
