"""What one visitor of the patient's pages is doing, from coming in to going out."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from accord.rules.speaking import Identity
from accord.rules.statements import ChoiceLine, ConfirmedStatement, Side, Statement
from accord.terms.vocabulary import HolderKind
from gateway.pages.sessions import Sessions
from gateway.patient.login import Attempt
from gateway.patient.ports import Confirmed, NotConfirmed

IDLE: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(minutes=60)
#: Somebody who did not log in yet: long enough to do so.
ANONYMOUS: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Subject:
    """What the patient is choosing about: one kind of provider on one side, or the wishes (neither)."""

    side: Side | None = None
    provider: HolderKind | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Which days of looking are shown, both included."""

    since: date
    until: date


class Goal(StrEnum):
    """What a login under way is for."""

    ENTER = "enter"
    CONFIRM = "confirm"


@dataclass(slots=True, repr=False)
class Session:
    """What one visitor is doing. Everything in it goes when it ends."""

    began: datetime
    seen: datetime
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    identity: Identity | None = None
    attempt: Attempt | None = None
    goal: Goal = Goal.ENTER
    subject: Subject | None = None
    draft: tuple[ChoiceLine, ...] = ()
    undo: tuple[ChoiceLine, ...] = ()
    pending: tuple[Statement, bytes] | None = None
    confirmed: ConfirmedStatement | None = None
    results: Sequence[Confirmed | NotConfirmed] = ()
    period: Period | None = None
    misses: int = 0

    def ends(self) -> datetime:
        """When it ends if nothing more happens."""
        if self.identity is None:
            return self.seen + ANONYMOUS
        return min(self.seen + IDLE, self.began + LONGEST, self.identity.expires)


def make_sessions(clock: Callable[[], datetime], most: int = 2000) -> Sessions[Session]:
    """The sessions of the patient's pages."""
    return Sessions(clock, lambda now: Session(now, now), most)
