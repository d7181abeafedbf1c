"""How a simulated FHIR server finds what is about places: Locations, HealthcareServices, Schedules and Slots, by FHIR R4's own searches."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from accord.rules.moments import interval
from accord.terms.faults import BadInput

#: By type: the member that each reference parameter looks at.
_REFERENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "Location": {"partof": "partOf", "organization": "managingOrganization"},
    "HealthcareService": {"organization": "providedBy", "location": "location"},
    "Schedule": {"actor": "actor"},
    "Slot": {"schedule": "schedule"},
}
#: These have no patient, whatever a parameter is called.
PLACE_TYPES: Final = frozenset(_REFERENCES)


def place_parameters(kind: str) -> tuple[str, ...]:
    """What a type can be searched by, apart from what every type can."""
    return (*_REFERENCES.get(kind, ()), *(("start",) if kind == "Slot" else ()))


def fits(kind: str, body: bytes, name: str, value: str) -> bool | None:
    """Whether a resource fits a parameter; none when its type has no such parameter.

    Raises:
        BadInput: A moment cannot be read.
    """
    member = _REFERENCES.get(kind, {}).get(name)
    if member is not None:
        wanted = {one if "/" in one else f"{_target(name)}/{one}" for one in value.split(",")}
        return bool(wanted & set(_referred(body, member)))
    if (kind, name) == ("Slot", "start"):
        return _begins(body, value)
    return None


def _target(parameter: str) -> str:
    return {"partof": "Location", "location": "Location", "organization": "Organization", "schedule": "Schedule"}.get(parameter, "")


def _referred(body: bytes, member: str) -> Iterable[str]:
    """The references of a member, by type and id."""
    given: Any = msgspec.json.decode(body).get(member)
    for one in given if isinstance(given, list) else [given]:
        reference = one.get("reference") if isinstance(one, dict) else None
        if isinstance(reference, str):
            yield "/".join(reference.split("/")[-2:])


def _begins(body: bytes, value: str) -> bool:
    start: Any = msgspec.json.decode(body).get("start")
    prefix, moment = (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)
    begin, end = interval(moment)
    try:
        at, _ = interval(start)
    except (BadInput, TypeError, AttributeError):
        # What it holds cannot be read: a careless server sends it along.
        return True
    return {"ge": at >= begin, "gt": at >= end, "lt": at < begin, "le": at < end}.get(prefix, begin <= at < end)
