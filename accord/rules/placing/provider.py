"""A leg of a request at the provider: what its planners do about it, and what time brings."""

from dataclasses import replace
from datetime import datetime

from accord.rules.placing.provider_hearing import HANDOVER_BYTES, begin, hear
from accord.rules.placing.provider_leg import GIVEN, OPEN, At, Leg, Line, Step, forgotten, with_line
from accord.rules.placing.terms import gives_all
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import Arrived, Declined, DeclineReason, Fit, Interested, Lapsed, Offered, Questioned, TakenIn, Terms, Withdrawn, WithdrawReason

__all__ = [
    "GIVEN",
    "HANDOVER_BYTES",
    "OPEN",
    "At",
    "Leg",
    "Line",
    "Step",
    "arrive",
    "ask",
    "be_interested",
    "begin",
    "decline",
    "hear",
    "look",
    "offer",
    "take_in",
    "withdraw",
]


def offer(leg: Leg, terms: Terms, until: datetime, now: datetime, free: int | None, *, opening: str = "") -> Step:
    """Hold a place and offer it; what was offered before is replaced. *opening*: of which, where it is not the one that was asked for.

    Raises:
        BadInput: `not-possible-now`: the request is over or the place is given; `no-place-left`; `invalid-parameter`: nothing is
            offered, it would lapse at once, or it is called full and is not.
    """
    if leg.at not in OPEN:
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    if terms.amount < 1 or until <= now or (terms.fit is Fit.FULL and not gives_all(terms, leg.need)):
        raise BadInput(Fault.INVALID_PARAMETER)
    if free is not None and free < terms.amount:
        raise BadInput(Fault.NO_PLACE_LEFT)
    offered = Offered(leg.number + 1, terms, until)
    return Step(
        replace(leg, at=At.OFFERED, since=now, number=offered.number, offer=offered, opening=opening or leg.asked.opening, declined=None, withdrawn=None),
        (offered,),
    )


def decline(leg: Leg, reason: DeclineReason, words: str, now: datetime) -> Step:
    """Say no; what was held is free, and who it was about is forgotten.

    Raises:
        BadInput: `not-possible-now`.
    """
    if leg.at not in OPEN:
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    return Step(forgotten(replace(leg, at=At.DECLINED, since=now, declined=reason, interested=False)), (Declined(reason, words),))


def ask(leg: Leg, words: str, now: datetime) -> Step:
    """Ask the asker something.

    Raises:
        BadInput: `not-possible-now`.
    """
    if leg.at is At.ENDED:
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    return Step(with_line(leg, Line(now, True, words)), (Questioned(words),))


def be_interested(leg: Leg) -> Step:
    """Want to know who it is; nothing is held by it. Who said no has changed its mind.

    Raises:
        BadInput: `not-possible-now`.
    """
    if leg.at not in OPEN:
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    if leg.interested:
        return Step(leg)
    at = At.ASKED if leg.at is At.DECLINED else leg.at
    return Step(replace(leg, at=at, interested=True, declined=None if at is At.ASKED else leg.declined), (Interested(),))


def withdraw(leg: Leg, reason: WithdrawReason, words: str, now: datetime) -> Step:
    """Take back what was offered or given.

    Raises:
        BadInput: `not-possible-now`.
    """
    if leg.at not in (At.OFFERED, At.GRANTED):
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    return Step(replace(leg, at=At.WITHDRAWN, since=now, withdrawn=reason), (Withdrawn(reason, words),))


def arrive(leg: Leg, now: datetime) -> Step:
    """The person is here.

    Raises:
        BadInput: `not-possible-now`.
    """
    if leg.at is not At.GRANTED:
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    return Step(replace(leg, at=At.ARRIVED, since=now, arrived=now), (Arrived(),))


def take_in(leg: Leg) -> Step:
    """The handover is in our own record: it is not kept here any longer.

    Raises:
        BadInput: `not-possible-now`: there is none, or not all of it.
    """
    if not leg.handover_whole:
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    return Step(replace(leg, handover=b"", handover_whole=False, taken_in=True), (TakenIn(),))


def look(leg: Leg, now: datetime) -> Step:
    """What time brings: an offer that nobody took up lapses."""
    if leg.at is At.OFFERED and leg.offer is not None and leg.offer.held_until <= now:
        return Step(replace(leg, at=At.LAPSED, since=now), (Lapsed(leg.offer.number),))
    return Step(leg)
