"""Notifications of Mitz: a patient changed a choice. They only make the agent ask again; nothing is permitted by them.

So a notification is read strictly, and one that cannot be read counts as a change of nobody knows whom.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_SYSTEM, URA_SYSTEM, Bsn, Ura
from accord.terms.vocabulary import CareCategory
from node_agent.sources.mitz_catalogue import Catalogue
from node_agent.sources.mitz_xml import LARGEST, read_xml

_log = structlog.get_logger("noaber.agent")

NOTIFICATIONS_PATH: Final = "/mitz/notifications"
_FHIR: Final = "{http://hl7.org/fhir}"
_PROFILE: Final = "http://vzvz.nl/fhir/StructureDefinition/Consent-Mitz-Notify"
_PROVIDER_CATEGORY: Final = "http://fhir.nl/StructureDefinition/OTV-ProviderCategory"
_PROVIDER_SYSTEM: Final = "http://fhir.nl/otv/CodeSystem/raadplegende-zorgaanbiedercategorie"
_DATA_SYSTEM: Final = "http://fhir.nl/otv/CodeSystem/gegevenscategorie"
_SCOPE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
_TYPE_SYSTEM: Final = "http://nictiz.nl/fhir/NamingSystem/organization-type"
_ROLE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_PURPOSE_SYSTEMS: Final = frozenset({"http://hl7.org/fhir/v3/ActReason", "http://terminology.hl7.org/CodeSystem/v3-ActReason"})
_CONSENT: Final = frozenset({"id", "meta", "text", "language", "extension", "identifier", "status", "scope", "category", "patient", "dateTime", "provision"})
_PROVISION: Final = frozenset({"type", "actor", "purpose"})
_MOST_ENTRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Said:
    """One Consent of a notification: what of the data, for which categories of data users, and whether it is permitted."""

    data: str
    providers: frozenset[str]
    permits: bool


@dataclass(frozen=True, slots=True)
class Notified:
    """Of whom a choice changed at which holder, and about which of our categories."""

    bsn: Bsn
    holder: Ura
    categories: frozenset[CareCategory]
    said: tuple[Said, ...] = field(repr=False)


def read_notification(text: bytes, catalogue: Catalogue) -> Notified:
    """Read a transaction Bundle with Consents, one Patient and one Organization.

    Raises:
        BadInput: `invalid-question` with the place in it that is not as agreed, `several-bsns`, `invalid-bsn`, or what `read_xml` says.
    """
    root = read_xml(text)
    resources = _resources(root)
    consents = [(place, resource) for place, resource in resources.items() if _name(resource) == "Consent"]
    patient = _only(resources, "Patient")
    organisation = _only(resources, "Organization")
    if not consents or len(consents) + 2 != len(resources):
        raise _not_agreed("Bundle.entry")
    said = tuple(_said(consent, patient[0], organisation[0], catalogue) for _, consent in consents)
    categories = frozenset(category for one in said for category in catalogue.care_of(one.data))
    return Notified(_bsn(patient[1]), _ura(organisation[1]), categories, said)


def notifications_app(
    catalogue: Catalogue,
    holder: Ura,
    changed: Callable[[Bsn | None], None],
    *,
    path: str = NOTIFICATIONS_PATH,
) -> Starlette:
    """Takes notifications in by POST, and tells *changed* of whom (`Revocations.changed`) before it answers.

    Mount it behind mutual TLS that lets Mitz in and nobody else. It answers 204, or 413, 415 and 422 without a word more;
    what cannot be read tells *changed* none: then every lease ends, and everything under way is decided anew.
    """

    async def take(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in ("application/fhir+xml", "application/xml", "text/xml"):
            return Response(status_code=415)
        try:
            text = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if text is None:
            changed(None)
            return Response(status_code=413)
        try:
            notified = read_notification(text, catalogue)
            if notified.holder != holder:
                raise BadInput(Fault.NOT_THIS_HOLDER)
        except BadInput as failure:
            _log.warning("a notification of the consent register cannot be used", code=failure.fault.value, where=failure.where)
            changed(None)
            return Response(status_code=422)
        changed(notified.bsn)
        return Response(status_code=204)

    return Starlette(routes=[Route(path, take, methods=["POST"])])


async def _body(request: Request) -> bytes | None:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return None
    return body


def _resources(root: Element) -> dict[str, Element]:
    """The resources of the Bundle by their full URL."""
    if root.tag != f"{_FHIR}Bundle" or _value(root, "type") != "transaction":
        raise _not_agreed("Bundle.type")
    if any(_name(element) in ("modifierExtension", "implicitRules") for element in root.iter()):
        raise _not_agreed("modifierExtension")
    entries = root.findall(f"{_FHIR}entry")
    resources: dict[str, Element] = {}
    for entry in entries[:_MOST_ENTRIES]:
        inside = [resource for holder in entry.findall(f"{_FHIR}resource") for resource in holder]
        url = _value(entry, "fullUrl")
        if len(inside) != 1 or not inside[0].tag.startswith(_FHIR) or not url or url in resources:
            raise _not_agreed("Bundle.entry")
        if _value(entry, "request/method") != "POST" or _value(entry, "request/url") != _name(inside[0]):
            raise _not_agreed("Bundle.entry.request")
        resources[url] = inside[0]
    if len(resources) != len(entries):
        raise _not_agreed("Bundle.entry")
    return resources


def _said(consent: Element, patient: str, organisation: str, catalogue: Catalogue) -> Said:
    provision = consent.findall(f"{_FHIR}provision")
    if any(_name(element) not in _CONSENT for element in consent) or len(provision) != 1:
        raise _not_agreed("Consent")
    if any(_name(element) not in _PROVISION for element in provision[0]):
        raise _not_agreed("Consent.provision")
    if _value(consent, "meta/profile").partition("|")[0] != _PROFILE or _coding(consent, "scope/coding") != (_SCOPE_SYSTEM, "patient-privacy"):
        raise _not_agreed("Consent.scope")
    system, data = _coding(consent, "category/coding")
    if system != _DATA_SYSTEM or data not in catalogue.data:
        raise _not_agreed("Consent.category")
    if _value(consent, "patient/reference") != patient or _value(provision[0], "actor/reference/reference") != organisation:
        raise _not_agreed("Consent.patient, Consent.provision.actor")
    if _coding(provision[0], "actor/role/coding") != (_ROLE_SYSTEM, "CST"):
        raise _not_agreed("Consent.provision.actor.role")
    purpose = _coding(provision[0], "purpose")
    if purpose[0] not in _PURPOSE_SYSTEMS or purpose[1] != "TREAT":
        raise _not_agreed("Consent.provision.purpose")
    return Said(data, _providers(consent, catalogue), _permits(consent, provision[0]))


def _permits(consent: Element, provision: Element) -> bool:
    """An inactive Consent permits nothing, and then need not say `deny`."""
    state = _value(consent, "status"), _value(provision, "type") if provision.find(f"{_FHIR}type") is not None else ""
    if state not in (("active", "permit"), ("active", "deny"), ("inactive", ""), ("inactive", "permit"), ("inactive", "deny")):
        raise _not_agreed("Consent.status, Consent.provision.type")
    return state == ("active", "permit")


def _providers(consent: Element, catalogue: Catalogue) -> frozenset[str]:
    codes: set[str] = set()
    for extension in consent.findall(f"{_FHIR}extension"):
        system, code = _coding(extension, "valueCodeableConcept/coding")
        if extension.get("url") != _PROVIDER_CATEGORY or system != _PROVIDER_SYSTEM or code not in catalogue.providers or code in codes:
            raise _not_agreed("Consent.extension")
        codes.add(code)
    if not codes:
        raise _not_agreed("Consent.extension")
    return frozenset(codes)


def _bsn(patient: Element) -> Bsn:
    """The one BSN of a Patient."""
    numbers = [_value(identifier, "value") for identifier in patient.findall(f"{_FHIR}identifier") if _value(identifier, "system") == BSN_SYSTEM]
    if len(numbers) > 1:
        raise BadInput(Fault.SEVERAL_BSNS)
    return Bsn(numbers[0] if numbers else "")


def _ura(organisation: Element) -> Ura:
    numbers = [_value(identifier, "value") for identifier in organisation.findall(f"{_FHIR}identifier") if _value(identifier, "system") == URA_SYSTEM]
    if len(numbers) != 1 or _coding(organisation, "type/coding")[0] != _TYPE_SYSTEM:
        raise _not_agreed("Organization")
    return Ura(numbers[0])


def _only(resources: dict[str, Element], name: str) -> tuple[str, Element]:
    found = [(url, resource) for url, resource in resources.items() if _name(resource) == name]
    if len(found) != 1:
        raise _not_agreed(name)
    return found[0]


def _coding(element: Element, path: str) -> tuple[str, str]:
    """System and code of the one coding there."""
    coding = _one(element, path)
    return _value(coding, "system"), _value(coding, "code")


def _value(element: Element, path: str) -> str:
    """The value of the one element there."""
    return _one(element, path).get("value", "")


def _one(element: Element, path: str) -> Element:
    found = element.findall("/".join(f"{_FHIR}{step}" for step in path.split("/")))
    if len(found) != 1:
        raise _not_agreed(f"{_name(element)}.{path}")
    return found[0]


def _name(element: Element) -> str:
    return element.tag.removeprefix(_FHIR) if element.tag.startswith(_FHIR) else ""


def _not_agreed(where: str) -> BadInput:
    return BadInput(Fault.INVALID_QUESTION, where)
