"""The example of a source of one's own keeps every promise of a source, is short, and an agent can use it by its name alone."""

import csv
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from accord.rules.reading import read_record
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.queries import EVERYTHING
from node_agent.opening import open_source
from node_agent.ports import LocalPatient, Source
from node_agent.source_settings import SourceSettings
from testbed.contracts.records import ANNA, observation, patient
from testbed.contracts.source import SourceContract, SourceOver
from testbed.memory_source import MemorySource

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SETTINGS = SourceSettings(kind="python", factory="write_a_source:factory", path="csv")


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))


async def write(folder: Path, records: list[bytes]) -> None:
    """Put records in the two files; a source in memory knows whose they are."""
    await anyio.Path(folder).mkdir(exist_ok=True)
    known = MemorySource(records)
    refs = [RecordRef(read.resourceType, read.id) for read in map(read_record, records)]
    owners: dict[bytes, list[str]] = {record: [] for record in records}
    for logical_id in [ref.id for ref in refs if ref.type == "Patient"]:
        async for some in known.records_of(LocalPatient(frozenset({logical_id})), EVERYTHING):
            for record in some:
                owners[record.fhir_json].append(logical_id)
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as people:
        lines = csv.writer(people)
        lines.writerow(["bsn", "patients"])
        lines.writerows([[bsn.value, " ".join(sorted(who.ids))] async for bsn, who in known.everyone()])
    with (folder / "records.csv").open("w", encoding="utf-8", newline="") as kept:
        lines = csv.writer(kept)
        lines.writerow(["ref", "patients", "fhir"])
        lines.writerows([str(ref), " ".join(owners[record]), record.decode()] for ref, record in zip(refs, records, strict=True))


class TestCsvFolder(SourceContract):
    """The acceptance suite, on the source as an agent opens it."""

    @pytest.fixture
    def source_over(self, tmp_path: Path) -> SourceOver:
        """A source over a folder with these records."""

        @asynccontextmanager
        async def over(records: list[bytes]) -> AsyncGenerator[Source, None]:
            await write(tmp_path / "csv", records)
            async with open_source(SETTINGS, tmp_path) as source:
                yield source

        return over


def test_the_example_is_fifty_lines_of_code() -> None:
    whole = (EXAMPLES / "write_a_source.py").read_text(encoding="utf-8").splitlines()
    body = whole[next(place for place, line in enumerate(whole) if line.startswith("class")) :]

    assert len([line for line in body if line.strip() and not line.strip().startswith('"""')]) <= 50


@pytest.mark.anyio
async def test_an_agent_uses_it_by_its_name(tmp_path: Path) -> None:
    await write(tmp_path / "csv", [patient("a", ANNA), observation("1", "a")])
    async with open_source(SETTINGS, tmp_path) as source:
        found = await source.find(Bsn(ANNA))

    assert found == LocalPatient(frozenset({"a"}))
    assert type(source).__module__ == "write_a_source"
    sys.modules.pop("write_a_source")


@pytest.mark.anyio
@pytest.mark.parametrize("factory", ["", "write_a_source", "write_a_source:nothing", "no_such_module:factory", ":factory"])
async def test_a_name_that_is_nothing_is_refused(tmp_path: Path, factory: str) -> None:
    with pytest.raises(BadInput) as why:
        async with open_source(SourceSettings(kind="python", factory=factory), tmp_path):
            pass

    assert why.value.fault is Fault.INVALID_SETTING
    assert "source.factory" in why.value.where
