"""A search as FHIR: the ServiceRequest, and a Task for every provider that was asked, as each stands. Who it is about is in neither."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final

from accord.rules.placing.asker import At, Leg, Request, Standing
from accord.terms.identifiers import HolderName
from accord.terms.placing import Fit, Offered
from gateway.api.fhir_placing_words import (
    CONDITIONS,
    EXTENSION,
    FUNDINGS,
    HOLDERS,
    INPUTS,
    KINDS,
    LANGUAGES,
    OUTPUTS,
    POSTCODES,
    REASONS,
    SPECIALTIES,
    STATES,
    concept,
    concepts,
    task_id,
)
from gateway.api.outcomes import Json
from gateway.dossier.provenance import AUTHORED
from gateway.places.pages_case import standing_words, state_of, why_words
from gateway.places.pages_speech import terms_words
from gateway.places.ports import Case
from gateway.viewer.speaking import Speech

#: How a leg stands, as `Task.status` (R4, task-status).
STATUS: Final = {
    At.SENT: "requested",
    At.WAITING: "received",
    At.OFFERED: "accepted",
    At.CHOSEN: "in-progress",
    At.GRANTED: "completed",
    At.DECLINED: "rejected",
    At.LAPSED: "failed",
    At.GONE: "failed",
    At.WITHDRAWN: "failed",
    At.ENDED: "cancelled",
    At.GIVEN_UP: "cancelled",
}
#: How a search stands, as `ServiceRequest.status` (R4, request-status).
_STANDING: Final = {Standing.OPEN: "active", Standing.SETTLING: "active", Standing.PLACED: "completed", Standing.CANCELLED: "revoked"}
_FITS: Final = {Fit.FULL: "offered", Fit.PART: "offered-in-part", Fit.OTHER: "offered-instead"}
_WITH_OFFER: Final = frozenset({At.OFFERED, At.CHOSEN, At.GRANTED, At.LAPSED, At.GONE, At.WITHDRAWN})
#: Nobody is named to whoever may read it: R4 wants a subject all the same.
_MASKED: Final = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}


def service_request(case: Case, speech: Speech) -> Json:
    """What is needed, and how the search stands."""
    request, need = case.request, case.request.need
    details = [
        *concepts(CONDITIONS, need.conditions),
        *concepts(LANGUAGES, need.languages),
        *concepts(FUNDINGS, [need.funding.value] if need.funding else []),
        *concepts(SPECIALTIES, filter(None, [need.specialty])),
    ]
    system, _, value = case.once.partition("|")
    return _full(
        {
            "resourceType": "ServiceRequest",
            "id": request.id,
            "meta": {"tag": [AUTHORED]},
            "extension": list(_extensions(case, speech)),
            "identifier": [{"system": system, "value": value}] if value else [],
            "status": _STANDING[request.standing],
            "intent": "order",
            "code": concept(KINDS, need.kind.value, speech(f"places.kind.{need.kind.value}")),
            "orderDetail": details,
            "quantityQuantity": {"value": need.amount},
            "subject": _MASKED,
            "occurrencePeriod": _full({"start": need.since.isoformat(), "end": _day(need.until)}),
            "authoredOn": _moment(case.made),
            "requester": _full({"display": next((leg.asked.asker for leg in request.legs), "")}),
            "locationCode": concepts(POSTCODES, filter(None, [need.near])),
            "reasonCode": [{"text": one} for one in filter(None, [request.gist.reason])],
            "supportingInfo": [{"display": one} for one in request.gist.facts],
            "note": [{"text": one} for one in filter(None, [request.gist.words])],
        }
    )


def _extensions(case: Case, speech: Speech) -> Iterator[Json]:
    request = case.request
    told: list[tuple[str, str, Any]] = [
        ("standing", "valueCode", request.standing.value),
        ("standing-words", "valueString", standing_words(request, speech)),
        ("alarm", "valueCode", request.alarm.value if request.alarm else None),
        ("alarm-words", "valueString", speech(f"places.alarm.{request.alarm.value}") if request.alarm else None),
        ("age", "valueUnsignedInt", request.gist.age),
        ("person-chooses", "valueBoolean", request.choosing.value == "person"),
        ("handed-over", "valueBoolean", case.handed_over),
    ]
    return ({"url": f"{EXTENSION}{name}", kind: value} for name, kind, value in told if value is not None)


def task(case: Case, leg: Leg, speech: Speech) -> Json:
    """How it stands with one provider: what it offers stands in the output, in codes and in words."""
    request = case.request
    inputs = [(name, value) for name, value in (("service", leg.service), ("opening", leg.asked.opening)) if value]
    return _full(
        {
            "resourceType": "Task",
            "id": task_id(request.id, leg.provider),
            "meta": {"tag": [AUTHORED]},
            "status": _status(leg),
            "statusReason": _reason(request, leg, speech),
            "businessStatus": concept(STATES, _state(leg), speech(f"places.at.{state_of(leg, request)}")),
            "intent": "order",
            "focus": {"reference": f"ServiceRequest/{request.id}"},
            "authoredOn": _moment(case.made),
            "lastModified": _moment(leg.since),
            "requester": _full({"display": leg.asked.asker}),
            "owner": _full({"identifier": {"system": HOLDERS, "value": leg.provider.value}, "display": leg.title}),
            "restriction": {"period": {"end": _moment(leg.asked.reply_by)}},
            "note": [_full({"authorString": leg.asked.asker if line.ours else leg.title, "time": _moment(line.at), "text": line.words}) for line in leg.lines],
            "input": [{"type": concept(INPUTS, name), "valueString": value} for name, value in inputs],
            "output": list(_output(request, leg, speech)),
        }
    )


def transaction_response(case: Case, entries: Sequence[HolderName | None], new: frozenset[HolderName | None], speech: Speech) -> Json:
    """What became of every entry of a transaction, in its order; those that are *new* were not there before."""
    told = []
    for provider in entries:
        resource = service_request(case, speech) if provider is None else task(case, case.request.leg(provider), speech)
        status = "201 Created" if provider in new else "200 OK"
        told.append({"resource": resource, "response": {"status": status, "location": f"{resource['resourceType']}/{resource['id']}"}})
    return {"resourceType": "Bundle", "type": "transaction-response", "meta": {"tag": [AUTHORED]}, "entry": told}


def searchset(resources: Iterable[Json], base: str, itself: str) -> Json:
    """What was found. *itself*: the search, below the base."""
    entries = [{"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one, "search": {"mode": "match"}} for one in resources]
    link = [{"relation": "self", "url": f"{base}/{itself}"}]
    return _full({"resourceType": "Bundle", "type": "searchset", "meta": {"tag": [AUTHORED]}, "total": len(entries), "link": link, "entry": entries})


def _status(leg: Leg) -> str:
    """Whoever said no keeps having said so, also when it is told that it is over."""
    if leg.at is At.ENDED and leg.declined is not None:
        return STATUS[At.DECLINED]
    return "on-hold" if _asks(leg) else STATUS[leg.at]


def _asks(leg: Leg) -> bool:
    """Whether it is our turn to say something before it can answer."""
    return leg.questioned and leg.at in (At.SENT, At.WAITING)


def _state(leg: Leg) -> str:
    """The code of how it stands, finer than `Task.status` can say."""
    if leg.at is At.OFFERED and leg.offer is not None:
        return _FITS[leg.offer.terms.fit]
    if leg.at is At.GRANTED and leg.arrived:
        return "arrived"
    if _asks(leg):
        return "questioned"
    if leg.at is At.ENDED and leg.declined is not None:
        return At.DECLINED.value
    return "interested" if leg.at is At.WAITING and leg.interested else leg.at.value


def _reason(request: Request, leg: Leg, speech: Speech) -> Json:
    """Why it is no more."""
    if leg.at is At.ENDED and leg.declined is None:
        why = request.cancelled.value if request.cancelled else "placed-elsewhere"
        return concept(REASONS, why, speech(f"places.end.{why}"))
    said = {At.DECLINED: leg.declined, At.ENDED: leg.declined, At.WITHDRAWN: leg.withdrawn}.get(leg.at)
    return {} if said is None else concept(REASONS, said.value, " ".join(filter(None, (why_words(leg, speech), leg.words))))


def _output(request: Request, leg: Leg, speech: Speech) -> Iterator[Json]:
    if leg.offer is not None and leg.at in _WITH_OFFER:
        yield from _offered(request, leg.offer, speech)
    for name, holds in (("taken-in", leg.taken_in), ("arrived", leg.arrived)):
        if holds:
            yield {"type": concept(OUTPUTS, name), "valueBoolean": True}


def _offered(request: Request, offer: Offered, speech: Speech) -> Iterator[Json]:
    terms = offer.terms
    told: list[tuple[str, str, Any]] = [
        ("offer", "valueString", terms_words(terms, request.need, speech)),
        ("fit", "valueCode", terms.fit.value),
        ("amount", "valueUnsignedInt", max(0, terms.amount)),
        ("since", "valueDate", _day(terms.since)),
        ("until", "valueDate", _day(terms.until)),
        ("words", "valueString", terms.words),
        ("held-until", "valueDateTime", _moment(offer.held_until)),
    ]
    return ({"type": concept(OUTPUTS, name), kind: value} for name, kind, value in told if value != "")


def _full(resource: Json) -> Json:
    """It without what is empty, which R4 does not allow."""
    return {name: value for name, value in resource.items() if value not in ("", [], {}, None)}


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
