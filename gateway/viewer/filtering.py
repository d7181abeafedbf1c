"""What a reader wants to see of a section: by holder, by period, by a text, only contradictions."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final

from accord.rules.moments import AMSTERDAM
from gateway.dossier.clinical.groups import Thread
from gateway.dossier.clinical.lines import Line
from gateway.viewer.lining import Lining
from gateway.viewer.shapes import Filter

_MOST_LETTERS: Final = 80
#: Looking through all texts of a very long section costs too much: so many of its records are read.
MOST_READ: Final = 2_000


def read_filter(form: Mapping[str, str], holders: Iterable[str]) -> Filter:
    """What was filled in; what cannot be is as if it were left empty."""
    if form.get("clear"):
        return Filter()
    holder = form.get("holder", "")
    return Filter(
        holder=holder if holder in set(holders) else "",
        since=_date(form.get("since", "")),
        until=_date(form.get("until", "")),
        text=" ".join(form.get("text", "").split())[:_MOST_LETTERS],
        conflicts=form.get("conflicts") == "1",
    )


def chosen(threads: Iterable[Thread], wanted: Filter, lining: Lining) -> tuple[tuple[Thread, ...], int]:
    """The threads of which something is wanted: whole, for what is put together must be seen together; and how many lines were not read for it."""
    found: list[Thread] = []
    unread = 0
    begin, end = _milliseconds(wanted.since, 0), _milliseconds(wanted.until, 1)
    left = MOST_READ
    for thread in threads:
        if wanted.conflicts and not thread.has_conflict:
            continue
        lines = [line for line in thread.lines if _is_of(line, wanted.holder) and _is_within(line, begin, end)]
        if not lines:
            continue
        if wanted.text:
            read, unread = lines[: max(left, 0)], unread + max(0, len(lines) - max(left, 0))
            left -= len(lines)
            if not any(_says(lining, line, wanted.text) for line in read):
                continue
        found.append(thread)
    return tuple(found), unread


def _is_of(line: Line, holder: str) -> bool:
    return not holder or any(name.value == holder for name in line.holders)


def _is_within(line: Line, begin: int | None, end: int | None) -> bool:
    """Whether it may have been then: what has no date is not hidden by a period."""
    moment = line.moment
    return moment is None or ((begin is None or moment.end > begin) and (end is None or moment.begin < end))


def _says(lining: Lining, line: Line, text: str) -> bool:
    shown, row = lining.shown(line), lining.row(line)
    told = (row.what, row.value, row.author, row.state, *(part for one in row.extra for part in one), *(one.text for one in shown.details))
    wanted = text.casefold()
    return any(wanted in one.casefold() for one in told)


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if len(text) == len("2026-11-21") else ""
    except ValueError:
        return ""


def _milliseconds(day: str, later: int) -> int | None:
    if not day:
        return None
    try:
        at = datetime.combine(date.fromisoformat(day) + timedelta(days=later), time.min, AMSTERDAM)
        return int(at.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None
