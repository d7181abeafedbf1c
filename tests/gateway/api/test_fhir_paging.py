"""Searches in pages over many holders, with links that keep nothing."""

from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from fhir.resources.R4B.bundle import Bundle

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from tests.gateway.api.conftest import Opened
from tests.gateway.api.fake_region import BSN, SYSTEM, FakeDoor, FakeHolder, observation, patient

pytestmark = pytest.mark.anyio


def region_of(numbers: dict[str, int]) -> list[FakeHolder]:
    """Holders with so many observations each, on days that interleave; some on the same day, some with equal content."""
    return [
        FakeHolder(
            name,
            [observation(f"{i}", "p1", day=f"20{10 + i % 14}-{1 + i % 12:02d}-{1 + i % 28:02d}", value=f"{i % 5}.50") for i in range(number)],
            [patient("p1")],
        )
        for name, number in numbers.items()
    ]


async def opaque_id(client: httpx2.AsyncClient) -> str:
    answer = await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"})
    logical_id: str = answer.json()["entry"][0]["resource"]["id"]
    return logical_id


def link(bundle: dict[str, Any], relation: str) -> str | None:
    return next((item["url"] for item in bundle["link"] if item["relation"] == relation), None)


def matches(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "match"]


def included(bundle: dict[str, Any]) -> list[str]:
    found = [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "include"]
    return sorted(f"{record['resourceType']}/{record['id']}" for record in found if record["resourceType"] != "Provenance")


def missing(bundle: dict[str, Any]) -> list[tuple[str, ...]]:
    outcomes = [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "outcome"]
    return sorted(tuple(coding["code"] for coding in issue["details"]["coding"]) for issue in outcomes[0]["issue"] if issue["severity"] == "warning")


