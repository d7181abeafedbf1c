"""What is needed and for whom, as a ServiceRequest says it.

What names the patient stands in the contained Patient and nowhere else, so that it is known what may not leave yet.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from accord.terms.capacity import Need, Wishes
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_SYSTEM
from accord.terms.placing import WORDS_CHARACTERS, Gist, Introduction
from gateway.api.fhir_placing_words import CONDITIONS, EXTENSION, FUNDINGS, KINDS, LANGUAGES, POSTCODES, SPECIALTIES
from gateway.api.fhir_tree import Part
from gateway.places.ports import Draft
from gateway.places.wanting import Wanted, day, few, need_of, refused

#: Of no use to a provider, and harmless: what servers and clients write by themselves.
PASSED_OVER: Final = ("resourceType", "id", "meta", "text", "authoredOn", "requester", "intent", "status", "priority")
_SERVICE_REQUEST: Final = (
    *("identifier", "contained", "subject", "code", "orderDetail", "quantityQuantity", "occurrencePeriod", "occurrenceDateTime"),
    *("reasonCode", "supportingInfo", "note", "locationCode", "extension"),
)


def read_order(order: Part, reply_by: datetime, once: str) -> Draft:
    """A search that begins. *once*: what the condition of the transaction says its identifier is; empty: it has none.

    Raises:
        BadInput: `invalid-parameter`, `unknown-parameter` with the place.
    """
    order.only(*PASSED_OVER, *_SERVICE_REQUEST)
    order.needed("status", "active")
    check_order(order)
    told = _extensions(order)
    need = _need(order)
    gist = Gist(told.age, *_reason(order), _words(order))
    return Draft(_who(order), need, Wishes(), gist, reply_by, not told.person_chooses, _identifier(order, once))


def check_order(resource: Part) -> None:
    """It is an order; and since nobody is told how urgent it is, it may not be said that it is.

    Raises:
        BadInput: `invalid-parameter`.
    """
    resource.needed("intent", "order")
    if resource.text("priority") not in ("", "routine"):
        raise refused(resource.at("priority"))


def _identifier(order: Part, once: str) -> str:
    """By which name it is begun once: its own identifier. A condition must be one of them, and says which where there are several."""
    found = [f"{one.needed('system')}|{one.needed('value')}" for one in order.parts("identifier")]
    if (once and found and once not in found) or (not once and len(found) > 1):
        raise refused("ServiceRequest.identifier")
    return once or "".join(found)


def _need(order: Part) -> Need:
    period = order.part("occurrencePeriod")
    since = order.text("occurrenceDateTime") or period.text("start")
    system, kind = order.part("code").coding()
    if system != KINDS:
        raise refused("ServiceRequest.code")
    details: dict[str, list[str]] = {CONDITIONS: [], LANGUAGES: [], FUNDINGS: [], SPECIALTIES: []}
    for named, code in order.codings("orderDetail"):
        if named not in details:
            raise refused("ServiceRequest.orderDetail")
        details[named].append(code)
    places = [code for named, code in order.codings("locationCode") if named == POSTCODES]
    if len(places) != len(order.parts("locationCode", 1)) or any(len(details[one]) > 1 for one in (FUNDINGS, SPECIALTIES)):
        raise refused("ServiceRequest.locationCode" if len(places) != len(order.parts("locationCode", 1)) else "ServiceRequest.orderDetail")
    return need_of(
        Wanted(
            kind,
            since[:10],
            period.text("end")[:10],
            order.part("quantityQuantity").whole("value", 1),
            "".join(details[SPECIALTIES]),
            details[CONDITIONS],
            details[LANGUAGES],
            "".join(details[FUNDINGS]),
            "".join(places),
        )
    )


def _reason(order: Part) -> tuple[str, tuple[str, ...]]:
    """Why, and what matters beside it."""
    reasons = [one.needed("text") for one in order.parts("reasonCode", 1)]
    return "".join(reasons), few((one.needed("display") for one in order.parts("supportingInfo")), "ServiceRequest.supportingInfo")


def _words(order: Part) -> str:
    return "".join(one.text("text", WORDS_CHARACTERS) for one in order.parts("note", 1))


@dataclass(frozen=True, slots=True)
class _Told:
    age: int | None = None
    person_chooses: bool = False


def _extensions(order: Part) -> _Told:
    """By ten years only: an age says more of somebody than a provider needs to know."""
    age, chooses = None, False
    for one in order.parts("extension"):
        match one.text("url"):
            case url if url == f"{EXTENSION}age":
                age = one.whole("valueUnsignedInt")
                if age % 10 or age > 120:
                    raise refused("ServiceRequest.extension")
            case url if url == f"{EXTENSION}person-chooses":
                chooses = one.flag("valueBoolean")
            case _:
                raise BadInput(Fault.UNKNOWN_PARAMETER, "ServiceRequest.extension")
    return _Told(age, chooses)


def _who(order: Part) -> Introduction:
    """Who it is about, in the contained Patient that the subject refers to. What else that says is not needed, and not kept."""
    subject = order.part("subject").needed("reference")
    patients = [one for one in order.parts("contained") if one.text("resourceType") == "Patient"]
    if len(patients) != 1 or len(order.parts("contained")) != 1 or subject != f"#{patients[0].text('id')}":
        raise refused("ServiceRequest.subject")
    patient = Part(patients[0].tree, "Patient")
    bsns = [one.needed("value") for one in patient.parts("identifier") if one.text("system") == BSN_SYSTEM]
    if len(bsns) != 1:
        raise refused("Patient.identifier")
    born = day(patient.needed("birthDate"), "Patient.birthDate")
    return Introduction(bsns[0], born.isoformat(), _name(patient), ", ".join(_contact(patient)))


def _name(patient: Part) -> str:
    for one in patient.parts("name"):
        name = one.text("text") or " ".join([*one.texts("given"), one.text("family")]).strip()
        if name:
            return name
    raise refused("Patient.name")


def _contact(patient: Part) -> Iterator[str]:
    """The first one whom a provider may call."""
    for one in patient.parts("contact")[:1]:
        if name := one.part("name").text("text"):
            yield name
        for way in one.parts("telecom"):
            yield way.needed("value")
