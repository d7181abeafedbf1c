"""What a provider takes in of requests: behind its line, once, in order, and nothing while it is paused."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from accord.audit.content import Event
from accord.audit.events import RefusedQuestion
from accord.audit.places_events import PlaceStep
from accord.rules.placing.provider import At
from accord.terms.faults import Fault, Unavailable
from accord.terms.placing import Asked, Chosen, Ended, EndReason, Granted, HandedOver, Introduced, Received, Told
from tests.node_agent.places_world import DINA, World, provider_with_places
from tests.node_agent.test_places_desk import offered

pytestmark = pytest.mark.anyio

BUNDLE = b'{"resourceType":"Bundle","type":"document","wens":"bij het raam"}' * 40


def parts_of(bundle: bytes, size: int = 1_000) -> list[HandedOver]:
    cut = [bundle[at : at + size] for at in range(0, len(bundle), size)]
    return [HandedOver(number, len(cut), sha256(bundle).digest(), content) for number, content in enumerate(cut, start=1)]


async def granted(world: World, request: str) -> None:
    await world.places.planning.count("elv", 3, "gea")
    offer = await offered(world, request)
    told = await world.say(request, Chosen(offer.number), Introduced(DINA, "verwijzing"))
    assert told[-1] == Granted(offer.number)


def rows(world: World, table: str) -> int:
    with closing(sqlite3.connect(world.folder / "places.db")) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a table of ours
        return int(count)


async def test_p2_the_lines_of_a_step_are_durable_before_anybody_can_see_it(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    async with provider_with_places(tmp_path) as world:
        append_many = world.journal.append_many

        async def append_and_look(events: Sequence[Event]) -> tuple[int, ...]:
            numbers = await append_many(events)
            seen.extend((event.what, rows(world, "leg")) for event in events if isinstance(event, PlaceStep))
            return numbers

        world.journal.append_many = append_and_look  # type: ignore[method-assign, assignment]  # what is looked at is the file, at that moment
        await world.say("a", world.hospital.asked())
        kept = rows(world, "leg")

    assert seen == [("asked", 0), ("received", 0)]
    assert kept == 1


async def test_p2_without_a_journal_nothing_is_taken_in_and_nothing_changes(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        world.journal.close()
        with pytest.raises(Unavailable) as letters:
            await world.say("a", world.hospital.asked())
        with pytest.raises(Unavailable) as counted:
            await world.places.planning.count("elv", 2, "gea")
        kept, openings, threads = rows(world, "leg"), rows(world, "opening"), rows(world, "letter_thread")

    assert letters.value.fault is counted.value.fault is Fault.JOURNAL_UNAVAILABLE
    assert (kept, openings, threads) == (0, 0, 0)


async def test_a_letter_that_comes_twice_or_too_early_changes_nothing(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        asker = world.hospital
        first, second, third = (asker.envelope(world.public, "a", letter, world.clock()) for letter in (asker.asked(), Told("Eén."), Told("Twee.")))
        assert (await world.bring(asker, [first, third])).heard == {"a": 1}
        assert (await world.bring(asker, [first, second, third, second])).heard == {"a": 3}
        leg = await world.places.planning.leg(world.ref("a"))

    assert [line.words for line in leg.lines] == ["Eén.", "Twee."]
    assert asker.told["a"] == [Received()]


async def test_a_bad_letter_holds_up_its_own_request_and_no_other(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        asker, other = world.hospital, world.practice
        good = asker.envelope(world.public, "good", asker.asked(), world.clock())
        sealed_for_another = asker.envelope(other.sealing.public_key().public_bytes_raw(), "bad", asker.asked(), world.clock())
        after_it = asker.envelope(world.public, "bad", Told("x"), world.clock())
        no_beginning = asker.envelope(world.public, "end", Ended(EndReason.OTHER), world.clock())
        no_key = asker.envelope(world.public, "key", replace_key(asker.asked()), world.clock())
        of_another = other.envelope(world.public, "theirs", other.asked(), world.clock())
        given = await world.bring(asker, [sealed_for_another, after_it, no_beginning, no_key, of_another, "x.y.z", "é", good])
        faults = [event.fault for event in world.lines() if isinstance(event, RefusedQuestion)]
        kept = [leg.request for leg in await world.places.planning.legs()]

    assert given.heard == {"good": 1, "bad": 0, "end": 0, "key": 0}
    assert kept == ["good"]
    assert sorted(set(faults)) == sorted({Fault.TOKEN_INVALID, Fault.WRONG_KEY, Fault.INVALID_QUESTION})


def replace_key(asked: Asked) -> Asked:
    return Asked(asked.service, asked.opening, asked.need, asked.gist, asked.reply_by, asked.asker, asked.telephone, b"short")


async def test_numbers_that_no_letter_has_are_passed_over(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        asker = world.hospital
        await world.say("a", asker.asked())
        huge = asker.envelope(world.public, "b", asker.asked(), world.clock(), seq=1 << 70)
        given = await world.bring(asker, [huge], {"a": 1 << 70, "x": -4, "y" * 60: 3})

    assert given.heard == {}
    assert len(given.envelopes) == 1


async def test_letters_wait_until_the_asker_says_that_it_took_them_in(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.say("a", world.hospital.asked())
        unsaid = await world.bring(world.hospital, [], {})
        said = await world.bring(world.hospital, [], {"a": 1})

    assert (len(unsaid.envelopes), len(said.envelopes)) == (1, 0)


async def test_a_paused_agent_states_nothing_and_hears_nothing_and_keeps_what_it_promised(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await granted(world, "a")
        world.pausing.pause()
        with pytest.raises(Unavailable) as asked:
            await world.stated()
        with pytest.raises(Unavailable) as letters:
            await world.say("b", world.hospital.asked())
        world.pausing.resume()
        leg = await world.places.planning.leg(world.ref("a"))
        heard = (await world.bring(world.hospital, [world.hospital.envelope(world.public, "c", world.hospital.asked(), world.clock())])).heard

    assert asked.value.fault is letters.value.fault is Fault.PAUSED
    assert (leg.at, heard) == (At.GRANTED, {"c": 1})
