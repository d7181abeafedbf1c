"""A SQL source reads only, gives up in time, and takes nothing but its mapping for SQL. Against a real PostgreSQL."""

from collections.abc import Iterator
from contextlib import aclosing
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.queries import EVERYTHING
from node_agent.composition import look_after
from node_agent.conformance.findings import Verdict
from node_agent.conformance.run import Given, check_source
from node_agent.pausing import Pausing
from node_agent.ports import LocalPatient, SourceBusy, SourceFailure, SourceUnavailable
from node_agent.sources.sql_dialects import SqlAddress
from testbed.contracts.records import ANNA, NOBODY, observation, patient
from testbed.contracts.source import everything, known
from testbed.postgres import NoPostgres, PostgresServer, postgres_server
from tests.node_agent.loop_time import let_pass
from tests.node_agent.sql_shelf import MAPPING, fill_postgres, fill_sqlite, opened

pytestmark = pytest.mark.anyio
_numbers = count(1)
RECORDS = [patient("a", ANNA), *(observation(f"o{number}", "a") for number in range(600))]
#: Takes longer than anybody waits.
SLOW = MAPPING.replace('"SELECT * FROM observation WHERE patient = :patient"', '"SELECT o.*, pg_sleep(600) FROM observation o WHERE patient = :patient"')
#: And this is longer than any other statement takes, on a busy machine too.
HURRIED: dict[str, Any] = {"statement_seconds": 5.0}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of our own."""
    try:
        with postgres_server() as running:
            yield running
    except NoPostgres as why:
        pytest.skip(str(why))


@pytest.fixture
def database(server: PostgresServer) -> str:
    """A database with a person and 600 records in it."""
    name = f"safety{next(_numbers)}"
    server.make(name, "reader")
    fill_postgres(server, name, RECORDS)
    return name


def address(server: PostgresServer, database: str, user: str = "reader") -> SqlAddress:
    return SqlAddress(server.url(database), user)


async def refused(folder: Path, given: SqlAddress) -> str:
    with pytest.raises(BadInput) as why:
        async with opened(folder, given):
            pass
    assert why.value.fault is Fault.SOURCE_WRITABLE
    return why.value.where


async def test_a_user_who_can_write_is_refused_with_what_to_take_away(server: PostgresServer, database: str, tmp_path: Path) -> None:
    assert await refused(tmp_path, address(server, database, "postgres")) == "default_transaction_read_only is off"
    server.run("ALTER ROLE postgres SET default_transaction_read_only = on")
    try:
        assert (await refused(tmp_path, address(server, database, "postgres"))).startswith("has the powers of the role: p")
    finally:
        with server.connection("postgres") as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER ROLE postgres RESET default_transaction_read_only")


@pytest.mark.parametrize(
    ("given", "told", "taken"),
    [
        ("GRANT INSERT ON practitioner TO reader", "may write in: public.practitioner", "REVOKE INSERT ON practitioner FROM reader"),
        ("GRANT UPDATE (family) ON practitioner TO reader", "may write in: public.practitioner", "REVOKE UPDATE (family) ON practitioner FROM reader"),
        ("GRANT DELETE ON task TO PUBLIC", "may write in: public.task", "REVOKE DELETE ON task FROM PUBLIC"),
        ("GRANT CREATE ON SCHEMA public TO reader", "may CREATE in schema: public", "REVOKE CREATE ON SCHEMA public FROM reader"),
        ("CREATE ROLE nurse; GRANT INSERT ON task TO nurse; GRANT nurse TO reader", "may write in: public.task", "DROP OWNED BY nurse; DROP ROLE nurse"),
        ("GRANT pg_write_all_data TO reader", "has the powers of the role: pg_write_all_data", "REVOKE pg_write_all_data FROM reader"),
        ("ALTER ROLE reader CREATEDB", "has the powers of the role: reader", "ALTER ROLE reader NOCREATEDB"),
    ],
)
async def test_every_way_to_write_is_seen(server: PostgresServer, database: str, tmp_path: Path, given: str, told: str, taken: str) -> None:
    server.run(given, database=database)
    try:
        assert await refused(tmp_path, address(server, database)) == told
    finally:
        server.run(taken, database=database)
    async with opened(tmp_path, address(server, database)) as source:
        await source.check()


async def test_a_right_to_write_that_comes_later_stops_the_source_at_its_next_check(server: PostgresServer, database: str, tmp_path: Path) -> None:
    async with opened(tmp_path, address(server, database)) as source:
        server.run("GRANT INSERT ON task TO reader", database=database)
        try:
            with pytest.raises(SourceFailure) as why:
                await source.check()
            # Whoever asks a question hears that it is not available; why is the holder's own affair.
            with pytest.raises(SourceUnavailable):
                await source.find(Bsn(ANNA))
            points, _ = await check_source(source, Given([Bsn(ANNA)]))
            assert await source.rights() == {"may write in: public.task"}
        finally:
            server.run("REVOKE INSERT ON task FROM reader", database=database)
        await source.check()
        assert (await known(source, ANNA)).ids == {"a"}

    assert (why.value.fault, why.value.where) == (Fault.SOURCE_WRITABLE, "may write in: public.task")
    told = {point.name: point for point in points}
    assert told["source answers"].verdict is told["read-only"].verdict is Verdict.WRONG
    assert "source-writable" in told["source answers"].seen
    assert "may write in: public.task" in told["read-only"].seen


async def test_the_standing_of_the_agent_has_the_reason_why_its_database_is_not_asked(server: PostgresServer, database: str, tmp_path: Path) -> None:
    pausing = Pausing()

    async def until(trouble: Fault | None) -> None:
        with anyio.fail_after(60):
            while pausing.trouble is not trouble:  # noqa: ASYNC110 - the standing tells no change of its trouble
                await anyio.sleep(0.01)

    async with opened(tmp_path, address(server, database)) as source, anyio.create_task_group() as tasks:
        tasks.start_soon(look_after, source, pausing, 0.02)
        server.run("GRANT INSERT ON task TO reader", database=database)
        try:
            await until(Fault.SOURCE_WRITABLE)
        finally:
            server.run("REVOKE INSERT ON task FROM reader", database=database)
        await until(None)
        tasks.cancel_scope.cancel()


async def test_a_mapping_that_writes_is_stopped_by_the_transaction_itself(server: PostgresServer, database: str, tmp_path: Path) -> None:
    server.run(
        "CREATE FUNCTION sneak() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO practitioner VALUES ('x', 'y'); RETURN 'a'; END $$",
        database=database,
    )
    find = "SELECT sneak() AS patient FROM patient WHERE value1 = :bsn"
    sneaky = MAPPING.replace(next(line for line in MAPPING.splitlines() if line.startswith("find")), f'find = "{find}"')
    async with opened(tmp_path, address(server, database), mapping=sneaky) as source:
        with pytest.raises(SourceUnavailable):
            await source.find(Bsn(ANNA))
    with server.connection(database) as connection:
        assert connection.execute("SELECT count(*) FROM practitioner").fetchone() == (0,)


async def test_a_mapping_that_hides_a_second_statement_from_the_check_is_refused(server: PostgresServer, database: str, tmp_path: Path) -> None:
    server.run(
        "CREATE FUNCTION creep() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO practitioner VALUES ('x', 'y'); RETURN 'a'; END $$",
        database=database,
    )
    begin = "COMMIT; SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; BEGIN READ WRITE; SELECT creep(); COMMIT; SELECT * FROM (SELECT 1 --"
    before, written = MAPPING.partition("everyone = '''\n")[::2]
    hidden = f"{before}everyone = \"\"\"\nSELECT 'a' AS patient, '{ANNA}' AS bsn -- it's\n) AS a; {begin} '\n\"\"\"\n" + written.partition("'''\n")[2]
    with pytest.raises((BadInput, SourceUnavailable)) as why:
        async with opened(tmp_path, address(server, database), mapping=hidden) as source:
            [one async for one in source.everyone()]

    with server.connection(database) as connection:
        assert connection.execute("SELECT count(*) FROM practitioner").fetchone() == (0,)
    assert why.value.fault is Fault.MAPPING_INVALID


async def test_a_slow_statement_is_cut(server: PostgresServer, database: str, tmp_path: Path) -> None:
    async with opened(tmp_path, address(server, database), mapping=SLOW, **HURRIED) as source:
        with anyio.fail_after(60), pytest.raises(SourceUnavailable):
            await everything(source, await known(source, ANNA))
        assert await source.find(Bsn(NOBODY)) is None


async def test_a_lock_does_not_hang_the_source(server: PostgresServer, database: str, tmp_path: Path) -> None:
    async with opened(tmp_path, address(server, database), lock_seconds=0.5) as source:
        with server.connection(database) as other, other.transaction():
            other.execute("LOCK TABLE observation IN ACCESS EXCLUSIVE MODE")
            with anyio.fail_after(60), pytest.raises(SourceBusy):
                await everything(source, LocalPatient(frozenset({"a"})))
        assert len(await everything(source, await known(source, ANNA))) == 600


async def test_a_question_that_is_given_up_is_cancelled_at_the_server(server: PostgresServer, database: str, tmp_path: Path) -> None:
    async with opened(tmp_path, address(server, database), mapping=SLOW, statement_seconds=300) as source:
        who = await known(source, ANNA)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(everything, source, who)
            await _until(server, database, sleeping=1)
            tasks.cancel_scope.cancel()

        await _until(server, database, sleeping=0)
        assert (await known(source, ANNA)).ids == {"a"}


async def _until(server: PostgresServer, database: str, *, sleeping: int) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usename = 'reader' AND wait_event = 'PgSleep'"
    with anyio.fail_after(60), server.connection("postgres") as connection:
        while (await to_thread.run_sync(lambda: connection.execute(query, (database,)).fetchone())) != (sleeping,):  # noqa: ASYNC110 - the server has no bell
            await anyio.sleep(0.05)


async def test_a_database_that_goes_away_in_mid_answer_cuts_the_answer_off(server: PostgresServer, database: str, tmp_path: Path) -> None:
    async with opened(tmp_path, address(server, database)) as source:
        who = await known(source, ANNA)
        async with aclosing(source.records_of(who, EVERYTHING)) as lists:
            assert await anext(lists)
            server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}' AND usename = 'reader'")  # noqa: S608 - a name of ours
            with pytest.raises(SourceUnavailable):
                async for _ in lists:
                    pass

        assert len(await everything(source, who)) == 600


async def test_more_questions_than_connections_are_told_that_the_source_is_busy(server: PostgresServer, database: str, tmp_path: Path) -> None:
    # The server ends a transaction in which nothing happens after twice the patience, which a short one is on a busy machine.
    async with opened(tmp_path, address(server, database), concurrency=2, patience=30.0) as source:
        who = await known(source, ANNA)

        async def patience_ends() -> None:
            while not source._database._streams.statistics().tasks_waiting:  # noqa: ASYNC110 - nobody tells of who waits
                await anyio.sleep(0.01)
            let_pass(30.0)

        async with aclosing(source.records_of(who, EVERYTHING)) as slow_reader:
            assert await anext(slow_reader)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(patience_ends)
                with pytest.raises(SourceBusy):
                    await everything(source, who)
                tasks.cancel_scope.cancel()
            # What a record refers to is read while its stream is open.
            assert await source.read([RecordRef("Observation", "o1")])

        assert len(await everything(source, who)) == 600


@pytest.mark.parametrize("evil", ["' OR '1'='1", "a'; DROP TABLE patient; --", "a') UNION SELECT 1 --", ":patient", "%s", "{patient}", "o1\\", "о1", "o1\x00"])
async def test_an_id_is_never_sql(server: PostgresServer, database: str, tmp_path: Path, evil: str) -> None:
    fill_sqlite(tmp_path / "gp.db", RECORDS)
    for given in (address(server, database), SqlAddress("sqlite:///gp.db")):
        async with opened(tmp_path, given) as source:
            ref = RecordRef("Observation", "o1")
            object.__setattr__(ref, "id", evil)  # what no RecordRef would be made of
            try:
                assert await source.read([ref]) == {}
                assert await source.original(ref) is None
            except SourceUnavailable:
                assert "\x00" in evil  # PostgreSQL takes no NUL at all
            bsn = Bsn(ANNA)
            object.__setattr__(bsn, "value", evil.replace("\x00", ""))
            assert await source.find(bsn) is None
            assert (await known(source, ANNA)).ids == {"a"}
            assert len(await everything(source, await known(source, ANNA))) == 600


async def test_no_error_tells_what_was_asked_or_found(server: PostgresServer, database: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    server.run("INSERT INTO observation VALUES ('odd', 'a', 'code', NULL, 1, NULL, 'geheim is hier', 'geheim')", database=database)
    # The division fails on what stands in the row, and PostgreSQL quotes that.
    failing = MAPPING.replace(
        '"SELECT * FROM allergy WHERE patient = :patient"', '"SELECT a.*, CAST(a.code AS integer) AS number FROM allergy a WHERE patient = :patient"'
    )
    server.run("INSERT INTO allergy VALUES ('x', 'a', 'geheime pinda')", database=database)
    async with opened(tmp_path, address(server, database), mapping=failing) as source:
        with pytest.raises(SourceUnavailable) as failure:
            await everything(source, LocalPatient(frozenset({"a"})))

    said = "".join(capfd.readouterr())
    assert failure.value.__cause__ is None
    assert "geheim" not in f"{failure.value} {failure.value.where} {said}"
    assert ANNA not in said


async def test_a_slow_question_to_a_file_is_cut_too(tmp_path: Path) -> None:
    fill_sqlite(tmp_path / "gp.db", RECORDS)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT o.* FROM observation o, n WHERE n.x < 0 AND patient = :patient"
    slow = MAPPING.replace("SELECT * FROM observation WHERE patient = :patient", endless)
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db"), mapping=slow, statement_seconds=2.0) as source:
        with anyio.fail_after(60), pytest.raises(SourceUnavailable):
            await everything(source, await known(source, ANNA))
        assert await source.find(Bsn(NOBODY)) is None


async def test_the_check_is_told_by_postgres_itself_that_the_user_can_only_read(server: PostgresServer, database: str, tmp_path: Path) -> None:
    async with opened(tmp_path, address(server, database)) as source:
        assert await source.rights() == frozenset()
