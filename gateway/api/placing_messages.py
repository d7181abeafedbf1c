"""Needs, proposals and searches as messages: the codec of the face by which programs look for a place."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from accord.rules.capacity.fitting import Reason
from accord.rules.capacity.ranking import Group, Ranked
from accord.rules.placing.asker import Leg
from accord.terms.capacity import Need, Wishes
from accord.terms.placing import WORDS_CHARACTERS, Gist, Introduction, Offered
from accord.wire.v1 import placing_service_pb2 as pb
from gateway.places.ports import Case, Draft, HolderSaid
from gateway.places.searching import Found
from gateway.places.seeking import Addressee
from gateway.places.wanting import Wanted, few, moment, need_of, provider, refused, text, wishes_of

_MOST_PROPOSALS: Final = 500
_GROUPS: Final = {Group.FREE: "free", Group.UNKNOWN: "unknown", Group.TAKEN: "taken", Group.UNSUITABLE: "unsuitable", Group.REFUSED: "refused"}


def need_from_wire(wire: pb.PlaceNeed) -> Need:
    """What is needed.

    Raises:
        BadInput: `invalid-parameter`.
    """
    return need_of(
        Wanted(wire.kind, wire.since, wire.until, wire.amount, wire.specialty, tuple(wire.conditions), tuple(wire.languages), wire.funding, wire.near)
    )


def wishes_from_wire(wire: pb.PlaceWishes) -> Wishes:
    """What is liked.

    Raises:
        BadInput: `invalid-parameter`.
    """
    return wishes_of(wire.near, wire.within_km, wire.preferred, wire.refused)


def draft_from_wire(wire: pb.PlacingServiceBeginRequest) -> Draft:
    """A search that begins.

    Raises:
        BadInput: `invalid-parameter`.
    """
    person, gist = wire.person, wire.gist
    who = Introduction(
        text(person.bsn, "person.bsn", 9), text(person.birth_date, "person.birth_date", 10), text(person.name, "person.name"), text(person.contact, "contact")
    )
    if gist.age > 120 or gist.age % 10:
        # Of somebody whom a provider does not know yet it is told how old by ten years, and no more.
        raise refused("gist.age")
    facts = tuple(text(fact, "gist.facts") for fact in few(gist.facts, "gist.facts"))
    told = Gist(gist.age or None, text(gist.reason, "gist.reason"), facts, text(gist.words, "gist.words", WORDS_CHARACTERS))
    return Draft(who, need_from_wire(wire.need), wishes_from_wire(wire.wishes), told, moment(wire.reply_by, "reply_by"), not wire.person_chooses)


def addressees_from_wire(wire: Iterable[pb.PlaceAddressee]) -> tuple[Addressee, ...]:
    """Whom a search is put to.

    Raises:
        BadInput: `invalid-parameter`.
    """
    return tuple(Addressee(provider(one.provider), text(one.service, "service"), text(one.opening, "opening")) for one in wire)


def found_to_wire(found: Found) -> pb.FoundPlaces:
    """What a region said."""
    account = found.account
    return pb.FoundPlaces(
        proposals=[_proposal(one, found.said_of(one), found) for one in found.ranked[:_MOST_PROPOSALS]],
        ends=[_end(one) for one in found.said],
        registered=account.registered if account else 0,
        asked=account.asked if account else 0,
        answered=account.answered if account else 0,
        is_over=found.is_over,
        complete=found.complete,
        unjudged=account.unjudged if account else 0,
        code=account.code.value if account and account.code else "",
    )


def search_to_wire(case: Case) -> pb.PlaceSearch:
    """A search as it stands."""
    request = case.request
    return pb.PlaceSearch(
        id=request.id,
        need=need_to_wire(request.need),
        standing=request.standing.value,
        alarm=request.alarm.value if request.alarm else "",
        heeds=case.heeds.value,
        legs=[_leg(leg) for leg in request.legs],
        made=_moment(case.made),
        reply_by=_moment(request.reply_by),
        watched=case.watched,
        handed_over=case.handed_over,
        cancelled=request.cancelled.value if request.cancelled else "",
    )


def need_to_wire(need: Need) -> pb.PlaceNeed:
    """What is needed."""
    return pb.PlaceNeed(
        kind=need.kind.value,
        since=need.since.isoformat(),
        until=_day(need.until),
        amount=need.amount,
        specialty=need.specialty,
        conditions=sorted(need.conditions),
        languages=sorted(need.languages),
        funding=need.funding.value if need.funding else "",
        near=need.near,
    )


def _proposal(one: Ranked, said: HolderSaid, found: Found) -> pb.PlaceProposal:
    opening, service, stand = one.opening, one.opening.service, one.stand
    return pb.PlaceProposal(
        provider=one.provider.value,
        title=said.provider.title,
        telephone=service.telephone or said.provider.telephone,
        region=said.provider.region,
        service=service.id,
        service_title=service.title,
        place=service.place,
        opening=opening.id,
        kind=service.kind.value,
        group=_GROUPS[one.group],
        state=stand.state.value,
        doubt=stand.doubt.value if stand.doubt else "",
        places=stand.places if stand.places is not None and stand.places >= 0 else None,
        light=stand.light.value if stand.light else "",
        since=_day(opening.since),
        observed_at=_moment(opening.observed_at),
        valid_until=_moment(opening.valid_until),
        certainty=opening.certainty.value,
        stop=stand.stop.reason.value if stand.stop else "",
        stop_expected_end=_moment(stand.stop.expected_end) if stand.stop else "",
        suits=one.fitting.suits.value,
        reasons=[_reason(reason) for reason in one.fitting.reasons],
        preferred=one.preferred or 0,
        distance_km=one.distance_km,
        too_far=one.too_far,
        takes_requests=found.put_to(one) is not None,
    )


def _reason(reason: Reason) -> pb.PlaceReason:
    return pb.PlaceReason(point=reason.point.value, verdict=reason.verdict.value, codes=reason.codes, day=_day(reason.day), amount=max(0, reason.amount or 0))


def _end(said: HolderSaid) -> pb.ProviderEnd:
    one = said.provider
    return pb.ProviderEnd(
        provider=one.name.value,
        title=one.title,
        telephone=one.telephone,
        region=one.region,
        ending=said.ending.value,
        code=said.code.value if said.code else "",
    )


def _leg(leg: Leg) -> pb.PlaceLeg:
    reason = leg.declined or leg.withdrawn
    return pb.PlaceLeg(
        provider=leg.provider.value,
        title=leg.title,
        service=leg.service,
        at=leg.at.value,
        since=_moment(leg.since),
        offer=_offer(leg.offer) if leg.offer else None,
        interested=leg.interested,
        questioned=leg.questioned,
        reason=reason.value if reason else "",
        words=leg.words,
        taken_in=leg.taken_in,
        arrived=leg.arrived,
    )


def _offer(offer: Offered) -> pb.PlaceOffer:
    terms = offer.terms
    return pb.PlaceOffer(
        fit=terms.fit.value,
        amount=max(0, terms.amount),
        since=_day(terms.since),
        until=_day(terms.until),
        words=terms.words,
        held_until=_moment(offer.held_until),
    )


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
