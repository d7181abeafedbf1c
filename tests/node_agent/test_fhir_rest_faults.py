"""Whatever is wrong with a FHIR server, the adapter yields what is good and says plainly that it is not everything."""

import gzip
import traceback
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import anyio
import httpx2
import pytest

from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.limits import MIB
from accord.terms.queries import EVERYTHING, Selection
from node_agent.ports import LocalPatient, SourceAnswerInvalid, SourceBusy, SourceFailure, SourceUnavailable
from node_agent.sources.fhir_body import pieces_of, read_body
from node_agent.sources.fhir_endpoint import FhirEndpoint, basic, bearer
from node_agent.sources.fhir_rest import FhirServer
from testbed.contracts.records import ANNA, BERT, observation, patient, resource
from testbed.fault_proxy import FaultProxy, Line
from testbed.fhir_server import FhirFaults, RunningFhirServer, fhir_server, read_faults
from tests.node_agent.loop_time import let_pass

pytestmark = pytest.mark.anyio

ALLERGY = resource("AllergyIntolerance", "1", patient={"reference": "Patient/a"})
OBSERVATIONS = [observation(f"o{number}", "a") for number in range(10)]
RECORDS = [patient("a", ANNA), patient("b", BERT), ALLERGY, *OBSERVATIONS, observation("b1", "b")]
A = LocalPatient(frozenset({"a"}))


@asynccontextmanager
async def a_source(faults: str = "", **settings: object) -> AsyncGenerator[tuple[FhirServer, RunningFhirServer], None]:
    """A source over a server that gets its faults once the source has learnt what the server can do."""
    async with fhir_server(RECORDS) as running, FhirServer(FhirEndpoint(running.base, **settings)) as source:  # type: ignore[arg-type]
        await source.check()
        running.desk.faults = read_faults(faults)
        yield source, running


async def what_comes(source: FhirServer, who: LocalPatient = A, selection: Selection = EVERYTHING) -> tuple[set[bytes], SourceFailure | None]:
    found: set[bytes] = set()
    try:
        async with aclosing(source.records_of(who, selection)) as lists:
            async for some in lists:
                found |= {record.fhir_json for record in some}
    except SourceFailure as failure:
        return found, failure
    return found, None


@pytest.mark.parametrize(
    ("fault", "failure", "arrives"),
    [
        ("fail-after-pages=0", SourceUnavailable, 0),
        ("fail-after-pages=1,max-page=4", SourceUnavailable, 4),
        ("cut", SourceUnavailable, 0),
        ("complaint=error", SourceUnavailable, 10),
        ("foreign-next=http://127.0.0.1:9", SourceAnswerInvalid, 10),
        ("endless", SourceAnswerInvalid, 10),
        ("endless-fresh", SourceAnswerInvalid, 10),
        ("wrong-patient", SourceAnswerInvalid, 0),
    ],
)
async def test_one_type_fails_and_the_others_are_yielded(fault: str, failure: type[SourceFailure], arrives: int) -> None:
    async with a_source(f"only=Observation,{fault}") as (source, running):
        found, raised = await what_comes(source)

        assert isinstance(raised, failure)
        assert "Observation" in str(raised)
        assert ALLERGY in found
        assert len(found & set(OBSERVATIONS)) == arrives
        assert observation("b1", "b") not in found
        running.desk.faults = FhirFaults()
        assert await what_comes(source) == ({ALLERGY, *OBSERVATIONS}, None)


@pytest.mark.parametrize(
    ("faults", "failure"),
    [
        (FhirFaults(html=True), SourceAnswerInvalid),
        (FhirFaults(broken_json=True), SourceAnswerInvalid),
        (FhirFaults(not_a_bundle=True), SourceAnswerInvalid),
        (FhirFaults(redirect="http://127.0.0.1:9/"), SourceAnswerInvalid),
        (FhirFaults(authorization="Bearer x"), SourceUnavailable),
        (FhirFaults(no_post_search=True), SourceUnavailable),
        (FhirFaults(cut=True), SourceUnavailable),
        (FhirFaults(busy_every=1, retry_after="3600"), SourceBusy),
        (FhirFaults(busy_every=1, busy_status=503, retry_after="Fri, 01 Jan 2100 00:00:00 GMT"), SourceBusy),
        (FhirFaults(busy_every=1, retry_after="0"), SourceBusy),
    ],
)
async def test_a_server_that_is_of_no_use_has_its_own_failure(faults: FhirFaults, failure: type[SourceFailure]) -> None:
    async with a_source() as (source, running):
        running.desk.faults = faults
        found, raised = await what_comes(source)

        assert found == set()
        assert isinstance(raised, failure)


