"""Sessions, in the memory of this process and nowhere else: the cookie carries a random id, and no more."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

from accord.terms.faults import Fault, Unavailable

#: So often may one session ask for what is not there, before it is ended (SAFETY B1).
_MOST_MISSES: Final = 20


class Kept(Protocol):
    """What one visitor is doing: when they were last there, and what they asked for that is not there."""

    seen: datetime
    misses: int

    def ends(self) -> datetime:
        """When it ends if nothing more happens."""


S = TypeVar("S", bound=Kept)


class Sessions(Generic[S]):
    """All of them, at most *most*. A crowd at the door never pushes out somebody who is inside.

    *begin* makes the session of somebody who has not logged in; *ended* is told of each that ends.
    """

    def __init__(self, clock: Callable[[], datetime], begin: Callable[[datetime], S], most: int = 2000, *, ended: Callable[[S], None] = lambda _: None) -> None:
        self._clock = clock
        self._begin = begin
        self._most = most
        self._ended = ended
        self._inside: OrderedDict[bytes, S] = OrderedDict()
        self._outside: OrderedDict[bytes, S] = OrderedDict()

    def __len__(self) -> int:
        return len(self._inside) + len(self._outside)

    def find(self, cookie: str, *, keeps: bool = True) -> S | None:
        """The session of this cookie, if it has not ended; being found keeps it going, unless not *keeps*."""
        self.sweep()
        key, now = _key(cookie), self._clock()
        session = self._inside.get(key) or self._outside.get(key)
        if session is None:
            return None
        if now >= session.ends() or session.misses > _MOST_MISSES:
            self.end(cookie)
            return None
        if keeps:
            session.seen = now
            (self._inside if key in self._inside else self._outside).move_to_end(key)
        return session

    def begin(self) -> tuple[str, S]:
        """A session of somebody who has not logged in, and its cookie. The one that waited longest makes room."""
        if len(self._outside) >= self._most:
            self._ended(self._outside.popitem(last=False)[1])
        cookie, session = secrets.token_urlsafe(32), self._begin(self._clock())
        self._outside[_key(cookie)] = session
        return cookie, session

    def enter(self, before: str, session: S) -> str:
        """Put *session* under a new id, for somebody who logged in, and give that; the one before ends.

        Raises:
            Unavailable: `too-many-questions`: as many are inside as there may be.
        """
        self.end(before)
        self.sweep()
        if len(self._inside) >= self._most:
            raise Unavailable(Fault.TOO_MANY_QUESTIONS)
        cookie = secrets.token_urlsafe(32)
        self._inside[_key(cookie)] = session
        return cookie

    def sweep(self) -> None:
        """Forget those that have ended. Every look-up does it; call it now and then where nobody may come for long."""
        now = self._clock()
        for shelf in (self._inside, self._outside):
            for key in [key for key, session in shelf.items() if now >= session.ends()]:
                self._ended(shelf.pop(key))

    def end(self, cookie: str) -> None:
        """End it, if it is there."""
        key = _key(cookie)
        for shelf in (self._inside, self._outside):
            session = shelf.pop(key, None)
            if session is not None:
                self._ended(session)


def _key(cookie: str) -> bytes:
    # By digest: how long a look-up takes says nothing about the ids there are.
    return hashlib.sha256(cookie.encode()).digest()
