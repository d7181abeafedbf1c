"""Who was shown to whom: a look at a person has its line in the journal, and a page that fetches itself again is the same look."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from accord.audit.places_events import PlaceWho
from accord.rules.placing.provider import Leg
from accord.terms.placing import Introduced, Introduction
from node_agent.places.legs import ref_of
from node_agent.places.ports import LegRef
from node_agent.places.steps import Steps
from node_agent.places.store import Lines

#: So long a look lasts, whoever looks again.
_ONE_LOOK: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Seeing:
    """Shows who somebody is, after the line about it."""

    steps: Steps
    lines: Lines
    #: Since when each look lasts, and whom it is at.
    _looks: dict[tuple[LegRef, str], tuple[datetime, Introduction]] = field(default_factory=dict)

    async def shown(self, leg: Leg, by: str, now: datetime) -> Introduced | None:
        """Who it is, for the planner *by*; none when nobody said so, or it is not kept any more.

        Raises:
            Unavailable: `journal-unavailable`: it is not shown.
        """
        if leg.who is None:
            return None
        look = ref_of(leg), by
        since, whom = self._looks.get(look, (None, None))
        if since is None or whom != leg.who or not timedelta(0) <= now - since < _ONE_LOOK:
            own = self.steps.sender.ura.value
            await self.lines.append_many([PlaceWho(patient=self.steps.patient_of(leg), holder=own, peer=leg.asker.value, request=leg.request, by=by)])
            self._forget(now)
            self._looks[look] = now, leg.who
        return Introduced(leg.who, leg.referral)

    def _forget(self, now: datetime) -> None:
        for look, (since, _) in list(self._looks.items()):
            if not timedelta(0) <= now - since < _ONE_LOOK:
                del self._looks[look]