async def test_a_server_that_does_not_heed_the_question_is_stopped() -> None:
    async with a_source("ignores=patient,max-page=2") as (source, running):
        found, raised = await what_comes(source, LocalPatient(frozenset({"b"})))

        assert found == set()
        assert isinstance(raised, SourceAnswerInvalid)
        assert running.desk.witness.total < 8


@pytest.mark.parametrize(
    "faults",
    [
        FhirFaults(busy_every=2, retry_after="0", max_page=4),
        FhirFaults(busy_every=3, busy_status=503, retry_after="Sat, 01 Jan 2000 00:00:00 GMT", max_page=4),
        FhirFaults(busy_every=4, retry_after="0", max_page=1),
    ],
)
async def test_a_busy_server_is_left_alone_and_asked_again(faults: FhirFaults) -> None:
    # One page after another: of several searches at once it might be always the same that is turned away.
    async with a_source() as (source, running):
        running.desk.faults = faults

        assert await what_comes(source, selection=Selection(types=frozenset({"Observation"}))) == (set(OBSERVATIONS), None)


async def test_a_server_that_is_too_busy_for_the_time_that_is_left_is_not_waited_for() -> None:
    async with a_source("busy-every=1,retry-after=3600") as (source, running):
        with anyio.move_on_after(30) as scope, pytest.raises(SourceBusy):
            await source.find(Bsn(ANNA))
        asked = running.desk.witness.total
        with anyio.move_on_after(30), pytest.raises(SourceBusy):
            await source.find(Bsn(BERT))

        assert not scope.cancelled_caught
        assert running.desk.witness.total == asked  # it had asked to be left alone


async def test_companions_and_warnings_that_come_along_are_left_out() -> None:
    async with a_source("companions,complaint=warning") as (source, _):
        assert await what_comes(source) == ({ALLERGY, *OBSERVATIONS}, None)


@pytest.mark.parametrize("fault", ["ignores=identifier", "html", "broken-json", "cut", "not-a-bundle", "fail-after-pages=0", "redirect=http://127.0.0.1:9/"])
async def test_who_somebody_is_is_never_guessed(fault: str) -> None:
    async with a_source(fault) as (source, _):
        with pytest.raises(SourceFailure) as raised:
            await source.find(Bsn(ANNA))

        told = "".join(traceback.format_exception(raised.value))
        assert ANNA not in told
        assert "127.0.0.1" not in told


@pytest.mark.parametrize("fault", ["html", "broken-json", "cut", "fail-after-pages=0"])
async def test_everyone_is_everyone_or_a_failure(fault: str) -> None:
    async with a_source(fault) as (source, _):
        with pytest.raises(SourceFailure):
            _ = [person async for person in source.everyone()]


async def test_a_server_without_elements_gives_whole_patients() -> None:
    async with a_source("ignores=_elements,max-page=1") as (source, _):
        assert len([person async for person in source.everyone()]) == 2


async def test_another_version_of_fhir_is_refused_with_its_own_code() -> None:
    async with a_source("fhir-version=3.0.2") as (source, running):
        with pytest.raises(SourceFailure) as raised:
            await source.check()
        assert raised.value.fault is Fault.WRONG_FHIR_VERSION
        running.desk.faults = FhirFaults(no_metadata=True)
        with pytest.raises(SourceUnavailable):
            await source.check()


