"""The law of a provider's places, whatever comes in whichever order: what is held and given is never more than what was counted.

A planner may count less than what is promised already: that is the truth, and no more is given until it is true again.
"""

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.rules.placing.provider import GIVEN, At
from accord.terms.capacity import CareKind
from accord.terms.faults import BadInput
from accord.terms.placing import Chosen, DeclineReason, Ended, EndReason, Fit, Gone, Granted, Offered, Terms, WithdrawReason
from node_agent.places import openings
from node_agent.places.ports import LegRef
from tests.node_agent.places_world import HOSPITAL, PRACTICE, Asker, World, provider_with_places

OPENING = "snel"
_REQUESTS = st.integers(0, 4)
#: Moves that take something are often made, or the law is never at stake.
_OFTEN = st.tuples(st.sampled_from(["ask", "take", "offer"]), _REQUESTS)
_MOVE = st.one_of(
    _OFTEN,
    _OFTEN,
    _OFTEN,
    st.tuples(st.sampled_from(["choose", "choose-old", "end", "withdraw", "decline", "arrive"]), _REQUESTS),
    st.tuples(st.sampled_from(["look", "confirm", "close"]), st.just(0)),
    st.tuples(st.just("later"), st.sampled_from([1, 20, 29, 40])),
    st.tuples(st.just("count"), st.integers(0, 3)),
)


@dataclass(slots=True)
class Play:
    """Moves of planners and askers; an impossible one is refused, and changes nothing."""

    world: World
    asked: set[int] = field(default_factory=set)
    turn: int = 0

    async def move(self, what: str, number: int) -> None:
        """One of them."""
        moves: dict[str, Callable[[int], Awaitable[object]]] = {
            "ask": self._ask,
            "take": self._take,
            "choose": lambda one: self._choose(one, last=True),
            "choose-old": lambda one: self._choose(one, last=False),
            "end": lambda one: self.world.say(self._name(one), Ended(EndReason.OTHER), asker=self._asker(one)),
            "offer": self._offer,
            "withdraw": lambda one: self.world.places.planning.withdraw(self._ref(one), WithdrawReason.OTHER, "", "gea"),
            "decline": lambda one: self.world.places.planning.decline(self._ref(one), DeclineReason.OTHER, "", "gea"),
            "arrive": lambda one: self.world.places.planning.arrive(self._ref(one), "gea"),
            "count": lambda places: self.world.places.planning.count(OPENING, places, "gea"),
            "confirm": lambda _: self.world.places.planning.confirm(OPENING, "gea"),
            "close": lambda _: self.world.places.planning.close(OPENING, "gea"),
            "look": lambda _: self.world.places.looking.look(),
            "later": self._later,
        }
        if what in ("choose", "choose-old", "end") and number not in self.asked:
            return
        try:
            await moves[what](number)
        except BadInput:
            return

    def _name(self, one: int) -> str:
        return f"r{one}"

    def _asker(self, one: int) -> Asker:
        return self.world.hospital if one % 2 else self.world.practice

    def _ref(self, one: int) -> LegRef:
        return self.world.ref(self._name(one), HOSPITAL if one % 2 else PRACTICE)

    async def _ask(self, one: int) -> None:
        asker = self._asker(one)
        self.asked.add(one)
        await self.world.say(self._name(one), asker.asked(OPENING, kind=CareKind.GERIATRIC_REHABILITATION, amount=1 + one % 2), asker=asker)

    async def _take(self, one: int) -> None:
        await self._ask(one)
        await self._choose(one, last=True)

    async def _choose(self, one: int, *, last: bool) -> None:
        await self.world.bring(self._asker(one), [])
        offers = [told.number for told in self._asker(one).told.get(self._name(one), []) if isinstance(told, Offered)]
        if offers:
            await self.world.say(self._name(one), Chosen(offers[-1 if last else 0]), asker=self._asker(one))

    async def _offer(self, one: int) -> None:
        if one not in self.asked:
            await self._ask(one)
        until = self.world.clock() + timedelta(minutes=25)
        await self.world.places.planning.offer(self._ref(one), Terms(Fit.PART, 1), until, OPENING, "gea")

    async def _later(self, minutes: int) -> None:
        self.world.clock.later(minutes=minutes)


async def check(play: Play, before: int | None, counted: int | None) -> int | None:
    """What is taken, by the rule of each leg; with whatever SQL made of it."""
    world = play.world
    legs = await world.places.planning.legs()
    one = await world.places.store.read(lambda connection: openings.counted(connection, OPENING))
    if one is None or one.places is None:
        return None
    (_, service) = await world.places.planning.services()
    kept = next(each for each in service.openings if each.opening.id == OPENING)
    taken = sum(leg.takes(world.clock(), one.observed) for leg in legs if leg.opening == OPENING)
    came = sum(leg.takes(world.clock(), one.observed) for leg in legs if leg.opening == OPENING and leg.at is At.ARRIVED)

    assert kept.held + kept.promised == taken - came
    assert kept.opening.places == max(0, one.places - taken)
    # Nobody counted since: then no more may be taken than there is, or than was taken already.
    if before is not None and counted == one.places:
        assert taken <= max(one.places, before)
    return taken


@settings(max_examples=150)
@given(st.lists(_MOVE, min_size=8, max_size=25))
def test_what_is_held_and_given_is_never_more_than_what_was_counted(moves: list[tuple[str, int]]) -> None:
    async def play() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with provider_with_places(Path(folder) / "p") as world:
                game = Play(world)
                await game.move("count", 2)
                taken: int | None = 0
                counted: int | None = 2
                for what, number in moves:
                    await game.move(what, number)
                    taken = await check(game, taken, counted)
                    one = await world.places.store.read(lambda connection: openings.counted(connection, OPENING))
                    counted = one.places if one is not None else None
                await world.bring(world.hospital, [])
                await world.bring(world.practice, [])
                await agree(game)

    anyio.run(play)


async def agree(game: Play) -> None:
    """Whoever was told that a place is theirs, has it at the provider, or heard since that it has not."""
    for leg in await game.world.places.planning.legs():
        asker = game.world.hospital if leg.asker == HOSPITAL else game.world.practice
        told = asker.told.get(leg.request, [])
        was_given = any(isinstance(one, Granted) for one in told)
        if leg.at in GIVEN:
            assert was_given
        elif was_given:
            assert leg.at in (At.ENDED, At.WITHDRAWN, At.DECLINED, At.OFFERED, At.LAPSED, At.GONE, At.ASKED)


@pytest.mark.anyio
async def test_requests_at_the_same_moment_get_no_more_than_there_is(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.places.planning.count(OPENING, 3, "gea")

        async def ask_and_choose(number: int) -> None:
            asker = world.hospital if number % 2 else world.practice
            told = await world.say(f"n{number}", asker.asked(OPENING, kind=CareKind.GERIATRIC_REHABILITATION), asker=asker)
            if isinstance(told[-1], Offered):
                await world.say(f"n{number}", Chosen(told[-1].number), asker=asker)

        async with anyio.create_task_group() as tasks:
            for number in range(24):
                tasks.start_soon(ask_and_choose, number)
        states = [leg.at for leg in await world.places.planning.legs()]
        told = [one for asker in (world.hospital, world.practice) for each in asker.told.values() for one in each]

    assert states.count(At.GRANTED) == sum(isinstance(one, Granted) for one in told) == 3
    assert states.count(At.ASKED) == 21
    assert not any(isinstance(one, Gone) for one in told)
