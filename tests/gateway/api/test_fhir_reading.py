"""One record or attachment at its holder, and each holder as a FHIR base of its own."""

import base64
from typing import Any

import httpx2
import pytest
from fhir.resources.R4B.bundle import Bundle

from accord.terms.faults import Fault
from tests.gateway.api.conftest import Opened
from tests.gateway.api.fake_region import BSN, SYSTEM, FakeDoor, FakeHolder, encounter, observation, patient

pytestmark = pytest.mark.anyio

LETTER = b'{"resourceType":"DocumentReference","id":"d","status":"current","subject":{"reference":"Patient/p1"},"content":[{"attachment":{"url":"Binary/9"}}]}'
PDF = b"%PDF-1.7 a letter about somebody"


def region() -> list[FakeHolder]:
    files = {("Binary/9", "DocumentReference/d"): ("application/pdf", PDF), ("Binary/10", "DocumentReference/d"): ("text/html; charset=utf-8\r\nx: y", b"<b>")}
    return [
        FakeHolder("alfa", [observation("1", "p1"), encounter("3", "p1"), LETTER], [patient("p1")], files=files),
        FakeHolder("beta", [observation("1", "999911120", day="2020-01-01")], [patient("999911120")]),
    ]


async def opaque_id(client: httpx2.AsyncClient) -> str:
    answer = await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"})
    logical_id: str = answer.json()["entry"][0]["resource"]["id"]
    return logical_id


async def test_a_record_is_read_spliced_in_the_merged_view_and_untouched_at_its_holder(face: Opened) -> None:
    async with face(region()) as client:
        merged = await client.get("Observation/alfa.1")
        own = await client.get("at/alfa/Observation/1")
        exact = await client.get("Observation/alfa.1", headers={"prefer": "noaber-bytes=exact"})

    assert merged.content == observation("alfa.1", "alfa.p1")
    assert own.content == exact.content == observation("1", "p1")
    assert exact.headers["content-location"] == "http://gateway.test/fhir/at/alfa/Observation/1"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("Observation/alfa.2", Fault.NOT_FOUND),
        ("Observation/nobody.1", Fault.UNKNOWN_HOLDER),
        ("Observation/1", Fault.NOT_FOUND),
        ("at/alfa/Observation/2", Fault.NOT_FOUND),
        ("at/nobody/Observation/1", Fault.UNKNOWN_HOLDER),
        ("at/No Body/Observation/1", Fault.UNKNOWN_HOLDER),
        ("at/alfa/Observation/a%2Fb", Fault.NOT_FOUND),
        ("at/alfa", Fault.NOT_FOUND),
        ("Patient/abc", Fault.UNKNOWN_PATIENT_ID),
        ("Unknown/1", Fault.NOT_FOUND),
        ("Binary/alfa.9", Fault.NOT_FOUND),
        ("Binary/alfa.9?record=DocumentReference/beta.d", Fault.NOT_FOUND),
        ("Observation", Fault.NO_PATIENT),
    ],
)
async def test_what_is_not_there_and_what_may_not_be_seen_give_a_fixed_code(face: Opened, path: str, code: Fault) -> None:
    async with face(region()) as client:
        answer = await client.get(path)

    assert answer.status_code == (400 if code is Fault.NO_PATIENT else 404)
    assert answer.json()["issue"][0]["details"]["coding"] == [{"system": "urn:noaber:code", "code": code.value}]


async def test_a_holder_that_cannot_be_asked_for_a_record_is_an_error_of_that_holder(face: Opened) -> None:
    async with face([FakeHolder("alfa", code=Fault.HOLDER_UNREACHABLE)]) as client:
        answer = await client.get("at/alfa/Observation/1")

    assert answer.status_code == 502
    assert "holder-unreachable" in answer.text


async def test_each_holder_is_a_base_of_its_own_where_nobody_else_is_asked(face: Opened) -> None:
    door = FakeDoor(region())
    async with face(door) as client:
        found = await client.post("at/alfa/Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"})
        logical_id = await opaque_id(client)
        door.asked.clear()
        everything = await client.get(f"at/alfa/Patient/{logical_id}/$everything")
        search = await client.get("at/alfa/Observation?patient=Patient/p1&_count=5")
        by_own_id = await client.get("at/alfa/Patient/p1/$everything")
        metadata = await client.get("at/alfa/metadata")

    records: list[dict[str, Any]] = [entry["resource"] for entry in found.json()["entry"] if entry["search"]["mode"] == "match"]
    assert [(record["id"], "meta" in record) for record in records] == [("p1", False)]
    for answer in (everything, search, by_own_id):
        Bundle.model_validate_json(answer.content)
        assert observation("1", "p1") in answer.content
        assert '"fullUrl":"http://gateway.test/fhir/at/alfa/Observation/1"' in answer.text
        assert answer.json()["link"][0]["url"].startswith("http://gateway.test/fhir/at/alfa/")
        assert "beta" not in answer.text
    assert {name.value for query in door.asked for name in query.holders} == {"alfa"}
    assert metadata.json()["implementation"]["url"] == "http://gateway.test/fhir/at/alfa"


