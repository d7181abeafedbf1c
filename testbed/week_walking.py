"""Walks a week through the real parts of a region: whoever looks for a place asks, planners answer in their own time, houses fill and empty.

The week's own clock jumps from one thing that happens to the next; the parts run on the machine's. Between two of them
every letter is brought, so that equal seeds meet equal answers.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, Final, Protocol

from accord.terms.capacity import Stop
from accord.terms.placing import DeclineReason, EndReason, Terms
from testbed.places import FictionalOpening
from testbed.week import Came, Freed, Resumed, Stopped, Week
from testbed.week_account import Account, Outcome
from testbed.week_planners import Does, answer, delay

#: Whom a coordinator asks at once.
_AT_ONCE: Final = 4
_ARRIVES_AFTER: Final = timedelta(hours=26)
#: Where nobody has anything, it is looked again.
_AGAIN_AFTER: Final = timedelta(hours=2)
_ANSWERS_AFTER: Final = timedelta(minutes=12)


@dataclass(frozen=True, slots=True)
class Seen:
    """An opening of somebody, as whoever looks for a place sees it; `places` none: unknown."""

    provider: str
    service: str
    opening: str
    places: int | None


@dataclass(frozen=True, slots=True)
class CaseSeen:
    """A request as its asker sees it. `offers`: who offers less than all, or something else; `winner`: whose place it has; `asked`: who asks something."""

    winner: str = ""
    offers: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    over: bool = False


class Hands(Protocol):
    """What people do in a region: the coordinator at the asker's, planners at the providers'. What cannot be done now is passed over, and says so."""

    async def seen(self, came: Came) -> Sequence[Seen]:
        """Who has, or may have, such a place; the best first."""

    async def ask(self, came: Came, of: Sequence[Seen]) -> str:
        """Put the request to them; returns what it is called."""

    async def case(self, case: str) -> CaseSeen:
        """How it stands at its asker."""

    async def choose(self, case: str, provider: str) -> bool:
        """Take up an offer."""

    async def tell(self, case: str, provider: str, words: str) -> bool:
        """Answer a question."""

    async def cancel(self, case: str, reason: EndReason) -> bool:
        """No place is needed any more."""

    async def count(self, opening: FictionalOpening, places: int) -> None:
        """A planner says how many places are free that nobody was promised."""

    async def stop(self, service: str, stop: Stop | None) -> None:
        """A planner stops a team, or lets it take people again."""

    async def is_waiting(self, case: str, provider: str) -> bool:
        """Whether a planner has this request in the list, and nobody answered it yet."""

    async def offer(self, case: str, provider: str, terms: Terms) -> bool:
        """A planner offers; false when no place is left, or the request is over."""

    async def decline(self, case: str, provider: str, reason: DeclineReason) -> bool:
        """A planner says no."""

    async def question(self, case: str, provider: str, words: str) -> bool:
        """A planner asks something."""

    async def arrive(self, case: str, provider: str) -> bool:
        """The person is there."""

    async def settle(self) -> None:
        """Every letter that was written is brought, and taken in."""


@dataclass(slots=True)
class _Open:
    came: Came
    opening: dict[str, str]
    outcome: Outcome


@dataclass(order=True, slots=True)
class _Due:
    at: timedelta
    order: int
    what: str = field(compare=False)
    of: tuple[Any, ...] = field(compare=False)


class WeekWalk:
    """One walk through one week."""

    def __init__(self, week: Week, hands: Hands) -> None:
        self._week = week
        self._hands = hands
        self._order = count()
        self._due: list[_Due] = []
        self._cases: dict[str, _Open] = {}
        #: What is really free, which what is told may differ from.
        self._free = {name: each.places or 0 for name, each in week.openings.items()}
        self._at_service = {each.service.id: each for each in week.openings.values()}
        for at, event in week.events:
            self._later(at, type(event).__name__.lower(), event)

    async def walk(self) -> Account:
        """To the end of the week, and of what was begun in it."""
        while self._due:
            due = heapq.heappop(self._due)
            await getattr(self, f"_{due.what}")(due.at, *due.of)
            await self._hands.settle()
            await self._look(due.at)
        return Account(self._week.seed, tuple(one.outcome for one in self._cases.values()))

    def _later(self, at: timedelta, what: str, *of: object) -> None:
        heapq.heappush(self._due, _Due(at, next(self._order), what, of))

    # -- Houses

    async def _freed(self, _: timedelta, event: Freed) -> None:
        self._free[event.opening] = max(0, self._free[event.opening] + event.places)
        if event.told:
            await self._count(event.opening)

    async def _count(self, opening: str) -> None:
        await self._hands.count(self._week.openings[opening], self._free[opening])

    async def _stopped(self, _: timedelta, event: Stopped) -> None:
        await self._hands.stop(event.service, Stop(event.reason))

    async def _resumed(self, _: timedelta, event: Resumed) -> None:
        await self._hands.stop(event.service, None)

    # -- Requests

    async def _came(self, at: timedelta, came: Came, since: timedelta | None = None) -> None:
        since = at if since is None else since
        found = [one for one in await self._hands.seen(came) if one.places is None or one.places > 0]
        of = list({one.provider: one for one in reversed(found)}.values())[::-1][:_AT_ONCE]
        outcome = Outcome(came.number, came.need.kind, since)
        if not of:
            if at + _AGAIN_AFTER < since + came.patience:
                self._later(at + _AGAIN_AFTER, "came", came, since)
            else:
                self._cases[f"nobody-{came.number}"] = _Open(came, {}, outcome)
            return
        case = await self._hands.ask(came, of)
        outcome.asked = len(of)
        self._cases[case] = _Open(came, {one.provider: one.opening for one in of}, outcome)
        for one in of:
            chance = self._week.chance("delay", came.number, one.provider)
            self._later(at + delay(at, chance), "answer", case, one.provider)
        self._later(since + came.patience, "patience", case)

    async def _answer(self, at: timedelta, case: str, provider: str, *, asked_before: bool = False) -> None:
        one = self._cases[case]
        if not await self._hands.is_waiting(case, provider):
            return
        opening = self._week.openings[one.opening[provider]]
        does = answer(one.came.need, opening.service, self._free[opening.id], self._week.chance("answer", one.came.number, provider))
        if does.does is Does.ASKS_FIRST and not asked_before:
            await self._hands.question(case, provider, "Kan iemand zelf uit bed?")
            self._later(at + _ANSWERS_AFTER, "reply", case, provider)
        elif does.terms is not None:
            if not await self._hands.offer(case, provider, does.terms):
                await self._decline(one, case, provider, DeclineReason.NO_PLACE)
        elif does.reason is not None:
            await self._decline(one, case, provider, does.reason)
            if does.reason is DeclineReason.NO_PLACE:
                await self._count(opening.id)  # who has to say no sees that the number was old

    async def _decline(self, one: _Open, case: str, provider: str, reason: DeclineReason) -> None:
        if await self._hands.decline(case, provider, reason):
            one.outcome.declined[provider] = reason

    async def _reply(self, at: timedelta, case: str, provider: str) -> None:
        await self._hands.tell(case, provider, "Met hulp van een persoon.")
        self._later(at + _ANSWERS_AFTER, "answer_again", case, provider)

    async def _answer_again(self, at: timedelta, case: str, provider: str) -> None:
        await self._answer(at, case, provider, asked_before=True)

    async def _patience(self, _: timedelta, case: str) -> None:
        """The best of what is there is taken; where there is nothing, nobody is kept waiting."""
        one = self._cases[case]
        if one.outcome.winner or one.outcome.given_up:
            return
        for provider in (await self._hands.case(case)).offers:
            if await self._hands.choose(case, provider):
                return
        one.outcome.given_up = await self._hands.cancel(case, EndReason.OTHER)

    async def _look(self, at: timedelta) -> None:
        """Whose place is it now? Who has one comes, and takes it."""
        for case, one in self._cases.items():
            if one.outcome.winner or one.outcome.given_up or not one.opening:
                continue
            seen = await self._hands.case(case)
            if seen.winner:
                one.outcome.winner, one.outcome.yes_at = seen.winner, at
                self._free[one.opening[seen.winner]] = max(0, self._free[one.opening[seen.winner]] - one.came.need.amount)
                self._later(at + _ARRIVES_AFTER, "arrives", case, seen.winner)

    async def _arrives(self, _: timedelta, case: str, provider: str) -> None:
        if await self._hands.arrive(case, provider):
            await self._count(self._cases[case].opening[provider])
