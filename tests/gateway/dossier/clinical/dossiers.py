"""Small dossiers for tests: records as holders would send them, in batches with the columns that their agents make."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from accord.rules.moments import AMSTERDAM
from accord.rules.reading import category_of, check_record, content_hint, identifier_hint, read_record, time_ms
from accord.terms.answers import Batch
from accord.terms.identifiers import HolderName
from accord.terms.records import TYPE_CODE
from accord.terms.vocabulary import CATEGORY_ORDER, Section
from accord.wire.columns import COMPANION, ENTERED_IN_ERROR, ROW
from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.groups import Thread
from gateway.dossier.clinical.view import ClinicalView
from gateway.ports import HolderBatch

Json = dict[str, Any]
#: The night of the tests.
AT: Final = datetime(2026, 11, 21, 2, 41, tzinfo=AMSTERDAM)
SNOMED, LOINC, ATC = "http://snomed.info/sct", "http://loinc.org", "http://www.whocc.no/atc"


def batch(holder: str, *records: Mapping[str, Any]) -> HolderBatch:
    """Records of one holder."""
    columns, blob = [], b""
    for content in records:
        text = json.dumps(content).encode()
        record = read_record(text)
        kind = check_record(record)
        blob += text
        flags = (COMPANION if kind.is_companion else 0) | (ENTERED_IN_ERROR if record.entered_in_error else 0)
        category = CATEGORY_ORDER.index(category_of(record, kind))
        columns.append(ROW.pack(identifier_hint(record), content_hint(record, kind), time_ms(record, kind), flags, len(blob), TYPE_CODE[kind.name], category))
    return HolderBatch(HolderName(holder), Batch(b"".join(columns), blob, 0), frozenset({"1"}))


def view_of(batches: Iterable[HolderBatch], *, ends: bool = True, **more: Any) -> ClinicalView:
    """A view that took these in; *ends*: and all holders are done."""
    view = ClinicalView(table(), AT, **more)
    for one in batches:
        view.take(one)
    if ends:
        view.finish()
    return view


def shape(threads: Iterable[Thread]) -> list[Any]:
    """Threads without numbers: what they are about, how their groups stand, and the names of the records on each side."""
    return [
        (
            thread.about,
            [
                (str(group.kind), str(group.rule), str(group.standing), [[name(line.origin) for line in side] for side in group.sides])
                for group in thread.groups
            ],
        )
        for thread in threads
    ]


def name(origin: Any) -> str:
    """`holder Type/id`."""
    return f"{origin.holder} {origin.type}/{origin.id}"


def everything(view: ClinicalView) -> Iterator[tuple[str, list[Any]]]:
    """The shape of all sections."""
    for section in Section:
        yield section.value, shape(view.threads(section))


def coded(system: str, code: str, text: str = "") -> Json:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code}]} | ({"text": text} if text else {})


def observation(logical_id: str, value: str, when: str, *, code: str = "2823-3", unit: str = "mmol/L", status: str = "final", number: str = "") -> Json:
    """A laboratory result; *value* as it is to be written."""
    record: Json = {
        "resourceType": "Observation",
        "id": logical_id,
        "status": status,
        "category": [coded("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")],
        "code": coded(LOINC, code),
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": when,
        "valueQuantity": {"value": json.loads(value), "unit": unit},
    }
    return record | ({"identifier": [{"system": "urn:order", "value": number}]} if number else {})


def allergy(logical_id: str, verification: str = "confirmed", *, code: str = "764146007", when: str = "2011") -> Json:
    """An allergy."""
    return {
        "resourceType": "AllergyIntolerance",
        "id": logical_id,
        "verificationStatus": coded("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", verification),
        "code": coded(SNOMED, code),
        "patient": {"reference": "Patient/1"},
        "recordedDate": when,
    }


def agreement(logical_id: str, name: str, times: int, *, atc: str = "", treatment: str = "", since: str = "2026-03-06", **more: Any) -> Json:
    """A medication agreement of one piece so many times a day."""
    return {
        "resourceType": "MedicationRequest",
        "id": logical_id,
        "extension": [
            {
                "url": "http://nictiz.nl/fhir/StructureDefinition/ext-PharmaceuticalTreatment.Identifier",
                "valueIdentifier": {"system": "urn:t", "value": treatment},
            }
        ]
        if treatment
        else [],
        "status": "active",
        "intent": "order",
        "category": [coded(SNOMED, "33633005")],
        "medicationCodeableConcept": {"text": name} | ({"coding": [{"system": ATC, "code": atc}]} if atc else {}),
        "subject": {"reference": "Patient/1"},
        "authoredOn": since,
        "dosageInstruction": [
            {
                "timing": {"repeat": {"frequency": times, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "stuk", "code": "1"}}],
            }
        ],
    } | more
