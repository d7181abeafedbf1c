"""Answers under way, and what must happen to them when a choice changes: they are decided anew, and cut off where less may be shown.

A change is told by a push (`Revocations.changed`: the patient's page, Mitz) or seen in the change counter of a store.
Where no push comes through, the lease of the decision ends within a minute, and it is decided anew then. Whoever cannot
be asked any more permits nothing: the answer is cut off (promise P11, closed on doubt).
"""

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

import anyio

from accord.terms.faults import Unavailable
from accord.terms.identifiers import Bsn
from accord.terms.vocabulary import CareCategory
from node_agent.consents import LONGEST_LEASE
from node_agent.deciding import Decisions
from node_agent.leasing import renewal_margin

#: So long after a change it is tried to decide anew; then the answer is cut off. With the polling, and the time of grace for what is
#: being written then (`outlet.GRACE_SECONDS`), it stays below 5 seconds.
_ENFORCED_WITHIN: Final = 2.0
_AGAIN_AFTER: Final = 0.25
_POLLED_EVERY: Final = 0.5
#: So many changes are remembered for an answer that began to be watched after it was decided.
_REMEMBERED: Final = 4_096

#: Decides anew; tells for how many seconds what was decided still holds, or none when less may be shown than before.
#: Raises `Unavailable` when it cannot be found out.
Recheck = Callable[[], Awaitable[float | None]]


class Clock(Protocol):
    """A clock that nobody can set, and waiting by it."""

    def now(self) -> float:
        """Seconds since some moment."""

    async def sleep_until(self, moment: float) -> None:
        """Wait for that moment."""


class LoopClock:
    """The clock of the event loop."""

    def now(self) -> float:
        """Seconds since some moment."""
        return anyio.current_time()

    async def sleep_until(self, moment: float) -> None:
        """Wait for that moment."""
        await anyio.sleep_until(moment)


def _nobody_else() -> None:
    pass


class Watch:
    """An answer under way. `cut`: it was cut off, because what may be shared changed or could not be found out."""

    def __init__(self, bsn: Bsn, scope: anyio.CancelScope, at_cut: Callable[[], None]) -> None:
        self.bsn = bsn
        self.cut = False
        self._at_cut = at_cut
        #: When the changes came that no decision since has taken into account.
        self.unheeded: list[float] = []
        self._scope = scope
        self._signal = anyio.Event()

    def signal(self, moment: float) -> None:
        """Something about this person changed."""
        self.unheeded.append(moment)
        self._signal.set()
        self._signal = anyio.Event()

    async def next_signal(self) -> None:
        """Wait for the next signal."""
        await self._signal.wait()

    def cut_off(self) -> None:
        """End the answer."""
        self.cut = True
        self._at_cut()
        self._scope.cancel()


