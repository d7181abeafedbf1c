"""Every kind of source is opened by its settings and passes the same check: FHIR R4 and STU3, a database, a feed of HL7 v2, and one of somebody's own."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from accord.terms.identifiers import Bsn
from node_agent.conformance.findings import Verdict
from node_agent.conformance.run import Given, check_source
from node_agent.opening import open_source
from node_agent.source_settings import SourceSettings
from testbed.contracts.records import ANNA, observation, patient
from testbed.fhir_server import FhirFaults, fhir_server
from tests.node_agent.feed_messages import Fed, result
from tests.node_agent.sql_shelf import MAPPING, fill_sqlite

pytestmark = pytest.mark.anyio

RECORDS = [patient("a", ANNA), observation("1", "a")]
OWN = """
from testbed.contracts.records import ANNA, observation, patient
from testbed.memory_source import MemorySource

def factory(settings, folder):
    return MemorySource([patient("a", ANNA), observation("1", "a")])
"""


@asynccontextmanager
async def fhir(folder: Path) -> AsyncGenerator[SourceSettings, None]:  # noqa: ARG001 - as the others have it
    async with fhir_server(RECORDS) as running:
        yield SourceSettings(kind="fhir-server", base=running.base)


@asynccontextmanager
async def stu3(folder: Path) -> AsyncGenerator[SourceSettings, None]:  # noqa: ARG001 - as the others have it
    async with fhir_server(RECORDS, FhirFaults(fhir_version="3.0.2")) as running:
        yield SourceSettings(kind="fhir-server", base=running.base, generation="stu3")


@asynccontextmanager
async def sql(folder: Path) -> AsyncGenerator[SourceSettings, None]:
    fill_sqlite(folder / "gp.db", RECORDS)
    (folder / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    yield SourceSettings(kind="sql", url="sqlite:///gp.db", mapping="mapping.toml")


@asynccontextmanager
async def fed(folder: Path) -> AsyncGenerator[SourceSettings, None]:
    assert Fed(folder).take(result()) == ["AA"]
    yield SourceSettings(path="records.db")


@asynccontextmanager
async def own(folder: Path) -> AsyncGenerator[SourceSettings, None]:
    (folder / "source_of_ones_own.py").write_text(OWN, encoding="utf-8")
    yield SourceSettings(kind="python", factory="source_of_ones_own:factory")


#: With what is said of the right to write where nobody tried.
KINDS = [(fhir, Verdict.NOT_TRIED), (stu3, Verdict.NOT_TRIED), (sql, Verdict.GOOD), (fed, Verdict.GOOD), (own, Verdict.NOT_TRIED)]


@pytest.mark.parametrize(("kind", "writing"), KINDS)
async def test_a_sound_source_of_every_kind_passes(
    kind: Callable[[Path], AbstractAsyncContextManager[SourceSettings]], writing: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    async with kind(tmp_path) as settings, open_source(settings, tmp_path) as source:
        points, visiting = await check_source(source, Given([Bsn(ANNA)]))
    told = {point.name: point for point in points}

    assert [point for point in points if point.verdict is Verdict.WRONG] == []
    assert visiting.seen.people == 1
    assert visiting.seen.records >= 2
    assert told["read-only"].verdict is writing
    assert all(point.repair for point in points if point.verdict in (Verdict.REMARK, Verdict.NOT_TRIED))
