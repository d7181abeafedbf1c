"""What time brings: offers that nobody took up lapse, and what is over is erased. Everything that is kept has an end."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import anyio
import structlog

from accord.audit.places_events import PlaceChanged
from accord.rules.moments import by_the_clock_here
from accord.rules.placing import provider
from accord.rules.placing.provider import At
from accord.terms.faults import Faulted, Unavailable
from accord.terms.identifiers import Ura
from node_agent.places import legs, openings
from node_agent.places.changes import Changes
from node_agent.places.counting import PLANNER
from node_agent.places.measured import Measured
from node_agent.places.ports import LegRef
from node_agent.places.services_file import Offering
from node_agent.places.steps import Steps
from node_agent.places.store import Store, Turn
from node_agent.places.tables import micros, moment

#: So many at a time, so that those who ask come in between.
_AT_ONCE: Final = 100
_AT_LEAST_SECONDS: Final = 0.02
_SELDOM_SECONDS: Final = 60.0
_AGAIN_SECONDS: Final = 5.0
_TOGETHER_SECONDS: Final = 0.25

_log = structlog.get_logger("noaber.places")


@dataclass(frozen=True, slots=True)
class Looking:
    """Looks after what is kept; *keep_days* after it was over it is erased."""

    store: Store
    steps: Steps
    changes: Changes
    keep_days: int
    offerings: Mapping[str, Offering]
    measured: Measured = field(default_factory=Measured)

    async def keep(self) -> None:
        """Until cancelled: look whenever a hold ends, and now and then."""
        while True:
            change = self.changes.next_change
            try:
                seconds = await self.look()
            except Faulted as failure:
                _log.warning("free places are not looked after now", code=failure.fault.value)
                seconds, change = _AGAIN_SECONDS, anyio.Event()
            with anyio.move_on_after(seconds):
                await change.wait()
                # A hold that begins now lasts for longer than this; many changes are looked at together.
                await anyio.sleep(_TOGETHER_SECONDS)

    async def look(self) -> float:
        """Look once; returns after how many seconds there may be something to do.

        Raises:
            Unavailable: It could not be kept, or not be written down.
        """
        now = self.store.now()
        if await self.store.read(lambda connection: self._due(connection, now)):
            await self.store.change(self._lapse_and_erase)
        if await self.store.read(lambda connection: openings.past(connection, PLANNER, by_the_clock_here(now).date(), 1)):
            await self.store.change(self._let_go_of_past)
        due, end = await self.store.read(partial(self._looked, now))
        if due:
            return _AT_LEAST_SECONDS
        return _SELDOM_SECONDS if end is None else min(_SELDOM_SECONDS, max(_AT_LEAST_SECONDS, (end - now).total_seconds()))

    def _looked(self, now: datetime, connection: sqlite3.Connection) -> tuple[list[LegRef], datetime | None]:
        """What is still due, and when the next hold ends."""
        self.measured.measure(connection, self.offerings, now)
        return self._due(connection, now), _next_end(connection)

    def _due(self, connection: sqlite3.Connection, now: datetime) -> list[LegRef]:
        """Those of which something has to be done now: a hold that ended, or what was over long enough. What is promised never ends by itself."""
        marks = ", ".join("?" * len(legs.OVER))
        long_ago = micros(now - timedelta(days=self.keep_days))
        rows = connection.execute(
            f"""SELECT asker, request FROM leg WHERE (state = ? AND held_until <= ?) OR (state IN ({marks}) AND since <= ?)
            OR (state = ? AND since <= ? AND reply_by <= ?) LIMIT ?""",  # noqa: S608 - marks for values
            (At.OFFERED, micros(now), *legs.OVER, long_ago, At.ASKED, long_ago, long_ago, _AT_ONCE),
        )
        return [LegRef(Ura(asker), request) for asker, request in rows]

    def _lapse_and_erase(self, turn: Turn) -> None:
        for ref in self._due(turn.connection, turn.now):
            try:
                leg = legs.leg_of(turn.connection, self.steps.key, ref)
            except Unavailable:
                self._end_unopened(turn, ref)
                continue
            if leg is None:
                continue
            step = provider.look(leg, turn.now)
            if step.says:
                self.steps.take(turn, leg, step)
            else:
                self.steps.erase(turn, leg)

    def _let_go_of_past(self, turn: Turn) -> None:
        """What a planner opened for days that are over. What a system says of such days is its own to take back."""
        for one in openings.past(turn.connection, PLANNER, by_the_clock_here(turn.now).date(), _AT_ONCE):
            openings.let_go(turn.connection, one.id)
            turn.lines.append(PlaceChanged(holder=self.steps.sender.ura.value, by="", service=one.service, opening=one.id, what="closed"))
            turn.places_changed = True

    def _end_unopened(self, turn: Turn, ref: LegRef) -> None:
        """One that cannot be opened holds up no other, and is not kept for ever either."""
        if not legs.let_lapse(turn.connection, ref, turn.now):
            self.steps.erase_unopened(turn, ref)


def _next_end(connection: sqlite3.Connection) -> datetime | None:
    """When the next hold ends."""
    (until,) = connection.execute("SELECT min(held_until) FROM leg WHERE state = ?", (At.OFFERED,)).fetchone()
    return moment(until) if until is not None else None
