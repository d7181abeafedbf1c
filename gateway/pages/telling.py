"""Words in two languages, and dates and times as people read them and as they hear them."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from accord.rules.moments import by_the_clock_here

AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")


class Language(StrEnum):
    """A language of the pages."""

    DUTCH = "nl"
    ENGLISH = "en"


def preferred(accepted: str) -> Language:
    """The language of a browser's `Accept-Language`: Dutch, unless English stands before it."""
    for part in accepted[:200].lower().split(","):
        tag = part.partition(";")[0].strip().partition("-")[0]
        if tag in ("nl", "en"):
            return Language(tag)
    return Language.DUTCH


@dataclass(frozen=True)
class Words:
    """One language's catalogue: `words("choices.title")`, with values for the places in the sentence.

    Raises:
        KeyError: For a sentence that is not there: a mistake of ours, found by the tests.
    """

    language: Language
    sentences: Mapping[str, str] = field(repr=False)
    months: tuple[str, ...]
    days: tuple[str, ...]

    def __call__(self, key: str, **values: object) -> str:
        """The sentence of this key."""
        sentence = self.sentences[key]
        return sentence.format(**values) if values else sentence

    def one_of(self, group: str, code: str) -> str:
        """The words for a code, or those for any other code of the group."""
        return self.sentences.get(f"{group}.{code}") or self.sentences[f"{group}.other"]

    def listing(self, parts: Iterable[str]) -> str:
        """Several things in a row: a, b en c."""
        said = list(parts)
        if len(said) < 2:
            return "".join(said)
        return f"{', '.join(said[:-1])} {self('common.and')} {said[-1]}"

    def day(self, at: datetime | date) -> str:
        """Zaterdag 21 november 2026."""
        here = _here(at)
        return f"{self.days[here.weekday()]} {here.day} {self.months[here.month - 1]} {here.year}"

    def day_only(self, at: date) -> str:
        """21 november 2026."""
        return f"{at.day} {self.months[at.month - 1]} {at.year}"

    def time(self, at: datetime) -> str:
        """02.41 uur."""
        here = by_the_clock_here(at)
        return f"{here:%H.%M} uur" if self.language is Language.DUTCH else f"{here:%H:%M}"

    def spoken_day(self, at: datetime | date) -> str:
        """Zaterdag eenentwintig november."""
        here = _here(at)
        return f"{self.days[here.weekday()]} {_number(here.day, self.language)} {self.months[here.month - 1]}"

    def spoken_time(self, at: datetime) -> str:
        """Twee uur eenenveertig."""
        here = by_the_clock_here(at)
        hour, minute = _number(here.hour, self.language), _number(here.minute, self.language) if here.minute else ""
        if self.language is Language.DUTCH:
            return f"{hour} uur {minute}".strip()
        return f"{hour} {'oh ' if 0 < here.minute < 10 else ''}{minute or 'hundred hours'}"


@cache
def words(package: str, language: Language) -> Words:
    """The catalogue of a package of pages in a language, read once."""
    text = files(package).joinpath("words", f"{language}.toml").read_text(encoding="utf-8")
    catalogue = tomllib.loads(text)
    calendar = catalogue.pop("calendar")
    return Words(language, dict(_flat(catalogue)), tuple(calendar["months"]), tuple(calendar["days"]))


@cache
def joined(packages: tuple[str, ...], language: Language) -> Words:
    """The catalogues of several packages as one; the calendar is that of the first. What two of them have is that of the last."""
    every = [words(package, language) for package in packages]
    return Words(language, {key: sentence for one in every for key, sentence in one.sentences.items()}, every[0].months, every[0].days)


def spoken_number(digits: str) -> str:
    """A telephone number, digit by digit, so that a voice does not read it as a sum."""
    return ", ".join(" ".join(group) for group in digits.replace("-", " ").split())


def _flat(catalogue: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, str]]:
    for key, value in catalogue.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _here(at: datetime | date) -> date:
    return by_the_clock_here(at) if isinstance(at, datetime) else at


_ONES: Final = {
    Language.DUTCH: "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien".split(),
    Language.ENGLISH: (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    ),
}
_TENS: Final = {
    Language.DUTCH: ("", "", "twintig", "dertig", "veertig", "vijftig"),
    Language.ENGLISH: ("", "", "twenty", "thirty", "forty", "fifty"),
}


def _number(number: int, language: Language) -> str:
    """A number below sixty, in words."""
    if number < 20:
        return _ONES[language][number]
    tens, ones = divmod(number, 10)
    ten, one = _TENS[language][tens], _ONES[language][ones]
    if not ones:
        return ten
    if language is Language.ENGLISH:
        return f"{ten}-{one}"
    return f"{one}{'ën' if one.endswith('e') else 'en'}{ten}"
