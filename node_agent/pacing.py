"""How fast a source is asked: never faster than it was agreed, and more gently while it is slow.

`concurrency` is how many requests are open at once, `per_second` how many begin in a second, whoever asks. Both are caps. What
is in force is a *share* of them: it halves when the source slows, refuses or does not answer, and grows a little with
every good answer (additive increase, multiplicative decrease). A source that was always slow is not asked less for it: only
what takes much longer than the same took before counts again, and slowness by itself never takes more than three quarters.
Whoever would have to wait longer than they can is told `source-busy` at once, and takes no turn from anybody else.
"""

import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

import anyio

from node_agent.ports import SourceBusy

_SMALLEST_SHARE: Final = 1 / 16
#: As little as slowness leaves: nobody knows whether asking less makes a slow source any faster.
_SLOWEST_SHARE: Final = 1 / 4
_LESS: Final = 0.5
#: What takes so many times as long as what was slow before is slow anew; what became usual is forgotten by so much for each answer in time.
_SLOWER: Final = 1.5
_FORGOTTEN: Final = 0.98
#: Requests begin a little further apart than the pace, so that the way to the source brings no more of them within a second.
_APART: Final = 1.05
#: So many good answers bring a share of a half back to the whole.
_MORE: Final = 0.02
_HOUR: Final = 3_600
_MOST_HOURS: Final = 24 * 31


@dataclass(slots=True)
class HourOfWork:
    """What a source was asked in one hour: requests, seconds, the slowest of each kind of request, and how many were not made or failed."""

    hour: int
    requests: int = 0
    seconds: float = 0.0
    slow: int = 0
    busy: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    seconds_by_kind: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    slowest: dict[str, float] = field(default_factory=dict)


