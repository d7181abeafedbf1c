"""When a record says that it was: every moment that its date can mean."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from accord.rules.moments import AMSTERDAM, interval
from accord.terms.faults import BadInput
from gateway.dossier.clinical.lines import Moment

_LONG_ENOUGH: Final = len("2026-11-21T02:41:00Z")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_HOUR_MS: Final = 3_600_000


def moment_of(text: str) -> Moment | None:
    """The moments that a FHIR date can mean; none where it is none. Without a zone it is Dutch time."""
    if len(text) >= _LONG_ENOUGH:
        # A whole instant is read fast: these are most of a large dossier. Anything unusual is read by the rule below.
        try:
            at = datetime.fromisoformat(text)
            if at.tzinfo is not None:
                begin = (at - _EPOCH) // _MILLISECOND
                return Moment(begin, begin + 1_000, is_exact=True)
        except (ValueError, OverflowError):
            pass
    return _read(text) if text else None


@lru_cache(maxsize=4096)
def _read(text: str) -> Moment | None:
    try:
        begin, end = interval(text)
    except BadInput:
        return None
    return Moment(begin, end, is_exact=len(text) > len("2026-11-21"))


def day_of(moment: Moment) -> int:
    """The day on which it was, as a number, in the Netherlands; of a moment that may be on several days the first."""
    return _day_at(moment.begin // _HOUR_MS)


def is_one_day(moment: Moment) -> bool:
    """Whether it is known on which day it was."""
    return day_of(moment) == _day_at((moment.end - 1) // _HOUR_MS)


@lru_cache(maxsize=4096)
def _day_at(hour: int) -> int:
    """Days since year 1 of an hour since 1970. No zone of ours changes its day in mid-hour."""
    try:
        return (_EPOCH + timedelta(hours=hour)).astimezone(AMSTERDAM).toordinal()
    except (OverflowError, ValueError):
        # The years 1 and 9999, which sources write for "ever".
        return hour // 24
