"""The standing question: what opens is news once, and only the provider that changed is asked."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from accord.terms.capacity import CareKind, Wishes
from accord.terms.faults import Faulted
from gateway.places.neighbourhoods import Neighbourhoods
from gateway.places.ports import Heeds, PlaceChange
from gateway.places.watching import Watching
from tests.gateway.places.small_places import DINA, GERBEN, NOW, Around, Clock, SmallProvider, SmallRegion, at_home, draft, opening

pytestmark = pytest.mark.anyio
_OLD = NOW - timedelta(minutes=30)


async def watched(folder: Path, **changes: object) -> tuple[Around, SmallProvider, SmallProvider, Watching, str]:
    clock = Clock()
    one, other = SmallProvider(1, 1, clock), SmallProvider(2, 1, clock)
    around = at_home(folder, clock, SmallRegion(clock, one, other))
    search = await around.searches.begin(draft(**changes), GERBEN)
    await around.searches.watch(search, GERBEN, watched=True)
    return around, one, other, Watching(around.store, around.own, around.region, Neighbourhoods()), search


def changed(provider: SmallProvider) -> PlaceChange:
    return PlaceChange(provider.name, 2, 1, reachable=True)


async def test_what_was_there_already_is_no_news_and_what_opens_is_once(tmp_path: Path) -> None:
    around, one, other, watching, search = await watched(tmp_path)
    around.region.openings[one.name] = (opening(at=_OLD),)
    await watching.ask()
    before = await around.searches.case(search)

    around.region.openings[other.name] = (opening(),)
    watching.heard_change(changed(other))
    await watching.ask()
    opened = await around.searches.case(search)
    await around.searches.seen(search, GERBEN)
    watching.heard_change(changed(other))
    await watching.ask()

    assert before.opened == ()
    assert (opened.opened, opened.heeds) == ((other.name,), Heeds.OPENED)
    assert (await around.searches.case(search)).opened == ()
    assert [holders for _, holders in around.region.questions] == [frozenset(), {other.name}, {other.name}]


async def test_p9_nothing_but_the_kind_of_care_is_asked(tmp_path: Path) -> None:
    around, _, __, watching, ___ = await watched(tmp_path)
    await watching.ask()

    (question, _holders), *_ = around.region.questions
    assert question.kinds == {CareKind.NURSING_HOME}
    assert DINA.bsn not in repr(question)


async def test_a_place_that_was_seen_to_be_free_only_since_then_is_news_at_the_first_look(tmp_path: Path) -> None:
    around, one, _, watching, search = await watched(tmp_path)
    around.clock.pass_(seconds=1)
    around.region.openings[one.name] = (opening(at=around.clock.now),)

    await watching.ask()

    assert (await around.searches.case(search)).opened == (one.name,)


@pytest.mark.parametrize("wrong", ["stale", "full", "kind", "refused", "asked"])
async def test_what_does_not_fit_is_no_news(tmp_path: Path, wrong: str) -> None:
    around, one, _, watching, search = await watched(
        tmp_path, wishes=Wishes(refused=frozenset({SmallProvider(1, 1, Clock()).name}) if wrong == "refused" else frozenset())
    )
    await watching.ask()
    if wrong == "asked":
        await around.searches.put_to(search, (one.put_to,), GERBEN)
    openings = {"stale": opening(at=NOW - timedelta(hours=26)), "full": opening(places=0), "kind": opening(CareKind.HOSPICE)}
    around.region.openings[one.name] = (openings.get(wrong, opening()),)

    watching.heard_change(changed(one))
    await watching.ask()

    assert (await around.searches.case(search)).opened == ()


async def test_what_closed_again_is_not_told_of_any_more(tmp_path: Path) -> None:
    around, one, _, watching, search = await watched(tmp_path)
    await watching.ask()
    for places in (1, 0):
        around.region.openings[one.name] = (opening(places=places),)
        watching.heard_change(changed(one))
        await watching.ask()

    assert (await around.searches.case(search)).opened == ()


async def test_when_nobody_can_be_asked_it_is_asked_again_later(tmp_path: Path) -> None:
    around, one, _, watching, search = await watched(tmp_path)
    await watching.ask()
    around.region.openings[one.name] = (opening(),)
    watching.heard_change(changed(one))
    around.region.gone = True
    with pytest.raises(Faulted):
        await watching.ask()

    around.region.gone = False
    await watching.ask()

    assert (await around.searches.case(search)).opened == (one.name,)


async def test_it_is_kept_by_whoever_starts_after_a_crash(tmp_path: Path) -> None:
    around, one, _, watching, search = await watched(tmp_path)
    await watching.ask()
    around.region.openings[one.name] = (opening(),)
    around.store.close()

    again = at_home(tmp_path, around.clock, around.region, around.ledger)
    await Watching(again.store, again.own, again.region, Neighbourhoods()).ask()

    assert (await again.searches.case(search)).opened == (one.name,)


async def test_a_change_at_a_provider_is_seen_without_anybody_asking_for_it(tmp_path: Path) -> None:
    around, one, _, watching, search = await watched(tmp_path)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watching.run)
        with anyio.fail_after(30):
            mark = 0
            while not around.region.questions:
                mark = await around.searches.changed(mark)
            around.region.openings[one.name] = (opening(),)
            watching.heard_change(changed(one))
            while not (await around.searches.case(search)).opened:
                mark = await around.searches.changed(mark)
        asked = len(around.region.questions)
        await around.searches.watch(search, GERBEN, watched=False)
        watching.heard_change(changed(one))
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert len(around.region.questions) == asked, "nobody watches, nobody is asked"
    assert replace(await around.searches.case(search)).watched is False
