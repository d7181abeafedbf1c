"""What an application says that is needed and liked, read once: every face of places refuses the same things by the same names."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from math import isfinite
from typing import Final, TypeVar

from accord.terms.capacity import AT_HOME, CareKind, Condition, Funding, Need, Wishes
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.limits import FIELD_CHARACTERS

_E = TypeVar("_E", bound=StrEnum)

_MOST: Final = 50
_MOST_PLACES: Final = 99
_FARTHEST_KM: Final = 500.0
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_POSTCODE: Final = re.compile(r"[1-9][0-9]{3}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was said, as texts. `home`: where care at home is given."""

    kind: str
    since: str
    until: str = ""
    amount: int = 1
    specialty: str = ""
    conditions: Sequence[str] = ()
    languages: Sequence[str] = ()
    funding: str = ""
    home: str = ""


def need_of(wanted: Wanted) -> Need:
    """What is needed.

    Raises:
        BadInput: `invalid-parameter` with its name.
    """
    kind, since = word(CareKind, wanted.kind, "kind"), day(wanted.since, "since")
    until = day(wanted.until, "until") if wanted.until else None
    if not 0 <= wanted.amount <= _MOST_PLACES:
        raise refused("amount")
    if until is not None and until < since:
        raise refused("until")
    if wanted.home and kind not in AT_HOME:
        # Nobody needs to know where somebody lives who goes elsewhere.
        raise refused("near")
    return Need(
        kind,
        since,
        wanted.amount or 1,
        text(wanted.specialty, "specialty"),
        frozenset(word(Condition, one, "condition") for one in few(wanted.conditions, "condition")),
        frozenset(_language(one) for one in few(wanted.languages, "language")),
        word(Funding, wanted.funding, "funding") if wanted.funding else None,
        _postcode(wanted.home, "near"),
        until,
    )


def wishes_of(near: str, within_km: float, preferred: Iterable[str], refuses: Iterable[str]) -> Wishes:
    """What is liked; 0 km is no limit.

    Raises:
        BadInput: `invalid-parameter` with its name.
    """
    if not isfinite(within_km) or not 0 <= within_km <= _FARTHEST_KM:
        raise refused("within-km")
    return Wishes(_postcode(near, "near"), within_km or None, tuple(_names(preferred, "preferred")), frozenset(_names(refuses, "refused")))


def word(kind: type[_E], written: str, name: str) -> _E:
    """The value of a vocabulary that is written so.

    Raises:
        BadInput: `invalid-parameter`.
    """
    try:
        return kind(written)
    except ValueError:
        raise refused(name) from None


def day(written: str, name: str) -> date:
    """A day.

    Raises:
        BadInput: `invalid-parameter`.
    """
    try:
        if _DAY.fullmatch(written):
            return date.fromisoformat(written)
    except ValueError:
        pass
    raise refused(name)


def moment(written: str, name: str) -> datetime:
    """A moment with its zone.

    Raises:
        BadInput: `invalid-parameter`.
    """
    try:
        read = datetime.fromisoformat(written)
        if read.tzinfo is not None:
            return read.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise refused(name)


def text(written: str, name: str, most: int = FIELD_CHARACTERS) -> str:
    """A text that can be printed.

    Raises:
        BadInput: `invalid-parameter`.
    """
    if len(written) > most or not written.replace("\n", "").isprintable():
        raise refused(name)
    return written


def provider(written: str, name: str = "provider") -> HolderName:
    """A provider by its name in the register.

    Raises:
        BadInput: `invalid-parameter`.
    """
    try:
        return HolderName(written)
    except BadInput:
        raise refused(name) from None


def few(items: Iterable[str], name: str) -> tuple[str, ...]:
    """A list that is not too long.

    Raises:
        BadInput: `invalid-parameter`.
    """
    listed = tuple(items)
    if len(listed) > _MOST:
        raise refused(name)
    return listed


def refused(name: str) -> BadInput:
    """The refusal of a parameter of this name."""
    return BadInput(Fault.INVALID_PARAMETER, name)


def _names(items: Iterable[str], name: str) -> list[HolderName]:
    return [provider(one, name) for one in few(items, name)]


def _language(written: str) -> str:
    if not _LANGUAGE.fullmatch(written):
        raise refused("language")
    return written


def _postcode(written: str, name: str) -> str:
    if written and not _POSTCODE.fullmatch(written):
        raise refused(name)
    return written