async def test_types_that_are_configured_need_no_capability_statement() -> None:
    async with fhir_server(RECORDS, FhirFaults(no_metadata=True)) as running:
        async with FhirServer(FhirEndpoint(running.base, types=frozenset({"AllergyIntolerance"}))) as source:
            assert await source.find(Bsn(ANNA)) == A
            assert await what_comes(source) == ({ALLERGY}, None)
        async with FhirServer(FhirEndpoint(running.base)) as source:
            assert (await what_comes(source))[0] == set()


async def test_a_server_of_another_generation_is_not_asked_even_where_its_types_are_configured() -> None:
    async with (
        fhir_server(RECORDS, FhirFaults(fhir_version="3.0.2")) as running,
        FhirServer(FhirEndpoint(running.base, types=frozenset({"AllergyIntolerance"}))) as source,
    ):
        with pytest.raises(SourceFailure) as raised:
            await source.find(Bsn(ANNA))
        assert raised.value.fault is Fault.WRONG_FHIR_VERSION
        running.desk.faults = FhirFaults()
        await source.check()
        assert await source.find(Bsn(ANNA)) == A


async def test_a_server_that_changes_its_generation_is_asked_no_more_once_that_was_seen() -> None:
    async with fhir_server(RECORDS) as running, FhirServer(FhirEndpoint(running.base)) as source:
        assert await source.find(Bsn(ANNA)) == A
        running.desk.faults = FhirFaults(fhir_version="3.0.2")
        with pytest.raises(SourceFailure):
            await source.check()
        with pytest.raises(SourceFailure) as raised:
            await source.find(Bsn(ANNA))
        assert raised.value.fault is Fault.WRONG_FHIR_VERSION


async def test_credentials_open_the_door_and_stay_hidden() -> None:
    for secret in (basic("agent", "geheim"), bearer("geheim")):
        async with fhir_server(RECORDS, FhirFaults(authorization=secret)) as running:
            endpoint = FhirEndpoint(running.base, authorization=secret)
            async with FhirServer(endpoint) as source:
                assert await what_comes(source) == ({ALLERGY, *OBSERVATIONS}, None)
            assert secret not in repr(endpoint)


async def test_an_answer_over_the_limit_is_not_read() -> None:
    async with a_source(page_bytes=1_500) as (source, _):
        found, raised = await what_comes(source)

        assert found == {ALLERGY}
        assert isinstance(raised, SourceAnswerInvalid)


async def test_a_packed_answer_says_the_same() -> None:
    async with a_source("packed=gzip,max-page=4") as (source, _):
        assert await source.find(Bsn(ANNA)) == A
        assert await what_comes(source) == ({ALLERGY, *OBSERVATIONS}, None)


@pytest.mark.parametrize("how", ["cut", "other"])
async def test_an_answer_that_is_not_packed_as_it_should_be_is_not_read(how: str) -> None:
    async with a_source(f"packed={how}") as (source, _):
        found, raised = await what_comes(source)

        assert found == set()
        assert isinstance(raised, SourceAnswerInvalid)


async def test_p7_a_packed_answer_is_not_unpacked_over_the_limit() -> None:
    bomb = gzip.compress(bytes(64 * MIB))
    response = httpx2.Response(200, headers={"content-encoding": "gzip"}, content=_in_pieces(bomb))
    tracemalloc.start()
    try:
        with pytest.raises(SourceAnswerInvalid):
            await read_body(response, MIB, "Observation")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < 8 * MIB


async def test_p7_what_is_packed_and_never_gives_a_byte_is_not_read_for_ever() -> None:
    """Empty blocks, one after the other: nothing is ever unpacked, and so nothing of it would count."""
    block = b"\x00\x00\x00\xff\xff" * 1_000

    async def endless() -> AsyncGenerator[bytes, None]:
        yield gzip.compress(b"")[:10]
        for _ in range(1_000):
            yield block
        raise AssertionError("all of it was read")

    with pytest.raises(SourceAnswerInvalid):
        await read_body(httpx2.Response(200, headers={"content-encoding": "gzip"}, content=endless()), MIB, "Observation")


