"""A patient of whom there is too much of everything, at a region of which half is not heard."""

from random import Random
from typing import Any

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from gateway.ports import DossierEvent
from tests.gateway.viewer.night import batch, closed, ended, holder, patient, planned, result, said


def words(random: Random, number: int) -> str:
    return " ".join("".join(random.choice("aeionrstldgkvm") for _ in range(random.randint(3, 12))) for _ in range(number)).capitalize()


def stuffed(seed: int) -> tuple[DossierEvent, ...]:
    """A patient of whom there is too much of everything, at a region of which half is not heard."""
    random = Random(seed)
    heard = [holder(f"heard{at}", title=f"Ziekenhuis {words(random, random.randint(1, 3))}") for at in range(4)]
    gone = [
        holder(f"gone{at}", title=f"Zorggroep {words(random, random.randint(1, 3))}", telephone=f"074-555 01{at:02}") for at in range(random.randint(0, 14))
    ]
    subject, person = {"reference": "Patient/1"}, {"patient": {"reference": "Patient/1"}}
    events: list[DossierEvent] = [planned(*heard, *gone)]
    for at, one in enumerate(heard):
        records: list[Any] = [patient(name=f"{words(random, 2)} {words(random, 2)}", born=f"1942-03-{14 + at % 2}")]
        for number in range(12):
            text, more = {"text": words(random, random.randint(1, 5))}, {"id": f"r{at}-{number}"}
            drug = {"text": f"apixaban {words(random, 2)}", "coding": [{"system": "http://www.whocc.no/atc", "code": "B01AF02"}]} if number < 3 else text
            dose = [{"text": words(random, random.randint(2, 60)), "doseAndRate": [{"doseQuantity": {"value": number + at, "unit": "mg"}}]}]
            verified = {"coding": [{"code": random.choice(["confirmed", "refuted"])}]}
            allergy = {"text": f"stof {number % 3}"} if number < 6 else text
            records += [
                {"resourceType": "AllergyIntolerance", **more, **person, "code": allergy, "verificationStatus": verified, "note": [text]},
                {"resourceType": "Condition", **more, "subject": subject, "code": text, "clinicalStatus": {"coding": [{"code": "active"}]}},
                {"resourceType": "MedicationRequest", **more, "subject": subject, "status": "active", "intent": "order", "authoredOn": "2026-01-01",
                 "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "33633005"}]}], "medicationCodeableConcept": drug, "dosageInstruction": dose},
                {"resourceType": "RelatedPerson", **more, **person, "name": [{"text": words(random, 3)}],
                 "relationship": [{"coding": [{"code": "RESPRSN"}]}], "telecom": [{"system": "phone", "value": "06-555 00017"}]},
                {"resourceType": "Consent", **more, **person, "status": "active", "dateTime": "2026-11-07",
                 "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]},
                 "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "129125009"}]}],
                 "provision": {"code": [{"coding": [{"system": "http://snomed.info/sct", "code": random.choice(WISHES)}]}]},
                 "modifierExtension": [{"url": "http://nictiz.nl/fhir/StructureDefinition/ext-TreatmentDirective2.SpecificationOther",
                                        "valueString": words(random, random.randint(3, 200))}]},
            ]  # fmt: skip
        events += [said(one.name.value, *records), closed(one.name.value)]
        events.append(batch(one.name.value, [result(at * 10 + number, f"{30 + number}", f"2026-0{number + 1}-01") for number in range(6)]))
    return ended([*events, *(closed(one.name.value, Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE) for one in gone)])


WISHES = ("89666000", "305351004", "40617009", "116762002", "281789004", "32485007")
