"""The conformance run sees what is wrong with a source, says who can repair it, and names nobody."""

from base64 import b64encode
from collections.abc import AsyncGenerator
from datetime import datetime
from hashlib import sha1
from pathlib import Path
from typing import Any

import msgspec
import pytest

from accord.terms.identifiers import Bsn
from accord.terms.queries import Selection
from node_agent.conformance import house_points
from node_agent.conformance.cli import words
from node_agent.conformance.coverage import BLOCKS
from node_agent.conformance.findings import Block, Point, Report, Verdict
from node_agent.conformance.run import Given, check_source
from node_agent.conformance.visiting import Visiting
from node_agent.ports import Attachment, LocalPatient, SourceRecord
from node_agent.sources.choice_store import keep_choices
from node_agent.sources.fhir_abilities import read_abilities
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_rest import FhirServer
from testbed.contracts.records import ANNA, BERT, CORA, NOBODY, companions, observation, patient, resource
from testbed.fhir_server import FhirFaults, fhir_server
from testbed.memory_source import MemorySource

pytestmark = pytest.mark.anyio

SECRET = "zeldzame-aandoening"
GOOD = [
    patient("a", ANNA),
    observation("1", "a", note=[{"text": SECRET}]),
    resource("Condition", "2", subject={"reference": "Patient/a"}, code={"text": SECRET}),
]


async def seen(records: list[bytes], *bsns: str, source: MemorySource | None = None) -> tuple[dict[str, Point], Visiting]:
    points, visiting = await check_source(source or MemorySource([*records, *companions()]), Given([Bsn(bsn) for bsn in bsns or (ANNA,)]))
    return {point.name: point for point in points}, visiting


async def test_a_sound_source_has_nothing_to_repair() -> None:
    points, visiting = await seen(GOOD)

    assert {name for name, point in points.items() if point.verdict is Verdict.WRONG} == set()
    assert points["people found"].verdict is Verdict.GOOD
    assert visiting.seen.records == 3


@pytest.mark.parametrize("number", ["1e999", "9" * 5_000, "37.50"])
async def test_a_number_that_no_computer_keeps_ends_no_check(number: str) -> None:
    """It passes on as it stands, as every number does."""
    letter = resource("DocumentReference", "d", subject={"reference": "Patient/a"}, content=[{"attachment": {"url": "Binary/7", "size": "?"}}])
    points, visiting = await seen([*GOOD, letter.replace(b'"?"', number.encode())])

    assert visiting.seen.records == 4
    assert points["records readable"].verdict is Verdict.GOOD


async def test_what_is_said_names_nobody_and_nothing() -> None:
    wrong = [*GOOD, resource("Observation", SECRET, subject={"reference": f"Patient/{SECRET}"}), b'{"resourceType": "' + SECRET.encode() + b'"}']
    points, visiting = await seen([*wrong, patient("b", BERT)], ANNA, BERT, NOBODY)
    told = msgspec.json.encode([list(points.values()), visiting.seen.coverage.blocks(frozenset(), incapable=False)]).decode()

    assert not any(content in told for content in (SECRET, ANNA, BERT, NOBODY, '"a"', "Patient/"))


async def test_a_person_who_is_not_found_is_a_remark_and_nobody_at_all_is_wrong() -> None:
    assert (await seen(GOOD, ANNA, NOBODY))[0]["people found"].verdict is Verdict.REMARK
    assert (await seen(GOOD, NOBODY))[0]["people found"].verdict is Verdict.WRONG


async def test_a_record_of_somebody_else_is_wrong() -> None:
    class Mixing(MemorySource):
        async def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:  # noqa: ARG002 - as the port has it
            yield [SourceRecord(observation("1", "a")), SourceRecord(observation("9", "b"))]

    points, _ = await seen([], source=Mixing([*GOOD, patient("b", BERT)]))

    assert points["right person"].verdict is Verdict.WRONG
    assert points["right person"].who


