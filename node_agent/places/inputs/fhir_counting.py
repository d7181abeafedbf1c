"""What a FHIR server's Locations, Slots and HealthcareService say of free places, counted. What cannot be counted is unknown.

Bed status is HL7 v2 table 0116, in `Location.operationalStatus`; the codes of slots and locations are FHIR's own.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from accord.rules.moments import interval
from accord.terms.capacity import Stop, StopReason
from accord.terms.faults import BadInput

#: Table 0116: unoccupied. Closed, housekeeping, isolated, contaminated and occupied are not free now.
_UNOCCUPIED: Final = "U"
_BED_STATUS: Final = frozenset({"C", "H", "I", "K", "O", "U"})
_BED: Final = "bd"
_AWAY: Final = frozenset({"suspended", "inactive"})
_THERE: Final = frozenset({"active", ""})
_SLOT_STATUS: Final = frozenset({"busy", "free", "busy-unavailable", "busy-tentative", "entered-in-error"})
_FREE: Final = "free"


class Unclear(Exception):
    """A resource that matters says something that cannot be understood."""


def free_beds(locations: Iterable[bytes]) -> int | None:
    """How many of these are beds that somebody can have now; none when that cannot be known.

    Where some are said to be beds (`physicalType` bd), only those are; else all that have an operational status.
    """
    try:
        places = [place for body in locations if _text(place := _read(body), "mode") != "kind"]
        beds = [place for place in places if _is_bed(place)] or [place for place in places if "operationalStatus" in place]
        return sum(_is_free(bed) for bed in beds) if beds else None
    except Unclear:
        return None


def free_slots(slots: Iterable[bytes], now: datetime, end: datetime) -> int | None:
    """How many free slots begin between *now* and *end*; none when a slot says what cannot be understood."""
    free = 0
    try:
        for body in slots:
            slot = _read(body)
            status = _text(slot, "status")
            if status not in _SLOT_STATUS:
                return None
            if status == _FREE:
                begins = _moment(slot, "start")
                if begins is None:
                    return None
                free += now <= begins < end
    except Unclear:
        return None
    return free


def stop_in(service: bytes, now: datetime) -> Stop | None:
    """Whether a HealthcareService says that it takes nobody now, and until when.

    Raises:
        Unclear: It says something about that, and nobody can tell what.
    """
    given = _read(service)
    if not _is_so(given, "active"):
        return Stop(StopReason.CLOSED)
    away = given.get("notAvailable", [])
    if not isinstance(away, list):
        raise Unclear
    for one in away:
        during = _object(_object(one).get("during", {}))
        begins, ends = _moment(during, "start"), _moment(during, "end", last=True)
        # Without a period it says nothing of now.
        if during and (begins is None or begins <= now) and (ends is None or now < ends):
            return Stop(StopReason.CLOSED, ends)
    return None


def has_below(location: bytes) -> bool:
    """Whether what lies in a Location counts: it is no bed itself, and it is not closed.

    Raises:
        Unclear: Nobody can tell.
    """
    place = _read(location)
    return not _is_bed(place) and _text(place, "status") not in _AWAY


def is_active(schedule: bytes) -> bool:
    """Whether a Schedule counts.

    Raises:
        Unclear: Nobody can tell.
    """
    return _is_so(_read(schedule), "active")


def references(resource: bytes, member: str, kind: str) -> frozenset[str]:
    """The ids of type *kind* that a member of a resource refers to.

    Raises:
        Unclear: It cannot be read.
    """
    given = _read(resource).get(member, [])
    found = set()
    for one in given if isinstance(given, list) else [given]:
        parts = _text(_object(one), "reference").partition("/_history/")[0].split("/")
        if len(parts) > 1 and parts[-2] == kind and parts[-1]:
            found.add(parts[-1])
    return frozenset(found)


def has_identifier(resource: bytes, token: str) -> bool:
    """Whether it has this business identifier, `system|value`.

    Raises:
        Unclear: It cannot be read.
    """
    given = _read(resource).get("identifier", [])
    some = [_object(one) for one in (given if isinstance(given, list) else [given])]
    return any(f"{_text(one, 'system')}|{_text(one, 'value')}" == token for one in some)


def _is_free(bed: dict[str, Any]) -> bool:
    status = _text(bed, "status")
    if status in _AWAY:
        return False
    code = _text(_object(bed.get("operationalStatus")), "code")
    if status not in _THERE or code not in _BED_STATUS:
        raise Unclear
    return code == _UNOCCUPIED


def _is_bed(place: dict[str, Any]) -> bool:
    codings = _object(place.get("physicalType", {})).get("coding", [])
    if not isinstance(codings, list):
        raise Unclear
    return any(_text(_object(coding), "code") == _BED for coding in codings)


def _is_so(value: dict[str, Any], name: str) -> bool:
    """A flag that is true unless it says otherwise."""
    given = value.get(name, True)
    if not isinstance(given, bool):
        raise Unclear
    return given


def _read(body: bytes) -> dict[str, Any]:
    try:
        content: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise Unclear from None
    return _object(content)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unclear
    return value


def _text(value: dict[str, Any], name: str) -> str:
    member = value.get(name, "")
    if not isinstance(member, str):
        raise Unclear
    return member


def _moment(value: dict[str, Any], name: str, *, last: bool = False) -> datetime | None:
    """The first or the last moment that a FHIR date can mean; none where it is not there."""
    text = _text(value, name)
    try:
        return datetime.fromtimestamp(interval(text)[last] / 1000, UTC) if text else None
    except (BadInput, ValueError, OverflowError, OSError):
        raise Unclear from None
