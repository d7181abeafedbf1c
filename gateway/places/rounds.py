"""Rounds of asking who has places: what each provider said, as it came, for as long as somebody looks at it.

A round is in memory and nowhere else. What was said first is on the screen while whoever was too late is asked once more.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup

from accord.terms.capacity import PlacesQuestion
from accord.terms.faults import Fault, Faulted
from accord.terms.identifiers import HolderName
from gateway.places.ports import Accounted, HolderSaid, TheRegion
from gateway.places.twice import MORE_PATIENCE, PATIENCE, Heard, ask_twice, with_later

_MOST: Final = 200
_MOST_HEARD: Final = 5_000
_KEPT: Final = timedelta(minutes=30)
_log = structlog.get_logger("gateway.viewer")

#: A provider of our region, or of the one that is named.
Key = tuple[str, HolderName]


@dataclass(slots=True, eq=False)
class Round:
    """One question to everybody, and what was said to it. `account` is of the first asking; `failure`: nothing, or nothing more, could be asked."""

    question: PlacesQuestion
    began: datetime
    said: dict[Key, HolderSaid] = field(default_factory=dict)
    account: Accounted | None = None
    failure: Fault | None = None
    is_over: bool = False
    #: Set, and replaced by another, whenever something was said.
    changed: anyio.Event = field(default_factory=anyio.Event)

    def take(self, event: HolderSaid | Accounted) -> None:
        """Take in what was said; the last word of a provider counts."""
        if isinstance(event, Accounted):
            self.account = with_later(self.account, event)
        else:
            self.said[event.provider.region, event.provider.name] = event
        self.tell()

    def tell(self) -> None:
        """Wake whoever waits for a change."""
        self.changed.set()
        self.changed = anyio.Event()


class Rounds:
    """The last round of each search (or of the overview, by a name of its own)."""

    def __init__(self, region: TheRegion, tasks: TaskGroup, clock: Callable[[], datetime], *, patience: float = PATIENCE, more: float = MORE_PATIENCE) -> None:
        self._region = region
        self._tasks = tasks
        self._clock = clock
        self._patience = patience
        self._more = more
        self._rounds: dict[str, Round] = {}
        #: When we heard each ourselves: a gateway that has just begun knows of nobody.
        self._heard: dict[Key, datetime] = {}

    def last(self, of: str) -> Round | None:
        """The last round of a search, if there was one lately."""
        found = self._rounds.get(of)
        return None if found is None or self._clock() - found.began > _KEPT else found

    def begin(self, of: str, question: PlacesQuestion) -> Round:
        """Ask anew; what was said before makes room."""
        self._rounds.pop(of, None)
        now = self._clock()
        for name in [name for name, one in self._rounds.items() if now - one.began > _KEPT]:
            del self._rounds[name]
        while len(self._rounds) >= _MOST:
            del self._rounds[next(iter(self._rounds))]
        made = self._rounds[of] = Round(question, now)
        self._tasks.start_soon(self._ask, made)
        return made

    async def _ask(self, made: Round) -> None:
        async def take(event: Heard) -> None:
            made.take(self._with_last_heard(event))

        try:
            await ask_twice(self._region, made.question, take, patience=self._patience, more=self._more)
        except Faulted as failed:
            made.failure = failed.fault
        except Exception as failed:  # noqa: BLE001 - one round must not take the others with it
            _log.error("asking for places broke off", kind=type(failed).__name__)
            made.failure = Fault.INTERNAL
        made.is_over = True
        made.tell()

    def _with_last_heard(self, event: Heard) -> Heard:
        """What was said, with when its provider was heard last before."""
        if isinstance(event, Accounted):
            return event
        key = (event.provider.region, event.provider.name)
        before = self._heard.get(key)
        if event.ending.heard_out:
            self._heard.pop(key, None)
            self._heard[key] = self._clock()
            while len(self._heard) > _MOST_HEARD:
                del self._heard[next(iter(self._heard))]
        ms = 0 if before is None else int(before.timestamp() * 1000)
        return replace(event, last_heard_ms=max(event.last_heard_ms, ms))
