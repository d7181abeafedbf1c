"""A SQL database keeps the promises of a source: SQLite always, a real PostgreSQL where one can be started."""

import json
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, closing
from itertools import count
from pathlib import Path

import anyio
import pytest

from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, RecordRef
from node_agent.ports import Derives, Source, SourceFailure, SourceUnavailable
from node_agent.sources.sql_dialects import SqlAddress
from node_agent.sources.sql_source import SqlSource
from testbed.contracts.records import ANNA, BERT, companions, observation, patient, resource
from testbed.contracts.source import SourceContract, SourceOver, everything, known
from testbed.postgres import NoPostgres, PostgresServer, postgres_server
from tests.node_agent.sql_shelf import Respelled, fill_postgres, fill_sqlite, opened

pytestmark = pytest.mark.anyio
_numbers = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of our own."""
    try:
        with postgres_server() as running:
            yield running
    except NoPostgres as why:
        pytest.skip(str(why))


class _SqlContract(SourceContract):
    """What of the suite is about bytes is about content here: the records are made from rows."""

    async def test_bytes_are_sacred(self, source_over: SourceOver) -> None:
        values = ("37.50", "0.010", "-0.50", "120", "1234567890.123456789")
        written = [
            f'{{"resourceType":"Observation","id":"t{place}","status":"final","code":{{"text":"crp"}},"subject":{{"reference":"Patient/a"}},'
            f'"valueQuantity":{{"value":{value},"unit":"mg/L"}}}}'.encode()
            for place, value in enumerate(values)
        ]
        async with source_over([patient("a", ANNA), *written]) as source:
            assert sorted(await everything(source, await known(source, ANNA))) == sorted(written)
            assert isinstance(source, Derives)
            assert source.mapping == "shelf 2026-11-22"
            original = await source.original(RecordRef("Observation", "t0"))
            assert original is not None
            row = original.content

        assert original.content_type == "application/json"
        assert {"id": "t0", "patient": "a", "amount": "37.50"}.items() <= json.loads(row, parse_float=str).items()

    async def test_only_what_is_about_this_person_and_never_patients_or_companions(self, source_over: SourceOver) -> None:
        mine = [
            observation("1", "a", performer=[{"reference": "Practitioner/p1"}]),
            resource("AllergyIntolerance", "1", patient={"reference": "Patient/a"}, code={"text": "penicilline"}),
            resource("RelatedPerson", "1", patient={"reference": "Patient/a"}),
            resource("Task", "1", status="ready", intent="order", **{"for": {"reference": "Patient/a"}}),
        ]
        others = [patient("b", BERT), observation("2", "b"), observation("3", "ab"), observation("4", "A")]
        async with source_over([patient("a", ANNA), *companions(), *mine, *others]) as source:
            assert sorted(await everything(source, await known(source, ANNA))) == sorted(mine)


class TestSqlite(_SqlContract):
    """The acceptance suite, over a file of SQLite."""

    @pytest.fixture
    def source_over(self, tmp_path: Path) -> SourceOver:
        """A source over tables that hold these records."""

        @asynccontextmanager
        async def over(records: list[bytes]) -> AsyncGenerator[Source, None]:
            fill_sqlite(tmp_path / "gp.db", records)
            async with opened(tmp_path, SqlAddress("sqlite:///gp.db"), kind=Respelled) as source:
                source.given = records
                yield source

        return over


class TestPostgreSql(_SqlContract):
    """The acceptance suite, over a real server, as a user who can only read."""

    @pytest.fixture
    def source_over(self, tmp_path: Path, server: PostgresServer) -> SourceOver:
        """A source over tables that hold these records."""

        @asynccontextmanager
        async def over(records: list[bytes]) -> AsyncGenerator[Source, None]:
            database = f"contract{next(_numbers)}"
            server.make(database, "reader")
            fill_postgres(server, database, records)
            async with opened(tmp_path, SqlAddress(server.url(database), "reader"), kind=Respelled) as source:
                source.given = records
                yield source

        return over


async def test_a_source_says_when_its_database_is_not_there_and_needs_no_new_start(tmp_path: Path) -> None:
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db")) as source:
        with pytest.raises(SourceUnavailable):
            await source.find(Bsn(ANNA))
        assert not (tmp_path / "gp.db").exists()

        fill_sqlite(tmp_path / "gp.db", [patient("a", ANNA)])

        assert (await known(source, ANNA)).ids == {"a"}


async def test_p7_a_database_is_asked_no_faster_than_was_agreed_and_its_work_is_counted(tmp_path: Path) -> None:
    fill_sqlite(tmp_path / "gp.db", [patient("a", ANNA), *(observation(str(number), "a") for number in range(3))])
    per_second = 40.0
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db", per_second=per_second)) as source:
        assert isinstance(source, SqlSource)
        begun, before = anyio.current_time(), sum(hour.requests for hour in source.pace.work.hours)

        async def ask() -> None:
            await everything(source, await known(source, ANNA))

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(ask)
        seconds = anyio.current_time() - begun
        asked = sum(hour.requests for hour in source.pace.work.hours) - before

    # Each begins so long after the one before it, so this holds on any machine.
    assert 8 <= asked <= per_second * seconds + 1
    assert {kind for hour in source.pace.work.hours for kind in hour.by_kind} >= {"Patient", "Observation"}


async def test_p7_whoever_cannot_have_a_turn_in_time_is_told_that_the_source_is_busy(tmp_path: Path) -> None:
    fill_sqlite(tmp_path / "gp.db", [patient("a", ANNA)])
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db", per_second=0.01, patience=0.5)) as source:
        with pytest.raises(SourceFailure) as failure:
            await source.find(Bsn(ANNA))

        assert failure.value.fault is Fault.SOURCE_BUSY


async def test_why_a_database_may_not_be_asked_is_logged_once_and_so_is_that_it_may_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It was down at the start, and is back as something else: every question looks again, and none has a line of its own."""
    file = tmp_path / "gp.db"
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db")) as source:
        fill_sqlite(file, [patient("a", ANNA)])
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("ALTER TABLE task RENAME TO tasks")
        for _ in range(3):
            with pytest.raises(SourceUnavailable):
                await source.find(Bsn(ANNA))
            with pytest.raises(SourceFailure, match="mapping-invalid"):
                await source.check()
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("ALTER TABLE tasks RENAME TO task")
        for _ in range(2):
            await source.check()
            assert (await known(source, ANNA)).ids == {"a"}
    told = [line for line in "".join(capfd.readouterr()).splitlines() if "be asked" in line]

    assert len(told) == 2
    assert "may not be asked" in told[0]
    assert "may be asked again" in told[1]
