"""A provider's places: counted by itself alone, held and given once, and every step in the journal before it is kept."""

from datetime import timedelta
from pathlib import Path

import pytest

from accord.terms.capacity import CareKind, Condition, Stop, StopReason
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import (
    Chosen,
    Declined,
    DeclineReason,
    Fit,
    Gone,
    Granted,
    Interested,
    Introduced,
    Lapsed,
    Offered,
    Questioned,
    Received,
    Terms,
    Told,
    Withdrawn,
    WithdrawReason,
)
from tests.node_agent.places_world import DINA, PRACTICE, World, known, provider_with_places

FULL = Terms(Fit.FULL, 1)


pytestmark = pytest.mark.anyio


async def offered(world: World, request: str) -> Offered:
    """The hospital asks, and a planner offers the one place of the ward."""
    await world.say(request, world.hospital.asked())
    await world.places.planning.offer(world.ref(request), FULL, world.clock() + timedelta(hours=1), "elv", "gea")
    await world.bring(world.hospital, [])
    last = world.hospital.told[request][-1]
    assert isinstance(last, Offered)
    return last


async def test_a_hold_a_grant_and_an_arrival_are_taken_off_until_somebody_counts_again(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        planning = world.places.planning
        await planning.count("elv", 2, "gea")
        offer = await offered(world, "a")
        assert await world.free("elv") == 1
        assert await world.say("a", Chosen(offer.number)) == [Received(), offer, Granted(offer.number)]
        world.clock.later(hours=2)
        assert await world.free("elv") == 1
        await planning.arrive(world.ref("a"), "gea")
        assert await world.free("elv") == 1
        world.clock.later(minutes=1)
        await planning.confirm("elv", "gea")
        assert await world.free("elv") == 1
        await planning.count("elv", 2, "gea")

        assert await world.free("elv") == 2


async def test_what_is_promised_and_not_counted_any_more_stays_promised_and_nothing_is_free(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.places.planning.count("elv", 1, "gea")
        offer = await offered(world, "a")
        await world.places.planning.count("elv", 0, "gea")
        (ward, _) = await world.places.planning.services()

        assert (await world.say("a", Chosen(offer.number)))[-1] == Granted(offer.number)
        assert (ward.openings[0].counted, ward.openings[0].held, ward.openings[0].opening.places) == (0, 1, 0)


async def test_the_last_place_is_not_offered_twice(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.places.planning.count("elv", 1, "gea")
        await offered(world, "a")
        await world.say("b", world.practice.asked(), asker=world.practice)
        with pytest.raises(BadInput) as refused:
            await world.places.planning.offer(world.ref("b", PRACTICE), FULL, world.clock() + timedelta(hours=1), "elv", "gea")

    assert refused.value.fault is Fault.NO_PLACE_LEFT


async def test_a_hold_that_ends_is_said_and_the_place_is_free(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.places.planning.count("elv", 1, "gea")
        offer = await offered(world, "a")
        assert await world.places.looking.look() == pytest.approx(60.0)
        world.clock.later(hours=1)
        await world.places.looking.look()
        await world.bring(world.hospital, [])

        assert world.hospital.told["a"][-1] == Lapsed(offer.number)
        assert await world.free("elv") == 1


async def test_a_choice_that_comes_late_gets_what_is_still_free_and_never_what_another_has(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.places.planning.count("elv", 1, "gea")
        first = await offered(world, "a")
        world.clock.later(hours=1)
        await world.places.looking.look()
        second = await offered(world, "b")

        assert (await world.say("a", Chosen(first.number)))[-1] == Gone(first.number)
        assert (await world.say("b", Chosen(second.number)))[-1] == Granted(second.number)


async def test_a_closed_opening_gives_nothing_more_and_keeps_its_promises(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.places.planning.count("elv", 2, "gea")
        held, late = await offered(world, "a"), await offered(world, "b")
        await world.places.planning.close("elv", "gea")
        assert known(await world.stated()) == ()
        assert (await world.say("a", Chosen(held.number)))[-1] == Granted(held.number)
        world.clock.later(hours=2)
        await world.places.looking.look()

        assert (await world.say("b", Chosen(late.number)))[-1] == Gone(late.number)


async def test_who_fits_gets_an_offer_at_once_and_who_does_not_waits_for_a_person(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.places.planning.count("snel", 2, "gea")
        ask = world.hospital.asked
        fits = await world.say("a", ask("snel", kind=CareKind.GERIATRIC_REHABILITATION, conditions=frozenset({Condition.WOUND_CARE})))
        too_much = await world.say("b", ask("snel", kind=CareKind.GERIATRIC_REHABILITATION, amount=2))
        cannot = await world.say("c", ask("snel", kind=CareKind.GERIATRIC_REHABILITATION, conditions=frozenset({Condition.BARIATRIC})))
        await world.places.planning.stop("snel", Stop(StopReason.OUTBREAK), "gea")
        stopped = await world.say("d", ask("snel", kind=CareKind.GERIATRIC_REHABILITATION))

    assert fits == [Received(), Offered(1, FULL, world.clock() + timedelta(minutes=30))]
    assert too_much == cannot == stopped == [Received()]


async def test_an_old_count_gives_nothing_without_a_person(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.places.planning.count("snel", 2, "gea")
        world.clock.later(minutes=241)

        assert await world.say("a", world.hospital.asked("snel", kind=CareKind.GERIATRIC_REHABILITATION)) == [Received()]


async def test_no_and_a_question_and_interest_and_taking_back_are_said_in_order(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        planning, ref = world.places.planning, world.ref("a")
        await planning.count("elv", 1, "gea")
        await world.say("a", world.hospital.asked())
        await planning.ask(ref, "Kan mevrouw traplopen?", "gea")
        await planning.be_interested(ref, "gea")
        await world.say("a", Told("Nee."), Introduced(DINA, "token"))
        await planning.offer(ref, FULL, world.clock() + timedelta(hours=1), "elv", "gea")
        await planning.withdraw(ref, WithdrawReason.STAFF, "", "gea")
        await planning.decline(ref, DeclineReason.NO_STAFF, "Vanavond niemand.", "gea")
        await world.bring(world.hospital, [])

    told = world.hospital.told["a"]
    assert told[:3] == [Received(), Questioned("Kan mevrouw traplopen?"), Interested()]
    assert isinstance(told[3], Offered)
    assert told[4:] == [Withdrawn(WithdrawReason.STAFF), Declined(DeclineReason.NO_STAFF, "Vanavond niemand.")]