@pytest.mark.parametrize("reference", ["alfa.p1", "Patient/alfa.p1", "http://gateway.test/fhir/Patient/alfa.p1", "http://gateway.test/fhir/at/alfa/Patient/p1"])
async def test_a_holders_own_patient_stands_for_the_person_everywhere(face: Opened, reference: str) -> None:
    async with face(region()) as client:
        answer = await client.get("Observation", params={"patient": reference})
        logical_id = await opaque_id(client)
    ids = [entry["resource"]["id"] for entry in answer.json()["entry"] if entry["search"]["mode"] == "match"]

    assert ids == ["alfa.1", "beta.1"]
    assert f"patient={logical_id}" in answer.json()["link"][0]["url"]


async def test_a_patient_that_the_holder_does_not_show_is_an_unknown_patient_id(face: Opened) -> None:
    async with face(region()) as client:
        answers = [await client.get(path) for path in ("Observation?patient=alfa.nobody", "at/alfa/Observation?patient=nobody", "Observation?patient=x")]

    assert {(answer.status_code, answer.json()["issue"][0]["details"]["coding"][0]["code"]) for answer in answers} == {(404, "unknown-patient-id")}


async def test_p13_the_original_of_a_record_is_had_at_its_holder_byte_for_byte(face: Opened) -> None:
    older = b'{ "resourceType": "Observation", "comment": 37.50 }'
    media_type = "application/fhir+json; fhirVersion=3.0"
    holders = region()
    holders[0].files = {**holders[0].files, ("$original", "Observation/1"): (media_type, older)}
    async with face(holders) as client:
        found = await client.get("at/alfa/Observation/1/$original", headers={"accept": "application/fhir+json"})
        head = await client.head("at/alfa/Observation/1/$original")
        missing = [await client.get(path) for path in ("at/alfa/Observation/2/$original", "Observation/alfa.1/$original", "at/beta/Observation/1/$original")]
        posted = await client.post("at/alfa/Observation/1/$original")
        odd = await client.get("at/alfa/Observation/1/$original?code=x")
        described = (await client.get("at/alfa/metadata")).json()["rest"][0]["resource"]
        merged = (await client.get("metadata")).json()["rest"][0]["resource"]

    assert (found.content, found.headers["content-type"]) == (older, media_type)
    assert (head.status_code, head.content) == (200, b"")
    assert [answer.status_code for answer in (*missing, posted, odd)] == [404, 404, 404, 405, 400]
    assert all(any(operation["name"] == "original" for operation in kind["operation"]) for kind in described)
    assert not any(operation["name"] == "original" for kind in merged for operation in kind.get("operation", ()))


async def test_an_attachment_is_fetched_as_it_is_or_as_a_small_fhir_binary(face: Opened) -> None:
    async with face(region()) as client:
        raw = await client.get("Binary/alfa.9?record=DocumentReference/alfa.d", headers={"accept": "application/pdf"})
        own = await client.get("at/alfa/Binary/9", params={"record": "DocumentReference/d"})
        by_header = await client.get("at/alfa/Binary/9", headers={"noaber-record": "DocumentReference/d"})
        wrapped = await client.get("Binary/alfa.9?record=DocumentReference/alfa.d", headers={"accept": "application/fhir+json"})
        head = await client.head("at/alfa/Binary/9?record=DocumentReference/d")
        odd = await client.get("at/alfa/Binary/10?record=DocumentReference/d")
    async with face(region(), binary_json_bytes=10) as client:
        too_large = await client.get("Binary/alfa.9?record=DocumentReference/alfa.d", headers={"accept": "application/fhir+json"})

    for answer in (raw, own, by_header):
        assert (answer.content, answer.headers["content-type"], answer.headers["content-disposition"]) == (PDF, "application/pdf", "attachment")
    assert wrapped.json()["resourceType"] == "Binary"
    assert base64.b64decode(wrapped.json()["data"]) == PDF
    assert (head.status_code, head.content) == (200, b"")
    assert odd.headers["content-type"] == "application/octet-stream"
    assert too_large.status_code == 413
