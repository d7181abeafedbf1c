"""The courier: who is called when, who is not called in vain, and whose trouble is nobody else's."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import anyio
import pytest
from anyio.abc import TaskGroup

from accord.rules.placing import provider as rules
from accord.rules.placing.asker import At, Standing
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import HolderName, Ura
from gateway.places.courier import Courier, _pause
from gateway.places.following import Following
from gateway.places.ports import Brought, PlaceChange
from tests.gateway.places.small_places import GERBEN, NOW, Around, Clock, SmallProvider, SmallRegion, at_home, draft, offers_at_once

pytestmark = pytest.mark.anyio
_FAR: Final = 3_600.0


class GatedRegion(SmallRegion):
    """Calls wait at a gate, and how many are under way at a time is remembered. `failing` cannot be reached."""

    def __init__(self, clock: Clock, *providers: SmallProvider) -> None:
        super().__init__(clock, *providers)
        self.gate = anyio.Event()
        self.gate.set()
        self.failing: set[HolderName] = set()
        self.under_way: dict[HolderName, int] = {}
        self.most = 0
        self.told: dict[str, int] = {}
        self._hears = anyio.Event()

    async def letters(self, provider: HolderName, heard: Mapping[str, int], envelopes: Sequence[str]) -> Brought:
        """See `TheRegion`."""
        self.under_way[provider] = self.under_way.get(provider, 0) + 1
        self.most = max(self.most, self.under_way[provider])
        try:
            await self.gate.wait()
            if provider in self.failing:
                raise Unavailable(Fault.HOLDER_UNREACHABLE)
            brought = await super().letters(provider, heard, envelopes)
            self.told |= heard
            self._hears.set()
            return brought
        finally:
            self.under_way[provider] -= 1

    async def until_heard(self, heard: Mapping[str, int]) -> None:
        """Wait until it was said that letters were taken in so far."""
        while not heard.items() <= self.told.items():
            self._hears = anyio.Event()
            await self._hears.wait()


@asynccontextmanager
async def at_work(folder: Path, *providers: SmallProvider, pause: float = 0.0, receipt: float = 0.01) -> AsyncIterator[tuple[Around, GatedRegion, TaskGroup]]:
    clock = Clock()
    region = GatedRegion(clock, *providers)
    around = at_home(folder, clock, region)
    around.courier = Courier(around.store, around.own, region, round_seconds=_FAR, receipt_seconds=receipt, pause=lambda _: pause)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(around.courier.run)
        with anyio.fail_after(30):
            yield around, region, tasks
        tasks.cancel_scope.cancel()


async def until(around: Around, search: str, standing: Standing) -> None:
    mark = around.searches._mark
    while (await around.searches.case(search)).request.standing is not standing:
        mark = await around.searches.changed(mark)


async def test_what_is_laid_ready_goes_out_at_once_and_again_until_all_is_said(tmp_path: Path) -> None:
    provider, other = SmallProvider(1, 1, Clock(), offers_at_once), SmallProvider(2, 1, Clock(), offers_at_once)
    async with at_work(tmp_path, provider, other) as (around, region, _):
        search = await around.searches.begin(draft(), GERBEN)
        await around.searches.put_to(search, (provider.put_to, other.put_to), GERBEN)
        await until(around, search, Standing.PLACED)

        assert region.most == 1


async def test_that_a_letter_was_taken_in_is_said_without_a_round_and_once_for_many(tmp_path: Path) -> None:
    provider = SmallProvider(1, 3, Clock(), offers_at_once)
    async with at_work(tmp_path, provider) as (around, region, _):
        searches = [await around.searches.begin(draft(first_wins=False), GERBEN) for _ in range(3)]
        for search in searches:
            await around.searches.put_to(search, (provider.put_to,), GERBEN)
        # An offer that a person must choose needs no letter of ours; that it came is said all the same.
        await region.until_heard(dict.fromkeys(searches, 2))
        calls = len(region.calls)

    assert provider.connection.execute("SELECT count(*) FROM letter_out").fetchone()[0] == 0
    assert calls <= 2 * len(searches)


async def test_what_is_laid_ready_does_not_wait_for_a_receipt_that_is_to_be_said(tmp_path: Path) -> None:
    provider = SmallProvider(1, 2, Clock(), offers_at_once)
    async with at_work(tmp_path, provider, receipt=_FAR) as (around, _, __):
        first = await around.searches.begin(draft(first_wins=False), GERBEN)
        await around.searches.put_to(first, (provider.put_to,), GERBEN)
        mark = around.searches._mark
        while (await around.searches.case(first)).request.leg(provider.name).at is not At.OFFERED:
            mark = await around.searches.changed(mark)
        second = await around.searches.begin(draft(), GERBEN)
        await around.searches.put_to(second, (provider.put_to,), GERBEN)

        await until(around, second, Standing.PLACED)


async def test_who_cannot_be_reached_holds_up_nobody_and_is_tried_again(tmp_path: Path) -> None:
    provider, other = SmallProvider(1, 1, Clock()), SmallProvider(2, 1, Clock(), offers_at_once)
    async with at_work(tmp_path, provider, other, pause=0.01) as (around, region, _):
        region.failing = {provider.name}
        search = await around.searches.begin(draft(first_wins=False), GERBEN)
        await around.searches.put_to(search, (provider.put_to, other.put_to), GERBEN)
        mark = around.searches._mark
        while (await around.searches.case(search)).request.leg(other.name).at is not At.OFFERED:
            mark = await around.searches.changed(mark)
        region.failing = set()
        while (await around.searches.case(search)).request.leg(provider.name).at is not At.WAITING:
            mark = await around.searches.changed(mark)

        assert around.courier.failed > 0


async def test_a_mistake_over_one_provider_does_not_end_the_letters_of_others(tmp_path: Path) -> None:
    provider, other = SmallProvider(1, 1, Clock()), SmallProvider(2, 1, Clock(), offers_at_once)
    mistakes: list[Brought] = []
    async with at_work(tmp_path, provider, other, pause=_FAR) as (around, _, __):
        provider.letters = lambda *_: mistakes[1]  # type: ignore[method-assign]  # a provider that writes what it likes
        search = await around.searches.begin(draft(), GERBEN)
        await around.searches.put_to(search, (provider.put_to, other.put_to), GERBEN)

        await until(around, search, Standing.PLACED)


async def test_what_is_laid_ready_while_a_call_is_under_way_is_brought_by_the_next(tmp_path: Path) -> None:
    provider = SmallProvider(1, 2, Clock(), offers_at_once)
    async with at_work(tmp_path, provider) as (around, region, _):
        region.gate = anyio.Event()
        first = await around.searches.begin(draft(), GERBEN)
        await around.searches.put_to(first, (provider.put_to,), GERBEN)
        while not region.under_way.get(provider.name):
            await anyio.lowlevel.checkpoint()
        second = await around.searches.begin(draft(), GERBEN)
        await around.searches.put_to(second, (provider.put_to,), GERBEN)
        region.gate.set()

        await until(around, second, Standing.PLACED)
        await until(around, first, Standing.PLACED)


async def test_a_mark_of_letters_brings_the_courier_to_whom_it_knows_and_to_nobody_else(tmp_path: Path) -> None:
    provider, stranger = SmallProvider(1, 1, Clock()), SmallProvider(2, 1, Clock())
    async with at_work(tmp_path, provider, stranger, pause=_FAR) as (around, region, _):
        search = await around.searches.begin(draft(), GERBEN)
        await around.searches.put_to(search, (provider.put_to,), GERBEN)
        mark = around.searches._mark
        while (await around.searches.case(search)).request.leg(provider.name).at is not At.WAITING:
            mark = await around.searches.changed(mark)
        provider.do(search, lambda leg: rules.ask(leg, "Hoe laat?", NOW))
        await around.courier.heard_change(PlaceChange(stranger.name, 1, 1, reachable=True))
        await around.courier.heard_change(PlaceChange(HolderName("nobody"), 1, 1, reachable=True))
        await around.courier.heard_change(PlaceChange(provider.name, 1, 2, reachable=True))
        while not (await around.searches.case(search)).request.leg(provider.name).questioned:
            mark = await around.searches.changed(mark)

        assert stranger.name not in region.calls


async def test_a_letter_that_cannot_be_read_is_no_reason_to_go_on_at_once(tmp_path: Path) -> None:
    clock = Clock()
    provider = SmallProvider(1, 1, clock)
    region = SmallRegion(clock, provider)
    around = at_home(tmp_path, clock, region)
    search = await around.searches.begin(draft(), GERBEN)
    await around.searches.put_to(search, (provider.put_to,), GERBEN)
    await around.courier.call(provider.ura)
    provider.letters = lambda *_: Brought(("a.b.c",) * 64, {}, more=True)  # type: ignore[method-assign]  # a provider that writes what it likes

    assert not await around.courier.call(provider.ura)


async def test_who_left_the_region_is_not_called_and_nothing_breaks(tmp_path: Path) -> None:
    clock = Clock()
    provider = SmallProvider(1, 1, clock)
    region = SmallRegion(clock, provider)
    around = at_home(tmp_path, clock, region)
    search = await around.searches.begin(draft(), GERBEN)
    await around.searches.put_to(search, (provider.put_to,), GERBEN)
    region.register = replace(region.register, members=region.register.members[:1])

    assert not await around.courier.call(provider.ura)
    assert not await around.courier.call(Ura("00009999"))
    assert region.calls == []


async def test_marks_that_were_heard_before_say_nothing_new() -> None:
    places: list[PlaceChange] = []
    letters: list[PlaceChange] = []

    async def told(change: PlaceChange) -> None:
        letters.append(change)

    following = Following(SmallRegion(Clock()), places.append, told)
    first = PlaceChange(HolderName("home-1"), 1, 1, reachable=True)
    for change in (first, first, replace(first, places_mark=2), replace(first, places_mark=2, letters_mark=2)):
        await following.hear(change)
    gone = replace(first, places_mark=2, letters_mark=2, reachable=False)
    for change in (gone, gone, replace(gone, reachable=True)):
        await following.hear(change)

    assert [change.places_mark for change in places] == [1, 2, 2]
    assert [change.letters_mark for change in letters] == [1, 2, 2]


def test_pauses_grow_to_an_end() -> None:
    assert all(0 < _pause(failures) <= 60 for failures in range(1, 100))
