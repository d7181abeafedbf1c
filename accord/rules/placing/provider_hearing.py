"""What an asker says to the provider, and what follows from it: a place is given once, whatever is said how often."""

from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Final

from msgspec import structs

from accord.rules.placing.provider_leg import GIVEN, SHUT, At, Leg, Line, Step, forgotten, with_line
from accord.terms.identifiers import Ura
from accord.terms.placing import (
    Asked,
    Chosen,
    Ended,
    EndReason,
    FromAsker,
    FromProvider,
    Gone,
    Granted,
    HandedOver,
    Interested,
    Introduced,
    Received,
    Reminded,
    Told,
)

#: Of a handover that comes in parts, in bytes.
HANDOVER_BYTES: Final = 16 << 20


def begin(request: str, asker: Ura, asked: Asked, now: datetime) -> Step:
    """A new request came in."""
    return Step(Leg(request, asker, asked, now, At.ASKED, now), (Received(),))


def hear(leg: Leg, said: FromAsker, now: datetime, free: int | None) -> Step:
    """The asker said something. *free*: places of the offer's opening that this leg does not take itself; none: they are not counted."""
    match said:
        case Chosen(number):
            return _chosen(leg, number, now, free)
        case Ended(reason):
            return _ended(leg, reason, now)
        case Told(words):
            return Step(with_line(leg, Line(now, False, words)))
        # Who it is about may come when the answer was no meanwhile: it is not kept then.
        case Introduced(who, referral) if leg.at not in SHUT:
            return Step(replace(leg, who=who, referral=referral))
        case Reminded() if leg.at is At.ASKED:
            return Step(replace(leg, reminded=True))
        case HandedOver() if leg.at in GIVEN:
            return Step(_handed(leg, said))
        case Asked():
            return _asked_again(leg, said, now)
        case _:
            return Step(leg)


def _ended(leg: Leg, reason: EndReason, now: datetime) -> Step:
    """It is over. Who had the place stays known for as long as the leg is kept: a planner has to know who does not come."""
    if leg.at in (At.ENDED, At.ARRIVED):
        return Step(leg)
    ended = replace(leg, at=At.ENDED, since=now, ended=reason, handover=b"", handover_parts=0, handover_whole=False)
    return Step(ended if leg.at is At.GRANTED else forgotten(ended))


def _asked_again(leg: Leg, asked: Asked, now: datetime) -> Step:
    """An asker that looks on puts its request once more. Offers count on, so that none of before can be taken for a new one.

    What is offered stays offered, and what is given stays given: the asker did not know it yet when it wrote, and counts only
    what it hears after this, so it is said again.
    """
    if leg.at in GIVEN:
        return Step(leg, (Received(),))
    if leg.at is At.OFFERED and leg.offer is not None:
        kept = replace(leg, asked=structs.replace(leg.asked, answer_key=asked.answer_key))
        return Step(kept, (Received(), *_interest(leg), leg.offer))
    if leg.at is At.ASKED:
        return Step(replace(leg, asked=asked), (Received(), *_interest(leg)))
    return Step(Leg(leg.request, leg.asker, asked, now, At.ASKED, now, number=leg.number, lines=leg.lines), (Received(),))


def _interest(leg: Leg) -> tuple[FromProvider, ...]:
    return (Interested(),) if leg.interested else ()


def _chosen(leg: Leg, number: int, now: datetime, free: int | None) -> Step:
    offered = leg.offer
    if offered is None or offered.number != number:
        return Step(leg, (Gone(number),))
    if leg.at in GIVEN:
        return Step(leg, (Granted(number),))
    held = leg.at is At.OFFERED and now < offered.held_until
    # Too late by our clock: what is free still is given all the same, and never what somebody else has.
    late = leg.at in (At.OFFERED, At.LAPSED) and (free is None or free >= offered.terms.amount)
    if held or late:
        return Step(replace(leg, at=At.GRANTED, since=now), (Granted(number),))
    if leg.at in (At.OFFERED, At.LAPSED):
        leg = replace(leg, at=At.GONE, since=now)
    return Step(leg, (Gone(number),))


def _handed(leg: Leg, said: HandedOver) -> Leg:
    """The parts come in order: the letters are numbered. A first part begins anew."""
    begins = said.part == 1
    if said.part > said.parts:
        return leg
    if not begins and (said.part != leg.handover_parts + 1 or said.digest != leg.handover_digest):
        return leg
    content = said.content if begins else leg.handover + said.content
    if len(content) > HANDOVER_BYTES:
        return replace(leg, handover=b"", handover_parts=0, handover_digest=b"", handover_whole=False)
    whole = said.part == said.parts and sha256(content).digest() == said.digest
    return replace(leg, handover=content, handover_parts=said.part, handover_digest=said.digest, handover_whole=whole, taken_in=leg.taken_in and not begins)