@pytest.mark.parametrize("how", ["gzip", "x-gzip"])
async def test_an_answer_that_says_that_it_is_packed_and_is_empty_is_empty(how: str) -> None:
    """A refusal often has no body, and its status is what counts."""
    assert await read_body(httpx2.Response(429, headers={"content-encoding": how}, content=_in_pieces(b"")), MIB, "Observation") == b""


@pytest.mark.parametrize("how", ["whole", "cut", "wrong", "bomb"])
async def test_p13_an_attachment_that_is_packed_all_the_same_is_whole_or_is_none(how: str) -> None:
    plain = bytes(range(256)) * 1_000
    packed = {"whole": gzip.compress(plain), "cut": gzip.compress(plain)[:-9], "wrong": plain, "bomb": gzip.compress(bytes(64 * MIB))}[how]
    response = httpx2.Response(200, headers={"content-encoding": "gzip"}, content=_in_pieces(packed))
    try:
        chunks = [chunk async for chunk in pieces_of(response, MIB, "attachment", 65_536)]
    except SourceAnswerInvalid:
        assert how != "whole"
        return

    assert (how, b"".join(chunks)) == ("whole", plain)
    assert max(map(len, chunks)) <= 65_536


async def test_a_packed_answer_over_the_limit_is_not_read_however_small_it_is_packed() -> None:
    async with a_source("packed=gzip", page_bytes=1_500) as (source, _):
        found, raised = await what_comes(source)

        assert found == {ALLERGY}
        assert isinstance(raised, SourceAnswerInvalid)


async def _in_pieces(content: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), 4_096):
        yield content[start : start + 4_096]


async def test_a_server_that_stands_still_is_given_up_after_a_while() -> None:
    async with a_source("frozen", request_seconds=50.0) as (source, running):

        async def after_a_while() -> None:
            # Sooner, on a slow machine, it would have been given up before it came to stand still.
            await running.desk.witness.until(lambda witness: witness.open == 1)
            let_pass(50.0)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(after_a_while)
            with pytest.raises(SourceUnavailable):
                await source.read([RecordRef("Observation", "o1")])
        await running.desk.witness.until(lambda witness: witness.open == 0)

        assert running.desk.witness.abandoned == 1


async def test_a_dead_server_is_unavailable_to_every_question() -> None:
    async with fhir_server(RECORDS) as running:
        base = running.base
    async with FhirServer(FhirEndpoint(base, types=frozenset({"Observation", "Condition"}))) as source:
        assert isinstance((await what_comes(source))[1], SourceUnavailable)
        for asking in (source.check, lambda: source.find(Bsn(ANNA)), lambda: source.attachment("Binary/7"), lambda: source.read([RecordRef("Flag", "1")])):
            with pytest.raises(SourceUnavailable):
                await asking()


class DropsTheFirst(FaultProxy):
    """Closes the first connection that is made, and no other."""

    @property
    def line(self) -> Line:
        """Sound after the first connection."""
        return Line(drop=self.connections == 1)

    @line.setter
    def line(self, _: Line) -> None:
        """It stays as it is."""


async def test_a_connection_that_drops_is_made_again() -> None:
    async with fhir_server(RECORDS) as running:
        port = int(running.base.removeprefix("http://127.0.0.1:").removesuffix("/fhir"))
        async with DropsTheFirst("127.0.0.1", port) as proxy, FhirServer(FhirEndpoint(f"http://127.0.0.1:{proxy.port}/fhir")) as source:
            await source.check()

            assert proxy.connections == 2
            assert await source.find(Bsn(ANNA)) == A


async def test_a_line_that_is_cut_is_no_end_of_an_answer() -> None:
    async with fhir_server(RECORDS) as running:
        port = int(running.base.removeprefix("http://127.0.0.1:").removesuffix("/fhir"))
        async with (
            FaultProxy("127.0.0.1", port, Line(cut_after=900)) as proxy,
            FhirServer(FhirEndpoint(f"http://127.0.0.1:{proxy.port}/fhir", types=frozenset({"Observation"}))) as source,
        ):
            found, raised = await what_comes(source)

        assert found == set()
        assert isinstance(raised, SourceUnavailable)
