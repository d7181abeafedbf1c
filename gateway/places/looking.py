"""What time brings: reminders, alarms for a person, and the end of everything that is kept."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import anyio
import structlog

from accord.rules.placing import asker
from accord.rules.placing.asker import Standing
from accord.terms.faults import BadInput, Faulted
from accord.terms.placing import EndReason
from gateway.places import rows
from gateway.places.due import SILENCE
from gateway.places.store import Change, Store
from gateway.places.writing import Own, carry_out, note

_LOOK_SECONDS: Final = 2.0
_MOST: Final = 200

_log = structlog.get_logger("noaber.places")


@dataclass(frozen=True, slots=True)
class Looking:
    """Looks after the searches of one asker. *keep*: how long they stay after their end, or after anybody last looked at them and their day came."""

    store: Store
    own: Own
    keep: timedelta

    async def run(self, *, every: float = _LOOK_SECONDS) -> None:
        """Until cancelled."""
        while True:
            try:
                while await self.look():
                    pass
            except Faulted as failure:
                _log.error("searches could not be looked after", code=failure.fault.value)
            await anyio.sleep(every)

    async def look(self) -> bool:
        """Look once; whether there may be more to do.

        Raises:
            Unavailable: `journal-unavailable`, `source-unavailable`.
        """
        now = self.own.clock()
        before = now - self.keep
        due, past = await self.store.read(lambda connection: (rows.due_at(connection, now, _MOST), rows.past(connection, before, _MOST)))
        gone = await self.store.read(lambda connection: rows.gone_before(connection, before, _MOST))
        if not (due or past or gone):
            return False
        done = await self.store.change(lambda change: self._look_at(change, due, past, gone, now))
        return done > 0 and _MOST in (len(due), len(past), len(gone))

    def _look_at(self, change: Change, due: list[str], past: list[str], gone: list[str], now: datetime) -> int:
        done = len(past) + len(gone)
        for search in due:
            try:
                kept = rows.find(change.connection, change.seal, search)
                step = asker.look(kept.request, now, silence=SILENCE)
            except Faulted:
                continue  # it is told where it is read; the others go on
            if step.request != kept.request:
                carry_out(change, self.own, kept, step, now)
                done += 1
        for search in past:
            self._end(change, search, now)
        for search in gone:
            rows.forget(change.connection, search)
        return done

    def _end(self, change: Change, search: str, now: datetime) -> None:
        """Erase it. Whoever may still be busy with it is told that it is over: nobody looked at it for so long."""
        try:
            kept = rows.find(change.connection, change.seal, search)
        except BadInput:
            return
        except Faulted:
            pass  # nobody can read it any more, and it has an end all the same
        else:
            # A place that was given is not given back unasked: who has it may have arrived, and nobody said so.
            if kept.over is None and kept.request.standing in (Standing.OPEN, Standing.SETTLING):
                kept = carry_out(change, self.own, replace(kept, watched=None), asker.cancel(kept.request, EndReason.OTHER, now), now)
            note(change, self.own, kept, "erased", "", action="D")
        rows.erase(change.connection, search, now)
        change.touched = True
