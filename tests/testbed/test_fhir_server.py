"""The simulated FHIR server: right by itself, and wrong exactly as it is told."""

import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE

import anyio
import httpx2
import msgspec
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from accord.terms.identifiers import BSN_SYSTEM
from testbed.contracts.records import ANNA, BERT, TOUCHY, observation, patient, resource
from testbed.fhir_server import FhirFaults, RunningFhirServer, fhir_server, read_faults

pytestmark = pytest.mark.anyio

RECORDS = [
    patient("a", ANNA, name=[{"family": "Jansen"}]),
    patient("b", BERT),
    *(observation(str(number), "a", meta={"lastUpdated": f"2024-01-{number:02}T10:00:00Z"}) for number in range(1, 8)),
    observation("8", "b"),
    resource("Task", "1", **{"for": {"reference": "Patient/a"}}),
    resource("Binary", "7", contentType="text/plain", data="aGk="),
]
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Caller:
    """Asks one server."""

    def __init__(self, running: RunningFhirServer, http: httpx2.AsyncClient) -> None:
        self.running, self.http = running, http

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """What the server answers."""
        return await self.http.get(path if path.startswith("http") else f"{self.running.base}/{path}", headers=headers)

    async def ids(self, path: str) -> list[str]:
        """The ids of the records on a page."""
        answer = (await self.get(path)).json()
        return [entry["resource"]["id"] for entry in answer.get("entry", [])]


@asynccontextmanager
async def a_caller(faults: FhirFaults | None = None, records: list[bytes] | None = None) -> AsyncGenerator[Caller, None]:
    async with fhir_server(records or RECORDS, faults) as running, httpx2.AsyncClient(trust_env=False, verify=False) as http:
        yield Caller(running, http)


async def test_it_finds_by_identifier_patient_and_id() -> None:
    async with a_caller() as caller:
        found = await caller.http.post(f"{caller.running.base}/Patient/_search", content=f"identifier={BSN_SYSTEM}|{ANNA}", headers=FORM)

        assert [entry["resource"]["id"] for entry in found.json()["entry"]] == ["a"]
        assert await caller.ids(f"Patient?identifier={BSN_SYSTEM}|{BERT}") == ["b"]
        assert await caller.ids(f"Patient?identifier=http://elsewhere.example|{BERT}") == []
        assert await caller.ids("Observation?patient=b") == ["8"]
        assert await caller.ids("Observation?subject=Patient/b") == ["8"]
        assert await caller.ids("Task?patient=a") == ["1"]
        assert await caller.ids("Observation?_id=2,3,99&patient=a") == ["2", "3"]
        assert await caller.ids("Observation?_lastUpdated=ge2024-01-03&_lastUpdated=lt2024-01-05") == ["3", "4"]


async def test_pages_follow_each_other_to_the_end() -> None:
    async with a_caller(FhirFaults(max_page=3)) as caller:
        found, address = [], "Observation?patient=a&_count=500"
        while address:
            answer = (await caller.get(address)).json()
            assert answer["total"] == 7
            found += [entry["resource"]["id"] for entry in answer["entry"]]
            address = next((link["url"] for link in answer["link"] if link["relation"] == "next"), "")

        assert found == [str(number) for number in range(1, 8)]
        assert (await caller.get("?_page=elsewhere")).status_code == 410


async def test_records_stand_in_a_bundle_byte_for_byte() -> None:
    async with a_caller(records=[patient("a", ANNA), *TOUCHY]) as caller:
        body = (await caller.get("Observation?patient=a")).content

        assert all(record in body for record in TOUCHY)
        assert len(json.loads(body)["entry"]) == len(TOUCHY)
        assert (await caller.get("Observation/t1")).content == TOUCHY[0]
        assert (await caller.get("Observation/t1/_history/1")).content == TOUCHY[0]


async def test_elements_cut_a_patient_down() -> None:
    async with a_caller() as caller:
        found = (await caller.get("Patient?_id=a&_elements=identifier,birthDate")).json()["entry"][0]["resource"]

        assert found.keys() == {"resourceType", "id", "identifier", "birthDate"}


async def test_a_binary_is_content_or_a_resource_as_asked() -> None:
    async with a_caller() as caller:
        raw = await caller.get("Binary/7", accept="*/*")
        assert (raw.content, raw.headers["content-type"].partition(";")[0]) == (b"hi", "text/plain")
        assert (await caller.get("Binary/7", accept="application/fhir+json")).json()["data"] == "aGk="


async def test_it_says_what_it_can_do() -> None:
    async with a_caller() as caller:
        statement = (await caller.get("metadata")).json()

        assert statement["fhirVersion"] == "4.0.1"
        assert {one["type"] for one in statement["rest"][0]["resource"]} == {"Patient", "Observation", "Task", "Binary"}


