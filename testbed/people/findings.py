"""Problems, allergies, alerts and what was measured, as records."""

from datetime import datetime
from typing import Final

from accord.terms.identifiers import URA_SYSTEM
from testbed.holders import BY_NAME
from testbed.people.catalogue import LabTest, Problem
from testbed.people.desk import File
from testbed.people.life import Allergy, LabResult
from testbed.people.wording import (
    ICPC,
    LOINC,
    NHG_TABLE_45,
    SNOMED,
    Json,
    coding,
    concept,
    day,
    hl7,
    instant,
    profile,
    quantity,
    snomed,
)

#: Where the laboratory numbers each line of an order.
ORDER_NUMBERS: Final = "http://twickelaar.example/fhir/NamingSystem/ordernummer"


def condition(file: File, problem: Problem, since: datetime, *, gp: bool = False) -> Json:
    """A problem; a practice codes it in ICPC too."""
    codes = [coding(SNOMED, problem.snomed, problem.name)] + ([coding(ICPC, problem.icpc, problem.name)] if gp else [])
    return {
        "resourceType": "Condition",
        "meta": {"profile": [profile("Problem")]},
        "clinicalStatus": hl7("condition-clinical", "active"),
        "verificationStatus": hl7("condition-ver-status", "confirmed"),
        "category": [snomed("439401001", "diagnose")],
        "code": {"coding": codes, "text": problem.name},
        "subject": file.subject,
        "onsetDateTime": day(since),
        "recorder": file.professional(),
    }


def allergy(file: File, what: Allergy, recorded: str, *, verification: str = "confirmed", criticality: str = "high") -> Json:
    """An allergy; *recorded* may be a year only."""
    code, display, kind, (reaction, reaction_name) = what
    record: Json = {
        "resourceType": "AllergyIntolerance",
        "meta": {"profile": [profile("AllergyIntolerance")]},
        "verificationStatus": hl7("allergyintolerance-verification", verification),
        "type": "allergy",
        "category": [kind],
        "criticality": criticality,
        "code": concept(SNOMED, code, display, text=display),
        "patient": file.subject,
        "recordedDate": recorded,
        "recorder": file.professional(),
    }
    if verification != "entered-in-error":  # invariant ait-2 of R4
        record["clinicalStatus"] = hl7("allergyintolerance-clinical", "active" if verification == "confirmed" else "inactive")
    if verification == "confirmed":
        record["onsetDateTime"] = recorded
        record["reaction"] = [{"manifestation": [snomed(reaction, reaction_name)], "severity": "severe" if criticality == "high" else "moderate"}]
    return record


def flag(file: File, code: str, display: str, since: datetime) -> Json:
    """An alert."""
    return {
        "resourceType": "Flag",
        "meta": {"profile": [profile("Alert")]},
        "status": "active",
        "category": [hl7("flag-category", "safety", "Safety")],
        "code": concept(SNOMED, code, display, text=display),
        "subject": file.subject,
        "period": {"start": day(since)},
        "author": {"reference": file.desk.organisation},
    }


def lab_result(patient: str, result: LabResult, *, status: str = "final", laboratory: str | None = None) -> Json:
    """A laboratory result: with the same arguments the same content at every holder, but for the patient's local id.

    The laboratory is named by its URA, or by *laboratory* as a reference to its Organization.
    """
    performer = (
        {"reference": laboratory} if laboratory else {"type": "Organization", "identifier": {"system": URA_SYSTEM, "value": BY_NAME["twickelaar"].ura.value}}
    )
    return {
        "resourceType": "Observation",
        "meta": {"profile": [profile("LaboratoryTestResult")]},
        "identifier": [{"system": ORDER_NUMBERS, "value": result.number}],
        "status": status,
        "category": [hl7("observation-category", "laboratory", "Laboratory")],
        "code": concept(LOINC, result.test.loinc, result.test.name, text=result.test.name),
        "subject": {"reference": patient},
        "effectiveDateTime": instant(result.when),
        "performer": [performer | {"display": BY_NAME["twickelaar"].title}],
        "valueQuantity": quantity(result.value, result.test.unit),
    }


