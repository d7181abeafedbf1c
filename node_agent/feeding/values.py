"""What single fields of HL7 v2 say, as FHIR writes it: moments, numbers, codes, identifiers. Nothing is rounded or guessed."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from accord.terms.faults import Fault
from node_agent.feeding.er7 import Repetition, Segment, part
from node_agent.feeding.refusing import MessageRefused

Json = dict[str, Any]

UCUM: Final = "http://unitsofmeasure.org"
TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"
URA_OIDS: Final = frozenset({"2.16.528.1.1007.3.3"})
#: Names of code systems in OBX-3.3 and the like (HL7 table 0396, and those that Dutch laboratories write).
SYSTEMS: Final[Mapping[str, str]] = {
    "LN": "http://loinc.org",
    "LOINC": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "SNM": "http://snomed.info/sct",
    "UCUM": UCUM,
    "NHG45": "https://referentiemodel.nhg.org/tabellen/nhg-tabel-45-diagnostische-bepalingen",
}
_MOMENT: Final = re.compile(r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(\.[0-9]{1,4})?)?)?)?)?)?([+-][0-9]{4})?")
_NUMBER: Final = re.compile(r"(?P<sign>[+-]?)0*(?P<whole>[0-9]{0,30})(?P<fraction>\.[0-9]{0,30})?")
_OID: Final = re.compile(r"[0-2](?:\.[0-9]+)+")
_COMPARED: Final = re.compile(r"(<=|>=|<|>)\s*(.+)")


def moment(segment: Segment, field: int, zone: ZoneInfo, component: int = 1) -> str:
    """A moment as FHIR writes it, as precise as it was told; empty when it was not told.

    Raises:
        MessageRefused: `malformed-message`.
    """
    text = segment.text(field, component)
    if not text:
        return ""
    try:
        return fhir_moment(text, zone)
    except ValueError:
        raise MessageRefused(Fault.MALFORMED_MESSAGE, segment.where(field)) from None


def fhir_moment(text: str, zone: ZoneInfo) -> str:
    """As `moment`.

    Raises:
        ValueError: It is none.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("no moment")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    checked = date(int(year), int(month or 1), int(day or 1))
    if day is None or minute is None:  # an hour alone is no moment in FHIR: the day is what is left that is true
        if hour is not None and int(hour) > 23:
            raise ValueError("no hour")
        return "-".join(filter(None, (year, month, day)))
    when = datetime(checked.year, checked.month, checked.day, int(hour), int(minute), int(second or 0), tzinfo=zone)
    shift = f"{offset[:3]}:{offset[3:]}" if offset else when.isoformat()[-6:]
    if int(shift[1:3]) > 14 or int(shift[4:]) > 59:
        raise ValueError("no zone")
    return f"{when:%Y-%m-%dT%H:%M:%S}".zfill(19) + (fraction or "") + shift


def number(text: str) -> msgspec.Raw | None:
    """A number with the very digits that were sent (37.50 stays 37.50); none when it is none.

    Only what JSON has no way to write is left out: a plus sign, noughts before the number, a point at its end.
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None or not any(character.isdigit() for character in text):
        return None
    fraction = found["fraction"] or ""
    whole = found["whole"] or "0"
    return msgspec.Raw(f"{found['sign'].strip('+')}{whole}{fraction if len(fraction) > 1 else ''}".encode("ascii"))


def quantity(text: str, unit: Repetition | None) -> Json | None:
    """An amount, with `<`, `>` and the like as its comparator; none when it is no amount."""
    compared = _COMPARED.fullmatch(text.strip())
    value = number(compared[2] if compared else text)
    if value is None:
        return None
    found: Json = {"value": value}
    if compared:
        found["comparator"] = compared[1]
    return found | unit_of(unit)


def unit_of(unit: Repetition | None) -> Json:
    """The unit of an amount: with its system only where one was named."""
    code, name, system = (part(unit, place) for place in (1, 2, 3)) if unit else ("", "", "")
    if not code and not name:
        return {}
    found: Json = {"unit": name or code}
    if code and SYSTEMS.get(system) == UCUM:
        found |= {"system": UCUM, "code": code}
    return found


def concept(coded: Repetition, systems: Mapping[str, str] = SYSTEMS) -> Json:
    """A CE, CWE or CNE: both its codes as they were sent, and the text that it was made from."""
    codings = [coding for place in (1, 4) if (coding := _coding(part(coded, place), _words(coded, place + 1), part(coded, place + 2), systems))]
    found: Json = {"coding": codings} if codings else {}
    text = _words(coded, 9) or ("" if codings else _words(coded, 2))
    return found | {"text": text} if text else found


def _words(coded: Repetition, component: int) -> str:
    """A component that is a text: an `&` that was not escaped is a sign of it."""
    return "&".join(coded[component - 1]) if part(coded, component) else ""


def _coding(code: str, display: str, system: str, systems: Mapping[str, str]) -> Json:
    """A system that is not known is left out: no address is made up for it."""
    if not code:
        return {}
    uri = systems.get(system) or (f"urn:oid:{system}" if _OID.fullmatch(system) else "")
    return given(system=uri, code=code, display=display)


def authority(repetition: Repetition, component: int) -> tuple[str, str, str]:
    """Who gave a number out (HD): namespace, universal id, and its type."""
    return part(repetition, component, 1), part(repetition, component, 2), part(repetition, component, 3)


def system_of(by: tuple[str, str, str]) -> str:
    """The FHIR system for numbers of an assigning authority; empty when it does not say enough."""
    _, universal, kind = by
    if universal in URA_OIDS:
        return "http://fhir.nl/fhir/NamingSystem/ura"
    if kind == "ISO" and _OID.fullmatch(universal):
        return f"urn:oid:{universal}"
    return universal if kind in ("URI", "URL") and re.fullmatch(r"[a-z]+:[^\s|]+", universal) else ""


def given(**members: Any) -> Json:
    """A FHIR element of what there is: what is empty is left out."""
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}
