"""Contacts, procedures, referrals, vaccinations and what is planned, as records."""

from datetime import datetime

from testbed.people.desk import File
from testbed.people.wording import ATC, TERMINOLOGY, Json, coding, concept, day, instant, period, profile, snomed


def encounter(file: File, code: str, display: str, start: datetime, *, end: datetime | None = None, reason: str | None = None) -> Json:
    """A contact of a class of HL7's ActCode; open while it has no end."""
    record: Json = {
        "resourceType": "Encounter",
        "meta": {"profile": [profile("Encounter")]},
        "status": "in-progress" if end is None else "finished",
        "class": coding(f"{TERMINOLOGY}/v3-ActCode", code, display),
        "subject": file.subject,
        "participant": [{"individual": file.professional(start.day)}],
        "period": period(start, end),
        "location": [{"location": {"reference": file.desk.location}}],
        "serviceProvider": {"reference": file.desk.organisation},
    }
    if reason is not None:
        record["reasonReference"] = [{"reference": reason}]
    return record


def episode(file: File, condition: str, since: datetime) -> Json:
    """An episode of care around a problem."""
    return {
        "resourceType": "EpisodeOfCare",
        "meta": {"profile": [profile("EpisodeOfCare")]},
        "status": "active",
        "diagnosis": [{"condition": {"reference": condition}}],
        "patient": file.subject,
        "managingOrganization": {"reference": file.desk.organisation},
        "period": {"start": day(since)},
    }


def procedure(file: File, code: str, display: str, when: datetime) -> Json:
    """Something that was done."""
    return {
        "resourceType": "Procedure",
        "meta": {"profile": [profile("Procedure-event")]},
        "status": "completed",
        "category": snomed("387713003", "chirurgische verrichting"),
        "code": snomed(code, display),
        "subject": file.subject,
        "performedPeriod": {"start": instant(when)},
        "performer": [{"actor": file.professional(when.day)}],
    }


def request(file: File, code: str, display: str, when: datetime, *, planned: datetime | None = None) -> Json:
    """A referral or a planned procedure."""
    record: Json = {
        "resourceType": "ServiceRequest",
        "meta": {"profile": [profile("Procedure-request")]},
        "status": "active",
        "intent": "order",
        "code": snomed(code, display),
        "subject": file.subject,
        "authoredOn": day(when),
        "requester": file.professional(),
    }
    if planned is not None:
        record["occurrenceDateTime"] = day(planned)
    return record


def vaccination(file: File, vaccine: tuple[str, str], when: datetime) -> Json:
    """A vaccination that was given."""
    return {
        "resourceType": "Immunization",
        "meta": {"profile": [profile("Vaccination-event")]},
        "status": "completed",
        "vaccineCode": concept(ATC, *vaccine),
        "patient": file.subject,
        "occurrenceDateTime": day(when),
        "performer": [{"actor": {"reference": file.desk.organisation}}],
    }


def care_team(file: File, since: datetime) -> Json:
    """Who looks after the person."""
    members = [{"member": file.professional(turn)} for turn in range(2)] + [{"member": file.subject}]
    return {
        "resourceType": "CareTeam",
        "meta": {"profile": [profile("CareTeam")]},
        "status": "active",
        "name": f"Zorgteam {file.desk.holder.title}",
        "subject": file.subject,
        "period": {"start": day(since)},
        "participant": members,
    }


def care_plan(file: File, title: str, activity: str, since: datetime, *, goals: tuple[str, ...] = ()) -> Json:
    """A plan of care or of help, with what is done."""
    return {
        "resourceType": "CarePlan",
        "meta": {"profile": [profile("HelpFromOthers")]},
        "status": "active",
        "intent": "plan",
        "category": [snomed("243114000", "ondersteuning")],
        "title": title,
        "subject": file.subject,
        "period": {"start": day(since)},
        **({"goal": [{"reference": goal} for goal in goals]} if goals else {}),
        "activity": [{"detail": {"status": "in-progress", "description": activity}}],
    }


def nutrition(file: File, diet: str, when: datetime) -> Json:
    """An advice on food."""
    return {
        "resourceType": "NutritionOrder",
        "meta": {"profile": [profile("NutritionAdvice")]},
        "status": "active",
        "intent": "order",
        "patient": file.subject,
        "dateTime": instant(when),
        "orderer": file.professional(),
        "oralDiet": {"type": [{"text": diet}]},
    }
