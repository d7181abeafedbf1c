"""What a person writes is looked at before it is kept: no provider could read it otherwise, or would know too early whom it is about."""

import re
from datetime import datetime, timedelta
from typing import Final

from accord.terms.capacity import Need
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from accord.terms.placing import Gist, Introduction
from accord.wire.place_forms import from_form, to_form
from gateway.places.ports import Draft

#: A search looks no farther ahead than this.
LONGEST: Final = timedelta(days=400)
_WORD: Final = re.compile(r"[^\W\d_]{3,}")
#: Parts of names that are words of every sentence.
_NO_NAMES: Final = frozenset({"Van", "Von", "Den", "Der", "Het", "Ten", "Ter", "Mevrouw", "Meneer", "Dhr", "Mevr", "Mrs"})
_NUMBER: Final = re.compile(r"[0-9](?:[ .-]?[0-9]){8}", re.ASCII)
_SEPARATED: Final = re.compile(r"[ .-]")
_DUTCH_DAY: Final = re.compile(r"([0-9]{1,2})[-./ ]([0-9]{1,2})[-./ ]([0-9]{4})", re.ASCII)
_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", re.ASCII)


def check_draft(draft: Draft, now: datetime) -> None:
    """Refuse a search that no provider could read, or that says whom it is about where nobody is to know that yet.

    Raises:
        BadInput: `invalid-bsn`, `invalid-question`, `invalid-parameter`.
    """
    Bsn(draft.who.bsn)
    for part in (draft.who, draft.need, draft.wishes, draft.gist):
        from_form(to_form(part), type(part))
    check_day(draft.need, now)
    check_unnamed(draft.who, *texts_of(draft.need, draft.gist))


def check_day(need: Need, now: datetime) -> None:
    """Refuse a day so far ahead that no referral could be signed (`invalid-parameter`)."""
    if need.since > (now + LONGEST).date():
        raise BadInput(Fault.INVALID_PARAMETER, "since")


def check_unnamed(who: Introduction, *texts: str) -> None:
    """Refuse texts that say who it is about (`invalid-parameter`)."""
    if says_who(who, *texts):
        raise BadInput(Fault.INVALID_PARAMETER, "words")


def texts_of(need: Need, gist: Gist) -> tuple[str, ...]:
    """What a provider reads before it is interested, as far as somebody wrote it."""
    return need.specialty, gist.reason, gist.words, *gist.facts


def says_who(who: Introduction, *texts: str) -> bool:
    """Whether a text has their number, the day on which they were born, or a part of their name, written with its capital."""
    named = {word for word in _WORD.findall(who.name) if word[0].isupper()} - _NO_NAMES
    return any(
        not named.isdisjoint(_WORD.findall(text))
        or any(_SEPARATED.sub("", number) == who.bsn for number in _NUMBER.findall(text))
        or who.birth_date in _days_in(text)
        for text in texts
    )


def _days_in(text: str) -> set[str]:
    """The days that stand in a text, as 1941-05-02."""
    return {f"{year:0>4}-{month:0>2}-{day:0>2}" for day, month, year in _DUTCH_DAY.findall(text)} | {
        f"{year}-{month:0>2}-{day:0>2}" for year, month, day in _DAY.findall(text)
    }
