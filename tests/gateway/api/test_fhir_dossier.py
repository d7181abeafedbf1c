"""One patient over many holders: the Patient search, `$everything`, and who was not heard."""

import gzip
import json
import re
from typing import Any

import httpx2
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationoutcome import OperationOutcome

from accord.terms.answers import Ending
from accord.terms.faults import Fault, Unavailable
from accord.terms.vocabulary import HolderKind
from tests.gateway.api.conftest import Opened
from tests.gateway.api.fake_region import BSN, SYSTEM, FakeDoor, FakeHolder, encounter, observation, patient

pytestmark = pytest.mark.anyio


def two_holders() -> list[FakeHolder]:
    """Both have an Observation/1 that refers to their own Encounter/3."""
    to_encounter = ', "encounter": {"reference": "Encounter/3"}'
    return [
        FakeHolder("alfa", [observation("1", "p1", more=to_encounter), encounter("3", "p1", day="2024-03-01")], [patient("p1")]),
        FakeHolder("beta", [observation("1", "p1", day="2023-01-01", more=to_encounter), encounter("3", "p1", day="2023-01-01")], [patient("p1")]),
    ]


def late(name: str = "gamma", **more: Any) -> FakeHolder:
    return FakeHolder(name, ending=Ending.TOO_LATE, code=Fault.HOLDER_SILENT, **more)


async def found(client: httpx2.AsyncClient, **fields: str) -> httpx2.Response:
    return await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}", **fields})


async def opaque_id(client: httpx2.AsyncClient) -> str:
    logical_id: str = (await found(client)).json()["entry"][0]["resource"]["id"]
    return logical_id


def resources(bundle: dict[str, Any], mode: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == mode]


def codes(resource: dict[str, Any]) -> set[str]:
    return {coding["code"] for issue in resource["issue"] for coding in issue["details"]["coding"]}


async def test_a_patient_search_by_bsn_answers_one_authored_patient_with_links_to_each_holders_own(face: Opened) -> None:
    async with face([*two_holders(), late()]) as client:
        answer = await found(client, birthdate="1950-01-02")
        again = await client.get(f"Patient/{answer.json()['entry'][0]['resource']['id']}")
    bundle = answer.json()
    (written,) = resources(bundle, "match")

    Bundle.model_validate_json(answer.content)
    assert written["birthDate"] == "1950-01-02"
    assert written["meta"]["tag"][0]["code"] == "authored"
    assert [link["other"]["reference"] for link in written["link"]] == [f"http://gateway.test/fhir/at/{name}/Patient/p1" for name in ("alfa", "beta")]
    assert {"holder-silent", "too-late", "gamma", "constant-note"} <= codes(resources(bundle, "outcome")[0])
    assert "total" not in bundle
    assert BSN.value not in bundle["link"][0]["url"]
    assert again.json() == written
    assert answer.headers["noaber-completeness"] == "asked=3; heard=2; missing=1; not-asked=0; complete=false"


async def test_nothing_known_and_withheld_look_alike_and_still_give_one_patient(face: Opened) -> None:
    async with face([FakeHolder("alfa"), FakeHolder("beta")]) as client:
        bundle = (await found(client)).json()

    assert "link" not in resources(bundle, "match")[0]
    assert bundle["total"] == 1
    assert codes(resources(bundle, "outcome")[0]) == {"constant-note"}


async def test_both_holders_observation_1_are_there_and_each_reference_resolves_to_the_right_encounter(face: Opened) -> None:
    async with face(two_holders()) as client:
        answer = await client.get(f"Patient/{await opaque_id(client)}/$everything")
        entries = {entry["fullUrl"]: entry["resource"] for entry in answer.json()["entry"] if "fullUrl" in entry}
        for name, day in (("alfa", "2024-03-01"), ("beta", "2023-01-01")):
            shown = entries[f"http://gateway.test/fhir/Observation/{name}.1"]
            in_bundle = entries[f"http://gateway.test/fhir/{shown['encounter']['reference']}"]
            read = await client.get(shown["encounter"]["reference"])
            exact = await client.get(f"at/{name}/Observation/1")

            assert in_bundle["period"]["start"] == day
            assert read.json() == in_bundle
            assert shown["subject"]["reference"] == f"Patient/{name}.p1"
            assert (await client.get(shown["subject"]["reference"])).json()["id"] == f"{name}.p1"
            assert exact.content == next(holder for holder in two_holders() if holder.name == name).records[0]

    Bundle.model_validate_json(answer.content)
    assert b'"value": 37.50' in answer.content


