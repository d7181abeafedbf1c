"""A request at its asker: who was asked, what each said, and whose offer is taken up."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from accord.rules.placing.asker_hearing import heard
from accord.rules.placing.asker_request import LINES, OVER, SILENT, TAKING, Alarm, At, Choosing, Leg, Line, Request, Says, Standing, Step
from accord.rules.placing.terms import gives_all
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.placing import (
    MOST_LEGS,
    Chosen,
    Ended,
    EndReason,
    Fit,
    FromProvider,
    Introduced,
    Offered,
    Reminded,
    Told,
)

__all__ = [
    "SILENT",
    "TAKING",
    "Alarm",
    "At",
    "Choosing",
    "Leg",
    "Line",
    "Request",
    "Says",
    "Standing",
    "Step",
    "cancel",
    "choose",
    "give_up",
    "hear",
    "look",
    "put_to",
    "seen",
    "tell",
]


def put_to(request: Request, legs: tuple[Leg, ...]) -> Step:
    """Put the request to (more) providers. Who said no can be asked again; who was given up cannot: it may have given the place.

    Raises:
        BadInput: `not-possible-now`: it is placed or cancelled; `invalid-parameter`: nobody, one of them twice, or too many.
    """
    if request.standing not in (Standing.OPEN, Standing.SETTLING):
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    names = [leg.provider for leg in request.legs if leg.at not in SILENT or leg.at is At.GIVEN_UP] + [leg.provider for leg in legs]
    asked_again = {leg.provider for leg in legs}
    kept = tuple(leg for leg in request.legs if leg.provider not in asked_again)
    if not legs or len(set(names)) != len(names) or len(kept) + len(legs) > MOST_LEGS:
        raise BadInput(Fault.INVALID_PARAMETER)
    before = {leg.provider for leg in request.legs}
    new = tuple(replace(leg, again=leg.provider in before) for leg in legs)
    after = replace(request, legs=(*kept, *new), alarm=None)
    return Step(after, tuple(Says(leg.provider, leg.asked) for leg in legs))


def hear(request: Request, provider: HolderName, said: FromProvider, now: datetime) -> Step:
    """A provider said something.

    Raises:
        BadInput: `not-found`: it was not asked.
    """
    leg = request.leg(provider)
    return _settled(heard(request, leg, said, now), (), now)


def choose(request: Request, provider: HolderName, now: datetime) -> Step:
    """Take up a provider's offer, whatever it is.

    Raises:
        BadInput: `no-offer`: it never made one; `not-possible-now`: that is no more, or another one is taken up already; `not-found`.
    """
    leg = request.leg(provider)
    if leg.offer is None:
        raise BadInput(Fault.NO_OFFER)
    if request.standing is not Standing.OPEN or leg.at is not At.OFFERED:
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    return _take_up(request, leg, (), now)


def tell(request: Request, provider: HolderName, words: str, now: datetime) -> Step:
    """Answer a provider, or tell it something.

    Raises:
        BadInput: `not-possible-now`, `not-found`.
    """
    leg = request.leg(provider)
    if leg.at in OVER:
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    told = replace(leg, questioned=False, lines=(*leg.lines, Line(now, True, words))[-LINES:])
    return Step(request.with_leg(told), (Says(provider, Told(words)),))


def cancel(request: Request, reason: EndReason, now: datetime) -> Step:
    """No place is needed any more; everybody is told, whoever granted one too.

    Raises:
        BadInput: `not-possible-now`: it was cancelled before, or the person is there.
    """
    if request.cancelled is not None or (request.winner is not None and request.winner.arrived):
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    ended, says = _end_all(request, reason, now, lambda leg: leg.at not in OVER)
    return Step(replace(ended, cancelled=reason, alarm=None), says)


def give_up(request: Request, provider: HolderName, now: datetime) -> Step:
    """Wait no longer for the word of whose offer was taken up: a person's decision, since it may have given the place.

    Raises:
        BadInput: `not-possible-now`: it is not waited for; `not-found`.
    """
    leg = request.leg(provider)
    if leg.at is not At.CHOSEN:
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    after = request.with_leg(replace(leg, at=At.GIVEN_UP, since=now, chosen=None))
    return _settled(after, (Says(provider, Ended(EndReason.OTHER)),), now)


def seen(request: Request) -> Request:
    """A person knows now that somebody arrived elsewhere: only they can do something about it, and not always here."""
    return replace(request, alarm=None) if request.alarm is Alarm.ARRIVED_ELSEWHERE else request


def look(request: Request, now: datetime, *, silence: timedelta) -> Step:
    """What time brings: a reminder halfway, an alarm when it takes too long. *silence*: how long the word of a chosen one may take."""
    if request.standing is Standing.SETTLING:
        slow = any(leg.at is At.CHOSEN and now - leg.since >= silence for leg in request.legs)
        return Step(replace(request, alarm=Alarm.SILENT)) if slow and request.alarm is None else Step(request)
    if request.standing is not Standing.OPEN:
        return Step(request)
    says: list[Says] = []
    for leg in request.legs:
        # Who has not heard of the request need not be reminded of it, and who waits for our answer neither.
        halfway = leg.since + (leg.asked.reply_by - leg.since) / 2
        if leg.at is At.WAITING and not leg.reminded and not leg.questioned and now >= halfway:
            request = request.with_leg(replace(leg, reminded=True))
            says.append(Says(leg.provider, Reminded()))
    # Who was asked last may answer last.
    latest = max((leg.asked.reply_by for leg in request.legs if leg.at not in SILENT), default=request.reply_by)
    if now >= latest and request.alarm is None and not any(leg.at is At.OFFERED for leg in request.legs):
        request = replace(request, alarm=Alarm.TOO_LONG)
    return Step(request, tuple(says))


def _settled(request: Request, says: tuple[Says, ...], now: datetime) -> Step:
    """What follows of itself: the first full offer taken up, introductions, everybody else released, alarms that are over."""
    request = _calmed(request)
    if request.winner is not None:
        introduced, more = _introduced(request, lambda leg: leg.at is At.GRANTED)
        return _released(introduced, (*says, *more), now)
    if request.standing is not Standing.OPEN:
        return Step(request, says)
    if request.choosing is Choosing.FIRST:
        full = [leg for leg in request.legs if leg.at is At.OFFERED and leg.offer is not None and _is_full(request, leg.offer)]
        if full:
            return _take_up(request, min(full, key=lambda leg: leg.rank), says, now)
    # Nobody learns who it is about while another one's word is awaited: it may not be needed any more.
    request, more = _introduced(request, lambda leg: leg.interested and leg.at not in SILENT)
    if request.legs and all(leg.at in SILENT for leg in request.legs) and request.alarm in (None, Alarm.TOO_LONG):
        request = replace(request, alarm=Alarm.NOBODY_LEFT)
    return Step(request, (*says, *more))


def _is_full(request: Request, offer: Offered) -> bool:
    """It is called full, and is: nobody's word alone takes it up unseen."""
    return offer.terms.fit is Fit.FULL and gives_all(offer.terms, request.need)


