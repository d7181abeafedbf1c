"""Who asks for the original of a record learns nothing of one that is withheld: the source is asked as much, and the same bytes come, as for none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from accord.rules.consent import Choice
from accord.rules.labels import CONFIDENTIALITY
from accord.terms.answers import AttachmentFrame, Closed
from accord.terms.identifiers import RecordRef
from accord.terms.queries import ORIGINAL
from accord.terms.vocabulary import CareCategory
from accord.wire.answer_codec import attachment_frame_to_wire
from node_agent.attaching import fetch_attachment
from node_agent.ports import Original, Source
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.sql_dialects import SqlAddress
from node_agent.sources.stu3_server import Stu3Server
from testbed.contracts.records import ANNA, BERT, observation, patient, resource
from testbed.fhir_server import FhirFaults, fhir_server
from testbed.memory_source import MemorySource
from testbed.plain import admitted
from tests.node_agent.asking import YES, MemoryChoices, holder_over, question
from tests.node_agent.sql_shelf import fill_sqlite, opened

pytestmark = pytest.mark.anyio

BY_CATEGORY = (YES, Choice(permits=False, category=frozenset({CareCategory.OBSERVATION_EXAM})))
BY_NAME = (YES, Choice(permits=False, record=RecordRef("Observation", "1")))
ANYTHING = (YES,)
RECORDS = [patient("a", ANNA), observation("1", "a"), patient("b", BERT), observation("2", "b")]
NONE = RecordRef("Observation", "none")
#: A record that is withheld, and why; each is held against one that is not there, under the same choices.
WITHHELD = [
    pytest.param(BY_CATEGORY, RecordRef("Observation", "1"), id="a category"),
    pytest.param(BY_NAME, RecordRef("Observation", "1"), id="its name"),
    pytest.param(ANYTHING, RecordRef("Observation", "2"), id="it is of somebody else"),
]


class Deriving(MemorySource):
    """A source whose records were all made from something else."""

    mapping = "made-up 1"

    async def original(self, ref: RecordRef) -> Original | None:
        """As `Derives` has it."""
        self.asked.append("original")
        found = self._records.get(ref)
        return None if found is None else Original("text/plain", b"x" * 5_000, found)


async def fetched(source: Source, ref: RecordRef, choices: tuple[Choice, ...]) -> list[bytes]:
    """What goes out, byte for byte."""
    frames: list[AttachmentFrame] = []

    async def emit(frame: AttachmentFrame) -> None:
        frames.append(frame)

    await fetch_attachment(holder_over(source, MemoryChoices(others=choices)), admitted(question()), ORIGINAL, ref, emit)
    assert isinstance(frames[-1], Closed)
    return [attachment_frame_to_wire(frame).SerializeToString(deterministic=True) for frame in frames]


async def the_same(source: Source, choices: tuple[Choice, ...], withheld: RecordRef, asked: Callable[[], list[Any]]) -> None:
    """Two are asked for: one that is withheld, and one that is not there."""
    asked()
    one, asked_for_it = await fetched(source, withheld, choices), asked()
    other, asked_for_none = await fetched(source, NONE, choices), asked()

    assert len(one) == 1
    assert one == other
    assert asked_for_it == asked_for_none
    assert asked_for_it


@pytest.mark.parametrize(("choices", "withheld"), WITHHELD)
async def test_p9_the_original_of_a_withheld_record_costs_a_source_as_much_as_none(choices: tuple[Choice, ...], withheld: RecordRef) -> None:
    source = Deriving(RECORDS)

    def asked() -> list[str]:
        told, source.asked = source.asked, []
        return told

    await the_same(source, choices, withheld, asked)


@pytest.mark.parametrize(("choices", "withheld"), WITHHELD)
async def test_p9_the_original_of_a_withheld_row_costs_a_database_as_many_statements_as_none(
    choices: tuple[Choice, ...], withheld: RecordRef, tmp_path: Path
) -> None:
    fill_sqlite(tmp_path / "gp.db", RECORDS)
    statements: list[str] = []
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db")) as source:
        event.listen(source._dialect.engine, "before_cursor_execute", lambda _c, _u, statement, *_: statements.append(statement))

        def asked() -> list[str]:
            told = statements[:]
            statements.clear()
            return told

        await the_same(source, choices, withheld, asked)


@pytest.mark.parametrize(("choices", "withheld"), WITHHELD)
async def test_p9_the_original_of_a_withheld_record_of_stu3_costs_its_server_as_many_requests_as_none(choices: tuple[Choice, ...], withheld: RecordRef) -> None:
    async with fhir_server(RECORDS, FhirFaults(fhir_version="3.0.2")) as running, Stu3Server(FhirEndpoint(running.base)) as source:
        await source.check()

        def asked() -> list[tuple[str, str]]:
            told = [(seen.method, seen.path.partition("/")[0]) for seen in running.desk.witness.seen]
            running.desk.witness.reset()
            return told

        await the_same(source, choices, withheld, asked)


async def test_p9_what_a_report_leads_to_costs_as_much_where_that_withholds_it() -> None:
    secret = observation("1", "a", meta={"security": [{"system": CONFIDENTIALITY, "code": "R"}]})
    report = resource("DiagnosticReport", "1", subject={"reference": "Patient/a"}, result=[{"reference": "Observation/1"}])
    source = Deriving([patient("a", ANNA), secret, report])

    def asked() -> list[str]:
        told, source.asked = source.asked, []
        return told

    no_labels = (YES, Choice(permits=False, labels=frozenset({(CONFIDENTIALITY, "R")})))
    await the_same(source, no_labels, RecordRef("DiagnosticReport", "1"), asked)
