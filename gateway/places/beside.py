"""Searches of one person beside each other: which still run, and which looks for the rest of what another one got in part."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from accord.rules.moments import AMSTERDAM
from accord.rules.placing.asker import At, Choosing, Leg, Request, Standing
from gateway.places.ports import Case, Draft

_USUAL_PATIENCE: Final = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Rest:
    """What is still needed beside what was promised: `amount`. `running` looks for it now; none: nobody does."""

    amount: int
    running: Case | None = None


def is_running(case: Case) -> bool:
    """Whether anything is still to come of it: nobody called it off, and nobody arrived."""
    winner = case.request.winner
    return case.request.cancelled is None and (winner is None or not winner.arrived)


def is_part(leg: Leg, request: Request) -> bool:
    """Whether it offers or promised fewer places or visits than are needed."""
    return leg.offer is not None and leg.offer.terms.amount < request.need.amount


def asks(leg: Leg) -> bool:
    """Whether a question of it waits for an answer."""
    return leg.questioned and leg.at in (At.SENT, At.WAITING, At.OFFERED)


def waiting_for_us(request: Request) -> int:
    """How many of them said something that a person has to act on: an offer to take up or leave, a question."""
    is_open = request.standing is Standing.OPEN
    return 0 if request.cancelled is not None else sum(asks(leg) or (leg.at is At.OFFERED and is_open) for leg in request.legs)


def promised(request: Request) -> int:
    """How much whose place it has promised; all that is needed where it offered more, nothing where nobody promised."""
    winner = request.winner
    if winner is None:
        return 0
    return request.need.amount if winner.offer is None else min(winner.offer.terms.amount, request.need.amount)


def rest_of(case: Case, cases: Iterable[Case]) -> Rest | None:
    """What the search still lacks, of all that are kept; none: nobody promised yet, or all of it is there.

    What a later search for the same person and the same care was promised, is not lacking any more.
    """
    request = case.request
    if request.winner is None or request.cancelled is not None:
        return None
    others = [one for one in cases if _is_beside(one.request, request)]
    later = sum(promised(one.request) for one in others if one.request.made > request.made)
    lacking = request.need.amount - promised(request) - later
    if lacking <= 0:
        return None
    running = (one for one in others if one.request.standing in (Standing.OPEN, Standing.SETTLING))
    return Rest(lacking, max(running, key=lambda one: one.request.made, default=None))


def rest_draft(case: Case, rest: Rest, now: datetime) -> Draft:
    """The search for what is lacking: the same person, care and wishes, from today on where the first day is past."""
    request = case.request
    since = max(request.need.since, now.astimezone(AMSTERDAM).date())
    need = replace(request.need, amount=rest.amount, since=since)
    return Draft(request.who, need, case.wishes, request.gist, now + _USUAL_PATIENCE, request.choosing is Choosing.FIRST)


def _is_beside(other: Request, request: Request) -> bool:
    return other.id != request.id and other.who.bsn == request.who.bsn and other.need.kind is request.need.kind and other.cancelled is None