async def test_identical_statements_appear_once_with_both_origins_unless_the_client_wants_them_apart(face: Opened) -> None:
    same = [FakeHolder(name, [observation(f"{name}-1", "p1")], [patient("p1")]) for name in ("alfa", "beta")]
    async with face(same) as client:
        path = f"Patient/{await opaque_id(client)}/$everything"
        folded = (await client.get(path)).json()
        apart = (await client.get(path, headers={"prefer": "noaber-fold=none"})).json()
        search = (await client.get(f"Observation?patient={await opaque_id(client)}")).json()

    def observations(bundle: dict[str, Any]) -> list[str]:
        return [record["id"] for record in resources(bundle, "match") if record["resourceType"] == "Observation"]

    assert observations(folded) in (["alfa.alfa-1"], ["beta.beta-1"])
    assert sorted(observations(apart)) == ["alfa.alfa-1", "beta.beta-1"]
    assert observations(search) == ["alfa.alfa-1"]
    for bundle in (folded, search):
        provenance = [resource for resource in resources(bundle, "include") if resource["resourceType"] == "Provenance"]
        kept = observations(bundle)[0]
        assert [f"Observation/{kept}" in [target["reference"] for target in one["target"]] for one in provenance] == [True, True]
        assert len([one for one in provenance if "entity" in one]) == 1


async def test_a_record_that_keeps_its_long_id_refers_to_what_stands_in_the_bundle(face: Opened) -> None:
    long = "o" * 62
    to_encounter = ', "encounter": {"reference": "Encounter/3"}'
    holder = FakeHolder("alfa", [observation(long, "p1", more=to_encounter), encounter("3", "p1", day="2024-03-01")], [patient("p1")])
    async with face([holder]) as client:
        bundle = (await client.get(f"Patient/{await opaque_id(client)}/$everything")).json()
        entries = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"] if "fullUrl" in entry}
        shown = entries[f"http://gateway.test/fhir/at/alfa/Observation/{long}"]
        read = await client.get(shown["encounter"]["reference"])

    assert entries[shown["encounter"]["reference"]]["resourceType"] == "Encounter"
    assert entries[shown["subject"]["reference"]]["resourceType"] == "Patient"
    assert read.json() == entries[shown["encounter"]["reference"]]


async def test_with_exact_bytes_nothing_is_spliced_and_every_record_stands_under_its_holders_base(face: Opened) -> None:
    holders = two_holders()
    async with face(holders) as client:
        answer = await client.get(f"Patient/{await opaque_id(client)}/$everything", headers={"prefer": "noaber-bytes=exact"})

    for holder in holders:
        for record in (*holder.patients, *holder.records):
            assert record in answer.content
    assert "http://gateway.test/fhir/at/beta/Observation/1" in answer.text


async def test_a_holder_that_is_cut_off_leaves_whole_json_that_says_so(face: Opened) -> None:
    cut = FakeHolder("beta", [observation("1", "p1")], [patient("p1")], kind=HolderKind.LABORATORY, ending=Ending.CUT_OFF, code=Fault.STREAM_CUT)
    async with face([two_holders()[0], cut]) as client:
        answer = await client.get(f"Patient/{await opaque_id(client)}/$everything", headers={"accept-language": "en"})
    bundle = answer.json()
    outcome, sections = resources(bundle, "outcome")

    Bundle.model_validate_json(answer.content)
    assert any(record["id"] == "beta.1" for record in resources(bundle, "match"))
    assert {"stream-cut", "cut-off", "beta"} <= codes(outcome)
    assert outcome["issue"][0]["severity"] == "warning"
    assert outcome["issue"][0]["code"] == "incomplete"
    assert outcome["issue"][0]["details"]["text"].startswith("Instelling beta: The answer broke off")
    assert "lab" in codes(sections)
    assert "medication" not in codes(sections)
    assert "total" not in bundle
    assert [tag["code"] for tag in bundle["meta"]["tag"]] == ["partial", "authored"]


async def test_records_that_went_out_before_their_holder_was_rejected_are_called_back_in_words(face: Opened) -> None:
    wrong = FakeHolder("beta", [observation("1", "p1")], [patient("p1")], ending=Ending.REJECTED, code=Fault.OTHER_PATIENT)
    async with face([two_holders()[0], wrong]) as client:
        streamed = (await client.get(f"Patient/{await opaque_id(client)}/$everything")).json()
        paged = (await client.get(f"Observation?patient={await opaque_id(client)}")).json()
        one_patient = (await found(client)).json()

    assert "shown-before-rejected" in codes(resources(streamed, "outcome")[0])
    assert [record["id"] for record in resources(paged, "match")] == ["alfa.1"]
    assert "shown-before-rejected" not in codes(resources(paged, "outcome")[0])
    assert {"other-patient", "rejected"} <= codes(resources(paged, "outcome")[0])
    assert len(resources(one_patient, "match")[0]["link"]) == 1


@pytest.mark.parametrize(("ending", "code", "status"), [(Ending.TOO_LATE, Fault.HOLDER_SILENT, 504), (Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE, 502)])
async def test_all_failed_is_an_error_and_no_bundle(face: Opened, ending: Ending, code: Fault, status: int) -> None:
    door = FakeDoor([late("alfa"), FakeHolder("beta", ending=ending, code=code)])
    async with face(door, key=b"k" * 64) as client, face(two_holders(), key=b"k" * 64) as well:
        logical_id = await opaque_id(well)
        for path in (
            f"Patient/{logical_id}/$everything",
            f"Observation?patient={logical_id}",
            f"Patient/{logical_id}",
            f"Patient/{logical_id}/$everything?_count=5",
        ):
            answer = await client.get(path)
            outcome = OperationOutcome.model_validate_json(answer.content)

            assert answer.status_code == status
            assert {"all-holders-failed", code.value, "alfa", "beta"} <= codes(answer.json())
            assert {issue.severity for issue in outcome.issue} == {"error"}
            assert answer.headers["noaber-completeness"].startswith("asked=2; heard=0")