class Work:
    """What a source was asked since the process began, by the hour (UTC), for a month. Kinds are types of records and nothing about a patient."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._hours: deque[HourOfWork] = deque(maxlen=_MOST_HOURS)
        #: Most requests that were open at once.
        self.most_at_once = 0

    @property
    def hours(self) -> tuple[HourOfWork, ...]:
        """The hours in which anything was asked, oldest first."""
        return tuple(self._hours)

    def note(self, kind: str, seconds: float, *, slow: bool) -> None:
        """A request came to its end."""
        hour = self._now()
        hour.requests += 1
        hour.seconds += seconds
        hour.slow += slow
        hour.by_kind[kind] += 1
        hour.seconds_by_kind[kind] += seconds
        hour.slowest[kind] = max(seconds, hour.slowest.get(kind, 0.0))

    def note_busy(self) -> None:
        """A request was not made, for it would have had to wait too long."""
        self._now().busy += 1

    def _now(self) -> HourOfWork:
        hour = int(self._clock()) // _HOUR
        if not self._hours or self._hours[-1].hour != hour:
            self._hours.append(HourOfWork(hour))
        return self._hours[-1]


@runtime_checkable
class Paced(Protocol):
    """A source that is asked at a pace."""

    @property
    def pace(self) -> "Pace":
        """How fast it may be asked now, and what it was asked."""


class Pace:
    """Turns at one source. Times are of the event loop's clock; `per_second` and `slow_seconds` 0 are none."""

    def __init__(self, concurrency: int, per_second: float = 0.0, slow_seconds: float = 0.0, *, work: Work | None = None) -> None:
        self._concurrency = concurrency
        self._per_second = per_second
        self._slow_seconds = slow_seconds
        self._places = anyio.CapacityLimiter(concurrency)
        self._starting = anyio.Lock()
        # Before any clock: that of a machine that was just started stands near nought.
        self._last_start = -math.inf
        self._share = 1.0
        self._lessened = -1.0
        #: From how many seconds on a kind of request counts as slow, where that is not `slow_seconds` any more.
        self._slow_from: dict[str, float] = {}
        self._open = 0
        self._waiting = 0
        self.work = work or Work()

    @property
    def share(self) -> float:
        """The part of the caps that is in force now: 1 is all of it."""
        return self._share

    @property
    def at_once(self) -> int:
        """How many requests may be open now."""
        return max(1, int(self._concurrency * self._share))

    @property
    def per_second(self) -> float:
        """How many requests may begin in a second now; 0 is no limit."""
        return self._per_second * self._share

    @asynccontextmanager
    async def turn(self, kind: str, until: float) -> AsyncGenerator[float, None]:
        """One request to the source inside the block, which gets the moment at which it begins.

        *until* is when whoever asks has no use for it any more.

        Raises:
            SourceBusy: There is no turn in time.
        """
        borrower = object()
        await self._begin(borrower, kind, until)
        try:
            with self._noted(kind) as begun:
                yield begun
        finally:
            self._places.release_on_behalf_of(borrower)

    @asynccontextmanager
    async def beside(self, kind: str, until: float) -> AsyncGenerator[float, None]:
        """As `turn`, for those that have places of their own: only the pace is kept.

        Raises:
            SourceBusy: It may not begin in time.
        """
        await self.start(kind, until)
        with self._noted(kind) as begun:
            yield begun

    async def start(self, kind: str, until: float) -> None:
        """Wait until one more request may begin, for those that have places of their own.

        Raises:
            SourceBusy: It may not in time.
        """
        with self._in_time(kind, until):
            await self._in_pace()

    def lessen(self, begun: float, *, smallest: float = _SMALLEST_SHARE) -> None:
        """A request that began then was refused, or was slow: ask less. What was under way when that was last done says nothing new."""
        if begun <= self._lessened:
            return
        # What is less already for another cause stays.
        self._share = max(min(smallest, self._share), self._share * _LESS)
        self._lessened = anyio.current_time()
        self._places.total_tokens = self.at_once

    async def _begin(self, borrower: object, kind: str, until: float) -> None:
        with self._in_time(kind, until):
            await self._places.acquire_on_behalf_of(borrower)
            try:
                await self._in_pace()
            except BaseException:
                self._places.release_on_behalf_of(borrower)
                raise

    @contextmanager
    def _in_time(self, kind: str, until: float) -> Iterator[None]:
        self._check_there_is_time(kind, until)
        self._waiting += 1
        try:
            # A deadline of who asks, outside of this, ends the answer; this one says that it was the source that is busy.
            with anyio.CancelScope(deadline=until) as scope:
                yield
        finally:
            self._waiting -= 1
        if scope.cancelled_caught:
            self.work.note_busy()
            raise SourceBusy(kind)

    def _check_there_is_time(self, kind: str, until: float) -> None:
        """Whoever stands behind so many that their time is over before their turn comes need not wait for it."""
        rate = self.per_second
        if rate and self._waiting / rate > until - anyio.current_time():
            self.work.note_busy()
            raise SourceBusy(kind)

    async def _in_pace(self) -> None:
        """Requests begin one after another, never closer together than the pace allows: there are no bursts to save up for."""
        if not self._per_second:
            return
        async with self._starting:
            # What the pace became meanwhile counts from the next one on.
            await anyio.sleep_until(self._last_start + _APART / self.per_second)
            self._last_start = anyio.current_time()

    @contextmanager
    def _noted(self, kind: str) -> Iterator[float]:
        begun = anyio.current_time()
        self._open += 1
        self.work.most_at_once = max(self.work.most_at_once, self._open)
        is_answered = False
        try:
            yield begun
            is_answered = True
        finally:
            self._open -= 1
            self._learn(kind, begun, is_answered=is_answered)

    def _learn(self, kind: str, begun: float, *, is_answered: bool) -> None:
        now = anyio.current_time()
        took = now - begun
        is_slow = bool(self._slow_seconds) and took > self._slow_seconds
        self.work.note(kind, took, slow=is_slow)
        if is_slow and not is_answered:
            self.lessen(begun)
        elif is_slow and took > self._slow_from.get(kind, self._slow_seconds):
            self._slow_from[kind] = took * _SLOWER
            self.lessen(begun, smallest=_SLOWEST_SHARE)
        elif is_answered:
            self._be_well(kind, is_slow=is_slow)

    def _be_well(self, kind: str, *, is_slow: bool) -> None:
        """It was answered, as fast as is usual here: ask a little more."""
        if not is_slow and kind in self._slow_from:
            self._slow_from[kind] *= _FORGOTTEN
            if self._slow_from[kind] <= self._slow_seconds:
                del self._slow_from[kind]
        if self._share < 1:
            self._share = min(1.0, self._share + _MORE)
            self._places.total_tokens = self.at_once
