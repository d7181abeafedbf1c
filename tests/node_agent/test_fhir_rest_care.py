"""The adapter never hurts the server that it asks, tells nobody about patients, and keeps nothing."""

import io
import logging
import os
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from accord.rules import reading
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.queries import EVERYTHING, Selection
from node_agent.ports import LocalPatient, SourceAnswerInvalid, SourceUnavailable
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_rest import FhirServer
from testbed.contracts.records import ANNA, BERT, observation, patient, resource
from testbed.fhir_server import FhirFaults, RunningFhirServer, fhir_server

pytestmark = pytest.mark.anyio

A = LocalPatient(frozenset({"a"}))
ABOUT_A = {"subject": {"reference": "Patient/a"}, "patient": {"reference": "Patient/a"}}
TYPES = ("Condition", "Procedure", "Encounter", "Flag", "Goal", "CarePlan", "CareTeam", "Immunization", "AllergyIntolerance", "MedicationRequest")
RECORDS = [patient("a", ANNA), *(resource(kind, "1", **ABOUT_A) for kind in TYPES), *(observation(f"o{number}", "a") for number in range(40))]


@asynccontextmanager
async def a_source(faults: FhirFaults, records: list[bytes] | None = None, **settings: Any) -> AsyncGenerator[tuple[FhirServer, RunningFhirServer], None]:
    async with fhir_server(records or RECORDS) as running, FhirServer(FhirEndpoint(running.base, **settings)) as source:
        await source.check()
        running.desk.witness.reset()
        running.desk.faults = faults
        yield source, running


async def count(source: FhirServer, who: LocalPatient = A) -> int:
    async with aclosing(source.records_of(who, EVERYTHING)) as lists:
        return sum([len(some) async for some in lists])


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_no_more_is_asked_at_once_than_was_agreed(concurrency: int) -> None:
    async with a_source(FhirFaults(delay=0.01, max_page=20), concurrency=concurrency) as (source, running):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(count, source)
                tasks.start_soon(source.find, Bsn(ANNA))

        assert running.desk.witness.high_water == concurrency
        assert running.desk.witness.total > 30


async def test_who_stops_asking_stops_the_server() -> None:
    async with a_source(FhirFaults(frozen=True)) as (source, running):
        witness = running.desk.witness
        for asking in (lambda: count(source), lambda: source.find(Bsn(ANNA)), lambda: source.read([RecordRef("Flag", "1")]), source.check):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(asking)
                await witness.until(lambda seen: seen.open > 0)
                tasks.cancel_scope.cancel()
            await witness.until(lambda seen: seen.open == 0)

        assert witness.abandoned == witness.total


async def test_who_leaves_in_the_middle_leaves_no_request_behind() -> None:
    async with a_source(FhirFaults(max_page=1)) as (source, running):
        async with aclosing(source.records_of(A, Selection(types=frozenset({"Observation"})))) as lists:
            assert await anext(lists)
            running.desk.faults = FhirFaults(frozen=True, max_page=1)
        await running.desk.witness.until(lambda seen: seen.open == 0)

        assert running.desk.witness.total < 12


async def test_a_reader_that_stands_still_keeps_nobody_from_asking() -> None:
    async with a_source(FhirFaults(max_page=8), concurrency=1) as (source, running), aclosing(source.records_of(A, EVERYTHING)) as standing:
        assert await anext(standing)
        await anyio.wait_all_tasks_blocked()

        assert await source.find(Bsn(ANNA)) == A
        assert await count(source) == 50
        assert running.desk.witness.high_water == 1


async def test_closing_the_source_ends_what_is_under_way() -> None:
    async with a_source(FhirFaults(frozen=True)) as (source, running):
        ended = anyio.Event()

        async def ask() -> None:
            with pytest.raises(SourceUnavailable):
                await count(source)
            ended.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await running.desk.witness.until(lambda seen: seen.open > 0)
            await source.close()
            await ended.wait()
        await running.desk.witness.until(lambda seen: seen.open == 0)


async def test_searches_need_their_context() -> None:
    source = FhirServer(FhirEndpoint("http://127.0.0.1:9/fhir"))
    with pytest.raises(RuntimeError, match="async with"):
        await count(source)
    await source.close()


async def test_nothing_about_a_patient_stands_in_a_url_unless_there_is_no_other_way() -> None:
    async with a_source(FhirFaults()) as (source, running):
        await source.find(Bsn(ANNA))
        await count(source)
        assert {name for seen in running.desk.witness.seen for name in seen.in_url} <= {"_page"}
    async with a_source(FhirFaults(no_post_search=True), search_by_get=True) as (source, running):
        await source.find(Bsn(ANNA))
        assert await count(source) == 50
        assert {name for seen in running.desk.witness.seen for name in seen.in_url} == {"identifier", "link", "patient", "_count"}


