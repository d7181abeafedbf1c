"""What is wrong with an element of a request for a place, and what may stand there: nobody has to guess which codes there are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from accord.terms.capacity import CareKind, Condition, Funding
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import EndReason
from gateway.api.fhir_placing_words import CONDITIONS, FUNDINGS, HOLDERS, INPUTS, KINDS, LANGUAGES, SPECIALTIES
from gateway.api.outcomes import WrongElement
from gateway.dossier.words import Wording

#: Where in a transaction or a Task stands what every face of places knows by a name of its own.
ELEMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "kind": "ServiceRequest.code",
        "since": "ServiceRequest.occurrencePeriod.start",
        "until": "ServiceRequest.occurrencePeriod.end",
        "amount": "ServiceRequest.quantityQuantity",
        "specialty": "ServiceRequest.orderDetail",
        "condition": "ServiceRequest.orderDetail",
        "language": "ServiceRequest.orderDetail",
        "funding": "ServiceRequest.orderDetail",
        "near": "ServiceRequest.locationCode",
        "words": "ServiceRequest.note",
        "provider": "Task.owner",
        "reply_by": "Task.restriction.period.end",
        "focus": "Task.focus",
    }
)
_SERVICE: Final = "Task.input"


def _one_of(codes: type[CareKind | Condition | Funding | EndReason]) -> Wording:
    listed = ", ".join(code.value for code in codes)
    return Wording(f"Een van: {listed}.", f"One of: {listed}.")


def _only(code: str) -> Wording:
    return Wording(f"Hier hoort: {code}.", f"It must be: {code}.")


_DAY: Final = Wording("Een dag, zoals 2026-11-26.", "A day, as 2026-11-26.")
_MOMENT: Final = Wording(
    "Een moment dat nog komt, met tijdzone, in alle Tasks hetzelfde.",
    "A moment to come, with its time zone, the same in all Tasks.",
)
_UNNAMED: Final = Wording(
    "Een tekst die niet te lang is, en waarin naam, geboortedatum en BSN van de patiënt niet staan.",
    "A text that is not too long, without name, date of birth or BSN of the patient.",
)
_POSTCODE: Final = Wording(
    "De vier cijfers van een postcode; waar iemand woont alleen bij zorg thuis.", "The four digits of a postcode; where somebody lives for care at home only."
)
_OWNER: Final = Wording(
    f"De naam van een aanbieder, als identifier van {HOLDERS} (providedBy van $find-places), elk één keer.",
    f"The name of a provider, as an identifier of {HOLDERS} (providedBy of $find-places), each once.",
)
_DETAIL: Final = Wording(
    f"Codes van {CONDITIONS}, {LANGUAGES}, {FUNDINGS} of {SPECIALTIES}; van de laatste twee hoogstens een.",
    f"Codes of {CONDITIONS}, {LANGUAGES}, {FUNDINGS} or {SPECIALTIES}; of the last two one at most.",
)
_FOCUS: Final = Wording(
    "In alle Tasks hetzelfde: de fullUrl van de ServiceRequest in de transactie, of ServiceRequest/<id>.",
    "The same in all Tasks: the fullUrl of the ServiceRequest in the transaction, or ServiceRequest/<id>.",
)
#: What may stand there, by the name with which it is refused.
_RIGHT: Final[Mapping[str, Wording]] = MappingProxyType(
    {
        "kind": _one_of(CareKind),
        "condition": _one_of(Condition),
        "funding": _one_of(Funding),
        "reason": _one_of(EndReason),
        "since": _DAY,
        "until": Wording("Een dag, zoals 2026-11-26, niet voor de eerste.", "A day, as 2026-11-26, not before the first."),
        "amount": Wording("Een heel getal van 1 tot 99.", "A whole number from 1 to 99."),
        "within-km": Wording("Een getal van 0 tot 500.", "A number from 0 to 500."),
        "language": Wording("Een taalcode, zoals nl.", "The code of a language, as nl."),
        "near": _POSTCODE,
        "home": _POSTCODE,
        "words": _UNNAMED,
        "provider": _OWNER,
        "reply_by": _MOMENT,
        "focus": _FOCUS,
        "Bundle.type": _only("transaction"),
        "Bundle.entry": Wording("Hoogstens één ServiceRequest, en 1 tot 20 Tasks.", "One ServiceRequest at most, and 1 to 20 Tasks."),
        "ServiceRequest.status": _only("active"),
        "ServiceRequest.intent": _only("order"),
        "ServiceRequest.priority": _only("routine"),
        "ServiceRequest.code": Wording(f"Eén code van {KINDS}. {_one_of(CareKind).nl}", f"One code of {KINDS}. {_one_of(CareKind).en}"),
        "ServiceRequest.orderDetail": _DETAIL,
        "Task.status": _only("requested"),
        "Task.intent": _only("order"),
        "Task.priority": _only("routine"),
        "Task.focus": _FOCUS,
        "Task.owner": _OWNER,
        "Task.owner.identifier.system": _OWNER,
        "Task.restriction.period.end": _MOMENT,
        _SERVICE: Wording(
            f"Codes van {INPUTS}: service (moet) en opening (mag), elk één keer, met valueString.",
            f"Codes of {INPUTS}: service (must be there) and opening (may), each once, with a valueString.",
        ),
    }
)
_ELSEWHERE: Final = Wording("Wat er kan staan, staat in docs/api.md, onder A free place.", "What may stand there is in docs/api.md, from A free place on.")


@contextmanager
def of_an_element(elements: Mapping[str, str] | None = None) -> Iterator[None]:
    """Whatever is refused inside for what stands in the body is refused by its element. *elements*: what a name is called there.

    Raises:
        WrongElement: In place of `invalid-parameter` and `service-not-offered`.
    """
    try:
        yield
    except BadInput as failure:
        if failure.fault is Fault.SERVICE_NOT_OFFERED:
            raise WrongElement(failure.fault, _SERVICE, _not_offered(failure.where)) from None
        if failure.fault is not Fault.INVALID_PARAMETER:
            raise
        named = (elements or {}).get(failure.where, failure.where)
        right = _RIGHT.get(failure.where, _ELSEWHERE)
        raise WrongElement(
            failure.fault,
            named,
            Wording(
                f"{named or 'De inhoud'} ontbreekt, of kan zo niet worden gebruikt. {right.nl}",
                f"{named or 'The body'} is missing, or cannot be used so. {right.en}",
            ),
        ) from None


def _not_offered(provider: str) -> Wording:
    return Wording(
        f"{_SERVICE}: {provider} heeft geen dienst van die soort, of niet die plek ervan. "
        "Vraag opnieuw met $find-places, en neem aanbieder, service en opening van één regel van het antwoord.",
        f"{_SERVICE}: {provider} has no service of that kind, or not that opening of it. "
        "Ask $find-places again, and take provider, service and opening from one entry of the answer.",
    )
