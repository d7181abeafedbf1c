"""What of places a FHIR base can do, put into the CapabilityStatement of the dossier."""

from typing import Any, Final

import msgspec

from gateway.api.bundles import encode
from gateway.api.outcomes import Json

#: The id of the OperationDefinition.
DEFINITION: Final = "noaber-find-places"
_FIND: Final = {
    "name": "find-places",
    "definition": "urn:noaber:operation:find-places",
    "documentation": (
        "Who has a free place. POST Parameters: kind and since; until, amount, specialty, condition, language, funding, home, near, within-km, preferred, "
        "refused. A searchset of HealthcareService in order, with the reasons in extensions, and an OperationOutcome of who was not heard. It names nobody. "
        "See OperationDefinition/noaber-find-places."
    ),
}
_TRANSACTION: Final = {
    "code": "transaction",
    "documentation": (
        "A request for a place: one ServiceRequest (with ifNoneExist: identifier=system|value, or an identifier, it is made once) and 1 to 20 Tasks, one for "
        "each provider (owner: urn:noaber:holder; input: service and opening as $find-places has them), each with restriction.period.end. Nothing else is taken."
    ),
}
_TASK: Final = (
    "choose: take up the offer. tell: say something (words). give-up: wait no longer for whoever was chosen. Task.status: requested, received, on-hold (it has "
    "a question), accepted (it offers: see output), in-progress (chosen), completed (the place is given), rejected, failed (lapsed, gone, withdrawn), cancelled."
)
_REQUEST: Final = "cancel: no place is needed any more (reason). hand-over: the handover, a Bundle, to whose place it has."
_NOTE: Final = "Requests for a place of this organisation: {told} Of the dossier is every Task and ServiceRequest with a dot in its id."

#: By type: interactions, search parameters and operations that places add, and what is said of them.
_ADDED: Final[dict[str, tuple[tuple[str, ...], tuple[Json, ...], tuple[str, ...], str]]] = {
    "Task": (
        ("read", "create", "search-type"),
        (
            {"name": "focus", "type": "reference", "documentation": "ServiceRequest/<id> of a request for a place: its Tasks, without a patient."},
            {"name": "status", "type": "token", "documentation": "With focus: Task.status, several with a comma."},
        ),
        ("choose", "tell", "give-up"),
        _TASK,
    ),
    "ServiceRequest": (("read",), (), ("cancel", "hand-over"), _REQUEST),
}


#: What `$find-places` takes: name, least, most, type and meaning.
_PARAMETERS: Final = (
    ("kind", 1, "1", "code", "Kind of care (urn:noaber:care-kind)."),
    ("since", 1, "1", "date", "From which day."),
    ("until", 0, "1", "date", "Until which day."),
    ("amount", 0, "1", "integer", "Places, or visits a week for care at home; 1 where it is not said."),
    ("specialty", 0, "1", "string", "Medical specialty, for a hospital bed."),
    ("condition", 0, "*", "code", "What not every place can do (urn:noaber:place-condition)."),
    ("language", 0, "*", "code", "Languages (BCP 47)."),
    ("funding", 0, "1", "code", "Zvw, Wlz or Wmo."),
    ("home", 0, "1", "string", "Postcode of four digits where care at home is given."),
    ("near", 0, "1", "string", "Postcode of four digits to be near to. Of this and what follows nothing leaves the organisation."),
    ("within-km", 0, "1", "decimal", "No farther from it than this."),
    ("preferred", 0, "*", "string", "Names of providers, the most wanted first."),
    ("refused", 0, "*", "string", "Names of providers that are not wanted."),
)


def find_places_definition() -> Json:
    """What `$find-places` takes and gives, as an OperationDefinition."""
    taken = [{"name": name, "use": "in", "min": least, "max": most, "type": kind, "documentation": told} for name, least, most, kind, told in _PARAMETERS]
    return {
        "resourceType": "OperationDefinition",
        "id": DEFINITION,
        "url": _FIND["definition"],
        "name": "FindPlaces",
        "status": "active",
        "kind": "operation",
        "description": _FIND["documentation"],
        "affectsState": False,
        "code": _FIND["name"],
        "system": True,
        "type": False,
        "instance": False,
        "parameter": [*taken, {"name": "return", "use": "out", "min": 1, "max": "1", "type": "Bundle", "documentation": "A searchset."}],
    }


def with_places(statement: bytes) -> bytes:
    """The statement with places in it; one that has another shape than ours is left as it is."""
    try:
        read = msgspec.json.decode(statement)
        rest = read["rest"][0]
        listed = {one["type"]: one for one in rest["resource"]}
        for name in _ADDED:
            _add(listed[name], name)
        rest["interaction"] = [*rest.get("interaction", []), _TRANSACTION]
        rest["operation"] = [*rest.get("operation", []), _FIND]
        return encode(read)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError, AttributeError):
        return statement


def _add(described: dict[str, Any], name: str) -> None:
    interactions, parameters, operations, told = _ADDED[name]
    has = {one["code"] for one in described["interaction"]}
    described["interaction"] = [*described["interaction"], *({"code": code} for code in interactions if code not in has)]
    has = {one["name"] for one in described.get("searchParam", [])}
    described["searchParam"] = [*described.get("searchParam", []), *(one for one in parameters if one["name"] not in has)]
    added = [{"name": one, "definition": f"urn:noaber:operation:{one}"} for one in operations]
    described["operation"] = [*described.get("operation", []), *added]
    described["documentation"] = _NOTE.format(told=told)
