"""Medication as four holders see it: agreed, instructed, handed out, used (MP9 building blocks)."""

from datetime import datetime, timedelta

from testbed.people.catalogue import Medicine
from testbed.people.desk import File
from testbed.people.wording import ATC, NICTIZ, UCUM, Json, concept, day, extension, instant, number, snomed


def _treatment(medicine: Medicine, file: File) -> Json:
    """The pharmaceutical treatment to which agreement, instruction and hand-out belong."""
    value = {"system": "urn:oid:2.999.2026.2", "value": f"MBH-{file.who.bsn[-4:]}-{medicine.product}"}
    return extension("ext-PharmaceuticalTreatment.Identifier", valueIdentifier=value)


def _of_use(since: datetime) -> Json:
    return extension("ext-TimeInterval.Period", valuePeriod={"start": day(since)})


def _dosage(medicine: Medicine) -> list[Json]:
    """The dosage in words and in numbers."""
    dose = {"value": number(medicine.dose), "unit": "stuk", "system": UCUM, "code": "1"}
    timing = {"repeat": {"frequency": medicine.times, "period": 1, "periodUnit": "d"}}
    return [{"text": medicine.directions, "timing": timing, "route": snomed("26643006", "oraal"), "doseAndRate": [{"doseQuantity": dose}]}]


def agreement(file: File, medicine: Medicine, since: datetime, *, status: str = "active") -> Json:
    """Medicatieafspraak: what prescriber and patient agreed."""
    return {
        "resourceType": "MedicationRequest",
        "meta": {"profile": [f"{NICTIZ}/mp-MedicationAgreement"]},
        "extension": [_of_use(since), _treatment(medicine, file)],
        "identifier": [{"system": f"http://{file.desk.holder.name}.example/fhir/NamingSystem/afspraak", "value": f"MA-{file.who.bsn[-4:]}-{medicine.product}"}],
        "status": status,
        "intent": "order",
        "category": [snomed("33633005", "medicatieafspraak")],
        "medicationReference": {"reference": file.desk.product(medicine), "display": medicine.name},
        "subject": file.subject,
        "authoredOn": day(since),
        "requester": file.professional(),
        "dosageInstruction": _dosage(medicine),
    }


def instruction(file: File, medicine: Medicine, since: datetime) -> Json:
    """Toedieningsafspraak: how the pharmacy instructs its use."""
    return {
        "resourceType": "MedicationDispense",
        "meta": {"profile": [f"{NICTIZ}/mp-AdministrationAgreement"]},
        "extension": [_of_use(since), _treatment(medicine, file)],
        "status": "in-progress",
        "category": snomed("422037009", "toedieningsafspraak"),
        "medicationReference": {"reference": file.desk.product(medicine), "display": medicine.name},
        "subject": file.subject,
        "performer": [{"actor": {"reference": file.desk.organisation}}],
        "dosageInstruction": _dosage(medicine),
    }


def hand_out(file: File, medicine: Medicine, when: datetime) -> Json:
    """Medicatieverstrekking: what was handed out, for ninety days."""
    amount = {"value": number(str(90 * medicine.times)), "unit": "stuk", "system": UCUM, "code": "1"}
    return {
        "resourceType": "MedicationDispense",
        "meta": {"profile": [f"{NICTIZ}/mp-MedicationDispense"]},
        "extension": [_treatment(medicine, file)],
        "status": "completed",
        "category": snomed("373784005", "medicatieverstrekking"),
        "medicationReference": {"reference": file.desk.product(medicine), "display": medicine.name},
        "subject": file.subject,
        "performer": [{"actor": {"reference": file.desk.organisation}}],
        "quantity": amount,
        "daysSupply": {"value": number("90"), "unit": "dagen", "system": UCUM, "code": "d"},
        "whenHandedOver": instant(when + timedelta(days=1)),
    }


def used(file: File, medicine: Medicine, when: datetime, *, status: str = "active") -> Json:
    """Medicatiegebruik: what the patient says to take."""
    return {
        "resourceType": "MedicationStatement",
        "meta": {"profile": [f"{NICTIZ}/mp-MedicationUse2"]},
        "extension": [_treatment(medicine, file)],
        "status": status,
        "category": snomed("422979000", "medicatiegebruik"),
        "medicationCodeableConcept": concept(ATC, medicine.atc, medicine.name, text=medicine.name),
        "subject": file.subject,
        "effectivePeriod": {"start": day(when)},
        "dateAsserted": day(when),
        "informationSource": file.subject,
        "dosage": _dosage(medicine),
    }
