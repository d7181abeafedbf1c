"""Sessions, in the memory of this process and nowhere else: the cookie carries a random id, and no more."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from accord.rules.speaking import Identity
from accord.rules.statements import ChoiceLine, ConfirmedStatement, Side, Statement
from accord.terms.faults import Fault, Unavailable
from accord.terms.vocabulary import HolderKind
from gateway.patient.login import Attempt
from gateway.patient.ports import Confirmed, NotConfirmed

IDLE: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(minutes=60)
#: Somebody who did not log in yet: long enough to do so.
ANONYMOUS: Final = timedelta(minutes=10)
#: So often may one session ask for what is not there, before it is ended (SAFETY B1).
_MOST_MISSES: Final = 20


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


class Sessions:
    """All of them, at most *most*. A crowd at the door never pushes out somebody who is inside."""

    def __init__(self, clock: Callable[[], datetime], most: int = 2000) -> None:
        self._clock = clock
        self._most = most
        self._inside: OrderedDict[bytes, Session] = OrderedDict()
        self._outside: OrderedDict[bytes, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._inside) + len(self._outside)

    def find(self, cookie: str) -> Session | None:
        """The session of this cookie, if it has not ended; being found keeps it going."""
        self.sweep()
        key, now = _key(cookie), self._clock()
        session = self._inside.get(key) or self._outside.get(key)
        if session is None:
            return None
        if now >= session.ends() or session.misses > _MOST_MISSES:
            self.end(cookie)
            return None
        session.seen = now
        (self._inside if key in self._inside else self._outside).move_to_end(key)
        return session

    def begin(self) -> tuple[str, Session]:
        """A session of somebody who has not logged in, and its cookie. The one that waited longest makes room."""
        now = self._clock()
        if len(self._outside) >= self._most:
            self._outside.popitem(last=False)
        cookie, session = secrets.token_urlsafe(32), Session(now, now)
        self._outside[_key(cookie)] = session
        return cookie, session

    def enter(self, before: str, identity: Identity) -> tuple[str, Session]:
        """A new session, under a new id, for somebody who logged in; the one before ends.

        Raises:
            Unavailable: `too-many-questions`: as many are inside as there may be.
        """
        self.end(before)
        self.sweep()
        now = self._clock()
        if len(self._inside) >= self._most:
            raise Unavailable(Fault.TOO_MANY_QUESTIONS)
        cookie, session = secrets.token_urlsafe(32), Session(now, now, identity=identity)
        self._inside[_key(cookie)] = session
        return cookie, session

    def sweep(self) -> None:
        """Forget those that have ended. Every look-up does it; call it now and then where nobody may come for long."""
        now = self._clock()
        for shelf in (self._inside, self._outside):
            for key in [key for key, session in shelf.items() if now >= session.ends()]:
                del shelf[key]

    def end(self, cookie: str) -> None:
        """End it, if it is there."""
        key = _key(cookie)
        self._inside.pop(key, None)
        self._outside.pop(key, None)


def _key(cookie: str) -> bytes:
    # By digest: how long a look-up takes says nothing about the ids there are.
    return hashlib.sha256(cookie.encode()).digest()
