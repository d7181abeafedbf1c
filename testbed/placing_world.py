"""A small region in which places are asked for by many at once, of which any process may die, and which is judged from outside.

with PlacingWorld.start(crowd(3, places=0, instant=True)) as world:
    world.open("run-1", {"huis-00": 2, "huis-01": 1})
    world.ask(["huis-00", "huis-01"], "run-1")
    verdict = world.settled(60.0)
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from testbed.places_crowd import Crowd
from testbed.places_files import count_before
from testbed.placing_audit import Verdict
from testbed.placing_ends import AskingEnd, Gone, OwnProcess, ThroughConnect
from testbed.placing_journals import Journals
from testbed.placing_records import judge, searches
from testbed.processes import Processes, ProcessFailed
from testbed.region_places import GATEWAY, PlacesRegion

_LOOK_AGAIN_SECONDS: Final = 0.1
_TRY_AGAIN_SECONDS: Final = 0.05


class PlacingWorld:
    """A region of a crowd, with an asker of its own. Made by `start`; everything is gone when its context ends."""

    def __init__(self, region: PlacesRegion, crowd: Crowd, end: AskingEnd) -> None:
        self.region = region
        self.crowd = crowd
        self.end = end
        #: How many places there are of each opening: what neither side is asked for.
        self.places = crowd.counted
        #: Requests that the asker said to have on disk.
        self.requests: set[str] = set()

    @classmethod
    @contextmanager
    def start(cls, crowd: Crowd, *, planners: bool = False, through_connect: bool = False) -> Iterator[Self]:
        """Start it, and end it with the context; *planners*: every provider has a page for them. *through_connect*: a real proxy asks.

        Raises:
            ProcessFailed: A process did not start.
        """
        starting = PlacesRegion.start(holders=crowd.holders, story=False, people=40, places=crowd.places, planners=planners)
        with starting as region:
            region.stay_at_address()
            if through_connect:
                with closing(ThroughConnect(region)) as connect:
                    yield cls(region, crowd, connect)
            else:
                with Processes(("testbed.placing_asker",)) as beside:
                    yield cls(region, crowd, OwnProcess(region, beside))

    @property
    def victims(self) -> tuple[str, ...]:
        """Every process that may die."""
        return (GATEWAY, self.end.name, *self.crowd.places)

    def victim(self, chance: random.Random) -> str:
        """The next that dies: the gateway and whoever asks as often as all the agents together."""
        return chance.choice((GATEWAY, self.end.name, chance.choice(sorted(self.crowd.places))))

    @property
    def store(self) -> Path:
        """What the asker has on disk."""
        return self.end.folder / "searches.db"

    def open(self, run: str, places: Mapping[str, int]) -> None:
        """Let these providers have so many places more, in an opening of their own for this run."""
        for name, number in places.items():
            one = replace(self.crowd.places[name][0], id=f"{name}-{run}", places=number)
            count_before(self.region.stores[name], [one.at(datetime.now(UTC))])
            self.places[one.id] = number

    def ask(self, providers: Sequence[str], run: str = "") -> str:
        """Put one request to these providers; returns its id once it is on disk.

        Raises:
            Gone: The asker died, or refused; whether it has the request, nobody can say.
        """
        of = [(name, self.crowd.places[name][0].service.id, f"{name}-{run}" if run else self.crowd.places[name][0].id) for name in providers]
        case = self.end.ask(of)
        self.requests.add(case)
        return case

    def ask_until(self, providers: Sequence[str], run: str, until: float) -> str:
        """The same, again and again while the asker is away.

        Raises:
            ProcessFailed: It stayed away.
        """
        while time.monotonic() < until:
            try:
                return self.ask(providers, run)
            except Gone:
                time.sleep(_TRY_AGAIN_SECONDS)
        raise ProcessFailed(self.end.name, "took no request any more")

    def kill(self, name: str) -> None:
        """End a process as `kill -9` does."""
        if name == self.end.name:
            self.end.kill()
        else:
            self.region.kill(name)

    def start_again(self, name: str) -> None:
        """Start it where it was."""
        if name == self.end.name:
            self.end.start_again()
        else:
            self.region.start_again(name)

    def standing(self) -> Verdict:
        """Lay what both sides have on disk beside each other."""
        verdict = judge(self.store, self.region.stores, self.places, frozenset(self.requests))
        kept = searches(self.store)
        verdict.lost += [f"{case} was begun, and is not at its asker" for case in sorted(self.end.begun - set(kept))]
        return verdict

    def judged(self) -> Verdict:
        """The same, and laid beside the journals; and whoever asks is asked what it has."""
        verdict = self.standing()
        Journals(self.end.folder, self.region.journals).judge(verdict, self.region.stores)
        known = self.end.known()
        if known is not None:
            verdict.lost += [f"{case} is on the disk of its asker, which does not tell of it" for case in sorted(set(searches(self.store)) ^ known)]
        return verdict

    def settled(self, seconds: float) -> tuple[Verdict, float]:
        """The verdict once nothing moves any more, and after how long that was; after so many seconds as it is then."""
        begun = time.monotonic()
        while True:
            verdict = self.standing()
            took = time.monotonic() - begun
            if verdict.is_sound or took > seconds:
                return self.judged(), took
            time.sleep(_LOOK_AGAIN_SECONDS)

    def say(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """What the asker answers to a line (`testbed.placing_asker`).

        Raises:
            Gone: It died.
            ProcessFailed: It is a proxy, and takes none.
        """
        if not isinstance(self.end, OwnProcess):
            raise ProcessFailed(self.end.name, "takes no lines")
        return self.end.say(line)