async def all_pages(client: httpx2.AsyncClient, url: str, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    pages = []
    following: str | None = url
    while following is not None:
        answer = await client.get(following, headers=headers)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        following = link(pages[-1], "next")
    return pages


@pytest.mark.parametrize("count", [7, 100])
async def test_paging_gives_each_of_250_records_of_3_holders_once_and_in_order(face: Opened, count: int) -> None:
    async with face(region_of({"alfa": 120, "beta": 90, "gamma": 40})) as client:
        pages = await all_pages(client, f"Observation?patient={await opaque_id(client)}&_count={count}", {"prefer": "noaber-fold=none"})
    records = [record for page in pages for record in matches(page)]
    days = [record["effectiveDateTime"] for record in records]

    assert len(pages) == -(-250 // count)
    assert sorted(record["id"] for record in records) == sorted(
        f"{name}.{i}" for name, number in (("alfa", 120), ("beta", 90), ("gamma", 40)) for i in range(number)
    )
    assert days == sorted(days, reverse=True)
    assert all("total" not in page for page in pages)


async def test_folded_pages_lose_no_statement(face: Opened) -> None:
    async with face(region_of({"alfa": 30, "beta": 30})) as client:
        pages = await all_pages(client, f"Observation?patient={await opaque_id(client)}&_count=11")
    shown = {record["id"] for page in pages for record in matches(page)}
    named = {
        origin["what"]["reference"].rsplit("/at/", 1)[1].replace("/Observation/", ".")
        for page in pages
        for entry in page["entry"]
        if entry["resource"]["resourceType"] == "Provenance"
        for origin in entry["resource"].get("entity", [])
    }

    assert shown | named == {f"{name}.{i}" for name in ("alfa", "beta") for i in range(30)}
    assert len(shown) < 60


async def test_one_page_that_holds_everything_has_a_total_and_no_next(face: Opened) -> None:
    async with face(region_of({"alfa": 3})) as client:
        answer = await client.get(f"Observation?patient=Patient/{await opaque_id(client)}")
    bundle = answer.json()

    Bundle.model_validate_json(answer.content)
    assert bundle["total"] == 3
    assert link(bundle, "next") is None
    assert answer.headers["noaber-completeness"] == "asked=1; heard=1; missing=0; not-asked=0; complete=true"


async def test_a_holder_that_missed_the_first_page_stays_missing_and_is_not_asked_again(face: Opened) -> None:
    door = FakeDoor([*region_of({"alfa": 12}), FakeHolder("gamma", [observation("x", "p1")], [patient("p1")])])
    async with face(door, first_frame_seconds=4.0) as client:
        url = f"Observation?patient={await opaque_id(client)}&_count=5"
        door.everyone[1].silent = True
        first = (await client.get(url)).json()
        door.everyone[1].silent = False
        second, third = await all_pages(client, link(first, "next") or "")

    expected = [("holder-silent", "too-late", "gamma")]
    assert missing(first) == missing(second) == missing(third) == expected
    assert [len(matches(page)) for page in (first, second, third)] == [5, 5, 2]
    assert {name.value for name in door.asked[-1].holders} == {"alfa"}
    assert door.withdrawn == 1


async def test_a_holder_that_fails_on_the_second_page_is_missing_from_then_on(face: Opened) -> None:
    door = FakeDoor(region_of({"alfa": 12, "beta": 12}))
    async with face(door) as client:
        first = (await client.get(f"Observation?patient={await opaque_id(client)}&_count=5")).json()
        door.everyone[1] = FakeHolder("beta", ending=Ending.UNREACHABLE, code=Fault.HOLDER_UNREACHABLE)
        later = await all_pages(client, link(first, "next") or "")

    assert missing(first) == []
    assert {tuple(missing(page)) for page in later} == {(("holder-unreachable", "unreachable", "beta"),)}


async def test_a_cursor_of_another_search_person_or_time_is_refused(face: Opened) -> None:
    async with face(region_of({"alfa": 12}), cursor_seconds=0) as expiring, face(region_of({"alfa": 12})) as client:
        url = f"Observation?patient={await opaque_id(expiring)}&_count=5"
        expired = await expiring.get(link((await expiring.get(url)).json(), "next") or "")
        following = link((await client.get(f"Observation?patient={await opaque_id(client)}&_count=5")).json(), "next") or ""
        wrong = [following.replace("_count=5", "_count=6"), following.replace("Observation", "Encounter"), following[:-2] + "AA", following + "&status=final"]
        refused = [await client.get(url) for url in wrong]

    assert expired.status_code == 410
    assert "cursor-expired" in expired.text
    assert [(answer.status_code, "cursor-invalid" in answer.text) for answer in refused] == [(400, True)] * 4


async def test_links_show_what_was_applied_and_never_a_bsn(face: Opened) -> None:
    async with face(region_of({"alfa": 12})) as client:
        body = {"patient.identifier": f"{SYSTEM}|{BSN.value}", "code": "http://loinc.org|1988-5", "date": "ge2011", "_count": "3", "_sort": "-date"}
        bundle = (await client.post("Observation/_search", data=body)).json()
        many = (await client.get(f"Observation?patient={await opaque_id(client)}&_count=5000")).json()
        pages = await all_pages(client, link(bundle, "self") or "")
    urls = [item["url"] for item in bundle["link"]]

    assert all(BSN.value not in url for url in urls)
    assert urlsplit(urls[0]).query.split("&")[1:] == ["code=http://loinc.org|1988-5", "date=ge2011", "_count=3", "_sort=-date"]
    assert matches(pages[0]) == matches(bundle)
    assert "_count=1000" in (link(many, "self") or "")


async def test_everything_in_pages_shows_the_patient_once_and_all_the_rest(face: Opened) -> None:
    async with face(region_of({"alfa": 12, "beta": 3})) as client:
        path = f"Patient/{await opaque_id(client)}/$everything?_count=10"
        pages = await all_pages(client, path, {"prefer": "noaber-fold=none"})
    ids = [f"{record['resourceType']}/{record['id']}" for page in pages for record in matches(page)]

    assert len(ids) == len(set(ids)) == 17
    assert {"Patient/alfa.p1", "Patient/beta.p1"} <= set(ids)


async def test_companions_come_only_for_what_is_on_the_page_and_only_when_asked_for(face: Opened) -> None:
    records = [
        observation("1", "p1", more=', "performer": [{"reference": "Practitioner/a"}]'),
        observation("2", "p1", day="2020-01-01", more=', "performer": [{"reference": "http://ehr.alfa.test/fhir/Practitioner/b"}]'),
        b'{"resourceType":"Practitioner","id":"a"}',
        b'{"resourceType":"Practitioner","id":"b","extension":[{"url":"http://x.test","valueReference":{"reference":"Organization/o"}}]}',
        b'{"resourceType":"Organization","id":"o"}',
        b'{"resourceType":"Organization","id":"unrelated"}',
    ]
    async with face([FakeHolder("alfa", records, [patient("p1")])]) as client:
        url = f"Observation?patient={await opaque_id(client)}&_count=1"
        first, second = await all_pages(client, url + "&_include=Observation:performer")
        (bare, _), (with_patient, _) = await all_pages(client, url), await all_pages(client, url + "&_include=Observation:subject")

    assert included(first) == ["Practitioner/alfa.a"]
    assert included(second) == ["Organization/alfa.o", "Practitioner/alfa.b"]
    assert included(bare) == []
    assert included(with_patient) == ["Patient/alfa.p1"]


async def test_ids_of_the_merged_view_find_the_record_of_their_holder_only(face: Opened) -> None:
    door = FakeDoor(region_of({"alfa": 3, "beta": 3, "gamma": 3}))
    async with face(door) as client:
        bundle = (await client.get(f"Observation?patient={await opaque_id(client)}&_id=alfa.1,beta.2")).json()

    assert sorted(record["id"] for record in matches(bundle)) == ["alfa.1", "beta.2"]
    assert {name.value for name in door.asked[-1].holders} == {"alfa", "beta"}
