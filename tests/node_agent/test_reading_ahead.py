"""Records are fetched while it is still found out whose they are, and none is told before that is settled."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import anyio
import pytest

from accord.terms.answers import Ending, Frame
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.queries import EVERYTHING, Order, Selection
from node_agent.answering import answer
from node_agent.finding import NOBODY
from node_agent.ports import LocalPatient, ReadsAhead
from node_agent.sources.fhir_client import FhirClient
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import Reply, Request
from node_agent.sources.fhir_people import People
from node_agent.sources.fhir_rest import FhirServer
from testbed.contracts.records import ANNA, BERT, observation, patient, resource
from testbed.fhir_server import FhirFaults, RunningFhirServer, fhir_server
from testbed.memory_source import MemorySource
from testbed.plain import admitted
from tests.node_agent.asking import Answer, ask, holder_over, question

pytestmark = pytest.mark.anyio

REPLACED = [{"other": {"reference": "Patient/a"}, "type": "replaced-by"}]
OWN, LINKED = observation("1", "a"), observation("2", "old")
RECORDS = [patient("a", ANNA), patient("old", ANNA, link=REPLACED), OWN, LINKED]
#: Only its link says that the old record is Anna's too.
WITHOUT_BSN = [patient("a", ANNA), patient("old", link=REPLACED), OWN, LINKED]


class Gate(FhirClient):
    """Keeps back what a search by link is answered with, until somebody opens; remembers what was asked and what came."""

    def __init__(self, endpoint: FhirEndpoint) -> None:
        super().__init__(endpoint)
        self.opened = anyio.Event()
        self.status = 0
        #: The answer to the search for Observations that fails, counted from one; 0: none.
        self.failing = 0
        self.asked: list[str] = []
        self.came: list[str] = []
        self._changed = anyio.Event()

    async def answer(self, request: Request, until: float) -> Reply:
        """The server's answer, or another status in its place."""
        what = "link" if b"link=" in (request.form or b"") else request.what
        self.asked.append(what)
        reply = await super().answer(request, until)
        if what == "link":
            await self.opened.wait()
            reply = replace(reply, status=self.status or reply.status)
        self.came.append(what)
        if what == "Observation" and self.came.count(what) == self.failing:
            reply = replace(reply, status=500)
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
        return reply

    async def until_came(self, what: str, number: int = 1) -> None:
        """Wait until so many answers of a kind came."""
        while self.came.count(what) < number:
            await self._changed.wait()


class Gated(FhirServer):
    """A source behind a gate."""

    def __init__(self, endpoint: FhirEndpoint) -> None:
        super().__init__(endpoint)
        self._client = self.gate = Gate(endpoint)
        self._people = People(self.gate, endpoint)


@asynccontextmanager
async def gated(records: Sequence[bytes], faults: FhirFaults | None = None, *, concurrency: int = 4) -> AsyncGenerator[tuple[Gated, RunningFhirServer], None]:
    async with fhir_server(list(records)) as running, Gated(FhirEndpoint(running.base, concurrency=concurrency)) as source:
        await source.check()
        running.desk.faults = faults or FhirFaults()
        yield source, running


class Asking:
    """A question under way."""

    def __init__(self, source: Gated, selection: Selection = EVERYTHING) -> None:
        self._holder = holder_over(source)
        self._query = question(selection=selection)
        self.frames: list[Frame] = []

    async def run(self) -> None:
        """Ask, and take what is told."""

        async def emit(frame: Frame) -> None:
            self.frames.append(frame)

        await answer(self._holder, admitted(self._query), emit)

    @property
    def told(self) -> Answer:
        """What was told."""
        told = Answer(self.frames)
        told.check_account()
        return told


@pytest.mark.parametrize("selection", [EVERYTHING, replace(EVERYTHING, order=Order.GLOBAL, limit=10)])
async def test_records_come_in_while_a_link_is_followed_and_are_told_when_it_was(selection: Selection) -> None:
    async with gated(RECORDS) as (source, _), anyio.create_task_group() as tasks:
        asking = Asking(source, selection)
        tasks.start_soon(asking.run)
        await source.gate.until_came("Observation", 2)
        assert "link" in source.gate.asked
        assert asking.frames == []
        source.gate.opened.set()

    assert asking.told.closed.ending is Ending.ANSWERED
    assert set(asking.told.records) == set(RECORDS)


