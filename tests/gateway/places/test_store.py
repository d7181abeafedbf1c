"""Changes that wait share a transaction: in the journal before they are kept, each undone alone when it fails, all refused when nothing can be kept."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import pytest
from anyio.abc import TaskGroup

from accord.audit.content import Event
from accord.audit.places_events import PlaceStep
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import Ura
from gateway.places.sealing import Seal
from gateway.places.store import Change, Store
from tests.gateway.places.small_places import MemoryLedger

pytestmark = pytest.mark.anyio


class GatedLedger(MemoryLedger):
    """Lines wait at a gate; `appends` are what came at once, and with each how much was kept by then."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = anyio.Event()
        self.waits = anyio.Event()
        self.appends: list[list[str]] = []
        self.kept: list[int] = []
        self.store: Store | None = None

    async def append_many(self, events: Sequence[Event]) -> tuple[int, ...]:
        """See `Ledger`."""
        self.waits.set()
        await self.gate.wait()
        assert self.store is not None
        self.kept.append(len(await _kept(self.store)))
        self.appends.append([event.request for event in events if isinstance(event, PlaceStep)])
        return await super().append_many(events)


async def _kept(store: Store) -> list[str]:
    return await store.read(lambda connection: [row[0] for row in connection.execute("SELECT id FROM place_erased ORDER BY at")])


def keeps(number: int) -> Callable[[Change], int]:
    def work(change: Change) -> int:
        change.connection.execute("INSERT INTO place_erased VALUES (?, ?)", (f"{number}", number))
        change.events.append(PlaceStep(request=f"{number}", what="erased"))
        change.laid.add(Ura(f"0000300{number}"))
        change.touched = True
        return number

    return work


def fails(number: int, failure: Exception) -> Callable[[Change], int]:
    def work(change: Change) -> int:
        keeps(number)(change)
        raise failure

    return work


@asynccontextmanager
async def waiting_behind_the_first(folder: Path) -> AsyncIterator[tuple[Store, GatedLedger, TaskGroup]]:
    """A store in which change 0 waits for its line, and everything behind it."""
    ledger = GatedLedger()
    with closing(Store(folder / "searches.db", Seal(bytes(32)), ledger)) as store:
        ledger.store = store
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store.change, keeps(0))
                await ledger.waits.wait()
                yield store, ledger, tasks


async def test_those_that_wait_are_kept_together_in_their_order_and_each_gets_its_own(tmp_path: Path) -> None:
    results: dict[int, int] = {}
    told: list[frozenset[Ura]] = []

    async def ask(store: Store, number: int) -> None:
        results[number] = await store.change(keeps(number))

    async with waiting_behind_the_first(tmp_path) as (store, ledger, tasks):
        store.told.append(told.append)
        for number in range(1, 6):
            tasks.start_soon(ask, store, number)
        await anyio.wait_all_tasks_blocked()
        ledger.gate.set()
        while len(results) < 5:
            await anyio.lowlevel.checkpoint()

        assert ledger.appends == [["0"], ["1", "2", "3", "4", "5"]]
        # A line is there before what it is about is kept.
        assert ledger.kept == [0, 1]
        assert results == {number: number for number in range(1, 6)}
        assert await _kept(store) == [str(number) for number in range(6)]
        assert len(told) == 6


@pytest.mark.parametrize("failure", [BadInput(Fault.NOT_FOUND), RuntimeError("ours"), OSError("disk")])
async def test_one_that_fails_is_undone_alone_and_has_no_line(tmp_path: Path, failure: Exception) -> None:
    raised: list[Exception] = []

    async def ask(store: Store) -> None:
        try:
            await store.change(fails(2, failure))
        except Exception as one:  # noqa: BLE001 - it is what is looked at
            raised.append(one)

    async with waiting_behind_the_first(tmp_path) as (store, ledger, tasks):
        tasks.start_soon(store.change, keeps(1))
        tasks.start_soon(ask, store)
        tasks.start_soon(store.change, keeps(3))
        await anyio.wait_all_tasks_blocked()
        ledger.gate.set()
        while len(await _kept(store)) < 3:
            await anyio.lowlevel.checkpoint()

        assert await _kept(store) == ["0", "1", "3"]
        assert ledger.appends == [["0"], ["1", "3"]]
    assert [type(one) for one in raised] == [Unavailable if isinstance(failure, OSError) else type(failure)]


async def test_p2_without_a_line_none_of_them_is_kept_and_each_is_told(tmp_path: Path) -> None:
    refused: list[Fault] = []

    async def ask(store: Store, number: int) -> None:
        try:
            await store.change(keeps(number))
        except Faulted as failure:
            refused.append(failure.fault)

    async with waiting_behind_the_first(tmp_path) as (store, ledger, tasks):
        for number in range(1, 4):
            tasks.start_soon(ask, store, number)
        await anyio.wait_all_tasks_blocked()
        ledger.gate.set()
        while not ledger.appends:
            await anyio.lowlevel.checkpoint()
        ledger.shut = True
        while len(refused) < 3:
            await anyio.lowlevel.checkpoint()
        ledger.shut = False

        assert await _kept(store) == ["0"]
        assert refused == [Fault.JOURNAL_UNAVAILABLE] * 3
        assert await store.change(keeps(4)) == 4


async def test_who_goes_away_before_its_turn_has_changed_nothing_and_holds_up_nobody(tmp_path: Path) -> None:
    async with waiting_behind_the_first(tmp_path) as (store, ledger, tasks):
        gone = anyio.CancelScope()

        async def go_away() -> None:
            with gone:
                await store.change(keeps(1))

        tasks.start_soon(go_away)
        tasks.start_soon(store.change, keeps(2))
        await anyio.wait_all_tasks_blocked()
        gone.cancel()
        await anyio.wait_all_tasks_blocked()
        ledger.gate.set()
        while len(await _kept(store)) < 2:
            await anyio.lowlevel.checkpoint()

        assert await _kept(store) == ["0", "2"]


async def test_who_goes_away_while_it_leads_others_leaves_them_whole(tmp_path: Path) -> None:
    async with waiting_behind_the_first(tmp_path) as (store, ledger, tasks):
        gone = anyio.CancelScope()

        async def go_away() -> None:
            with gone:
                await store.change(keeps(1))

        tasks.start_soon(go_away)
        tasks.start_soon(store.change, keeps(2))
        await anyio.wait_all_tasks_blocked()
        ledger.gate.set()
        while len(ledger.appends) < 2:
            await anyio.lowlevel.checkpoint()
        gone.cancel()
        while len(await _kept(store)) < 3:
            await anyio.lowlevel.checkpoint()

        assert ledger.appends == [["0"], ["1", "2"]]
