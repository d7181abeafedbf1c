"""Dates in words, at the precision at which they were written: a year stays a year, a moment is told in Dutch time."""

import re
from datetime import datetime
from typing import Final

from accord.rules.moments import AMSTERDAM
from gateway.dossier.clinical.showing.wording import phrase
from gateway.dossier.clinical.trees import Tree, text
from gateway.dossier.words import Language

_MONTHS: Final = {
    "nl": tuple("januari februari maart april mei juni juli augustus september oktober november december".split()),
    "en": tuple("January February March April May June July August September October November December".split()),
}
_DATE: Final = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?", re.ASCII)
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::[0-5]\d(?:\.\d+)?)?", re.ASCII)


def in_words(written: str, language: Language) -> str:
    """A date, moment or time of day of FHIR in words; what is none of these stays as it was written."""
    day = _DATE.fullmatch(written)
    if day is not None:
        return _day(day, language)
    moment = _MOMENT.fullmatch(written)
    if moment is not None:
        return _moment(moment, language)
    clock = _CLOCK.fullmatch(written)
    return written if clock is None else f"{clock[1]}:{clock[2]}"


def _day(found: re.Match[str], language: Language) -> str:
    year, month, day = found.groups()
    if month is None:
        return year
    name = _MONTHS[language][int(month) - 1]
    return f"{name} {year}" if day is None else f"{int(day)} {name} {year}"


def _moment(found: re.Match[str], language: Language) -> str:
    """Without a zone it is Dutch time, because that is where it was written."""
    day, clock, zone = found.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone == 'Z' else zone or ''}")
        at = at.astimezone(AMSTERDAM) if zone else at
    except (ValueError, OverflowError):
        return found[0]
    return f"{at.day} {_MONTHS[language][at.month - 1]} {at.year:04} {at.hour:02}:{at.minute:02}"


def period(value: Tree, language: Language) -> str:
    """A period in words: since, until, or from one date to another; empty where it names none."""
    start, end = (in_words(text(value, name), language) for name in ("start", "end"))
    if start and end:
        return start if start == end else f"{start} – {_same_day(start, end)}"
    if start:
        return f"{phrase('since').in_language(language)} {start}"
    return f"{phrase('until').in_language(language)} {end}" if end else ""


def _same_day(start: str, end: str) -> str:
    """The end of a period; of one on the same day only the time."""
    day, _, clock = end.rpartition(" ")
    return clock if ":" in clock and ":" in start and start.startswith(day + " ") else end
