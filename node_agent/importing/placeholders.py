"""Dates that test scripts leave open: `${DATE, T, D, -14}` is today minus 14 days (Nictiz test scripts)."""

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Final

from node_agent.importing.splices import Splice

_PLACEHOLDER: Final = re.compile(rb"\$\{ *DATE *, *T *, *([DMY]) *, *([+-]?[0-9]{1,5}) *\}")


def has_placeholders(text: bytes) -> bool:
    """Whether a record has dates that are still to be filled in."""
    return b"${DATE" in text


def dates_filled_in(text: bytes, today: date) -> list[Splice]:
    """The splices that put the dates for their placeholders. A placeholder of another form is left as it is."""
    splices = []
    for match in _PLACEHOLDER.finditer(text):
        try:
            moved = _moved(today, match.group(1), int(match.group(2)))
        except (OverflowError, ValueError):
            continue
        splices.append(Splice(match.start(), match.group(0), moved.isoformat().encode()))
    return splices


def _moved(today: date, unit: bytes, count: int) -> date:
    if unit == b"D":
        return today + timedelta(days=count)
    months = today.year * 12 + today.month - 1 + (count if unit == b"M" else 12 * count)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))