class Revocations:
    """Tells answers under way that a choice changed. One for an agent."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or LoopClock()
        self._watches: set[Watch] = set()
        self._listeners: list[Callable[[Bsn | None], None]] = []
        self._recent: deque[Bsn | None] = deque(maxlen=_REMEMBERED)
        self._count = 0

    @property
    def mark(self) -> int:
        """How many changes there were. Taken before deciding, it makes sure that none is missed until `watching` begins."""
        return self._count

    @property
    def watched(self) -> int:
        """How many answers are watched."""
        return len(self._watches)

    def tell_also(self, listener: Callable[[Bsn | None], None]) -> None:
        """Have *listener* told of every pushed change, before answers are decided anew: `Leased.drop` of every register that is leased."""
        self._listeners.append(listener)

    def changed(self, bsn: Bsn | None) -> None:
        """A choice of this person changed, or of nobody knows whom: leases are dropped, answers under way decided anew."""
        for listener in self._listeners:
            listener(bsn)
        self._wake(bsn)

    async def keep_polling(self, changes: Callable[[], Awaitable[int]], seconds: float = _POLLED_EVERY) -> None:
        """Until cancelled: look whether the change counter of a store moved, in whichever direction.

        What such a store keeps must not be leased: nobody knows whose choice changed. A store that cannot be read is
        tried again; what is under way ends with its lease.
        """
        known: int | None = None
        while True:
            try:
                count = await changes()
            except Unavailable:
                pass
            else:
                if known is not None and count != known:
                    self._wake(None)
                known = count
            await self._clock.sleep_until(self._clock.now() + seconds)

    @asynccontextmanager
    async def watching(self, bsn: Bsn, recheck: Recheck, *, lease: float, since: int, at_cut: Callable[[], None] = _nobody_else) -> AsyncGenerator[Watch, None]:
        """Watch over the block: when it may not go on it is cancelled, and `Watch.cut` tells so afterwards.

        *lease* is for how many seconds the decision holds, *since* the `mark` from before it was taken. *at_cut* is told at
        that very moment, for what goes on beside the block, or in it to its end. Whoever is cut
        off ends as `LastWord(Ending.CUT_OFF, Fault.SHARING_CHANGED)`, also when the block had just ended by itself.
        """
        begun = self._clock.now()
        try:
            async with anyio.create_task_group() as tasks:
                with anyio.CancelScope() as scope:
                    watch = Watch(bsn, scope, at_cut)
                    if self._changed_since(bsn, since):
                        watch.signal(begun)
                    self._watches.add(watch)
                    tasks.start_soon(self._watch_over, watch, recheck, begun + min(lease, LONGEST_LEASE))
                    try:
                        yield watch
                    finally:
                        self._watches.discard(watch)
                tasks.cancel_scope.cancel()
        except ExceptionGroup as failures:
            raise _alone(failures) from None

    def _wake(self, bsn: Bsn | None) -> None:
        self._count += 1
        self._recent.append(bsn)
        for watch in self._watches:
            if bsn is None or watch.bsn == bsn:
                watch.signal(self._clock.now())

    def _changed_since(self, bsn: Bsn, mark: int) -> bool:
        missed = self._count - mark
        if missed > len(self._recent):
            return True
        return any(changed is None or changed == bsn for changed in list(self._recent)[len(self._recent) - missed :])

    async def _watch_over(self, watch: Watch, recheck: Recheck, until: float) -> None:
        while True:
            if not watch.unheeded:
                await self._signal_or(watch, until - renewal_margin(until - self._clock.now()))
            renewed = await self._decided_anew(watch, recheck, until)
            if renewed is None:
                watch.cut_off()
                return
            until = renewed

    async def _decided_anew(self, watch: Watch, recheck: Recheck, until: float) -> float | None:
        """Until when the renewed decision holds; none when it does not, or when nobody could tell in time.

        A decision takes into account what changed before it was begun. What changes meanwhile has it taken once more,
        and each change has its own time.
        """
        renewed: list[float | None] = []

        async def decide(scope: anyio.CancelScope) -> None:
            while not renewed:
                begun, told = self._clock.now(), len(watch.unheeded)
                try:
                    lease = await recheck()
                except Unavailable:
                    await self._clock.sleep_until(self._clock.now() + _AGAIN_AFTER)
                    continue
                del watch.unheeded[:told]
                if lease is None or not watch.unheeded:
                    renewed.append(None if lease is None else begun + min(lease, LONGEST_LEASE))
            scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(decide, tasks.cancel_scope)
            while self._clock.now() < (deadline := min([until, *(moment + _ENFORCED_WITHIN for moment in watch.unheeded)])):
                await self._signal_or(watch, deadline)
            tasks.cancel_scope.cancel()
        return renewed[0] if renewed else None

    async def _signal_or(self, watch: Watch, moment: float) -> None:
        """Wait for a signal or a moment, whichever comes first."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._end_at, moment, tasks.cancel_scope)
            await watch.next_signal()
            tasks.cancel_scope.cancel()

    async def _end_at(self, moment: float, scope: anyio.CancelScope) -> None:
        await self._clock.sleep_until(moment)
        scope.cancel()


def _alone(failures: ExceptionGroup[Exception]) -> Exception:
    """A failure as itself, and not as a group of one."""
    failure = failures.exceptions[0]
    return _alone(failure) if isinstance(failure, ExceptionGroup) else failure


def shows_less(before: Decisions, now: Decisions) -> bool:
    """Whether anything that *before* permitted is, or might be, not permitted any more.

    A new objection that speaks to this question counts as less, whatever it is about: it may be about what a single
    record contains, which cannot be seen from here. So does a permit that is gone, where any choice tells records apart.
    """
    known, left = set(before.case.speaking), set(now.case.speaking)
    if now.case.refusal is not None and before.case.refusal is None:
        return True
    if any(not choice.permits for choice in left - known):
        return True
    if (before.named or before.uneven) and any(choice.permits for choice in known - left):
        return True
    if not now.categories.keys() >= before.categories.keys():
        return True
    return any(before.beside(category) is not None and now.beside(category) is None for category in CareCategory)
