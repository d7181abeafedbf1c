"""Patients' choices are read as they were put on record, or not at all."""

import json
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer import Typer
from typer.testing import CliRunner

from accord.rules.consent import Choice
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, RecordRef, Ura
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from node_agent.importing.choices import read_choices
from node_agent.importing.cli import choices_command
from node_agent.importing.run import run_import
from node_agent.sources.choice_store import SqliteChoices, _choice, _row, keep_choices
from node_agent.sources.embedded import EmbeddedStore
from testbed.contracts.records import ANNA, BERT, patient

pytestmark = pytest.mark.anyio

moments = st.none() | st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone
choices = st.builds(
    Choice,
    permits=st.booleans(),
    user=st.none() | st.sampled_from(HolderKind) | st.integers(0, 99_999_999).map(lambda number: Ura(f"{number:08}")),
    category=st.none() | st.sampled_from(CareCategory),
    purpose=st.none() | st.sampled_from(PurposeOfUse),
    record=st.none() | st.just(RecordRef("Observation", "o-1")),
    begins=moments,
    ends=moments,
)


def line(**members: Any) -> bytes:
    return json.dumps({"bsn": ANNA, "permits": True, **members}).encode()


async def choices_in(path: Path, bsn: str) -> tuple[Choice, ...]:
    store = SqliteChoices(path)
    try:
        return await store.choices_of(Bsn(bsn))
    finally:
        await store.close()


async def test_what_is_put_on_record_is_what_is_read(tmp_path: Path) -> None:
    @given(st.lists(choices, max_size=4))
    def put(some: list[Choice]) -> None:
        keep_choices(tmp_path / "choices.db", {Bsn(ANNA): some})
        put_last[:] = some

    put_last: list[Choice] = []
    put()

    assert await choices_in(tmp_path / "choices.db", ANNA) == tuple(put_last)


@given(choices)
def test_every_choice_survives_its_row(choice: Choice) -> None:
    assert _choice(_row(choice)) == choice


async def test_new_choices_replace_those_of_the_same_people_only(tmp_path: Path) -> None:
    path = tmp_path / "choices.db"
    keep_choices(path, {Bsn(ANNA): [Choice(permits=True)], Bsn(BERT): [Choice(permits=True)]})
    keep_choices(path, {Bsn(ANNA): [Choice(permits=False)]})
    keep_choices(path, {Bsn(BERT): [Choice(permits=False)]}, replace=False)

    assert await choices_in(path, ANNA) == (Choice(permits=False),)
    assert await choices_in(path, BERT) == (Choice(permits=True), Choice(permits=False))


async def test_a_new_choice_is_seen_by_who_reads_already(tmp_path: Path) -> None:
    path = tmp_path / "choices.db"
    keep_choices(path, {Bsn(ANNA): [Choice(permits=True)]})
    store = SqliteChoices(path)
    await store.choices_of(Bsn(ANNA))
    keep_choices(path, {Bsn(ANNA): [Choice(permits=False)]})

    assert await store.choices_of(Bsn(ANNA)) == (Choice(permits=False),)
    await store.close()


async def test_silence_is_an_empty_answer(tmp_path: Path) -> None:
    keep_choices(tmp_path / "choices.db", {})

    assert await choices_in(tmp_path / "choices.db", ANNA) == ()


