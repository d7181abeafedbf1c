"""The FHIR view: an AuditEvent that others can read, with what its reader may see and no more."""

import base64
import json
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from accord.audit.balp import audit_event, audit_event_json
from accord.audit.content import Event, Result
from accord.audit.events import Started
from accord.audit.showing import Reader
from tests.accord.audit.scenes import ASKING, NOON, PATIENT, SYSTEM, closing, decision, glass_broken, refused, release

STAMP: dict[str, Any] = {"moment": NOON, "system": SYSTEM}
EVENTS: list[Event] = [
    decision(**STAMP),
    decision(result=Result.REFUSED, released=(), **STAMP),
    release(**STAMP),
    closing(**STAMP),
    glass_broken(**STAMP),
    refused(**STAMP),
]


@pytest.mark.parametrize("reader", Reader)
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_e6_it_is_a_valid_audit_event_of_fhir(event: Event, reader: Reader) -> None:
    written = audit_event_json(event, reader)
    if written is None:
        assert reader is Reader.OTHER_PARTY
        return

    read = AuditEvent.model_validate_json(written)

    assert read.recorded is not None
    assert read.recorded.timestamp() * 1000 == NOON
    assert read.entity is not None
    assert [entity.role.code for entity in read.entity if entity.role is not None][:1] == ["1"]


def test_a_question_is_a_patient_query_and_a_batch_a_patient_read() -> None:
    asked, given = (audit_event(event, Reader.REVIEWER) for event in (decision(**STAMP), release(**STAMP)))
    assert asked is not None
    assert given is not None

    assert (asked["action"], asked["subtype"][0]["code"]) == ("E", "search")
    assert asked["meta"]["profile"] == ["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery"]
    assert (given["action"], given["subtype"][0]["code"]) == ("R", "read")
    assert given["meta"]["profile"] == ["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"]
    # What BALP asks of both: who sent, who answered, who got it, the patient, and the question or the data.
    for made in (asked, given):
        assert [agent["type"]["coding"][0]["code"] for agent in made["agent"]] == ["110153", "110152", "IRCP", "custodian"]
        assert [agent["requestor"] for agent in made["agent"]] == [False, False, True, False]
        assert made["entity"][0]["what"]["identifier"]["value"] == PATIENT
        assert made["entity"][-1]["what"]["identifier"]["value"] == "q1"
    assert [entity["what"]["display"] for entity in given["entity"] if entity.get("role", {}).get("code") == "4"] == [
        "MedicationStatement/1", "MedicationStatement/2",
    ]  # fmt: skip
    (query,) = [entity["query"] for entity in asked["entity"] if "query" in entity]
    assert base64.b64decode(query) == b"category=MedicationUse"


def test_what_was_refused_claims_no_profile_of_success() -> None:
    made = audit_event(refused(**STAMP), Reader.REVIEWER)

    assert made is not None
    assert "meta" not in made
    assert (made["outcome"], made["outcomeDesc"]) == ("4", "token-invalid")


def test_broken_glass_has_its_own_purpose() -> None:
    made = audit_event(glass_broken(**STAMP), Reader.PATIENT)

    assert made is not None
    assert made["purposeOfEvent"][0]["coding"][0]["code"] == "ETREAT"


def test_the_patient_and_the_operator_find_no_number_of_a_person_in_it() -> None:
    for reader in (Reader.PATIENT, Reader.OPERATOR):
        for event in EVENTS:
            text = json.dumps(audit_event(event, reader))
            assert PATIENT not in text
            assert ASKING.professional not in text
            assert "MedicationStatement" not in text


def test_what_is_about_no_question_is_no_audit_event() -> None:
    assert audit_event(Started(), Reader.REVIEWER) is None
