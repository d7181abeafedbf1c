"""What the region is told of a provider's places, who said so, and what planners and the operator see of it."""

from datetime import date, timedelta
from pathlib import Path

import anyio
import pytest

from accord.audit.places_events import PlaceChanged
from accord.letters.signing import AskedPlaces, read_statement, state_places
from accord.rules.capacity.standing import Doubt, State, stand
from accord.rules.placing.provider import At
from accord.terms.capacity import CareKind, Certainty, Light, PlacesQuestion, Stop, StopReason
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import Chosen, DeclineReason, Fit, Terms
from node_agent.places.ports import Observation, Seen
from tests.node_agent.places_world import HOSPITAL, PROVIDER, known, provider_with_places
from tests.node_agent.test_places_desk import offered

pytestmark = pytest.mark.anyio


async def test_p8_what_was_never_counted_is_stated_as_that_and_what_is_not_offered_any_more_is_not(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        before = {one.id: stand(one, world.clock(), world.clock().date()) for one in (await world.stated()).openings}
        await world.places.planning.count("snel", 1, "gea")
        await world.places.planning.close("snel", "gea")
        closed = [one.id for one in (await world.stated()).openings]
        await world.places.planning.stop("elv", Stop(StopReason.FULL), "gea")
        stopped = [one.stop is not None for one in (await world.stated()).openings]

    assert {name: (stands.state, stands.doubt) for name, stands in before.items()} == dict.fromkeys(("elv", "snel"), (State.UNKNOWN, Doubt.NOTHING_SAID))
    assert (closed, stopped) == (["elv"], [True])


async def test_what_was_counted_is_stated(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        assert known(await world.stated()) == ()
        await world.places.planning.count("elv", 2, "gea")
        (opening,) = known(await world.stated())

    assert (opening.id, opening.places, opening.certainty, opening.observed_at) == ("elv", 2, Certainty.CONFIRMED, world.clock())
    assert opening.valid_until == world.clock() + timedelta(minutes=240)


async def test_whoever_waits_for_a_change_hears_of_it_once_and_marks_only_grow(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        planning, heard = world.places.planning, list[int]()
        before = world.pausing.places_mark, world.pausing.letters_mark

        async def wait() -> None:
            heard.append(await planning.changed(0))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            await planning.count("elv", 2, "gea")
        counted = world.pausing.places_mark, world.pausing.letters_mark
        await world.say("a", world.hospital.asked())
        written = world.pausing.places_mark, world.pausing.letters_mark
        again = await planning.changed(heard[0])

    assert before[0] < counted[0] == written[0]
    assert before[1] == counted[1] < written[1]
    assert again > heard[0] >= counted[0]


async def test_what_a_system_says_is_derived_and_gives_way_to_what_was_seen_later(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        planning, now = world.places.planning, world.clock()
        stop, until = Stop(StopReason.STAFF), now + timedelta(hours=8)
        await planning.observe(Observation("planning", (Seen("elv", now, until, 3), Seen("snel", now, until, 1, stop=stop))))
        (elv, snel) = known(await world.stated())
        world.clock.later(minutes=5)
        await planning.count("elv", 1, "gea")
        await planning.observe(Observation("planning", (Seen("elv", now, until, 3),)))
        after = known(await world.stated())
        with pytest.raises(BadInput) as unknown:
            await planning.observe(Observation("planning", (Seen("elv", world.clock(), until, 2), Seen("weg", now, until, 1))))

        assert (elv.places, elv.certainty, elv.stop) == (3, Certainty.DERIVED, None)
        assert (snel.places, snel.stop) == (1, stop)
        # The count of a person is newer; what the system does not name any more is not offered any more, its stop neither.
        assert [(one.id, one.places, one.certainty) for one in after] == [("elv", 1, Certainty.CONFIRMED)]
        assert [service.stop for service in await planning.services()] == [None, None]
        assert unknown.value.fault is Fault.NOT_FOUND
        assert await world.free("elv") == 1


async def test_a_stop_of_a_person_outlives_what_a_system_says_and_is_told_without_a_count(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        planning, now = world.places.planning, world.clock()
        stop = Stop(StopReason.OUTBREAK, now + timedelta(days=2))
        await planning.stop("elv", stop, "gea")
        await planning.observe(Observation("planning", ()))
        (told,) = known(await world.stated())
        await planning.stop("elv", None, "gea")

        assert (told.id, told.stop, told.places) == ("elv", stop, None)
        assert known(await world.stated()) == ()


async def test_places_of_a_day_and_a_light_are_told_to_whoever_asks_for_that_kind_and_day(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        planning = world.places.planning
        name = await planning.open_from("elv", date(2026, 11, 2), date(2026, 11, 6), 2, "gea")
        assert await planning.open_from("elv", date(2026, 11, 2), date(2026, 11, 6), 4, "gea") == name
        await planning.show("snel", Light.AMBER, "gea")

        async def asked(*kinds: CareKind, since: date | None = None) -> list[str]:
            return [one.id for one in known(await world.stated(PlacesQuestion(frozenset(kinds), since)))]

        assert await asked() == [name, "snel"]
        assert await asked(CareKind.SHORT_STAY_LOW) == [name]
        assert await asked(since=date(2026, 11, 7)) == ["snel"]
        assert await asked(CareKind.HOSPICE) == []
        assert await world.free(name) == 4
        assert await world.free("snel") is None


async def test_what_was_asked_lately_is_told_in_numbers_when_it_is_wanted_and_too_few_are_not_told(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        for number in range(6):
            await world.say(f"r{number}", world.hospital.asked())
            world.clock.later(minutes=10)
            await world.places.planning.decline(world.ref(f"r{number}"), DeclineReason.NO_STAFF, "", "gea")
        world.clock.later(minutes=24 * 60)
        unasked, told = await world.stated(), await world.stated(PlacesQuestion(tally=True))
        few = {tally.kind: tally.asked for tally in told.tallies}

    assert unasked.tallies == ()
    assert few == {CareKind.SHORT_STAY_LOW: 6, CareKind.GERIATRIC_REHABILITATION: None}
    assert next(tally.median_minutes for tally in told.tallies if tally.asked) == 10


async def test_p9_no_number_goes_up_in_the_moment_in_which_somebody_asks_or_is_decided_on(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        for number in range(6):
            await world.say(f"r{number}", world.hospital.asked())
        today = await world.stated(PlacesQuestion(tally=True))
        world.clock.later(minutes=24 * 60)
        before = await world.stated(PlacesQuestion(tally=True))
        await world.say("r6", world.hospital.asked())
        for number in range(6):
            await world.places.planning.decline(world.ref(f"r{number}"), DeclineReason.NO_STAFF, "", "gea")
        after = await world.stated(PlacesQuestion(tally=True))
        world.clock.later(minutes=24 * 60)
        next_day = await world.stated(PlacesQuestion(tally=True))

    asked = [next(tally.asked for tally in told.tallies if tally.kind is CareKind.SHORT_STAY_LOW) for told in (today, before, after, next_day)]
    assert asked == [None, 6, 6, 7]
    assert before.tallies == after.tallies
    assert dict(next(tally.declined for tally in next_day.tallies if tally.asked))["no-staff"] == 6


async def test_every_change_has_its_line_with_who_made_it(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.places.planning.count("elv", 2, "gea")
        await world.places.planning.confirm("elv", "bert")
        await world.places.planning.stop("elv", Stop(StopReason.FULL), "gea")
        await world.places.planning.close("elv", "gea")
        lines = [(line.what, line.places, line.by) for line in world.lines() if isinstance(line, PlaceChanged)]

    assert lines == [("counted", 2, "gea"), ("confirmed", 2, "bert"), ("stopped: full", -1, "gea"), ("closed", -1, "gea")]


async def test_places_are_measured_in_numbers(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.places.planning.count("elv", 3, "gea")
        await world.places.planning.count("snel", 2, "gea")
        await world.places.planning.stop("snel", Stop(StopReason.STAFF), "gea")
        await offered(world, "a")
        await world.say("b", world.hospital.asked())
        await world.places.looking.look()
        measured = world.places.looking.measured
        now = (measured.free, measured.stale, measured.waiting)
        world.clock.later(hours=5)
        await world.places.looking.look()

        assert now == (2, 0, 1)
        assert (measured.free, measured.stale, measured.waiting) == (0, 2, 1)


async def test_what_was_opened_for_days_that_are_over_is_let_go_and_what_was_promised_of_it_stays(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        planning, today = world.places.planning, world.clock().date()
        short = await planning.open_from("elv", today, today + timedelta(days=1), 2, "gea")
        await planning.open_from("elv", today, today + timedelta(days=3), 1, "gea")
        await planning.observe(Observation("planning", (Seen("snel", world.clock(), world.clock(), 1, None, today, today),)))
        await world.say("a", world.hospital.asked())
        await planning.offer(world.ref("a"), Terms(Fit.FULL, 1), world.clock() + timedelta(hours=1), short, "gea")
        await world.say("a", Chosen(1))
        world.clock.later(days=2)
        await world.places.looking.look()
        kept = [one.opening.id for service in await planning.services() for one in service.openings]
        leg = await planning.leg(world.ref("a"))

    assert short not in kept
    assert len(kept) == 2
    assert leg.at is At.GRANTED
    assert [(line.by, line.opening) for line in world.lines() if isinstance(line, PlaceChanged) and line.what == "closed"] == [("", short)]


_LARGE = """
[[service]]
id = "afdeling-noord-van-het-zorghuis"
title = "Geriatrische revalidatie, afdeling Noord, locatie De Wieke"
kind = "geriatric-rehabilitation"
specialty = "geriatrie"
conditions = ["isolation", "bariatric", "wound-care", "dementia", "secured", "oxygen", "dialysis", "tube-feeding", "infusion", "partner"]
languages = ["nl", "de", "nds", "en"]
funding = ["Zvw", "Wlz", "Wmo"]
area = ["7595", "7596", "7597", "7574"]
spot = [52.3, 6.9]
place = "Weerselo"
telephone = "0541-555010"
"""


async def test_as_many_openings_as_a_provider_may_have_whoever_asks_can_read(tmp_path: Path) -> None:
    service = "afdeling-noord-van-het-zorghuis"
    async with provider_with_places(tmp_path, services=_LARGE) as world:
        at = world.clock()
        seen = [Seen(service, at, at, 1, None, date(2026, 11, 1) + timedelta(days=day), date(2026, 11, 1) + timedelta(days=day)) for day in range(401)]
        await world.places.planning.observe(Observation("planning", tuple(seen[:400])))
        with pytest.raises(BadInput):
            await world.places.planning.observe(Observation("another", tuple(seen)))
        said = await world.stated()
        asked = AskedPlaces(HOSPITAL, PlacesQuestion(), "digest")
        token = state_places(PROVIDER, said, asked, world.key)

        assert len(read_statement(token, PROVIDER, "digest", world.register, at).statement.openings) == 400