async def test_logs_hold_neither_addresses_nor_patients(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with a_source(FhirFaults(no_post_search=True), search_by_get=True) as (source, _):
        await source.find(Bsn(ANNA))
        await count(source)

    assert not [record for record in caplog.records if record.name.startswith(("httpx", "httpcore"))]
    assert ANNA not in caplog.text


async def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with a_source(FhirFaults()) as (source, _):
        assert await source.find(Bsn(ANNA)) == A


_written: list[str] | None = None


def _note_writing(event: str, arguments: tuple[Any, ...]) -> None:
    if _written is not None and event == "open":
        path, mode, flags = arguments
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (mode is None and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            _written.append(str(path))


sys.addaudithook(_note_writing)


@contextmanager
def files_written() -> Iterator[list[str]]:
    """What is opened for writing meanwhile, by anybody in this process."""
    global _written  # noqa: PLW0603  (an audit hook cannot be taken away, only be told that nobody listens)
    paths: list[str] = []
    _written = paths
    try:
        yield paths
    finally:
        _written = None


async def test_nothing_is_written_to_disk(tmp_path: Path) -> None:
    binary = resource("Binary", "7", contentType="text/plain", data="YWJj" * 100_000)
    async with a_source(FhirFaults(max_page=10), [*RECORDS, binary]) as (source, _):
        with files_written() as written:
            await source.find(Bsn(ANNA))
            await count(source)
            attachment = await source.attachment("Binary/7")
            assert attachment is not None
            assert sum([len(chunk) async for chunk in attachment.chunks]) > 100_000
            assert written == []
            with io.open(tmp_path / "planted", "wb"):  # noqa: ASYNC230, UP020  (the hook must see a plain open)
                pass
            assert written == [str(tmp_path / "planted")]


async def test_an_attachment_that_nobody_reads_to_its_end_is_let_go() -> None:
    records = [patient("a", ANNA), resource("Binary", "7", contentType="text/plain", data="YWJj" * 500_000)]
    async with a_source(FhirFaults(), records, attachments_at_once=1) as (source, running):
        for takes in (0, 1):
            attachment = await source.attachment("Binary/7")
            assert attachment is not None
            for _ in range(takes):
                assert await anext(attachment.chunks)
            await attachment.chunks.aclose()
        assert await source.attachment("Binary/8") is None
        whole = await source.attachment("Binary/7")
        assert whole is not None
        assert sum([len(chunk) async for chunk in whole.chunks]) == 1_500_000
        await running.desk.witness.until(lambda seen: seen.open == 0)


async def test_a_record_is_no_attachment() -> None:
    async with a_source(FhirFaults(), [patient("a", ANNA), resource("Binary", "7", contentType="text/plain", data="YWJj")]) as (source, running):
        for url in ("Patient/a", "Observation?patient=a", "metadata", "", "?_page=1", "Binary/7?x=1", "Binary", "Patient/a/$everything", "files/_search"):
            assert await source.attachment(url) is None
        assert running.desk.witness.total == 0
        running.desk.faults = FhirFaults(not_a_bundle=True)
        with pytest.raises(SourceAnswerInvalid):
            await source.attachment("Binary/7")


async def test_merges_count_in_both_directions_and_never_join_two_bsns() -> None:
    records = [
        patient("new", ANNA),
        patient("old", link=[{"other": {"reference": "Patient/new"}, "type": "replaced-by"}]),
        patient("older", link=[{"other": {"reference": "http://elsewhere.example/Patient/old"}, "type": "replaced-by"}]),
        patient("child", BERT, link=[{"other": {"reference": "Patient/new"}, "type": "replaced-by"}]),
    ]
    async with fhir_server(records) as running, FhirServer(FhirEndpoint(running.base)) as source:
        mother = await source.find(Bsn(ANNA))
        child = await source.find(Bsn(BERT))

        assert mother == LocalPatient(frozenset({"new", "old", "older"}))
        assert child == LocalPatient(frozenset({"child"}))
        assert {bsn.value: who for bsn, who in [person async for person in source.everyone()]} == {ANNA: mother, BERT: child}


async def test_real_records_come_as_they_are(shared_data: Path) -> None:
    files = sorted((shared_data / "dutch" / "zib2020-r4").rglob("*.json"))
    records: dict[RecordRef, bytes] = {}
    for file in files:
        body = file.read_bytes().strip()
        record = reading.read_record(body)
        records[RecordRef(record.resourceType, record.id)] = body
    async with a_source(FhirFaults(), list(records.values())) as (source, _):
        found = await source.read(list(records))

    assert len(found) > 200
    assert {ref: record.fhir_json for ref, record in found.items()} == records
