"""When time brings something to a request: the other half of `accord.rules.placing.asker.look`, so that not every search is opened all the time."""

from datetime import datetime, timedelta
from typing import Final

from accord.rules.placing.asker import SILENT, At, Leg, Request, Standing

#: So long the word of a provider whose offer is taken up may take before a person must look.
SILENCE: Final = timedelta(minutes=10)


def due(request: Request, *, silence: timedelta = SILENCE) -> datetime | None:
    """The first moment at which `look` may have something to do; none while only others can change it."""
    if request.standing is Standing.SETTLING:
        chosen = [leg.since + silence for leg in request.legs if leg.at is At.CHOSEN]
        return min(chosen) if chosen and request.alarm is None else None
    if request.standing is not Standing.OPEN:
        return None
    moments = [_halfway(leg) for leg in request.legs if leg.at is At.WAITING and not leg.reminded and not leg.questioned]
    if request.alarm is None and not any(leg.at is At.OFFERED for leg in request.legs):
        moments.append(max((leg.asked.reply_by for leg in request.legs if leg.at not in SILENT), default=request.reply_by))
    return min(moments, default=None)


def _halfway(leg: Leg) -> datetime:
    return leg.since + (leg.asked.reply_by - leg.since) / 2
