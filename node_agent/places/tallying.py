"""What a provider was asked lately, in numbers from which nobody can be known.

The numbers are settled once a day, of what came before it: whoever asks again and again would otherwise see a number go up the
moment one person's request came in, or was decided on, however few are kept back.
"""

import sqlite3
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from accord.rules.capacity.counting import LegCounted, tally_of
from accord.rules.moments import AMSTERDAM
from accord.terms.capacity import CareKind, PlacesQuestion, Tally
from accord.terms.placing import DeclineReason
from node_agent.places.tables import micros, moment

#: No longer than what is over is kept, or it would look as if less had been asked.
LONGEST_DAYS: Final = 30


@dataclass(slots=True)
class Tallying:
    """The numbers of one provider, as they stand this day. A start settles them anew."""

    _of: date | None = None
    _settled: tuple[LegCounted, ...] = ()

    def tallies(self, connection: sqlite3.Connection, kinds: frozenset[CareKind], question: PlacesQuestion, days: int, now: datetime) -> tuple[Tally, ...]:
        """A tally of each of these kinds that is asked for; none where none are."""
        if not question.tally:
            return ()
        days, today = min(days, LONGEST_DAYS), now.astimezone(AMSTERDAM).date()
        if self._of != today:
            self._of, self._settled = today, tuple(_counted(connection, days, now))
        begins = datetime.combine(today, time(), AMSTERDAM)
        return tuple(tally_of(self._settled, kind, days, begins) for kind in sorted(kinds) if not question.kinds or kind in question.kinds)


def _counted(connection: sqlite3.Connection, days: int, now: datetime) -> list[LegCounted]:
    query = "SELECT kind, came, answered, granted, declined FROM leg WHERE came >= ?"
    return [
        LegCounted(
            CareKind(kind),
            moment(came),
            moment(answered) if answered is not None else None,
            bool(granted),
            DeclineReason(declined) if declined is not None else None,
        )
        for kind, came, answered, granted, declined in connection.execute(query, (micros(now) - days * 86_400_000_000,))
    ]
