"""Partial dates as intervals.

FHIR dates say as much as they know: `2021`, `2021-03`, `2021-03-04T10:00+01:00`. Each is the interval of all
moments it can mean. Without a zone it is Dutch time (Europe/Amsterdam), because that is where it was written.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from accord.terms.faults import BadInput, Fault
from accord.terms.queries import DateBound

AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")
PREFIXES: Final = frozenset({"eq", "ge", "gt", "le", "lt", "sa", "eb"})

_PARTIAL = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


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
        start = datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), min(int(second or 0), 59), tzinfo=_zone(zone))
        end = _after(start, month, day, hour, second, fraction)
    except (ValueError, OverflowError):
        raise BadInput(Fault.INVALID_PARAMETER, "date") from None
    begin_ms = (start.astimezone(UTC) - _EPOCH) // _MILLISECOND + int(((fraction or "") + "000")[:3])
    end_ms = begin_ms + 1 if fraction else (end.astimezone(UTC) - _EPOCH) // _MILLISECOND
    return begin_ms, end_ms


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


@lru_cache(maxsize=256)
def _zone(text: str | None) -> tzinfo:
    if text is None:
        return AMSTERDAM
    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(offset if text[0] == "+" else -offset)


def _after(start: datetime, month: str | None, day: str | None, hour: str | None, second: str | None, fraction: str | None) -> datetime:
    if month is None:
        return start.replace(year=start.year + 1)
    if day is None:
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    if hour is None:
        # The next local midnight: a day in March or October is not 24 hours.
        return (start.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=start.tzinfo)
    length = timedelta(milliseconds=1) if fraction else timedelta(seconds=1) if second else timedelta(minutes=1)
    return (start.astimezone(UTC) + length).astimezone(start.tzinfo)