async def test_choices_may_live_in_the_store_of_the_records(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    keep_choices(path, {Bsn(ANNA): [Choice(permits=True)]})
    (tmp_path / "p.json").write_bytes(patient("a", ANNA))
    run_import([tmp_path / "p.json"], path)
    source = EmbeddedStore(path)

    assert await source.find(Bsn(ANNA)) is not None
    assert await choices_in(path, ANNA) == (Choice(permits=True),)
    await source.close()


async def test_a_store_that_is_missing_or_something_else_is_no_silence(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_bytes(b"a letter to my aunt" * 1000)
    (tmp_path / "p.json").write_bytes(patient("a", ANNA))
    run_import([tmp_path / "p.json"], tmp_path / "records.db")
    for name in ("nothing.db", "letter.db", "records.db"):
        with pytest.raises(Unavailable):
            await choices_in(tmp_path / name, ANNA)


async def test_a_damaged_store_releases_nothing(tmp_path: Path) -> None:
    path = tmp_path / "choices.db"
    keep_choices(path, {Bsn(ANNA): [Choice(permits=False, category=CareCategory.ALERT)] * 500})
    whole = path.read_bytes()
    path.write_bytes(whole[:16_384] + os.urandom(len(whole) - 16_384))

    with pytest.raises(Unavailable):
        await choices_in(path, ANNA)


@pytest.mark.parametrize("column", ["category = 'Rumours'", "kind = 'baker'", "ura = '1'", "begins = '2024-01-01T00:00:00'", "permits = 2", "record = 'x'"])
async def test_a_choice_that_nobody_can_read_is_doubt(tmp_path: Path, column: str) -> None:
    path = tmp_path / "choices.db"
    keep_choices(path, {Bsn(ANNA): [Choice(permits=True), Choice(permits=True)]})
    connection = sqlite3.connect(path)
    connection.execute(f"UPDATE choice SET {column} WHERE number = 1")  # noqa: S608  # one of the list above
    connection.commit()
    connection.close()

    with pytest.raises(Unavailable):
        await choices_in(path, ANNA)


def test_a_line_says_who_chose_what() -> None:
    lines = [
        line(user_kind="pharmacy", user_ura=None, category="Alert", purpose="TREAT", record=None, until="2026-02-01", **{"from": "2026-01-01"}),
        b"",
        line(bsn=BERT, permits=False, user_ura="12345678", record="Observation/1"),
    ]

    assert read_choices(lines) == {
        Bsn(ANNA): [
            Choice(
                permits=True,
                user=HolderKind.PHARMACY,
                category=CareCategory.ALERT,
                purpose=PurposeOfUse.TREATMENT,
                begins=datetime(2025, 12, 31, 23, tzinfo=UTC),
                ends=datetime(2026, 1, 31, 23, tzinfo=UTC),
            )
        ],
        Bsn(BERT): [Choice(permits=False, user=Ura("12345678"), record=RecordRef("Observation", "1"))],
    }


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (b"{", Fault.MALFORMED_JSON),
        (b'{"bsn":"%b","permits":false,"permits":true}' % ANNA.encode(), Fault.DUPLICATE_KEY),
        (line(bsn="123456789"), Fault.INVALID_BSN),
        (line(bsn=None), Fault.INVALID_BSN),
        (line(permits="yes"), Fault.INVALID_QUESTION),
        (line(permits=None), Fault.INVALID_QUESTION),
        (line(category="Rumours"), Fault.INVALID_QUESTION),
        (line(user_kind="baker"), Fault.INVALID_QUESTION),
        (line(user_kind="pharmacy", user_ura="12345678"), Fault.INVALID_QUESTION),
        (line(categroy="Alert"), Fault.INVALID_QUESTION),
        (line(category=7), Fault.INVALID_QUESTION),
        (line(until="someday"), Fault.INVALID_PARAMETER),
    ],
)
def test_a_wrong_line_stops_the_whole_file_and_is_named(wrong: bytes, fault: Fault) -> None:
    with pytest.raises(BadInput) as refused:
        read_choices([line(), wrong])

    assert (refused.value.fault, refused.value.where) == (fault, "line 2")
    assert ANNA not in str(refused.value)


async def test_the_command_reads_a_file_or_standard_input(tmp_path: Path) -> None:
    app = Typer()
    app.command()(choices_command)
    (tmp_path / "c.ndjson").write_bytes(line() + b"\n" + line(category="Alert", permits=False))
    path = tmp_path / "choices.db"
    by_file = CliRunner().invoke(app, [str(tmp_path / "c.ndjson"), "--store", str(path)])
    by_pipe = CliRunner().invoke(app, ["-", "--store", str(path), "--add"], input=line(permits=False))

    assert (by_file.exit_code, by_pipe.exit_code) == (0, 0)
    assert "2 choices of 1 people" in by_file.output
    assert len(await choices_in(path, ANNA)) == 3