async def test_who_is_found_by_a_link_is_searched_for_afterwards() -> None:
    async with gated([*WITHOUT_BSN, observation("3", "a")]) as (source, _):
        source.gate.opened.set()
        async with source.inquiry(EVERYTHING) as inquiry:
            person = await inquiry.find(Bsn(ANNA))
            assert person == LocalPatient(frozenset({"a", "old"}))
            async with aclosing(inquiry.records_of(person, EVERYTHING)) as lists:
                found = {record.fhir_json async for some in lists for record in some}

        assert found == {OWN, LINKED, observation("3", "a")}
        assert source.gate.asked.count("Observation") == 2


async def test_a_search_that_brings_the_linked_records_too_heeds_the_question() -> None:
    async with gated(WITHOUT_BSN, FhirFaults(wrong_patient=True)) as (source, _), anyio.create_task_group() as tasks:
        asking = Asking(source)
        tasks.start_soon(asking.run)
        await source.gate.until_came("Observation")
        source.gate.opened.set()

    # The linked record has no number of its own: it is found, and not enough is known of it to tell.
    assert asking.told.closed.ending is Ending.ANSWERED
    assert asking.told.records == [WITHOUT_BSN[0], OWN]


async def test_records_are_not_told_when_a_link_cannot_be_followed() -> None:
    async with gated(RECORDS) as (source, _), anyio.create_task_group() as tasks:
        source.gate.status = 500
        asking = Asking(source)
        tasks.start_soon(asking.run)
        await source.gate.until_came("Observation", 2)
        source.gate.opened.set()

    assert asking.frames == [asking.told.closed]
    assert asking.told.closed.ending is Ending.UNREACHABLE


async def test_records_are_not_told_when_the_linked_record_makes_it_doubtful_who_it_is() -> None:
    records = [patient("a", ANNA), patient("old", BERT, ANNA, link=REPLACED), OWN]
    told = {}
    for label, known in {"linked": FhirFaults(), "alone": FhirFaults()}.items():
        async with gated(records if label == "linked" else records[::2], known) as (source, _):
            source.gate.opened.set()
            told[label] = await ask(holder_over(source), question())

    assert told["alone"].records == [records[0], OWN]
    assert told["linked"].records == []
    assert (told["linked"].closed.ending, told["linked"].closed.code) == (Ending.REFUSED, Fault.SEVERAL_BSNS)


async def test_nobody_reads_ahead_for_a_record_with_two_numbers() -> None:
    async with gated([patient("a", ANNA, BERT), OWN]) as (source, _):
        source.gate.opened.set()
        told = await ask(holder_over(source), question())

    assert told.records == []
    assert "link" in source.gate.asked
    assert "Observation" not in source.gate.asked


async def test_whose_number_is_another_is_not_joined_by_a_link() -> None:
    records = [patient("a", ANNA), patient("old", BERT, link=REPLACED), OWN, LINKED]
    async with gated(records) as (source, _):
        source.gate.opened.set()
        told = await ask(holder_over(source), question())

    assert told.records == [records[0], OWN]
    assert source.gate.asked.count("Observation") == 1


async def test_what_is_held_stays_little() -> None:
    many = [observation(f"m{number}", "a") for number in range(8)]
    async with gated([patient("a", ANNA), *many], FhirFaults(max_page=1)) as (source, _), anyio.create_task_group() as tasks:
        asking = Asking(source)
        tasks.start_soon(asking.run)
        await source.gate.until_came("Observation", 2)
        await anyio.wait_all_tasks_blocked()
        assert source.gate.asked.count("Observation") == 2
        source.gate.opened.set()

    assert len(asking.told.records) == 9


async def test_a_server_that_does_not_heed_the_question_is_stopped_while_its_records_are_held() -> None:
    records = [patient("a", ANNA), patient("b", BERT), observation("0", "b"), OWN, LINKED]
    async with gated(records, FhirFaults(ignores=("patient",), max_page=1)) as (source, _):
        asking = Asking(source)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(asking.run)
            await source.gate.until_came("Observation", 2)
            source.gate.opened.set()

        assert asking.frames == [asking.told.closed]
        assert asking.told.closed.code is Fault.SOURCE_ANSWER_INVALID
        assert source.gate.asked.count("Observation") == 2


