"""A watched export: taken once it stands still, told when it is news, and old when nothing good comes any more; a running agent states it."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import anyio
import httpx2
import msgspec
import pytest

from accord.audit.places_events import PlaceChanged
from accord.review.reviewers import entry_of, fresh_code
from accord.review.words import Language
from accord.terms.capacity import Certainty, StopReason
from accord.terms.faults import Fault, Unavailable
from node_agent.places.inputs.exports import Export
from node_agent.places.inputs.steady import Steady
from node_agent.places.inputs.watching import Watching
from node_agent.places.page_trouble_words import trouble_words
from node_agent.places.ports import Observation, Seen
from node_agent.places_input_settings import ExportSettings
from tests.node_agent.places_agent import Gate, PlacesAgent
from tests.node_agent.places_world import MONDAY, World, known, provider_with_places
from tests.node_agent.test_places_page import forms

pytestmark = pytest.mark.anyio

HEAD = "Afdeling;Vrij\n"
SETTINGS = ExportSettings(name="planning", path="export", service="Afdeling", services={"A3": "elv"}, places="Vrij", valid_minutes=60)


class Watched:
    """An export of a provider, and hands to write it. A `look` is one later than `settle_seconds` unless it says otherwise."""

    def __init__(self, world: World, settings: ExportSettings = SETTINGS) -> None:
        self.world = world
        self.seconds = 0.0
        self.path = world.folder / settings.path
        self.watching = Watching(Export(settings), world.folder, world.places.planning, lambda: self.seconds, world.clock)

    def write(self, text: str, name: str = "", minutes: float = 0.0) -> None:
        """As a system does, so many minutes from now by its clock."""
        path = self.path / name if name else self.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        at = (self.world.clock() + timedelta(minutes=minutes)).timestamp()
        os.utime(path, (at, at))

    async def look(self, seconds: float = 3.0) -> int | None:
        """Look, look again so many seconds later, and say what the region is told."""
        await self.watching.look()
        self.seconds += seconds
        await self.watching.look()
        (opening,) = known(await self.world.stated()) or (None,)
        return opening.places if opening is not None and opening.valid_until > self.world.clock() else None


async def test_a_file_that_is_still_being_written_is_not_taken_and_one_that_stands_still_is(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        watched = Watched(world)
        watched.write(HEAD + "A3;1", minutes=-2)
        assert await watched.look(seconds=1) is None
        watched.write(HEAD + "A3;12\n", minutes=-1)
        assert await watched.look(seconds=1) is None
        assert await watched.look() == 12

    assert watched.watching.trouble == ""


async def test_a_file_that_is_put_in_place_at_once_is_taken_although_its_time_is_the_same(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        watched = Watched(world)
        watched.write(HEAD + "A3;1\n", minutes=-2)
        assert await watched.look() == 1
        world.clock.later(minutes=5)
        fresh = tmp_path / "fresh"
        fresh.write_text(HEAD + "A3;2\n", encoding="utf-8")
        fresh.replace(watched.path)
        os.utime(watched.path, (world.clock().timestamp(),) * 2)

        assert await watched.look() == 2


async def test_of_a_folder_the_newest_file_that_fits_counts(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        watched = Watched(world)
        watched.write(HEAD + "A3;1\n", "vrij-20261025.csv", minutes=-60)
        watched.write(HEAD + "A3;3\n", "vrij-20261026.csv", minutes=-4)
        watched.write(HEAD + "A3;9\n", "vrij-20261027.csv.tmp", minutes=-1)

        assert await watched.look() == 3


async def test_a_bad_file_changes_nothing_is_told_once_and_what_was_taken_grows_old(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        watched = Watched(world)
        watched.write(HEAD + "A3;2\n", minutes=-1)
        assert await watched.look() == 2
        world.clock.later(minutes=30)
        watched.write(HEAD + "A3;1\nA3;mw. De Vries\n")
        assert await watched.look() == 2
        assert "planning: line 3, column Vrij" in watched.watching.trouble
        assert "Vries" not in watched.watching.trouble
        world.clock.later(minutes=30)
        assert await watched.look() is None
        watched.write(HEAD + "A3;1\n")
        assert await watched.look() == 1

    assert watched.watching.trouble == ""


@pytest.mark.parametrize("language", get_args(Language))
def test_whatever_is_wrong_is_told_in_words_and_no_rows_in_words_of_its_own(language: Language) -> None:
    codes = (
        "export-invalid (planning: line 3, column Vrij)",
        "export-invalid (planning: no rows about elv)",
        "source-unavailable (planning)",
        "something-else",
        "",
    )
    words = [trouble_words(code, language) for code in codes]

    assert len(set(words)) == 4
    assert words[3] == words[4]


@pytest.mark.parametrize("cut", ["", "Afd", HEAD, HEAD + "A3"])
async def test_a_file_that_was_cut_off_empties_no_house_and_is_told(tmp_path: Path, cut: str) -> None:
    async with provider_with_places(tmp_path) as world:
        watched = Watched(world)
        watched.write(HEAD + "A3;2\n", minutes=-1)
        assert await watched.look() == 2
        world.clock.later(minutes=5)
        watched.write(cut)

        assert await watched.look() == 2
        assert watched.watching.trouble.startswith("export-invalid")


async def test_a_service_that_an_export_left_out_is_unknown_until_it_is_there_again_and_a_planner_is_told(tmp_path: Path) -> None:
    settings = msgspec.structs.replace(SETTINGS, services={"A3": "elv", "A4": "snel"})
    async with provider_with_places(tmp_path) as world:
        watched = Watched(world, settings)

        async def told(rows: str) -> dict[str, int | None]:
            world.clock.later(minutes=5)
            watched.write(HEAD + rows)
            await watched.watching.look()
            watched.seconds += 3.0
            await watched.watching.look()
            return {one.service.id: one.places if one.valid_until > world.clock() else None for one in (await world.stated()).openings}

        assert await told("A3;2\nA4;3\n") == {"elv": 2, "snel": 3}
        assert watched.watching.trouble == ""
        assert await told("A3;2\n") == {"elv": 2, "snel": None}
        assert watched.watching.trouble == "export-invalid (planning: no rows about snel)"
        assert await told("A3;2\nA4;1\n") == {"elv": 2, "snel": 1}

    assert watched.watching.trouble == ""


async def test_a_file_that_is_away_for_a_moment_is_not_missed_and_for_long_is(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        watched = Watched(world)
        watched.write(HEAD + "A3;2\n", minutes=-1)
        await watched.look()
        watched.path.unlink()
        assert await watched.look() == 2
        assert watched.watching.trouble == ""
        assert await watched.look(seconds=40) == 2

    assert watched.watching.trouble.startswith("source-unavailable")


async def test_a_system_that_cannot_tell_takes_nothing_away_from_what_a_person_saw(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        planning = world.places.planning
        await planning.count("elv", 2, "gea")
        at = world.clock.later(minutes=5)
        await planning.observe(Observation("planning", (Seen("elv", at, at),)))
        assert await world.free("elv") == 2
        at = world.clock.later(minutes=240)
        await planning.observe(Observation("planning", (Seen("elv", at, at),)))
        (opening,) = [one for one in (await world.stated()).openings if one.id == "elv"]

    assert (opening.places, opening.certainty) == (None, Certainty.DERIVED)


async def test_what_stays_the_same_is_told_now_and_then_and_what_changes_at_once(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        steady = Steady(world.places.planning)

        def seen(minutes: float, places: int) -> Observation:
            at = MONDAY + timedelta(minutes=minutes)
            return Observation("planning", (Seen("elv", at, at + timedelta(minutes=60), places),))

        told = [await steady.tell(seen(minutes, places)) for minutes, places in ((0, 2), (1, 2), (2, 1), (6, 1), (7, 1), (8, 1))]
        counted = [line.places for line in world.lines() if isinstance(line, PlaceChanged)]

    assert told == [True, False, True, False, True, False]
    assert counted == [2, 1, 1]


async def test_what_could_not_be_taken_in_is_tried_again(tmp_path: Path) -> None:
    class Refuses:
        def __init__(self) -> None:
            self.heard: list[Observation] = []
            self.is_open = False

        async def observe(self, observation: Observation) -> None:
            if not self.is_open:
                raise Unavailable(Fault.JOURNAL_UNAVAILABLE)
            self.heard.append(observation)

    path, taking, seconds = tmp_path / "export", Refuses(), [0.0]
    path.write_text(HEAD + "A3;2\n", encoding="utf-8")
    watching = Watching(Export(SETTINGS), tmp_path, taking, lambda: seconds[0], lambda: MONDAY)
    for at in (0.0, 5.0):
        seconds[0] = at
        await watching.look()
    assert watching.trouble.startswith("journal-unavailable")
    taking.is_open = True
    await watching.look()

    assert (len(taking.heard), watching.trouble) == (1, "")


async def stated(gate: Gate, **wanted: Any) -> None:
    """Ask until the first opening is so."""
    with anyio.fail_after(60):
        while True:
            (opening,) = known(await gate.stated()) or (None,)
            if opening is not None and all(getattr(opening, name) == value for name, value in wanted.items()):
                return


async def told(client: httpx2.AsyncClient, words: str) -> None:
    """Look at the planners' page until it says so."""
    with anyio.fail_after(60):
        while words not in (await client.get("/?lang=nl")).text:
            pass


