"""How a fact is written in FHIR: code systems, concepts, quantities with their exact decimals, moments."""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

Json = dict[str, Any]

SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
ATC: Final = "http://www.whocc.no/atc"
ICPC: Final = "http://hl7.org/fhir/sid/icpc-1-nl"
G_STANDAARD: Final = "urn:oid:2.16.840.1.113883.2.4.4.10"
NHG_TABLE_45: Final = "https://referentiemodel.nhg.org/tabellen/nhg-tabel-45-diagnostische-bepalingen"
ROLE_CODES: Final = "http://fhir.nl/fhir/NamingSystem/uzi-rolcode"
UZI: Final = "http://fhir.nl/fhir/NamingSystem/uzi"
ORGANISATION_TYPE: Final = "http://nictiz.nl/fhir/NamingSystem/organization-type"
TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"
NICTIZ: Final = "http://nictiz.nl/fhir/StructureDefinition"

AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")


def profile(name: str) -> str:
    """The address of a zib2020 profile, for instance of `Patient`."""
    return f"{NICTIZ}/nl-core-{name}"


def coding(system: str, code: str, display: str | None = None) -> Json:
    """One code with its system."""
    found = {"system": system, "code": code}
    return found if display is None else found | {"display": display}


def concept(system: str, code: str, display: str | None = None, *, text: str | None = None) -> Json:
    """A concept with one code."""
    found: Json = {"coding": [coding(system, code, display)]}
    return found if text is None else found | {"text": text}


def snomed(code: str, display: str) -> Json:
    """A SNOMED CT concept."""
    return concept(SNOMED, code, display)


def hl7(system: str, code: str, display: str | None = None) -> Json:
    """A concept of one of the HL7 code systems."""
    return concept(f"{TERMINOLOGY}/{system}", code, display)


def number(text: str) -> msgspec.Raw:
    """A number that stands in the JSON exactly as written here: 37.50 stays 37.50.

    Raises:
        decimal.InvalidOperation: *text* is no number.
    """
    Decimal(text)
    return msgspec.Raw(text.encode("ascii"))


def quantity(value: str, unit: str, code: str | None = None) -> Json:
    """An amount with a UCUM unit."""
    return {"value": number(value), "unit": unit, "system": UCUM, "code": code or unit}


def extension(name: str, **value: Any) -> Json:
    """A Nictiz extension, for instance `ext-Comment`."""
    return {"url": f"{NICTIZ}/{name}", **value}


@lru_cache(maxsize=65_536)
def instant(when: datetime) -> str:
    """A moment in Dutch time with its zone, whole seconds."""
    return when.astimezone(AMSTERDAM).isoformat(timespec="seconds")


@lru_cache(maxsize=65_536)
def day(when: datetime) -> str:
    """The Dutch calendar day of a moment."""
    return when.astimezone(AMSTERDAM).date().isoformat()


def period(start: datetime, end: datetime | None = None) -> Json:
    """From a moment, to another or still open."""
    return {"start": instant(start)} | ({} if end is None else {"end": instant(end)})