def _calmed(request: Request) -> Request:
    """Without an alarm about what is no longer so. That a promise was withdrawn, or somebody is elsewhere, stays until a person acts on it."""
    states = {leg.at for leg in request.legs}
    over = {
        Alarm.SILENT: At.CHOSEN not in states,
        Alarm.TOO_LONG: bool(states & {At.OFFERED, *TAKING}),
        Alarm.NOBODY_LEFT: not states <= SILENT,
    }
    return replace(request, alarm=None) if request.alarm is not None and over.get(request.alarm, False) else request


def _introduced(request: Request, which: Callable[[Leg], bool]) -> tuple[Request, tuple[Says, ...]]:
    says: list[Says] = []
    for leg in request.legs:
        if which(leg) and not leg.introduced:
            request = request.with_leg(replace(leg, introduced=True))
            says.append(Says(leg.provider, Introduced(request.who, request.referral)))
    return request, tuple(says)


def _take_up(request: Request, leg: Leg, says: tuple[Says, ...], now: datetime) -> Step:
    if leg.offer is None:
        raise AssertionError  # whoever offers has an offer
    taken = replace(request, alarm=None).with_leg(replace(leg, at=At.CHOSEN, since=now, chosen=leg.offer))
    return Step(taken, (*says, Says(leg.provider, Chosen(leg.offer.number))))


def _released(request: Request, says: tuple[Says, ...], now: datetime) -> Step:
    ended, more = _end_all(request, EndReason.PLACED_ELSEWHERE, now, lambda leg: leg.at is not At.GRANTED and leg.at not in OVER)
    # That the person is somewhere else is so whoever else has a place for them.
    alarm = ended.alarm if ended.alarm is Alarm.ARRIVED_ELSEWHERE else None
    placed = replace(ended, placed_at=ended.placed_at or now, alarm=alarm)
    return Step(placed, (*says, *more))


def _end_all(request: Request, reason: EndReason, now: datetime, which: Callable[[Leg], bool]) -> tuple[Request, tuple[Says, ...]]:
    says: list[Says] = []
    for leg in request.legs:
        if which(leg):
            request = request.with_leg(replace(leg, at=At.ENDED, since=now))
            says.append(Says(leg.provider, Ended(reason)))
    return request, tuple(says)
