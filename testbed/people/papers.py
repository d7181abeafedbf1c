"""Letters with their bytes, insurance, and aids that a person uses."""

from base64 import b64encode
from datetime import datetime

from testbed.people.desk import File
from testbed.people.wording import LOINC, Json, concept, day, hl7, instant, profile, snomed


def add_letter(file: File, title: str, text: str, when: datetime, *, status: str = "current", replaces: str | None = None) -> str:
    """Put a letter in the file: a Binary with the bytes, and the DocumentReference that points to it."""
    content = text.encode("utf-8")
    binary = file.add(
        {
            "resourceType": "Binary",
            "contentType": "text/plain; charset=utf-8",
            "securityContext": file.subject,
            "data": b64encode(content).decode("ascii"),
        },
        when,
    )
    attachment = {"contentType": "text/plain; charset=utf-8", "language": "nl", "url": binary, "size": len(content), "title": title, "creation": instant(when)}
    letter: Json = {
        "resourceType": "DocumentReference",
        "status": status,
        "docStatus": "final",
        "type": concept(LOINC, "83981-1", "brief", text=title),
        "category": [concept(LOINC, "11488-4", "consultverslag")],
        "subject": file.subject,
        "date": instant(when),
        "author": [file.professional()],
        "custodian": {"reference": file.desk.organisation},
        "content": [{"attachment": attachment}],
    }
    if replaces is not None:
        letter["relatesTo"] = [{"code": "replaces", "target": {"reference": replaces}}]
    return file.add(letter, when)


def coverage(file: File, since: datetime) -> Json:
    """The insurance, with an insurer that belongs to no patient."""
    insurer = file.desk.once(
        "insurer",
        {
            "resourceType": "Organization",
            "meta": {"profile": [profile("Payer-Organization")]},
            "identifier": [{"system": "urn:oid:2.16.840.1.113883.2.4.6.4", "value": "9990"}],
            "name": "Onderlinge De Deel",
        },
    )
    return {
        "resourceType": "Coverage",
        "meta": {"profile": [profile("Payer.InsuranceCompany")]},
        "status": "active",
        "type": hl7("v3-ActCode", "HIP", "health insurance plan policy"),
        "subscriberId": f"DD{file.who.bsn[-6:]}",
        "beneficiary": file.subject,
        "period": {"start": day(since)},
        "payor": [{"reference": insurer}],
    }


def aid(file: File, code: str, display: str, since: datetime) -> Json:
    """An aid in use; the kind of device is a record that belongs to no patient."""
    device = file.desk.once(
        f"device {code}",
        {"resourceType": "Device", "meta": {"profile": [profile("MedicalDevice.Product")]}, "status": "active", "type": snomed(code, display)},
    )
    return {
        "resourceType": "DeviceUseStatement",
        "meta": {"profile": [profile("MedicalDevice")]},
        "status": "active",
        "subject": file.subject,
        "timingPeriod": {"start": day(since)},
        "device": {"reference": device},
    }
