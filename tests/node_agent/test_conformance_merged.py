"""Whoever was merged here with somebody else: what shows whose it is reaches a reader, what does not reaches nobody, and the check says which."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from accord.terms.identifiers import Bsn
from node_agent.conformance.findings import Point, Verdict
from node_agent.conformance.run import Given, check_source
from node_agent.sources.sql_dialects import SqlAddress
from node_agent.sources.sql_mapping import read_mapping
from node_agent.sources.sql_source import SqlSource
from testbed.gp_system import FILES, MAPPING
from tests.node_agent.asking import Answer, ask, holder_over, question

pytestmark = pytest.mark.anyio

GEESJE = "999900006"


def practice(folder: Path, *changes: str) -> SqlSource:
    """The example, as docs/sql-source.md makes it."""
    path = folder / "practice.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for name in ("schema.sql", "views.sql", "data.sql"):
            connection.executescript((FILES / name).read_text(encoding="utf-8"))
        for change in changes:
            connection.execute(change)
    return SqlSource(SqlAddress(f"sqlite:///{path}"), read_mapping(MAPPING), folder)


async def checked(source: SqlSource) -> dict[str, Point]:
    """What the check says of the one person who is there."""
    points, _ = await check_source(source, Given([Bsn(GEESJE)]))
    return {point.name: point for point in points}


async def answered(source: SqlSource) -> Answer:
    """What a reader gets."""
    return await ask(holder_over(source), question(GEESJE, birth_date=date(1941, 3, 2)))


async def test_the_example_practice_passes_its_own_check_and_is_answered_whole(tmp_path: Path) -> None:
    source = practice(tmp_path)
    points, told = await checked(source), await answered(source)
    await source.close()

    assert [point for point in points.values() if point.verdict is Verdict.WRONG] == []
    assert "24 records of theirs" in points["what it rests on"].seen
    assert told.closed.counts.unfit == 0
    assert told.types.count("Patient") == 2
    assert any(b"54150009" in record for record in told.records)


NO_BSN = "UPDATE patient SET bsn = NULL WHERE patient_id = 2"
NOT_BORN = "UPDATE patient SET geboortedatum = NULL WHERE patient_id = 2"


@pytest.mark.parametrize("lacking", [NO_BSN, NOT_BORN])
async def test_p4_what_stands_under_a_merged_row_that_shows_not_whose_it_is_reaches_nobody_and_the_check_says_so(tmp_path: Path, lacking: str) -> None:
    source = practice(tmp_path, lacking)
    points, told = await checked(source), await answered(source)
    await source.close()

    assert not any(b'"Patient/2"' in record or b"54150009" in record for record in told.records)
    assert told.closed.counts.unfit == 3
    right = points["right person"]
    assert right.verdict is Verdict.REMARK
    assert "3 of 24 records" in right.seen
    assert right.where == ["person 1: Condition 1, EpisodeOfCare 1, Patient 1"]
    assert "nothing is shown" not in right.seen + right.repair


async def test_somebody_of_whom_no_row_shows_who_they_are_is_wrong_because_nothing_is_shown(tmp_path: Path) -> None:
    source = practice(tmp_path, "UPDATE patient SET geboortedatum = NULL")
    points, told = await checked(source), await answered(source)
    await source.close()

    assert told.records == []
    assert points["right person"].verdict is Verdict.WRONG
    assert "nothing is shown of 1 of these people" in points["right person"].seen


async def test_p4_a_merged_row_with_the_bsn_of_somebody_else_stops_the_whole_answer_and_is_wrong(tmp_path: Path) -> None:
    source = practice(tmp_path, "UPDATE patient SET bsn = '999900018' WHERE patient_id = 2")
    points, told = await checked(source), await answered(source)
    await source.close()

    assert told.records == []
    assert points["right person"].verdict is Verdict.WRONG
    assert points["right person"].where == ["person 1: Condition 1, EpisodeOfCare 1, Patient 1"]
