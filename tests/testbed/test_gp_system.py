"""The example's tables hold all that De Brinkhof wrote down, and its mapping tells all of it again."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from accord.terms.answers import Ending
from accord.terms.identifiers import Bsn, RecordRef, record_ref
from accord.terms.queries import EVERYTHING
from node_agent.cli import app
from node_agent.ports import SourceRecord
from node_agent.sources.sql_dialects import SqlAddress
from node_agent.sources.sql_mapping import read_mapping
from node_agent.sources.sql_source import SqlSource
from testbed.gp_system import FILES, MAPPING, NotOfAPractice, fill_postgres, fill_sqlite, rows
from testbed.people import DINA, DINA_HOSPITAL_ADMISSION, Region, generate
from testbed.people.wishes import HOSPITAL_ADMISSION
from testbed.postgres import NoPostgres, postgres_server
from testbed.region import BlockingRegion

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def region() -> Region:
    return generate(2026, 60)


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory, region: Region) -> SqlAddress:
    """The practice in a file."""
    path = tmp_path_factory.mktemp("practice") / "brinkhof.db"
    fill_sqlite(path, region.records_at("brinkhof"))
    return SqlAddress(f"sqlite:///{path}")


@pytest.fixture(scope="module")
def on_postgres(region: Region) -> Iterator[SqlAddress]:
    """The practice on a server."""
    try:
        with postgres_server() as server:
            server.make("practice", "noaber")
            fill_postgres(server, "practice", region.records_at("brinkhof"))
            yield SqlAddress(server.url("practice"), "noaber")
    except NoPostgres as why:
        pytest.skip(str(why))


def content(text: bytes) -> dict[str, Any]:
    """What a record says: its version is nothing that such a system counts."""
    whole: dict[str, Any] = json.loads(text, parse_float=lambda number: f"number {number}")
    whole["meta"].pop("versionId", None)
    return whole


async def told(address: SqlAddress, region: Region) -> dict[RecordRef, SourceRecord]:
    """Everything that is kept, asked for by name."""
    source = SqlSource(address, read_mapping(MAPPING), Path())
    try:
        await source.begin()
        found = await source.read([record_ref(record.ref) for record in region.kept["brinkhof"]])
        people = [person async for person in source.everyone()]
        for bsn, who in people:
            assert await source.find(bsn) == who
            mine = [record.fhir_json async for some in source.records_of(who, EVERYTHING) for record in some]
            assert len(mine) == sum(_is_about(record.json, who.ids) for record in region.kept["brinkhof"])
        assert not source.unfit
        return found
    finally:
        await source.close()


def _is_about(text: bytes, ids: frozenset[str]) -> bool:
    record = json.loads(text)
    owner = record.get("subject", record.get("patient", {})).get("reference", "")
    return owner.removeprefix("Patient/") in ids


@pytest.mark.parametrize("where", ["on_sqlite", "on_postgres"])
async def test_p13_the_mapping_tells_all_that_the_practice_wrote_down_and_nothing_else(where: str, region: Region, request: pytest.FixtureRequest) -> None:
    found = await told(request.getfixturevalue(where), region)

    for record in region.kept["brinkhof"]:
        given = content(record.json)
        if record.type == "Practitioner":
            del given["identifier"]
        assert content(found[RecordRef(record.type, record.id)].fhir_json) == given
        assert found[RecordRef(record.type, record.id)].derived


async def test_a_yes_but_has_no_answer_and_keeps_its_words(on_sqlite: SqlAddress) -> None:
    source = SqlSource(on_sqlite, read_mapping(MAPPING), Path())
    who = await source.find(Bsn(DINA.bsn))
    assert who is not None
    records = [json.loads(record.fhir_json) async for some in source.records_of(who, EVERYTHING) for record in some]
    await source.close()
    (wish,) = [record for record in records if record["resourceType"] == "Consent" and HOSPITAL_ADMISSION[0] in json.dumps(record)]

    assert "type" not in wish["provision"]
    assert wish["modifierExtension"][0]["valueString"] == DINA_HOSPITAL_ADMISSION
    assert wish["modifierExtension"][0]["url"].endswith("ext-TreatmentDirective2.SpecificationOther")


@pytest.mark.parametrize(("answer", "text"), [("M", None), ("M", ""), (None, None)])
async def test_a_wish_without_a_clear_answer_never_looks_like_one_without_objection(
    tmp_path: Path, region: Region, answer: str | None, text: str | None
) -> None:
    fill_sqlite(tmp_path / "gp.db", region.records_at("brinkhof"))
    with closing(sqlite3.connect(tmp_path / "gp.db")) as connection, connection:
        connection.execute("UPDATE wens SET antwoord = ?, toelichting = ? WHERE wens_id = 1", (answer, text))
    source = SqlSource(SqlAddress(f"sqlite:///{tmp_path / 'gp.db'}"), read_mapping(MAPPING), Path())
    found = json.loads((await source.read([RecordRef("Consent", "1")]))[RecordRef("Consent", "1")].fhir_json)
    await source.close()

    assert "type" not in found["provision"]
    assert found["modifierExtension"][0]["valueString"]


def test_what_a_practice_has_no_table_for_is_refused() -> None:
    with pytest.raises(NotOfAPractice, match="Device/1"):
        list(rows([b'{"resourceType":"Device","id":"1"}']))


def test_the_example_goes_through_its_mapping_by_the_command_of_the_page(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "practice.db")) as connection, connection:
        for name in ("schema.sql", "views.sql", "data.sql"):
            connection.executescript((FILES / name).read_text(encoding="utf-8"))
    sets = ("source.kind=sql", f"source.url=sqlite:///{tmp_path / 'practice.db'}", f"source.mapping={MAPPING}")
    asked = ["mapping", "check", *(part for one in sets for part in ("--set", one))]
    told = CliRunner().invoke(app, asked)

    assert told.exit_code == 0, told.output
    assert {"1 person", "Patient: 2 fit", "Observation: 7 fit", "Consent: 4 fit", "Condition: 2 fit"} <= set(told.output.splitlines())

    with closing(sqlite3.connect(tmp_path / "practice.db")) as connection, connection:
        connection.execute("UPDATE wens SET antwoord = 'X' WHERE wens_id = 1")
    told = CliRunner().invoke(app, asked)

    assert told.exit_code == 1
    assert 'wens: 1 unfit at "provision.type"' in told.output.splitlines()

    with closing(sqlite3.connect(tmp_path / "practice.db")) as connection, connection:
        connection.execute("UPDATE wens SET antwoord = 'N' WHERE wens_id = 1")
        connection.execute("UPDATE patient SET bsn = NULL WHERE patient_id = 2")
    told = CliRunner().invoke(app, asked)

    assert told.exit_code == 1
    assert "Patient: 1 without a BSN: what stands under it is never shown" in told.output.splitlines()


def test_the_user_that_the_page_makes_can_read_the_example_and_nothing_more() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sql-source.md").read_text(encoding="utf-8")
    rights = page.split("```sql\n")[1].split("```")[0].replace("…", "made-up")
    try:
        with postgres_server() as server:
            server.run("CREATE DATABASE practice")
            for name in ("schema.sql", "views.sql", "data.sql"):
                server.run((FILES / name).read_text(encoding="utf-8"), database="practice")
            server.run("CREATE TABLE salaris (bedrag integer)", database="practice")
            server.run(rights, database="practice")
            sets = ("source.kind=sql", f"source.url={server.url('practice')}", "source.user=noaber", f"source.mapping={MAPPING}")
            told = CliRunner().invoke(app, ["mapping", "check", *(part for one in sets for part in ("--set", one))])
            with server.connection("practice", "noaber") as connection:
                may = connection.execute("SELECT has_table_privilege('salaris', 'SELECT')").fetchone()
    except NoPostgres as why:
        pytest.skip(str(why))

    assert told.exit_code == 0, told.output
    assert {"1 person", "Patient: 2 fit", "Observation: 7 fit", "Consent: 4 fit"} <= set(told.output.splitlines())
    assert may == (False,)


@pytest.mark.slow
def test_a_region_asks_a_real_server_where_it_is_told_to(on_postgres: SqlAddress) -> None:
    with BlockingRegion.start(
        story=False, holders=["brinkhof"], people=60, more={"brinkhof": {"source": {"url": on_postgres.url, "user": "noaber"}}}
    ) as region:
        (region.files["brinkhof"].source / "practice.db").unlink()
        dossier = region.ask(DINA.bsn)

    assert dossier.holders["brinkhof"].ending is Ending.ANSWERED
    assert sum(b'"Consent"' in record.json for record in dossier.of("brinkhof")) == 3
