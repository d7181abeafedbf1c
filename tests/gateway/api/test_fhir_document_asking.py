"""How a document is asked for: by whom, about whom, within which bounds, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fhir.resources.R4B.operationdefinition import OperationDefinition

from accord.terms.answers import Ending
from accord.terms.faults import Fault, Unavailable
from accord.terms.limits import MIB
from accord.terms.queries import Selection
from accord.terms.vocabulary import CareCategory
from gateway.api.fhir_app import FhirApp
from gateway.api.http_settings import HttpSettings
from gateway.api.outcomes import STATUS
from gateway.dossier.documents.kinds import PLANS
from tests.gateway.api import documents
from tests.gateway.api.conftest import Opened
from tests.gateway.api.documents import (
    BASE,
    asked,
    codes,
    gp,
    opaque_id,
    resources,
    silent_pharmacy,
)
from tests.gateway.api.fake_callers import FakeCallers
from tests.gateway.api.fake_region import BSN, SYSTEM, FakeDoor, FakeHolder

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/fhir+json"}


@pytest.mark.parametrize("operation", ["$summary", "$planning-ahead"])
async def test_p8_where_nobody_was_heard_there_is_an_error_and_no_document(face: Opened, operation: str) -> None:
    door = FakeDoor([silent_pharmacy(), FakeHolder("beta", ending=Ending.UNREACHABLE, code=Fault.HOLDER_UNREACHABLE)])
    nobody = FakeDoor([gp()], failure=Unavailable(Fault.NO_HOLDERS_ELIGIBLE))
    async with face(door, key=b"k" * 64) as client, face([gp()], key=b"k" * 64) as well, face(nobody, key=b"k" * 64) as alone:
        path = f"Patient/{await opaque_id(well)}/{operation}"
        failed, none_left = await client.get(path), await alone.get(path)

    assert failed.status_code == 502
    assert {"all-holders-failed", "pharmacy", "beta"} <= codes(failed.json())
    assert (none_left.status_code, codes(none_left.json())) == (503, {"no-holders-eligible"})


async def test_a_client_that_takes_no_part_gets_an_error_or_everything(face: Opened) -> None:
    async with face([gp(), silent_pharmacy()]) as client, face([gp()]) as whole, face([gp(), silent_pharmacy()], strict_clients=True, key=b"k" * 64) as strict:
        refused = await asked(client, prefer="noaber-partial=refuse")
        path = f"Patient/{(await strict.post('Patient/$summary', data={'identifier': f'{SYSTEM}|{BSN.value}'}, headers={'prefer': 'noaber-partial=show'})).headers['noaber-patient']}"

        assert refused.status_code == 503
        assert {"partial-not-accepted", "pharmacy"} <= codes(refused.json())
        assert (await asked(whole, prefer="noaber-partial=refuse")).status_code == 200
        assert (await strict.get(f"{path}/$planning-ahead")).status_code == 503


@pytest.mark.parametrize("bound", [{"document_bytes": 500}, {"document_records": 3}])
async def test_p7_a_document_has_a_bound_and_says_what_to_do_beyond_it(face: Opened, bound: dict[str, int]) -> None:
    async with face([gp()], **bound) as client:
        answer = await asked(client)

    assert answer.status_code == 422
    assert codes(answer.json()) == {"document-too-large"}
    assert "$everything" in answer.json()["issue"][0]["details"]["text"]


async def test_p7_all_documents_together_have_a_bound_that_is_free_again_after_each(face: Opened) -> None:
    # A summary does not ask who is related to whom.
    whole = sum(len(text) for text in (*gp().records, *gp().patients) if b"RelatedPerson" not in text)
    async with face([gp()], documents_bytes=whole) as client, face([gp()], documents_bytes=whole - 1) as cramped:
        answers = [await asked(client) for _ in range(3)]
        refused = [await asked(cramped) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [(answer.status_code, codes(answer.json()), answer.headers["retry-after"]) for answer in refused] == [(503, {"too-many-questions"}, "1")] * 2


async def test_whom_it_is_about_may_be_told_by_number_in_the_body_and_never_in_the_url(face: Opened) -> None:
    number = f"{SYSTEM}|{BSN.value}"
    identifier = json.dumps({"resourceType": "Parameters", "parameter": [{"name": "identifier", "valueIdentifier": {"system": SYSTEM, "value": BSN.value}}]})
    door = FakeDoor([gp()])
    async with face(door) as client:
        answers = [
            await client.post("Patient/$summary", data={"identifier": number, "birthdate": "1950-01-02"}),
            await client.post("Patient/$summary", content=documents.parameters(identifier=number), headers=JSON),
            await client.post("Patient/$planning-ahead", content=identifier, headers=JSON),
        ]
        born = door.asked[0].birth_date
        refused = await client.post(f"Patient/$summary?identifier={number}")
        by_id = await client.get(f"Patient/{answers[0].headers['noaber-patient']}/$summary")

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert born is not None
    assert (refused.status_code, codes(refused.json())) == (400, {"bsn-in-url"})
    assert by_id.status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("{id}/$summary?_elements=id", 400, "unknown-parameter"),
        ("{id}/$summary?_count=10", 400, "unknown-parameter"),
        ("{id}/$summary?identifier=urn:x%7C1", 400, "unknown-parameter"),
        ("{id}/$summary?profile=http://example.org/ips", 400, "invalid-parameter"),
        ("{id}/$summary?_format=xml", 406, "unsupported-format"),
        ("nobody/$summary", 404, "unknown-patient-id"),
        (BSN.value + "/$planning-ahead", 400, "bsn-in-url"),
        ("$summary", 405, "method-not-allowed"),
        ("{id}/$unheard-of", 404, "not-found"),
    ],
)
async def test_what_is_not_supported_is_refused_with_its_code(face: Opened, path: str, status: int, code: str) -> None:
    async with face([gp()]) as client:
        answer = await client.get(f"Patient/{path.format(id=await opaque_id(client))}")

    assert (answer.status_code, codes(answer.json())) == (status, {code})


async def test_what_is_left_out_for_a_lenient_client_stands_in_the_account(face: Opened) -> None:
    async with face([gp()]) as client:
        bundle = (await client.get(f"Patient/{await opaque_id(client)}/$summary?unheard=of", headers={"prefer": "handling=lenient"})).json()

    assert any(codes(one) == {"unknown-parameter"} for one in resources(bundle).values() if one["resourceType"] == "OperationOutcome")


@pytest.mark.parametrize(
    "narrowing",
    [{"may_ask": Selection(types=frozenset({"Observation"}))}, {"categories": frozenset({CareCategory.CONDITION, CareCategory.OBSERVATION_EXAM})}],
)
async def test_a_caller_who_may_ask_for_a_part_only_gets_no_document(narrowing: dict[str, Any]) -> None:
    # SMART scopes and mandates take away; a section that was never asked would say that nothing was shown there.
    told, door = HttpSettings(public_url="http://gateway.test"), FakeDoor([gp()])
    callers = replace(FakeCallers.of(told), **narrowing)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(FhirApp(door, callers, told)), base_url=BASE) as client:
        answer = await client.post("/Patient/$summary", data={"identifier": f"{SYSTEM}|{BSN.value}"})

    assert (answer.status_code, codes(answer.json())) == (403, {"question-widened"})
    assert not door.asked


async def test_a_mandate_for_all_that_a_document_asks_is_enough() -> None:
    told = HttpSettings(public_url="http://gateway.test")
    for plan in PLANS.values():
        callers = replace(FakeCallers.of(told), categories=plan.asks)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(FhirApp(FakeDoor([gp()]), callers, told)), base_url=BASE) as client:
            answer = await client.post(f"/Patient/${plan.name}", data={"identifier": f"{SYSTEM}|{BSN.value}"})

        assert answer.status_code == 200


async def test_the_capability_statement_names_both_and_their_definitions_are_there(face: Opened) -> None:
    async with face([gp()]) as client:
        statement, at_holder = (await client.get("metadata")).json(), (await client.get("at/gp/metadata")).json()
        definitions = [await client.get(f"OperationDefinition/noaber-{name}") for name in ("summary", "planning-ahead")]
        unknown = await client.get("OperationDefinition/other")

    def operations(told: dict[str, Any]) -> set[str]:
        (described,) = [kind for kind in told["rest"][0]["resource"] if kind["type"] == "Patient"]
        return {operation["name"] for operation in described["operation"]}

    assert {"summary", "planning-ahead", "everything"} <= operations(statement)
    assert not {"summary", "planning-ahead"} & operations(at_holder)
    for definition in definitions:
        OperationDefinition.model_validate_json(definition.content)
    assert definitions[0].json()["base"] == "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"
    assert unknown.status_code == 404


def test_the_page_on_documents_has_every_section_and_the_bounds_that_hold() -> None:
    page = (Path(__file__).parents[3] / "docs" / "documents.md").read_text(encoding="utf-8")
    told = HttpSettings()

    for plan in PLANS.values():
        assert plan.type.code in page
        assert all(f"| {section.code.code} |" in page or f"| `{section.code.code}` |" in page for section in plan.sections)
        assert f"/\\${plan.name}" in page
    assert f"hold {told.documents_bytes // MIB} MiB at most" in page
    assert f"{told.document_bytes // MIB} MiB and {told.document_records:,}" in page
    assert (f"`{Fault.DOCUMENT_TOO_LARGE.value}` (HTTP {STATUS[Fault.DOCUMENT_TOO_LARGE]})") in page