def practice_lab(file: File, test: LabTest, result: LabResult) -> Json:
    """What a practice keeps of a result: in NHG codes, without the order number, so never the same statement."""
    codes = [coding(NHG_TABLE_45, test.nhg or "", test.name), coding(LOINC, test.loinc)]
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [hl7("observation-category", "laboratory")],
        "code": {"coding": codes, "text": test.name},
        "subject": file.subject,
        "effectiveDateTime": day(result.when),
        "valueQuantity": quantity(result.value, test.unit),
    }


def lab_report(file: File, results: list[str], when: datetime) -> Json:
    """The report that lists results."""
    return {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "category": [hl7("v2-0074", "LAB", "Laboratory")],
        "code": concept(LOINC, "11502-2", "Laboratoriumrapport"),
        "subject": file.subject,
        "effectiveDateTime": instant(when),
        "issued": instant(when),
        "performer": [{"reference": file.desk.organisation}],
        "result": [{"reference": result} for result in results],
    }


def _vital(file: File, name: str, code: Json, when: datetime, **value: Json | list[Json]) -> Json:
    return {
        "resourceType": "Observation",
        "meta": {"profile": [profile(name)]},
        "status": "final",
        "category": [hl7("observation-category", "vital-signs", "Vital Signs")],
        "code": code,
        "subject": file.subject,
        "effectiveDateTime": instant(when),
        "performer": [file.professional()],
        **value,
    }


def blood_pressure(file: File, systolic: int, diastolic: int, when: datetime, *, gp: bool = False) -> Json:
    """A blood pressure with its two components; a practice adds the NHG codes."""
    parts: list[Json] = []
    for loinc, nhg, display, value in (("8480-6", "1744", "systolische bloeddruk", systolic), ("8462-4", "1740", "diastolische bloeddruk", diastolic)):
        codes = [coding(LOINC, loinc, display)] + ([coding(NHG_TABLE_45, nhg, display)] if gp else [])
        parts.append({"code": {"coding": codes}, "valueQuantity": quantity(str(value), "mmHg", "mm[Hg]")})
    return _vital(file, "BloodPressure", concept(LOINC, "85354-9", "bloeddruk"), when, component=parts)


def body_weight(file: File, kilograms: str, when: datetime) -> Json:
    """A body weight, in the decimals in which it was written down."""
    return _vital(file, "BodyWeight", concept(LOINC, "29463-7", "lichaamsgewicht"), when, valueQuantity=quantity(kilograms, "kg"))


def heart_rate(file: File, beats: int, when: datetime) -> Json:
    """A heart rate."""
    return _vital(file, "HeartRate", concept(LOINC, "8867-4", "hartfrequentie"), when, valueQuantity=quantity(str(beats), "/min"))


def social(file: File, name: str, code: str, display: str, answer: Json, when: datetime) -> Json:
    """Social history: tobacco, alcohol, living situation."""
    return {
        "resourceType": "Observation",
        "meta": {"profile": [profile(name)]},
        "status": "final",
        "category": [hl7("observation-category", "social-history", "Social History")],
        "code": snomed(code, display),
        "subject": file.subject,
        "effectiveDateTime": day(when),
        "valueCodeableConcept": answer,
    }


def functional_status(file: File, code: str, display: str, answer: str, when: datetime) -> Json:
    """What a person can do."""
    return {
        "resourceType": "Observation",
        "meta": {"profile": [profile("FunctionalOrMentalStatus")]},
        "status": "final",
        "category": [snomed("118228005", "bevinding betreffende functioneren")],
        "code": snomed(code, display),
        "subject": file.subject,
        "effectiveDateTime": day(when),
        "valueCodeableConcept": {"text": answer},
    }