async def test_a_patient_without_a_date_of_birth_is_wrong() -> None:
    points, _ = await seen([resource("Patient", "a", identifier=[{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": ANNA}])])

    assert points["right person"].verdict is Verdict.WRONG


async def test_a_source_that_forgets_records_when_asked_for_one_type_is_wrong() -> None:
    class Forgetting(MemorySource):
        async def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:  # noqa: ARG002 - as the port has it
            whole = [SourceRecord(observation(str(number), "a")) for number in range(3)]
            yield whole[:2] if selection.types else whole

    points, _ = await seen([], source=Forgetting(GOOD))

    assert points["pages agree"].verdict is Verdict.WRONG
    assert "Observation" in points["pages agree"].seen


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ({}, Verdict.GOOD),
        ({"size": 5, "hash": "Lq9hNqDbLpN5kUhI0YgH+Ok8Tyg="}, Verdict.WRONG),
        ({"size": 5}, Verdict.GOOD),
        ({"size": 4}, Verdict.WRONG),
        ({"hash": b64encode(sha1(b"brief", usedforsecurity=False).digest()).decode()}, Verdict.GOOD),
    ],
)
async def test_an_attachment_that_is_not_what_its_record_tells_is_wrong(told: dict[str, object], verdict: Verdict) -> None:
    class WithLetter(MemorySource):
        async def attachment(self, url: str) -> Attachment | None:
            async def chunks() -> AsyncGenerator[bytes, None]:
                yield b"bri"
                yield b"ef"

            return Attachment("text/plain", chunks()) if url == "Binary/7" else None

    letter = resource("DocumentReference", "d", subject={"reference": "Patient/a"}, content=[{"attachment": {"url": "Binary/7", **told}}])
    points, _ = await seen([], source=WithLetter([*GOOD, letter]))

    assert points["attachments"].verdict is verdict


async def test_a_source_that_brings_a_record_twice_is_wrong() -> None:
    class Stuttering(MemorySource):
        async def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:  # noqa: ARG002 - as the port has it
            yield [SourceRecord(observation("1", "a"))] * 2

    assert (await seen([], source=Stuttering(GOOD)))[0]["ids and references"].verdict is Verdict.WRONG


async def test_a_source_that_breaks_off_is_wrong_and_the_next_person_is_read() -> None:
    source = MemorySource([*GOOD, patient("b", BERT)])
    source.fails_after = 0
    points, visiting = await seen([], ANNA, BERT, source=source)

    assert points["source keeps answering"].verdict is Verdict.WRONG
    assert visiting.seen.people == 2


async def test_both_generations_of_codes_are_counted_and_what_has_no_category_is_told() -> None:
    of_2017 = {"meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/zib-LaboratoryTestResult-Observation"]}}
    of_2020 = {"meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/nl-core-LaboratoryTestResult"]}}
    snomed = {"category": [{"coding": [{"system": "http://snomed.info/sct", "code": "49581000146104"}]}]}
    hl7 = {"category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}]}
    records = [patient("a", ANNA), observation("1", "a", **of_2017, **snomed), observation("2", "a", **of_2020, **hl7)]
    points, visiting = await seen(records)
    blocks = {block.name: block for block in visiting.seen.coverage.blocks(frozenset({"Observation", "Patient"}), incapable=False)}

    assert points["codes"].verdict is Verdict.GOOD
    assert "1 by profiles of zib 2017, 1 by profiles of zib 2020" in points["codes"].seen
    assert blocks["Laboratory results"] == Block("Laboratory results", "found", 2, {"2017": 1, "2020": 1})
    assert (blocks["Vital signs"].standing, blocks["Allergies"].standing) == ("nothing", "not askable")
    assert set(blocks) == set(BLOCKS)
    assert (await seen([*records, observation("3", "a")]))[0]["codes"].verdict is Verdict.REMARK


def test_a_capability_statement_says_what_can_be_written() -> None:
    rest = [{"mode": "server", "resource": [{"type": "Patient", "interaction": [{"code": "read"}]}, {"type": "Basic", "interaction": [{"code": "create"}]}]}]
    statement = msgspec.json.encode({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": rest})

    assert read_abilities(statement, "server").writable == {"Basic"}


async def test_a_run_that_looked_at_nobody_does_not_pass() -> None:
    points, visiting = await check_source(MemorySource(GOOD), Given())
    report = Report("90001005", msgspec.convert("2026-11-22T12:00:00Z", type=datetime), "0", visiting.seen.people, 0, points, [])

    assert not report.passed
    assert report.summary("twente").people == 0


async def test_the_house_is_looked_at(tmp_path: Path) -> None:
    choices = tmp_path / "choices.db"
    assert (await house_points.choices(choices, [Bsn(ANNA)])).verdict is Verdict.WRONG
    keep_choices(choices, {})

    assert (await house_points.choices(choices, [Bsn(ANNA)])).verdict is Verdict.REMARK
    assert house_points.journal(tmp_path / "journal").verdict in (Verdict.GOOD, Verdict.REMARK)
    assert list((tmp_path / "journal").iterdir()) == []
    assert house_points.journal(choices / "no").verdict is Verdict.WRONG


async def test_a_pass_that_rests_on_little_says_so_with_what_to_add() -> None:
    points, visiting = await seen(GOOD)
    resting = points["what it rests on"]
    report = Report("90001005", msgspec.convert("2026-11-22T12:00:00Z", type=datetime), "0", visiting.seen.people, 3, list(points.values()), [])

    assert (resting.verdict, report.passed, report.thin) == (Verdict.REMARK, True, True)
    assert "1 person, 3 types, 3 records" in resting.seen
    assert "5 people or more" in resting.repair
    assert "Allergies" in resting.repair
    assert "Problems" not in resting.repair
    assert words(report).splitlines()[-1].startswith("Passed, thinly; not tried: read-only.")


async def test_a_pass_that_rests_on_many_people_and_blocks_is_not_thin() -> None:
    bsns = (ANNA, BERT, CORA, "999992843", "999991863")
    types = ("Condition", "AllergyIntolerance", "Flag", "Immunization", "MedicationRequest", "Procedure", "Encounter", "CarePlan", "Coverage")
    owner = {"AllergyIntolerance": "patient", "Immunization": "patient", "Coverage": "beneficiary"}
    people = [patient(str(number), bsn) for number, bsn in enumerate(bsns)]
    records = [resource(kind, f"{kind}-{n}", **{owner.get(kind, "subject"): {"reference": f"Patient/{n}"}}) for n in range(5) for kind in types]
    points, _ = await seen([*people, *records], *bsns)

    assert points["what it rests on"].verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("faults", "settings", "verdict"),
    [
        (FhirFaults(), {}, Verdict.GOOD),
        (FhirFaults(another_total=True), {}, Verdict.WRONG),
        (FhirFaults(another_total=True), {"trust_total": False}, Verdict.REMARK),
        (FhirFaults(no_total=True), {}, Verdict.NOT_SEEN),
    ],
)
async def test_the_pages_are_held_against_what_the_bundle_says(faults: FhirFaults, settings: dict[str, Any], verdict: Verdict) -> None:
    async with fhir_server(GOOD, faults) as running, FhirServer(FhirEndpoint(running.base, **settings)) as source:
        points, _ = await check_source(source, Given([Bsn(ANNA)]))

    assert {point.name: point.verdict for point in points}["totals agree"] is verdict


@pytest.mark.parametrize(("faults", "verdict"), [(FhirFaults(), Verdict.GOOD), (FhirFaults(one_code=True), Verdict.WRONG)])
async def test_a_server_that_is_asked_by_code_is_asked_for_each_code_of_both_generations_by_itself(faults: FhirFaults, verdict: Verdict) -> None:
    wishes = [
        resource(
            "Consent", code, status="active", patient={"reference": "Patient/a"}, category=[{"coding": [{"system": "http://snomed.info/sct", "code": code}]}]
        )
        for code in ("11291000146105", "129125009")
    ]
    async with fhir_server([*GOOD, *wishes], faults) as running, FhirServer(FhirEndpoint(running.base, searches="bgz")) as source:
        points, _ = await check_source(source, Given([Bsn(ANNA)]))
    agreeing = next(point for point in points if point.name == "pages agree")

    assert agreeing.verdict is verdict
    assert ("Consent by code" in agreeing.seen) == (verdict is Verdict.WRONG)


async def test_blocks_that_a_source_does_not_tell_of_are_named_because_readers_are_not_told() -> None:
    async with fhir_server(GOOD) as running, FhirServer(FhirEndpoint(running.base, types=frozenset({"Patient", "Observation"}))) as source:
        points, _ = await check_source(source, Given([Bsn(ANNA)]))
    told = next(point for point in points if point.name == "blocks of the BgZ")

    assert told.verdict is Verdict.REMARK
    assert "Allergies" in told.seen
    assert "Laboratory" not in told.seen
    assert "source.types" in told.repair