@pytest.mark.slow
async def test_a_running_agent_states_what_its_export_says_and_what_its_planner_taps(tmp_path: Path) -> None:
    agent, code = PlacesAgent.made(tmp_path), fresh_code()
    (agent.folder / "planners.toml").write_text(entry_of("planner-1", "Ans Planner", code, table="planner"), encoding="utf-8")
    export = '[[places.exports]]\nname = "planning"\npath = "export.csv"\nonly = "elv"\nplaces = "Vrij"\nstop = "Stop"\nsettle_seconds = 0.2\n'
    with (agent.folder / "agent.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'listen = "unix:{agent.folder}/p"\n{export}')
    with agent.running():
        async with agent.called() as gate:
            (agent.folder / "export.csv").write_text("Vrij;Stop\n2;\n", encoding="utf-8")
            await stated(gate, places=2, certainty=Certainty.DERIVED, stop=None)
            async with httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(uds=f"{agent.folder}/p"), base_url="http://places") as client:
                assert (await client.post("/login", data={"code": code})).status_code == 303
                page = (await client.get("/")).text
                assert "planning" in page
                ((address, fields),) = forms(page, do="count", opening="elv", places="3")
                await client.post(address, data=fields)
                await stated(gate, places=3, certainty=Certainty.CONFIRMED)
            fresh = agent.folder / "fresh"
            fresh.write_text("Vrij;Stop\n1;staff-shortage\n", encoding="utf-8")
            fresh.replace(agent.folder / "export.csv")
            await stated(gate, places=1, certainty=Certainty.DERIVED)
            (agent.folder / "export.csv").write_text("Vrij;Stop\n", encoding="utf-8")
            async with httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(uds=f"{agent.folder}/p"), base_url="http://places") as client:
                await client.post("/login", data={"code": code})
                await told(client, "het bestand zegt niets over uw plekken")
            (opening,) = known(await gate.stated())

    assert opening.places == 1, "a file that was cut off empties no house"
    assert opening.stop is not None
    assert opening.stop.reason is StopReason.STAFF