@pytest.mark.parametrize("link_comes_first", [True, False])
async def test_what_came_before_a_page_that_failed_is_told_whenever_the_link_was_followed(*, link_comes_first: bool) -> None:
    many = [observation(f"m{number}", "a") for number in range(3)]
    async with gated([patient("a", ANNA), *many], FhirFaults(max_page=1)) as (source, _):
        source.gate.failing = 2
        asking = Asking(source)
        if link_comes_first:
            source.gate.opened.set()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(asking.run)
            await source.gate.until_came("Observation", 2)
            await anyio.wait_all_tasks_blocked()
            source.gate.opened.set()

        assert asking.told.closed.ending is Ending.CUT_OFF
        assert asking.told.records == [patient("a", ANNA), many[0]]


async def test_nothing_is_read_ahead_about_nobody() -> None:
    # Somebody may carry the number that stands in for nobody: it is a valid one.
    records = [patient("n", NOBODY.value), observation("1", "n")]
    async with gated(records) as (source, _):
        source.gate.opened.set()
        unknown = await ask(holder_over(source), question(about=RecordRef("Observation", "none")))

        assert unknown.closed.ending is Ending.NOTHING_SHOWN
        assert source.gate.asked.count("Observation") <= 1  # the record that was asked for by its id


async def test_an_inquiry_serves_one_reader_and_can_begin_anew() -> None:
    async with gated(RECORDS) as (source, _):
        source.gate.opened.set()
        async with source.inquiry(EVERYTHING) as inquiry:
            for _ in range(2):
                person = await inquiry.find(Bsn(ANNA))
            assert person is not None
            for _ in range(2):
                async with aclosing(inquiry.records_of(person, EVERYTHING)) as lists:
                    assert {record.fhir_json async for some in lists for record in some} == {OWN, LINKED}


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_reading_ahead_asks_no_more_at_once_than_was_agreed(concurrency: int) -> None:
    records = [*WITHOUT_BSN, *(resource(kind, "1", subject={"reference": "Patient/a"}) for kind in ("Condition", "Procedure", "Encounter"))]
    async with fhir_server(records) as running, FhirServer(FhirEndpoint(running.base, concurrency=concurrency)) as source:
        await source.check()
        running.desk.witness.reset()
        running.desk.faults = FhirFaults(delay=0.01)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(ask, holder_over(source), question())

        assert running.desk.witness.high_water == concurrency


async def test_who_stops_asking_ends_what_was_read_ahead() -> None:
    async with gated(RECORDS) as (source, running):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Asking(source).run)
            await source.gate.until_came("Patient", 2)
            running.desk.faults = FhirFaults(frozen=True)
            await running.desk.witness.until(lambda seen: seen.open > 0)
            tasks.cancel_scope.cancel()
        await running.desk.witness.until(lambda seen: seen.open == 0)

        running.desk.faults = FhirFaults()
        source.gate.opened.set()
        assert set((await ask(holder_over(source), question())).records) == set(RECORDS)


@pytest.mark.parametrize("selection", [Selection(types=frozenset({"Patient"})), Selection(types=frozenset({"Observation"}), ids=("1",))])
async def test_nothing_is_read_ahead_that_will_not_be_asked_for(selection: Selection) -> None:
    async with gated(RECORDS) as (source, running):
        source.gate.opened.set()
        running.desk.witness.reset()
        await ask(holder_over(source), question(selection=selection))

        assert not any("patient" in seen.parameters for seen in running.desk.witness.seen)


def test_a_source_need_not_read_ahead() -> None:
    assert not isinstance(MemorySource([]), ReadsAhead)
    assert isinstance(FhirServer(FhirEndpoint("http://127.0.0.1:9/fhir")), ReadsAhead)


async def test_the_pages_of_a_long_search_do_not_wait_for_searches_that_did_not_begin() -> None:
    kinds = ("AllergyIntolerance", "Condition", "Procedure", "Encounter", "Flag", "Goal")
    whose = {"subject": {"reference": "Patient/a"}, "patient": {"reference": "Patient/a"}}
    long = [observation(f"m{number}", "a") for number in range(4)]
    records = [patient("a", ANNA), *long, *(resource(kind, "1", **whose) for kind in kinds)]
    async with gated(records, FhirFaults(max_page=1), concurrency=1) as (source, _):
        source.gate.opened.set()
        told = await ask(holder_over(source), question())

    assert len(told.records) == 11
    pages = [place for place, what in enumerate(source.gate.asked) if what == "Observation"]
    assert pages[1] < source.gate.asked.index("Flag")
    assert pages[-1] < source.gate.asked.index("Goal")