async def test_a_client_that_takes_no_part_gets_an_error_or_everything(face: Opened) -> None:
    async with face([two_holders()[0], late()]) as client, face(two_holders()) as whole:
        logical_id = await opaque_id(client)
        for path in (f"Patient/{logical_id}/$everything", f"Observation?patient={logical_id}"):
            refused = await client.get(path, headers={"prefer": "noaber-partial=refuse"})
            accepted = await whole.get(path.replace(logical_id, await opaque_id(whole)), headers={"prefer": "noaber-partial=refuse"})

            assert refused.status_code == 503
            assert {"partial-not-accepted", "gamma"} <= codes(refused.json())
            assert accepted.status_code == 200
            assert accepted.json()["total"] > 0
            assert accepted.headers["noaber-completeness"].endswith("complete=true")


async def test_where_clients_are_strict_a_part_needs_to_be_asked_for(face: Opened) -> None:
    async with face([two_holders()[0], late()], strict_clients=True, key=b"k" * 64) as client:
        assert (await found(client)).status_code == 503
        answer = await client.post("Patient/_search", data={"identifier": f"{SYSTEM}|{BSN.value}"}, headers={"prefer": "noaber-partial=show"})

    assert answer.status_code == 200


async def test_an_answer_that_is_held_back_has_a_bound(face: Opened) -> None:
    async with face(two_holders(), held_bytes=500) as client:
        answer = await client.get(f"Patient/{await opaque_id(client)}/$everything", headers={"prefer": "noaber-partial=refuse"})

    assert answer.status_code == 503
    assert codes(answer.json()) == {"over-limit"}


async def test_everything_takes_types_since_and_a_parameters_resource(face: Opened) -> None:
    door = FakeDoor(two_holders())
    async with face(door) as client:
        path = f"Patient/{await opaque_id(client)}/$everything"
        encounters = (await client.get(path, params={"_type": "Encounter"})).json()
        body = json.dumps(
            {
                "resourceType": "Parameters",
                "parameter": [{"name": "_since", "valueInstant": "2024-01-01T00:00:00Z"}, {"name": "_type", "valueString": "Encounter"}],
            }
        )
        posted = await client.post(path, content=body, headers={"content-type": "application/fhir+json"})

    assert {record["resourceType"] for record in resources(encounters, "match")} == {"Encounter"}
    assert posted.status_code == 200
    assert (door.asked[-1].selection.updated[0].prefix, door.asked[-1].selection.types) == ("ge", frozenset({"Encounter"}))


async def test_a_record_that_cannot_be_shown_is_counted_and_said(face: Opened) -> None:
    broken = observation("1", "p1").replace(b'"id": "1"', b'"id": "a b"')
    async with face([FakeHolder("alfa", [broken, observation("2", "p1")], [patient("p1")])]) as client:
        bundle = (await client.get(f"Patient/{await opaque_id(client)}/$everything")).json()

    assert [record["id"] for record in resources(bundle, "match")] == ["alfa.p1", "alfa.2"]
    assert {"records-unfit", "alfa"} <= codes(resources(bundle, "outcome")[0])
    assert bundle["meta"]["tag"][0]["code"] == "partial"


async def test_nobody_to_ask_is_an_error(face: Opened) -> None:
    door = FakeDoor(two_holders(), failure=Unavailable(Fault.NO_HOLDERS_ELIGIBLE))
    async with face(door) as client:
        answer = await found(client)

    assert answer.status_code == 503
    assert codes(answer.json()) == {"no-holders-eligible"}


async def test_pretty_and_gzip_change_no_value(face: Opened) -> None:
    holders = [FakeHolder("alfa", [observation(str(i), "p1", value="37.50") for i in range(60)], [patient("p1")])]
    async with face(holders) as client:
        path = f"Patient/{await opaque_id(client)}/$everything"
        plain = await client.get(path, headers={"accept-encoding": "identity"})
        pretty = await client.get(path, params={"_pretty": "true"}, headers={"accept-encoding": "identity"})
        async with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as zipped:
            raw = b"".join([part async for part in zipped.aiter_raw()])

    def timeless(text: str) -> Any:
        return re.sub(r"Noaber-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.+Z]*|[0-9a-f]{32}", "", text)

    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert len(raw) < len(plain.content) / 3
    assert timeless(gzip.decompress(raw).decode()) == timeless(plain.text)
    assert pretty.text.count('"value": 37.50') == 60
    assert pretty.text.count("\n") > 1_000
    assert timeless(re.sub(r"\s", "", pretty.text)) == timeless(re.sub(r"\s", "", plain.text))