@pytest.mark.parametrize(
    ("path", "status"), [("Observation/99", 404), ("Condition?patient=a", 404), ("Observation?_lastUpdated=gisteren", 400), ("Observation?_count=x", 400)]
)
async def test_what_cannot_be_answered_gets_an_outcome(path: str, status: int) -> None:
    async with a_caller() as caller:
        answer = await caller.get(path)

        assert answer.status_code == status
        assert answer.json()["resourceType"] == "OperationOutcome"


async def test_unknown_parameters_are_refused_only_when_strictly_handled() -> None:
    async with a_caller() as caller:
        assert (await caller.get("Observation?colour=red", prefer="handling=strict")).status_code == 400
        assert (await caller.get("Observation?colour=red")).status_code == 200
        caller.running.desk.faults = FhirFaults(lenient=True)
        assert (await caller.get("Observation?colour=red", prefer="handling=strict")).status_code == 200


async def test_each_fault_does_what_its_name_says() -> None:
    async with a_caller() as caller:

        async def under(text: str, path: str = "Observation?patient=a", **headers: str) -> httpx2.Response:
            caller.running.desk.faults = read_faults(text)
            return await caller.get(path, **headers)

        assert (await under("busy-every=1,retry-after=7")).headers["retry-after"] == "7"
        assert (await under("busy-every=1,busy-status=503")).status_code == 503
        assert (await under("fail-after-pages=0")).status_code == 500
        assert (await under("fail-after-pages=0,only=Task")).status_code == 200
        assert (await under("html")).headers["content-type"].startswith("text/html")
        assert (await under("careless-xml", accept="*/*")).content.startswith(b"<?xml")
        assert (await under("careless-xml", accept="application/fhir+json")).json()["resourceType"] == "Bundle"
        assert (await under("not-a-bundle")).json()["resourceType"] == "OperationOutcome"
        assert (await under("authorization=Bearer x")).status_code == 401
        assert (await under("authorization=Bearer x", authorization="Bearer x")).status_code == 200
        assert (await under("redirect=http://127.0.0.1:9/")).headers["location"] == "http://127.0.0.1:9/"
        assert (await under("another-total")).json()["total"] == 10
        assert len((await under("lying")).json()["entry"]) == 8
        assert len((await under("companions")).json()["entry"]) == 9
        assert len((await under("ignores=patient")).json()["entry"]) == 8
        assert (await under("fhir-version=3.0.2", "metadata")).json()["fhirVersion"] == "3.0.2"
        assert (await under("no-metadata", "metadata")).status_code == 404
        with pytest.raises(ValueError, match="Expecting"):
            (await under("broken-json")).json()
        with pytest.raises(httpx2.RemoteProtocolError):
            await under("cut")


def test_a_fault_that_does_not_exist_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        read_faults("sloow")


async def test_the_witness_knows_who_asked_how_and_how_many_at_once() -> None:
    async with a_caller(FhirFaults(frozen=True)) as caller:
        witness = caller.running.desk.witness
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(caller.get, "Observation?patient=a")
            await witness.until(lambda seen: seen.open == 3)
            tasks.cancel_scope.cancel()
        await witness.until(lambda seen: seen.abandoned == 3 and seen.open == 0)

        assert witness.high_water == 3
        assert witness.seen[0].path == "Observation"
        assert witness.seen[0].in_url == {"patient"}


@pytest.mark.slow
async def test_it_runs_as_a_program_whose_faults_can_be_changed(tmp_path: Path) -> None:
    (tmp_path / "records.ndjson").write_bytes(b"\n".join(RECORDS) + b"\n")
    command = [sys.executable, "-m", "testbed.fhir_server", "--records", str(tmp_path / "records.ndjson"), "--faults", "max-page=2"]
    async with await anyio.open_process(command, stdout=PIPE, stderr=DEVNULL) as process, httpx2.AsyncClient(trust_env=False, verify=False) as http:
        assert process.stdout is not None
        addresses = json.loads(await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", 1_000))
        small = (await http.get(f"{addresses['base']}/Observation?patient=a")).json()
        assert len(small["entry"]) == 2
        assert (await http.put(f"{addresses['control']}/faults", content=b'{"delay": 0.01}')).status_code == 204
        assert (await http.put(f"{addresses['control']}/faults", content=b'{"colour": "red"}')).status_code == 400
        assert len((await http.get(f"{addresses['base']}/Observation?patient=a")).json()["entry"]) == 7
        assert (await http.get(f"{addresses['control']}/witness")).json()["total"] == 2
        process.terminate()

        assert await process.wait() == 0
