"""What happens with a search, noted as it happens: by comparing what it was with what it became."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from accord.rules.placing.asker import At, Leg, Request
from gateway.places.beside import is_part
from gateway.places.history import Happened
from gateway.places.kept import Kept

#: Of one search so much is kept, the newest.
_MOST: Final = 400


def noted(kept: Kept, *happened: Happened) -> Kept:
    """The search with this added to what happened."""
    return replace(kept, history=(*kept.history, *happened)[-_MOST:])


def happened(before: Request, after: Request, now: datetime) -> Iterator[Happened]:
    """Everything that one step brought about, in the order in which it is read."""
    legs = {leg.provider: leg for leg in before.legs}
    for leg in after.legs:
        for what in _with(legs.get(leg.provider), leg, after):
            yield Happened(now, what, leg.provider)
    if after.cancelled is not None and before.cancelled is None:
        yield Happened(now, "cancelled")


def _with(was: Leg | None, leg: Leg, request: Request) -> Iterator[str]:
    """What happened with one provider."""
    if was is None or (leg.at is At.SENT and was.at is not At.SENT):
        yield "asked"
        return
    if leg.lines != was.lines:
        yield "we-said" if leg.lines and leg.lines[-1].ours else "they-said"
    if leg.interested and not was.interested:
        yield "interested"
    if leg.offer is not None and (was.offer is None or leg.offer.number > was.offer.number):
        yield "offered-part" if is_part(leg, request) else "offered"
    if leg.at is not was.at and leg.at is not At.OFFERED:
        yield "granted-part" if leg.at is At.GRANTED and is_part(leg, request) else leg.at.value
    if leg.taken_in and not was.taken_in:
        yield "taken-in"
    if leg.arrived and not was.arrived:
        yield "arrived"
