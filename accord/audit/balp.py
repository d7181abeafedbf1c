"""An event as a FHIR R4 AuditEvent, after IHE BALP (Basic Audit Log Patterns): a patient's data was asked for, or read.

It is made of what the reader may see and of nothing else. The profiles for success are claimed only for what succeeded; a
refused question is a plain AuditEvent with an outcome. What was searched for is not in the journal: its place is taken by
the categories of data.
"""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import json

from accord.audit.content import AboutPatient, Event, Result
from accord.audit.events import RefusedQuestion, Release
from accord.audit.showing import Reader, shown
from accord.terms.identifiers import URA_SYSTEM

_PROFILE: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_TERMS: Final = "http://terminology.hl7.org/CodeSystem/"
_REASON: Final = f"{_TERMS}v3-ActReason"
_ROLE: Final = "http://fhir.nl/fhir/NamingSystem/uzi-rolcode"
_UZI: Final = "http://fhir.nl/fhir/NamingSystem/uzi"
#: Patients under the journal's own key: of use to nobody who does not have the journal.
PSEUDONYM_SYSTEM: Final = "urn:noaber:journal-pseudonym"
_OUTCOMES: Final = {Result.DONE: ("0", "Success"), Result.PARTLY: ("4", "Minor failure"), Result.REFUSED: ("4", "Minor failure")}
_SERIOUS: Final = ("8", "Serious failure")

_Json = dict[str, Any]


def audit_event(event: Event, reader: Reader) -> _Json | None:
    """The event as *reader* may see it; none where they may not, and for what is not about a question on a patient."""
    seen = shown(event, reader)
    if seen is None or not isinstance(event, AboutPatient | RefusedQuestion):
        return None
    read = isinstance(event, Release)
    code, display = _OUTCOMES.get(event.result, _SERIOUS)
    made: _Json = {"resourceType": "AuditEvent"}
    if event.result is Result.DONE:
        made["meta"] = {"profile": [_PROFILE + ("PatientRead" if read else "PatientQuery")]}
    return made | {
        "type": _coding(f"{_TERMS}audit-event-type", "rest", "Restful Operation"),
        "subtype": [
            _coding("http://hl7.org/fhir/restful-interaction", "read" if read else "search", "read" if read else "search"),
            # What kind of event it is to NEN 7513 and to us.
            _coding(_DCM, seen["code"]),
            _coding("urn:noaber:journal-event", seen["event"]),
        ],
        "action": seen["action"],
        "recorded": datetime.fromtimestamp(seen["moment"] / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "outcome": code,
        "outcomeDesc": seen.get("fault") or display,
        "purposeOfEvent": [{"coding": [_coding(_REASON, _purpose(seen))]}],
        "agent": _agents(seen),
        "source": {
            "observer": {"display": seen["system"] or "unknown"},
            "type": [_coding(f"{_TERMS}security-source-type", "4", "Application Server")],
        },
        "entity": _entities(seen, read=read),
    }


def audit_event_json(event: Event, reader: Reader) -> bytes | None:
    """The same as JSON."""
    made = audit_event(event, reader)
    return None if made is None else json.encode(made)


def _purpose(seen: _Json) -> str:
    return "ETREAT" if seen.get("emergency") else str(seen.get("asking", {}).get("purpose", "TREAT"))


def _agents(seen: _Json) -> list[_Json]:
    """The channel, the holder, and the person with their organisation."""
    asking = seen.get("asking", {})
    agents = [
        {"type": {"coding": [_coding(_DCM, "110153", "Source Role ID")]}, "who": _organisation(seen.get("peer") or asking.get("user", "")), "requestor": False},
        {"type": {"coding": [_coding(_DCM, "110152", "Destination Role ID")]}, "who": _organisation(seen.get("holder", "")), "requestor": False},
    ]
    if not asking:
        return agents
    who: _Json = {"display": asking.get("professional_name") or "a professional"}
    if number := asking.get("professional"):
        who["identifier"] = {"system": _UZI, "value": number}
    person: _Json = {"type": {"coding": [_coding(f"{_TERMS}v3-ParticipationType", "IRCP", "information recipient")]}, "who": who, "requestor": True}
    if role := asking.get("role"):
        person["role"] = [{"coding": [_coding(_ROLE, role)]}]
    if policies := [policy for policy in (seen.get("basis"), *seen.get("evidence", ())) if policy]:
        person["policy"] = [f"urn:noaber:basis:{policy}" for policy in policies]
    agents.append(person)
    if user := asking.get("user"):
        agents.append({
            "type": {"coding": [_coding("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian")]},
            "who": {**_organisation(user), "display": asking.get("user_name") or user},
            "requestor": False,
        })  # fmt: skip
    return agents


def _organisation(ura: str) -> _Json:
    return {"identifier": {"system": URA_SYSTEM, "value": ura}} if ura else {"display": "unknown"}


def _entities(seen: _Json, *, read: bool) -> list[_Json]:
    """The patient, what was asked for or given, and the question that ties the lines of all parties together."""
    patient: _Json = {"type": "Patient"}
    if pseudonym := seen.get("patient"):
        patient["identifier"] = {"system": PSEUDONYM_SYSTEM, "value": pseudonym}
    else:
        patient["display"] = "the patient"
    categories = [*seen.get("released", ()), *seen.get("categories", ())]
    system = _coding(f"{_TERMS}audit-entity-type", "2", "System Object")
    entities: list[_Json] = [
        {
            "what": patient,
            "type": _coding(f"{_TERMS}audit-entity-type", "1", "Person"),
            "role": _coding(f"{_TERMS}object-role", "1", "Patient"),
        }
    ]
    if read:
        names = seen.get("records") or [f"{' '.join(categories) or 'records'}"]
        domain = _coding(f"{_TERMS}object-role", "4", "Domain Resource")
        entities += [{"what": {"display": name}, "type": system, "role": domain} for name in names]
    else:
        query = "category=" + ",".join(categories)
        entities.append({"type": system, "role": _coding(f"{_TERMS}object-role", "24", "Query"), "query": b64encode(query.encode()).decode()})
    if question := seen.get("query"):
        transaction = _coding("https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "XrequestId")
        entities.append({"what": {"identifier": {"value": question}}, "type": transaction})
    return entities


def _coding(system: str, code: str, display: str = "") -> _Json:
    return {"system": system, "code": code, "display": display} if display else {"system": system, "code": code}
