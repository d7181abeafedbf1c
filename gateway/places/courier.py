"""The courier: brings what was written to providers, and fetches what they wrote, for as long as it runs.

Nobody calls us from outside. So a provider is called when something waits for it, when the region says that it wrote to
somebody, and now and then while anything is expected of it. One call at a time to each, many providers at once; who cannot
be reached is tried again, ever less often, and nothing is lost by it.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup

from accord.letters import mailbox
from accord.letters.collecting import MOST_HEARD
from accord.letters.envelopes import Sender, signed_now
from accord.terms.faults import Fault, Faulted, Unavailable
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import MemberStatus
from gateway.places import rows
from gateway.places.ports import PlaceChange, TheRegion
from gateway.places.store import Store
from gateway.places.taking_in import Said, take_in
from gateway.places.writing import Own

#: Whoever something is expected of is called this often, also when nobody says that it wrote.
ROUND_SECONDS: Final = 15.0
#: So long more is waited for after letters were taken in; then their writer is told how far, and need not keep them any longer.
RECEIPT_SECONDS: Final = 0.5
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 60.0
_AT_ONCE: Final = 32
_MANY_FAILURES: Final = 8

_log = structlog.get_logger("noaber.places")


@dataclass(slots=True)
class _Stop:
    """A provider on the courier's round: whether it is wanted again, whether somebody is there now, and how often in vain.

    `owed`: letters of it were taken in, and it was not told yet. `rung`: it is wanted while somebody waits to tell it so.
    """

    wanted: bool = False
    busy: bool = False
    owed: bool = False
    failures: int = 0
    not_before: float = 0.0
    sooner: anyio.Event = field(default_factory=anyio.Event)
    rung: anyio.Event = field(default_factory=anyio.Event)


class Courier:
    """Calls providers through the region. *pause* says how long to wait after so many failures (seconds).

    `calls` counts, and `failed`: for who watches over it.
    """

    def __init__(
        self,
        store: Store,
        own: Own,
        region: TheRegion,
        *,
        round_seconds: float = ROUND_SECONDS,
        receipt_seconds: float = RECEIPT_SECONDS,
        pause: Callable[[int], float] | None = None,
    ) -> None:
        self._store = store
        self._own = own
        self._region = region
        self._round_seconds = round_seconds
        self._receipt_seconds = receipt_seconds
        self._pause = pause or _pause
        self._stops: dict[Ura, _Stop] = {}
        self._places = anyio.Semaphore(_AT_ONCE)
        self._bell = anyio.Event()
        self._laid: set[Ura] = set()
        self.calls = 0
        self.failed = 0
        store.told.append(self._hear_laid)

    async def run(self) -> None:
        """Until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                await self._go_round(tasks)
                with anyio.move_on_after(self._round_seconds):
                    while True:
                        await self._bell.wait()
                        self._bell = anyio.Event()
                        laid, self._laid = self._laid, set()
                        for ura in laid:
                            self._want(ura, tasks)

    async def heard_change(self, change: PlaceChange) -> None:
        """The region says that a provider wrote to somebody, or can be reached again.

        Raises:
            Unavailable: `source-unavailable`.
        """
        member = next((member for member in self._own.register(self._own.clock()).holders if member.name == change.provider), None)
        if member is None or not await self._store.read(lambda connection: rows.knows(connection, member.ura)):
            return
        if change.reachable:
            stop = self._stop(member.ura)
            stop.not_before = 0.0
            stop.sooner.set()
        self._hear_laid(frozenset({member.ura}))

    async def call(self, ura: Ura) -> bool:
        """Bring and fetch once; whether more waits.

        Raises:
            Faulted: It cannot be reached, or refuses; nothing is lost.
        """
        provider = self._name_of(ura)
        if provider is None:
            return False
        (envelopes, more), told = await self._store.read(lambda connection: (mailbox.waiting(connection, ura), mailbox.untold(connection, ura, MOST_HEARD)))
        self.calls += 1
        sender = Sender(self._own.ura, self._own.key)
        brought = await self._region.letters(provider, told, [signed_now(envelope, sender) for envelope in envelopes])
        if not (brought.envelopes or envelopes or told):
            return False
        said = Said(told, envelopes)
        taken = await self._store.change(lambda change: take_in(change, self._own, ura, brought, said, self._own.clock()))
        self._stop(ura).owed = taken.letters > 0
        # What is brought again and again, and never taken in, is no reason to go on at once.
        return (more or brought.more) and bool(taken.letters or taken.let_go)

    async def _go_round(self, tasks: TaskGroup) -> None:
        try:
            for ura in await self._store.read(rows.peers_to_call):
                self._want(ura, tasks)
        except Unavailable as failure:
            _log.error("the file of searches cannot be read", code=failure.fault.value)

    def _want(self, ura: Ura, tasks: TaskGroup) -> None:
        stop = self._stop(ura)
        stop.wanted = True
        stop.rung.set()
        if not stop.busy:
            stop.busy = True
            tasks.start_soon(self._visit, ura, stop)

    async def _visit(self, ura: Ura, stop: _Stop) -> None:
        """Call as long as it is wanted, one call at a time."""
        try:
            while stop.wanted:
                if (left := stop.not_before - time.monotonic()) > 0:
                    stop.sooner = anyio.Event()
                    with anyio.move_on_after(left):
                        await stop.sooner.wait()
                stop.wanted = False
                async with self._places:
                    again = await self._called(ura, stop)
                # Not in one: it may have been wanted meanwhile.
                stop.wanted = stop.wanted or again
                if stop.owed and not (stop.wanted or stop.failures):
                    await self._wait_for_more(stop)
        finally:
            stop.busy = False

    async def _wait_for_more(self, stop: _Stop) -> None:
        """Tell it in a moment how far it was heard: at once when there is something to bring, which tells it too."""
        stop.owed, stop.rung = False, anyio.Event()
        with anyio.move_on_after(self._receipt_seconds):
            await stop.rung.wait()
        stop.wanted = True

    async def _called(self, ura: Ura, stop: _Stop) -> bool:
        """Call once; whether to go on at once, or after the pause that a failure brings."""
        try:
            more = await self.call(ura)
        except Faulted as failure:
            return self._fail(ura, stop, failure.fault)
        except Exception as mistake:  # noqa: BLE001 - what one provider brings must not end the letters of all others
            _log.error("letters of a provider could not be worked on", provider=ura.value, failure=type(mistake).__name__)
            return self._fail(ura, stop, Fault.INTERNAL)
        stop.failures = 0
        return more

    def _fail(self, ura: Ura, stop: _Stop, fault: Fault) -> bool:
        self.failed += 1
        stop.failures += 1
        stop.not_before = time.monotonic() + self._pause(stop.failures)
        if stop.failures == 1:
            _log.warning("a provider cannot be written to now", provider=ura.value, code=fault.value)
        # After many failures it waits for the next round, if it is still on it.
        return stop.failures < _MANY_FAILURES

    def _hear_laid(self, laid: frozenset[Ura]) -> None:
        self._laid |= laid
        if laid:
            self._bell.set()

    def _stop(self, ura: Ura) -> _Stop:
        return self._stops.setdefault(ura, _Stop())

    def _name_of(self, ura: Ura) -> HolderName | None:
        """Its name in the register of now; none when it does not take part: then what is for it waits."""
        try:
            member = self._own.register(self._own.clock()).by_ura.get(ura)
        except Unavailable:
            return None
        return member.name if member is not None and member.status is MemberStatus.ACTIVE else None


def _pause(failures: int) -> float:
    """Twice as long after each failure, and never all at the same moment."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * float(1 << min(failures, 10))) * random.uniform(0.5, 1.0)  # noqa: S311 - it keeps callers apart, and no secret
