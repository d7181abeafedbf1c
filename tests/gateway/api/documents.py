"""Documents in tests: holders with something for every kind of section, and reading as a receiver does."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from accord.terms.vocabulary import HolderKind
from tests.gateway.api.fake_region import BSN, SYSTEM, FakeHolder, observation, patient

Json = dict[str, Any]
BASE = "http://gateway.test/fhir"


def resources(bundle: Json) -> dict[str, Json]:
    """The resources of a document by their address."""
    return {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}


def composition(bundle: Json) -> Json:
    """The Composition, which comes first."""
    first: Json = bundle["entry"][0]["resource"]
    assert first["resourceType"] == "Composition"
    return first


def sections(bundle: Json) -> dict[str, Json]:
    """The sections by code, without the account."""
    found = {section["code"]["coding"][0]["code"]: section for section in composition(bundle)["section"]}
    assert found.pop("completeness")["entry"]
    return found


def entries(section: Json) -> list[str]:
    """What a section refers to."""
    return [entry["reference"] for entry in section.get("entry", [])]


def reason(section: Json) -> str:
    """The code of why it is empty; empty when it is not."""
    codes = [coding["code"] for coding in section.get("emptyReason", {}).get("coding", [])]
    return "".join(codes)


def references(node: Any) -> Iterator[str]:
    """Every reference in a resource."""
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolved(full_url: str, reference: str) -> str:
    """Where a reference in the resource at an address leads to, by the rule of FHIR for Bundles."""
    if reference.startswith(("http:", "https:", "urn:")):
        return reference
    match = re.fullmatch(r"(.*)/[A-Za-z]+/[A-Za-z0-9.-]{1,64}", full_url)
    assert match is not None
    return f"{match[1]}/{reference.partition('/_history/')[0]}"


def timeless(answer: httpx2.Response) -> str:
    """A document without what differs from question to question."""
    return re.sub(r"Noaber-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.+Z]*|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}", "", answer.text)


def parameters(**values: str) -> str:
    """The body of an operation."""
    return json.dumps({"resourceType": "Parameters", "parameter": [{"name": name, "valueString": value} for name, value in values.items()]})


def record(kind: str, logical_id: str, owner: str = "p1", **more: Any) -> bytes:
    """A record of a type, with its owner."""
    subject = "patient" if kind in ("AllergyIntolerance", "Consent", "Immunization", "RelatedPerson") else "subject"
    return json.dumps({"resourceType": kind, "id": logical_id, subject: {"reference": f"Patient/{owner}"}, **more}).encode()


def coded(code: str, system: str = "http://snomed.info/sct") -> dict[str, Any]:
    """A concept of one code."""
    return {"coding": [{"system": system, "code": code}]}


def gp() -> FakeHolder:
    """A GP practice with wishes, a goal, a contact, a choice about sharing, medication and a result."""
    wishes = [
        record(
            "Consent", "c1", status="active", scope=coded("treatment", "x"), category=[coded("129125009")], dateTime="2024-01-01", provision={"type": "deny"}
        ),
        record("Observation", "w1", status="final", code=coded("395091006"), valueCodeableConcept={"text": "thuis"}),
        record("Goal", "g1", lifecycleStatus="active", description=coded("713148004")),
        record("RelatedPerson", "r1", name=[{"text": "Gert"}]),
        record("Consent", "privacy", status="active", scope=coded("patient-privacy", "x"), category=[coded("59284-0", "http://loinc.org")]),
    ]
    medication = b'{"resourceType":"Medication","id":"m1","code":{"text":"apixaban"}}'
    used = record("MedicationStatement", "s1", status="active", medicationReference={"reference": "Medication/m1"}, effectiveDateTime="2024-01-01")
    return FakeHolder("gp", [*wishes, medication, used, observation("o1", "p1")], [patient("p1")], kind=HolderKind.GP_PRACTICE)


def pharmacy(**more: Any) -> FakeHolder:
    """A pharmacy that shows nothing."""
    return FakeHolder("pharmacy", kind=HolderKind.PHARMACY, **more)


def silent_pharmacy() -> FakeHolder:
    """A pharmacy that is not heard in time."""
    return pharmacy(ending=Ending.TOO_LATE, code=Fault.HOLDER_SILENT)


async def opaque_id(client: httpx2.AsyncClient) -> str:
    """The id of the person at this gateway."""
    found = await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"})
    logical_id: str = found.headers["noaber-patient"]
    return logical_id


async def asked(client: httpx2.AsyncClient, operation: str = "$summary", **headers: str) -> httpx2.Response:
    """A document, in English unless the headers say otherwise."""
    return await client.get(f"Patient/{await opaque_id(client)}/{operation}", headers={"accept-language": "en", **headers})


def codes(outcome: dict[str, Any]) -> set[str]:
    """All codes in an OperationOutcome."""
    return {coding["code"] for issue in outcome["issue"] for coding in issue["details"]["coding"]}
