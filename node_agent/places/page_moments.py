"""Moments and days as a planner reads them: how long ago, and until when, by the clock here."""

from datetime import date, datetime, timedelta
from typing import Final

from accord.review.words import Language
from accord.rules.moments import AMSTERDAM, by_the_clock_here

_DAYS: Final = {"nl": "ma di wo do vr za zo".split(), "en": "Mon Tue Wed Thu Fri Sat Sun".split()}
_MONTHS: Final = {
    "nl": "jan feb mrt apr mei jun jul aug sep okt nov dec".split(),
    "en": "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(),
}
_HOUR: Final = 3_600
_DAY: Final = 24 * _HOUR
#: Up to so many hours an age is told in hours: "26 hours" says more than "yesterday".
_HOURS_TOLD: Final = 48


def length(span: timedelta, language: Language) -> str:
    """How long: minutes, hours or days, whichever says it best; never less than a minute."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < _HOUR:
        number, one, many = max(1, seconds // 60), ("minuut", "minute"), ("minuten", "minutes")
    elif seconds < _HOURS_TOLD * _HOUR:
        number, one, many = seconds // _HOUR, ("uur", "hour"), ("uur", "hours")
    else:
        number, one, many = seconds // _DAY, ("dag", "day"), ("dagen", "days")
    return f"{number} {(one if number == 1 else many)[language == 'en']}"


def held_for(minutes: int, language: Language) -> str:
    """How long a place is held, to the minute."""
    return length(timedelta(minutes=minutes), language) if minutes % 60 == 0 else f"{minutes} {'minuten' if language == 'nl' else 'minutes'}"


def ago(at: datetime, now: datetime, language: Language) -> str:
    """How long ago; what lies ahead by a clock that differs is just now."""
    span = now - at
    if span < timedelta(minutes=1):
        return "net" if language == "nl" else "just now"
    return f"{length(span, language)} {'geleden' if language == 'nl' else 'ago'}"


def clock(at: datetime, now: datetime, language: Language) -> str:
    """The time, with the day where that is not today."""
    here, today = by_the_clock_here(at), now.astimezone(AMSTERDAM).date()
    return f"{here:%H:%M}" if here.date() == today else f"{day(here.date(), today, language)} {here:%H:%M}"


def day(given: date, today: date, language: Language) -> str:
    """A day: today, tomorrow, or its name and date; with the year where that is another."""
    if given in (today, today + timedelta(days=1)):
        return (("vandaag", "morgen") if language == "nl" else ("today", "tomorrow"))[(given - today).days]
    year = f" {given.year}" if given.year != today.year else ""
    return f"{_DAYS[language][given.weekday()]} {given.day} {_MONTHS[language][given.month - 1]}{year}"


def born(written: str, language: Language) -> str:
    """A day of birth, with its year; as it was written where that is no day."""
    try:
        given = date.fromisoformat(written)
    except ValueError:
        return written
    return f"{given.day} {_MONTHS[language][given.month - 1]} {given.year}"


def today_of(now: datetime) -> date:
    """Which day it is here."""
    return now.astimezone(AMSTERDAM).date()
