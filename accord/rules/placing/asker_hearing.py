"""What a provider says, taken into the request: the state of its leg and nothing else. What follows of it is in `accord.rules.placing.asker`."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from accord.rules.placing.asker_request import LINES, OVER, SILENT, TAKING, Alarm, At, Leg, Line, Request, Standing
from accord.terms.placing import (
    Arrived,
    Declined,
    FromProvider,
    Gone,
    Granted,
    Interested,
    Lapsed,
    Offered,
    Questioned,
    Received,
    TakenIn,
    Withdrawn,
)

#: These said no, or that it is no more; whatever they say next makes them one that is waited for.
_BACK: Final = SILENT - OVER


def heard(request: Request, leg: Leg, said: FromProvider, now: datetime) -> Request:
    """The request after what was said.

    To whoever was told that it is over, what it said before it heard so changes nothing: our word is under way, comes
    after all that we said before, and gives back whatever it gave.
    """
    over = leg.at in OVER
    match said:
        case Received() if leg.at in (At.SENT, At.OFFERED) or leg.at in _BACK:
            # What it offered before it had this is over, or it says so once more.
            return request.with_leg(replace(leg, at=At.WAITING, since=now, again=False, offer=None))
        case Questioned(words):
            return request.with_leg(replace(leg, questioned=not over, lines=(*leg.lines, Line(now, False, words))[-LINES:]))
        # It wrote this before it had what we asked it anew: it is about the time before.
        case _ if leg.again:
            return request
        case Interested() if not over:
            back = leg.at in _BACK
            return request.with_leg(replace(leg, interested=True, at=At.WAITING if back else leg.at, since=now if back else leg.since))
        case Offered() if not over and leg.at is not At.GRANTED and (leg.offer is None or said.number > leg.offer.number):
            # While our choice of an earlier offer is under way, the provider's word on that one comes first.
            waits = leg.at is At.CHOSEN
            offers = request.offers + 1
            offered = replace(leg, at=leg.at if waits else At.OFFERED, since=leg.since if waits else now, offer=said, rank=offers, questioned=False)
            return replace(request, offers=offers).with_leg(offered)
        case Declined(reason, words) if not over:
            return _lost(request, replace(leg, declined=reason, words=words, interested=False, introduced=False), At.DECLINED, now)
        case Withdrawn(reason, words) if leg.at in (At.OFFERED, *TAKING):
            return _lost(request, replace(leg, withdrawn=reason, words=words), At.WITHDRAWN, now)
        case _:
            return _word_on_an_offer(request, leg, said, now)


def _word_on_an_offer(request: Request, leg: Leg, said: FromProvider, now: datetime) -> Request:
    """What became of an offer, and of whoever has the place."""
    match said:
        case Lapsed(number) if leg.at is At.OFFERED and leg.offer is not None and leg.offer.number == number:
            return request.with_leg(replace(leg, at=At.LAPSED, since=now))
        case Lapsed(number) if leg.at is At.CHOSEN and leg.offer is not None and leg.offer != leg.chosen and leg.offer.number == number:
            # What came after the chosen one is no more: should that be gone, there is nothing to come back to.
            return request.with_leg(replace(leg, offer=leg.chosen))
        case Granted(number) if leg.at is At.CHOSEN and leg.chosen is not None and leg.chosen.number == number:
            return request.with_leg(replace(leg, at=At.GRANTED, since=now, offer=leg.chosen))
        case Gone(number) if leg.at is At.CHOSEN and leg.chosen is not None and leg.chosen.number == number:
            newer = leg.offer is not None and leg.offer.number > number
            return request.with_leg(replace(leg, at=At.OFFERED if newer else At.GONE, since=now, chosen=None))
        case TakenIn() if leg.at is At.GRANTED:
            return request.with_leg(replace(leg, taken_in=True))
        # Somebody may stand at the door before our word that the place is not needed: where nobody else has the person, they have their place.
        case Arrived() if leg.at is At.GIVEN_UP and request.standing is Standing.OPEN:
            return request.with_leg(replace(leg, at=At.GRANTED, since=now, arrived=True))
        case Arrived() if leg.at is At.GRANTED:
            return request.with_leg(replace(leg, arrived=True))
        # Elsewhere a place is kept for whoever is here already, or nobody was to come at all: only a person can say which is right.
        case Arrived() if leg.at in OVER:
            return replace(request.with_leg(replace(leg, arrived=True)), alarm=Alarm.ARRIVED_ELSEWHERE)
        case _:
            return request


def _lost(request: Request, leg: Leg, at: At, now: datetime) -> Request:
    """What was offered or given is not any more. Of a place that was given, a person must hear it."""
    lost = request.with_leg(replace(leg, at=at, since=now, chosen=None))
    return replace(lost, alarm=Alarm.WITHDRAWN, placed_at=None) if leg.at is At.GRANTED else lost
