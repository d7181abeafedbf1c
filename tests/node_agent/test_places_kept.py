"""What a provider keeps of requests is sealed, is there again after a restart, and has an end."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from accord.audit.places_events import PlaceHandover, PlaceStep, PlaceWho
from accord.rules.placing.provider import At
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import DeclineReason, Ended, EndReason, Introduced, TakenIn, Told
from node_agent.places.legs import SOMEBODY
from tests.node_agent.places_world import DINA, World, provider_with_places
from tests.node_agent.test_places_store import BUNDLE, granted, parts_of, rows

pytestmark = pytest.mark.anyio


def on_disk(world: World) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(world.folder.glob("places.db*")))


def modes_of(world: World) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in world.folder.glob("places*")}


async def test_what_says_anything_of_a_person_is_sealed_on_disk_and_only_its_owner_reads_the_files(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await granted(world, "a")
        await world.say("a", Told("Mevrouw woont alleen."), *parts_of(BUNDLE))
        disk, modes = on_disk(world), modes_of(world)

    for said in (DINA.bsn, DINA.name, DINA.birth_date, "verwijzing", "woont alleen", "na een operatie", "bij het raam"):
        assert said.encode() not in disk
    assert modes == {0o600}


async def test_a_handover_comes_in_parts_is_looked_at_with_a_line_and_goes_once_it_is_taken_in(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        planning, ref = world.places.planning, world.ref("a")
        await granted(world, "a")
        first, *rest = parts_of(BUNDLE)
        await world.say("a", first)
        with pytest.raises(BadInput):
            await planning.handover(ref, "gea")
        await world.say("a", *rest)
        looked, kept = await planning.handover(ref, "gea"), rows(world, "handover")
        await planning.take_in(ref, "gea")
        await world.bring(world.hospital, [])
        lines = [event for event in world.lines() if isinstance(event, PlaceHandover)]
        with pytest.raises(BadInput):
            await planning.handover(ref, "gea")

        assert (looked, kept, rows(world, "handover")) == (BUNDLE, len(rest) + 1, 0)
    assert [(line.request, line.by, line.patient) for line in lines] == [("a", "gea", "mark-06")]
    assert world.hospital.told["a"][-1] == TakenIn()


async def test_a_handover_that_begins_anew_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await granted(world, "a")
        await world.say("a", *parts_of(BUNDLE)[:2], *parts_of(BUNDLE[::-1]))

        assert await world.places.planning.handover(world.ref("a"), "gea") == BUNDLE[::-1]


async def test_a_handover_of_whom_nobody_expects_is_not_kept(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.say("a", world.hospital.asked(), *parts_of(BUNDLE))

        assert rows(world, "handover") == 0


@pytest.mark.parametrize("over", [Ended(EndReason.PLACED_ELSEWHERE), None])
async def test_who_it_was_is_gone_as_soon_as_it_is_over_without_a_grant(tmp_path: Path, over: Ended | None) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.say("a", world.hospital.asked(), Introduced(DINA, "verwijzing"))
        known = await world.places.planning.who(world.ref("a"), "gea")
        if over is not None:
            await world.say("a", over)
        else:
            await world.places.planning.decline(world.ref("a"), DeclineReason.NO_PLACE, "", "gea")
        leg = await world.places.planning.leg(world.ref("a"))
        steps = [event for event in world.lines() if isinstance(event, PlaceStep)]

    assert known == Introduced(DINA, "verwijzing")
    assert (leg.who, leg.referral) == (None, "")
    # The line about it names the person, as the journal knows them, all the same.
    assert steps[-1].patient == "mark-06"


async def test_requests_are_given_without_who_they_are_about_and_only_a_look_with_its_line_tells_it(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.say("a", world.hospital.asked())
        before = await world.places.planning.leg(world.ref("a"))
        await world.say("a", Introduced(DINA, "verwijzing"))
        given = (await world.places.planning.leg(world.ref("a")), *await world.places.planning.legs())
        lines = [event for event in world.lines() if isinstance(event, PlaceWho)]
        told = await world.places.planning.who(world.ref("a"), "gea")

        assert lines == []
        assert told == Introduced(DINA, "verwijzing")
        assert [event.by for event in world.lines() if isinstance(event, PlaceWho)] == ["gea"]

    assert before.who is None
    for leg in given:
        # That it was told is seen: a page from before it was is an old one.
        assert (leg.who, leg.referral) == (SOMEBODY, "")
        written = msgspec.json.encode(leg).decode()
        assert not any(said in written for said in (DINA.bsn, DINA.name, DINA.birth_date, "verwijzing"))


async def test_what_is_over_is_erased_after_the_days_that_are_set_and_what_is_promised_never(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path, keep_days=7) as world:
        await granted(world, "kept")
        await world.say("over", world.hospital.asked())
        await world.places.planning.decline(world.ref("over"), DeclineReason.AREA, "", "gea")
        await world.say("open", world.hospital.asked())
        world.clock.later(days=6, hours=23)
        await world.places.looking.look()
        before = len(await world.places.planning.legs())
        world.clock.later(hours=6)
        await world.places.looking.look()
        await world.bring(world.hospital, [])
        left = [leg.request for leg in await world.places.planning.legs()]
        letters = rows(world, "letter_out")

        assert (before, left, letters) == (3, ["kept"], 0)
        assert [step for step in world.steps() if step[1] == "erased"] == [("over", "erased"), ("open", "erased")]
        # What comes late about it is heard, and nothing follows.
        assert (await world.bring(world.hospital, [world.hospital.envelope(world.public, "over", Told("?"), world.clock())])).heard == {"over": 2}


async def test_after_a_restart_everything_is_as_it_was(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await granted(world, "a")
        before = await world.places.planning.legs(), await world.places.planning.services()
    async with provider_with_places(tmp_path, before=world) as again:
        after = await again.places.planning.legs(), await again.places.planning.services()

    assert before == after


@pytest.mark.parametrize("spoil", ["another", "gone", "open", "nonsense"])
async def test_a_key_that_is_not_the_stores_own_ends_the_start_and_nothing_is_lost(tmp_path: Path, spoil: str) -> None:
    async with provider_with_places(tmp_path) as world:
        await granted(world, "a")
    key, kept = tmp_path / "places.key", (tmp_path / "places.key").read_bytes()
    if spoil == "another":
        async with provider_with_places(tmp_path / "elsewhere"):
            pass
        key.write_bytes((tmp_path / "elsewhere" / "places.key").read_bytes())
    elif spoil == "gone":
        key.unlink()
    elif spoil == "open":
        key.chmod(0o644)
    else:
        key.write_bytes(b"geen sleutel")
    with pytest.raises(BadInput) as refused:
        async with provider_with_places(tmp_path, before=world):
            pass
    assert refused.value.fault is Fault.INVALID_SETTING
    assert key.exists() is (spoil != "gone")
    key.unlink(missing_ok=True)
    key.touch(0o600)
    key.write_bytes(kept)
    async with provider_with_places(tmp_path, before=world) as again:
        assert (await again.places.planning.leg(again.ref("a"))).at is At.GRANTED


@pytest.mark.parametrize("content", [b"geen database", b"SQLite format 3\0" + bytes(2000), None])
async def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "places.db"
    if content is None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE choice (one)")
            connection.commit()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(BadInput) as refused:
        async with provider_with_places(tmp_path):
            pass

    assert refused.value.fault is Fault.INVALID_SETTING
    assert path.read_bytes() == before
    assert not (tmp_path / "places.key").exists()
