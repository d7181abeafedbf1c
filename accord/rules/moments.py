"""Partial dates as intervals.

FHIR dates say as much as they know: `2021`, `2021-03`, `2021-03-04T10:00+01:00`. Each is the interval of all
moments it can mean. Without a zone it is Dutch time (Europe/Amsterdam), because that is where it was written.
"""

import re
from calendar import isleap, monthrange
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from accord.terms.faults import BadInput, Fault
from accord.terms.queries import DateBound

AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")
PREFIXES: Final = frozenset({"eq", "ge", "gt", "le", "lt", "sa", "eb"})

_PARTIAL = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2}):([0-9]{2})(?::([0-5][0-9]|60)(?:\.([0-9]{1,9}))?)?"
    r"(Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?)?)?)?"
)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_DAY_MS: Final = 86_400_000
_MILLISECOND: Final = timedelta(milliseconds=1)


def local_moment(at: datetime, *, seconds: bool = False) -> str:
    """Day, time and zone, as people here read it: `2026-11-22 21:15 CET`."""
    return f"{at.astimezone(AMSTERDAM):{'%Y-%m-%d %H:%M:%S %Z' if seconds else '%Y-%m-%d %H:%M %Z'}}"


def by_the_clock_here(at: datetime) -> datetime:
    """A moment by the clock here. One beside the ends of the calendar, which some write for "ever", stays as it was written."""
    try:
        return at.astimezone(AMSTERDAM)
    except OverflowError:
        return at.replace(tzinfo=AMSTERDAM)


@lru_cache(maxsize=4096)
def interval(text: str) -> tuple[int, int]:
    """The first millisecond that *text* can mean, and the first after it, since 1970-01-01T00:00Z.

    Raises:
        BadInput: `invalid-parameter`.
    """
    match = _PARTIAL.fullmatch(text)
    if match is None:
        raise BadInput(Fault.INVALID_PARAMETER, "date")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        first = date(int(year), int(month or 1), int(day or 1))
        # A leap second is the last second of its minute.
        clock = time(int(hour or 0), int(minute or 0), min(int(second or 0), 59))
    except ValueError:
        raise BadInput(Fault.INVALID_PARAMETER, "date") from None
    if hour is None:
        days = 1 if day else monthrange(first.year, first.month)[1] if month else 366 if isleap(first.year) else 365
        return _midnight(first.toordinal()), _midnight(first.toordinal() + days)
    # The interval is computed on whole numbers: a `datetime` ends in the years 1 and 9999, and sources write both for "ever".
    local = _on_the_clock(first.toordinal(), clock)
    offsets = _offsets(datetime.combine(first, clock), zone)
    length = 1 if fraction else 1_000 if second else 60_000
    milliseconds = int(((fraction or "") + "000")[:3])
    return local - offsets[0] + milliseconds, local - offsets[1] + milliseconds + length


def falls_within(begin_ms: int, end_ms: int, bounds: tuple[DateBound, ...]) -> bool:
    """Whether an interval meets every bound, as FHIR R4 search defines its prefixes on intervals."""
    return all(_meets(begin_ms, end_ms, bound) for bound in bounds)


def _meets(begin: int, end: int, bound: DateBound) -> bool:
    low, high = interval(bound.value)
    match bound.prefix:
        case "eq":
            return low <= begin and end <= high
        case "gt" | "sa":
            return end > high if bound.prefix == "gt" else begin >= high
        case "ge":
            return end > high or (low <= begin and end <= high)
        case "lt" | "eb":
            return begin < low if bound.prefix == "lt" else end <= low
        case "le":
            return begin < low or (low <= begin and end <= high)
        case _:
            raise BadInput(Fault.INVALID_PARAMETER, "date")


def _midnight(ordinal: int) -> int:
    """When a day begins in the Netherlands: a day in March or October is not 24 hours."""
    known = datetime.fromordinal(min(ordinal, date.max.toordinal()))
    return _on_the_clock(ordinal, time.min) - _offsets(known, None)[0]


def _on_the_clock(ordinal: int, clock: time) -> int:
    return (ordinal - _EPOCH_DAY) * _DAY_MS + ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000


def _offsets(local: datetime, zone: str | None) -> tuple[int, int]:
    """The offsets from UTC, in milliseconds, of the first and the last moment at which the clock shows this.

    They differ in the hour that comes twice, in October, when nobody wrote which of the two.
    """
    if zone is None:
        first, last = (round((local.replace(tzinfo=AMSTERDAM, fold=fold).utcoffset() or timedelta()) / _MILLISECOND) for fold in (0, 1))
        # In March the clock skips an hour: what was written there is read with the offset from before.
        return first, min(first, last)
    sign = -1 if zone[0] == "-" else 1
    offset = 0 if zone == "Z" else sign * (int(zone[1:3]) * 60 + int(zone[4:6])) * 60_000
    return offset, offset
