"""What stands in a cell of a planning export, as Dutch systems write it: `2`, `2,0`, `23-11-2026`, `23-11-2026 10:15`.

Whatever cannot be read for certain is an `Unreadable`: the cell is named where it is known, its content never.
"""

import re
from datetime import UTC, date, datetime, time
from typing import Final

from accord.rules.moments import AMSTERDAM

MOST_PLACES: Final = 9_999
_NUMBER: Final = re.compile(r"([0-9]{1,4})(?:[.,]([0-9]{1,2}))?", re.ASCII)
_DUTCH: Final = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})", re.ASCII)
_ISO: Final = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})", re.ASCII)
_CLOCK: Final = re.compile(r"([0-9]{1,2})[:.]([0-9]{2})(?:[:.]([0-9]{2})(?:[.,][0-9]{1,9})?)?\s*(Z|[+-][0-9]{2}:?[0-9]{2})?", re.ASCII)


class Unreadable(Exception):
    """A cell is not what its column holds."""


def number(cell: str) -> int:
    """A count. Half a place is no place: what is behind the comma is left off.

    `1.000` is a thousand to one system and one to another, `-1` is no count: neither is read.

    Raises:
        Unreadable: It is none.
    """
    match = _NUMBER.fullmatch(cell)
    if match is None:
        raise Unreadable
    return int(match.group(1))


def day(cell: str) -> date:
    """A day.

    Raises:
        Unreadable: It is none, or leaves open which one is meant.
    """
    if match := _DUTCH.fullmatch(cell):
        days, month, year = match.groups()
    elif match := _ISO.fullmatch(cell):
        year, month, days = match.groups()
    else:
        raise Unreadable
    try:
        return date(int(year), int(month), int(days))
    except ValueError:
        raise Unreadable from None


def moment(cell: str) -> datetime:
    """A moment; without a zone by the clock here. In the hour that comes twice it is the first: what is older is unknown sooner.

    Raises:
        Unreadable: It is none.
    """
    words = cell.replace("T", " ", 1).split(None, 1)
    match = _CLOCK.fullmatch(words[1].strip()) if len(words) > 1 else None
    if match is None:
        raise Unreadable
    hour, minute, second, zone = match.groups()
    try:
        at = datetime.combine(day(words[0]), time(int(hour), int(minute), int(second or 0)), AMSTERDAM)
        if zone:
            at = at.replace(tzinfo=datetime.strptime(zone.replace("Z", "+0000").replace(":", ""), "%z").tzinfo)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable from None
