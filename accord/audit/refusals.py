"""Lines about what is refused, few enough that nobody can fill a journal by being refused (promise P7).

So many of one party, and of all together, have a line of their own. What is beyond that is counted, and told in one line of
each party and fault once the minute is over: nothing that was refused goes unmentioned.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import anyio
import structlog

from accord.audit.content import Event
from accord.audit.events import RefusedQuestion
from accord.audit.finishing import finish
from accord.rules.rates import Rate, Rates
from accord.terms.faults import Fault, Unavailable

#: Lines in a minute: of one party ("" is nobody: all that nobody knows who they are), and of all together.
_OF_ONE: Final = 10
_OF_ALL: Final = 60
_SECONDS: Final = 60.0
#: Of no more parties is known how many lines they had, and of no more are refusals counted apart; the others count as nobody.
_MOST_PEERS: Final = 256
_MOST_APART: Final = 64

_log = structlog.get_logger("noaber.refusals")


class Ledger(Protocol):
    """Where lines become durable. `accord.audit.journal.Journal` is one."""

    async def append(self, event: Event) -> int:
        """Write a line, and return when it is durable.

        Raises:
            Unavailable: `journal-unavailable`.
        """


@dataclass(slots=True)
class _Counted:
    """Refusals without a line of their own: so many, since then (UTC, milliseconds)."""

    since: int
    holder: str
    count: int = 0


@dataclass(slots=True)
class _Period:
    """What is counted in one minute, which begins with the first."""

    ends: float = 0.0
    counted: dict[tuple[str, Fault], _Counted] = field(default_factory=dict)


class Refusals:
    """One for a process. *clock* never goes back; *stamp* is the time of day, in milliseconds (UTC)."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        clock: Callable[[], float] = time.monotonic,
        stamp: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        of_one: int = _OF_ONE,
        of_all: int = _OF_ALL,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._stamp = stamp
        self._rates = Rates(Rate(of_one / _SECONDS, of_one), Rate(of_all / _SECONDS, of_all), most=_MOST_PEERS, clock=clock)
        self._period = _Period()

    async def note(self, line: RefusedQuestion) -> None:
        """Write this line, or count what it tells when its `peer` (or everybody) has had enough lines for now.

        Raises:
            Unavailable: `journal-unavailable`.
        """
        if self._period.counted and self._clock() >= self._period.ends:
            await self.tell()
        if self._rates.take(line.peer) == 0:
            await self._ledger.append(line)
        else:
            self._count(line.peer, line.fault, line.holder, self._stamp(), 1)

    async def tell(self) -> None:
        """Write what was counted.

        Raises:
            Unavailable: `journal-unavailable`; what is not written stays counted.
        """
        counted, self._period = self._period.counted, _Period()
        try:
            for key in list(counted):
                await self._write(counted, key)
        finally:
            for (peer, fault), one in counted.items():
                self._count(peer, fault, one.holder, one.since, one.count)

    async def _write(self, counted: dict[tuple[str, Fault], _Counted], key: tuple[str, Fault]) -> None:
        """Write one of these and take it out, also when whoever waits is cancelled: what the ledger has is not told again."""
        (peer, fault), one = key, counted[key]

        async def write() -> None:
            await self._ledger.append(RefusedQuestion(holder=one.holder, peer=peer, fault=fault, count=one.count, since=one.since))
            del counted[key]

        await finish(write)

    async def keep_telling(self) -> None:
        """Until cancelled: tell what was counted once its minute is over; and at the end what is left."""
        try:
            while True:
                await anyio.sleep(_SECONDS)
                if self._clock() >= self._period.ends:
                    await self._try_to_tell()
        finally:
            with anyio.CancelScope(shield=True):
                await self._try_to_tell()

    async def _try_to_tell(self) -> None:
        try:
            await self.tell()
        except Unavailable as closed:
            _log.warning("refusals could not be written", code=closed.fault.value)

    def _count(self, peer: str, fault: Fault, holder: str, since: int, count: int) -> None:
        counted = self._period.counted
        if not counted:
            self._period.ends = self._clock() + _SECONDS
        if (peer, fault) not in counted and len(counted) >= _MOST_APART:
            peer = ""  # then there are no more of these than there are faults
        one = counted.setdefault((peer, fault), _Counted(since, holder))
        one.since = min(one.since, since)
        one.count += count
