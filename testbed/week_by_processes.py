"""The week in a region of real processes: a coordinator's requests leave an asker of its own, planners tap at their providers' pages.

Where a planning system or a FHIR server tells of the places, those are what changes, and the agent finds it there.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Final, Self

import msgspec

from accord.rules.placing.provider import OPEN, At
from accord.terms.capacity import Stop
from accord.terms.placing import DeclineReason, EndReason, Fit, Terms
from testbed.holders import BY_NAME
from testbed.places import FictionalOpening
from testbed.places_crowd import Crowd
from testbed.placing_audit import Verdict
from testbed.placing_records import at_provider
from testbed.placing_world import PlacingWorld
from testbed.planner_page import PlannerAtPage, TapRefused
from testbed.processes import ProcessFailed
from testbed.region_files import DATA_USER
from testbed.week import Came, Week
from testbed.week_walking import CaseSeen, Seen

_ASKER: Final = BY_NAME[DATA_USER].ura.value
_SETTLE_SECONDS: Final = 60.0
#: Whatever the week makes of a house, the judge must not run out of places: it holds requests against each other.
_PLENTY: Final = 1_000_000


class ProcessHands:
    """People at a region that runs. See `testbed.week_walking.Hands`. Made by `start`."""

    def __init__(self, week: Week, world: PlacingWorld, planners: Mapping[str, PlannerAtPage]) -> None:
        self._week = week
        self._world = world
        self._planners = planners
        self._systems = {name: system for name in planners if (system := world.region.system_of(name)) is not None}
        self._stopped: set[str] = set()

    @classmethod
    @contextmanager
    def start(cls, week: Week) -> Iterator[Self]:
        """Start the region of a week, and end it with the context.

        Raises:
            ProcessFailed: A process did not start.
        """
        places: dict[str, tuple[FictionalOpening, ...]] = {}
        for each in week.openings.values():
            places[_holder_of(each.id)] = (*places.get(_holder_of(each.id), ()), each)
        crowd = Crowd(tuple(BY_NAME[name] for name in places), places)
        with PlacingWorld.start(crowd, planners=True) as world, ExitStack() as stack:
            planners = {name: stack.enter_context(PlannerAtPage(world.region.files[name].planners_url)) for name in places}
            yield cls(week, world, planners)

    def judged(self) -> Verdict:
        """What both sides have on disk. Houses fill and empty in a week; how many may be taken is what each was counted at."""
        self._world.places = dict.fromkeys(self._week.openings, _PLENTY)
        return self._world.judged()

    # -- At the asker's

    async def seen(self, came: Came) -> Sequence[Seen]:
        """Those of the kind that take people, the emptiest first."""
        told = self._world.say({})["openings"]
        fits = [each for each in self._week.openings.values() if each.service.kind is came.need.kind and each.service.id not in self._stopped]
        found = [Seen(_holder_of(each.id), each.service.id, each.id, told[each.id]) for each in fits if each.id in told]
        return sorted(found, key=lambda one: (-(one.places or 0), one.opening))

    async def ask(self, came: Came, of: Sequence[Seen]) -> str:
        """Put it to them."""
        forms = {"need": msgspec.to_builtins(came.need), "gist": msgspec.to_builtins(came.gist)}
        case = str(self._world.say({"ask": [(one.provider, one.service, one.opening) for one in of], **forms})["case"])
        self._world.requests.add(case)
        return case

    async def case(self, case: str) -> CaseSeen:
        """How it stands."""
        said = self._world.say({"case": case})
        return CaseSeen(said["winner"], tuple(said["offers"]), tuple(said["asked"]), said["over"])

    async def choose(self, case: str, provider: str) -> bool:
        """Take up an offer."""
        return "fault" not in self._world.say({"case": case, "choose": provider})

    async def tell(self, case: str, provider: str, words: str) -> bool:
        """Answer a question."""
        return "fault" not in self._world.say({"case": case, "tell": provider, "words": words})

    async def cancel(self, case: str, reason: EndReason) -> bool:
        """End it."""
        return "fault" not in self._world.say({"case": case, "cancel": reason.value})

    # -- At the providers'

    async def count(self, opening: FictionalOpening, places: int) -> None:
        """Free for whoever comes: what is held or promised is beside it, and taken off again."""
        name = _holder_of(opening.id)
        beside = sum(
            leg.amount for leg in at_provider(name, self._world.region.stores[name]) if leg.opening == opening.id and leg.at in (At.OFFERED, At.GRANTED)
        )
        system = self._systems.get(name)
        if system is not None and opening.id in system.tells_of:
            system.count(opening.id, places + beside)
            system.until_taken()
        else:
            _tapped(lambda: self._planners[name].count(opening.id, places + beside))

    async def stop(self, service: str, stop: Stop | None) -> None:
        """Take nobody, or take people again."""
        if stop is None:
            self._stopped.discard(service)
        else:
            self._stopped.add(service)
        name = _holder_of(service)
        if (system := self._systems.get(name)) is not None:
            system.stop(service, stop)
            system.until_taken()
            return
        planner = self._planners[name]
        _tapped((lambda: planner.start(service)) if stop is None else partial(planner.stop, service, stop.reason.value))

    async def is_waiting(self, case: str, provider: str) -> bool:
        """Whether it is in the list, and open."""
        with closing(sqlite3.connect(self._world.region.stores[provider], timeout=10)) as store:
            found = store.execute("SELECT state FROM leg WHERE request = ?", (case,)).fetchone()
        return found is not None and At(found[0]) in OPEN

    async def offer(self, case: str, provider: str, terms: Terms) -> bool:
        """Offer all, or a part."""
        if terms.fit is Fit.FULL:
            return self._answered(case, provider, "accept", hold="48")
        return self._answered(case, provider, "part", hold="48", amount=str(terms.amount), words=terms.words)

    async def decline(self, case: str, provider: str, reason: DeclineReason) -> bool:
        """Say no."""
        return self._answered(case, provider, "decline", reason=reason.value)

    async def question(self, case: str, provider: str, words: str) -> bool:
        """Ask back."""
        return self._answered(case, provider, "ask", words=words)

    async def arrive(self, case: str, provider: str) -> bool:
        """They are there."""
        return self._answered(case, provider, "arrive")

    async def settle(self) -> None:
        """Wait until nothing is under way.

        Raises:
            ProcessFailed: Something stays under way.
        """
        until = time.monotonic() + _SETTLE_SECONDS
        while (verdict := self._world.standing()).unknown:
            if time.monotonic() > until:
                raise ProcessFailed("week", f"does not come to rest: {verdict.unknown[0]}")
            time.sleep(0.03)  # noqa: ASYNC251 - nothing else runs on this loop

    def _answered(self, case: str, provider: str, do: str, **more: str) -> bool:
        return _tapped(lambda: self._planners[provider].answer(_ASKER, case, do, **more))


def _tapped(tap: Callable[[], None]) -> bool:
    try:
        tap()
    except TapRefused:
        return False
    return True


def _holder_of(name: str) -> str:
    return name.partition("-")[0]
