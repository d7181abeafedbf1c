"""What the systems of fictional providers say about their places: an export of a planning system as CSV, and FHIR R4 resources.

The export is as such systems write it: semicolons, Windows-1252, days first, an empty field where nobody filled one in, and
words of the house where a code would be expected.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from accord.rules.moments import AMSTERDAM
from accord.terms.capacity import Opening

COLUMNS: Final = ("Afdeling", "Code", "Capaciteit", "Bezet", "Vrij", "Vanaf", "Opnamestop", "Reden", "Stand")
ENCODING: Final = "cp1252"
#: How many beds a ward has beside those that are free.
_BEDS: Final = 18
#: How many stand in it. Who takes one does not carry it away.
_STAND: Final = 48
_BED_STATUS: Final = "http://terminology.hl7.org/CodeSystem/v2-0116"
_PHYSICAL: Final = "http://terminology.hl7.org/CodeSystem/location-physical-type"
SERVICE_ID: Final = "https://fictief.example/teams"


def csv_export(openings: Sequence[Opening]) -> bytes:
    """The export of a planning system: one line for each ward."""
    written = io.StringIO(newline="")
    lines = csv.writer(written, delimiter=";", lineterminator="\r\n")
    lines.writerow(COLUMNS)
    for one in openings:
        free = one.places or 0
        stopped = one.stop is not None
        since = one.since.strftime("%d-%m-%Y") if one.since else ""
        seen = one.observed_at.astimezone(AMSTERDAM).strftime("%d-%m-%Y %H:%M:%S")
        lines.writerow(
            (one.service.title, one.service.id, _BEDS + free, _BEDS, free, since, "J" if stopped else "N", one.stop.reason if one.stop else "", seen)
        )
    return written.getvalue().encode(ENCODING)


def fhir_resources(openings: Sequence[Opening], now: datetime) -> Iterator[dict[str, Any]]:
    """The same in FHIR R4: a service with its schedule and slots for care at home, with its beds for the rest."""
    for one in openings:
        yield _service(one)
        yield from _beds(one)
        yield {
            "resourceType": "Schedule",
            "id": f"{one.id}-schedule",
            "meta": _seen(one),
            "active": True,
            "actor": [{"reference": f"HealthcareService/{one.service.id}"}],
        }
        begin = now.astimezone(AMSTERDAM).replace(minute=0, second=0, microsecond=0)
        if one.since:
            begin = begin.replace(year=one.since.year, month=one.since.month, day=one.since.day)
        for number in range(one.places or 0):
            yield {
                "resourceType": "Slot",
                "id": f"{one.id}-slot-{number + 1}",
                "meta": _seen(one),
                "schedule": {"reference": f"Schedule/{one.id}-schedule"},
                "status": "free",
                "start": (begin + timedelta(hours=1)).isoformat(),
                "end": (begin + timedelta(hours=2)).isoformat(),
            }


def _service(one: Opening) -> dict[str, Any]:
    service = one.service
    said: dict[str, Any] = {
        "resourceType": "HealthcareService",
        "id": service.id,
        "meta": _seen(one),
        "identifier": [{"system": SERVICE_ID, "value": service.id}],
        "active": True,
        "name": service.title,
        "telecom": [{"system": "phone", "value": service.telephone}],
        "location": [{"reference": f"Location/{service.id}-ward"}],
    }
    if one.stop is not None:
        during = {"start": one.observed_at.isoformat()}
        if one.stop.expected_end is not None:
            during["end"] = one.stop.expected_end.isoformat()
        stop: dict[str, Any] = {"description": one.stop.reason.value, "during": during}
        said["notAvailable"] = [stop]
    return said


def _beds(one: Opening) -> Iterator[dict[str, Any]]:
    ward = f"{one.service.id}-ward"
    yield {"resourceType": "Location", "id": ward, "meta": _seen(one), "status": "active", "name": one.service.title, "physicalType": _physical("wa")}
    free = one.places or 0
    stand = max(_STAND, _BEDS + free)
    for number in range(stand):
        yield {
            "resourceType": "Location",
            "id": f"{one.service.id}-bed-{number + 1}",
            "meta": _seen(one),
            "status": "active",
            "name": f"{one.service.title}, bed {number + 1}",
            "operationalStatus": {"system": _BED_STATUS, "code": "O" if number < stand - free else "U"},
            "physicalType": _physical("bd"),
            "partOf": {"reference": f"Location/{ward}"},
        }


def _physical(code: str) -> dict[str, Any]:
    return {"coding": [{"system": _PHYSICAL, "code": code}]}


def _seen(one: Opening) -> dict[str, str]:
    return {"lastUpdated": one.observed_at.isoformat(timespec="milliseconds")}
