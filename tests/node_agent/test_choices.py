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

from accord.rules.consent import Choice, Meaning, ProfessionalNumber, RoleCode
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, RecordRef, Ura
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from node_agent.importing.choices import read_choices
from node_agent.importing.cli import choices_command
from node_agent.importing.run import run_import
from node_agent.sources.choice_rows import choice_of, row_of
from node_agent.sources.choice_store import SqliteChoices, keep_choices, put_choices
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
    assert choice_of(row_of(choice)) == choice


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
    assert "2 choices of 1 person" in by_file.output
    assert len(await choices_in(path, ANNA)) == 3


def richer(within: st.SearchStrategy[Choice | None]) -> st.SearchStrategy[Choice]:
    """Choices that say everything a choice can say."""
    pairs = st.frozensets(st.tuples(st.sampled_from(("http://snomed.info/sct", "urn:a|b")), st.sampled_from(("1", 'é"', "R"))), max_size=2)
    return st.builds(
        Choice,
        permits=st.booleans(),
        user=st.none() | st.just(Ura("90000001")),
        category=st.none() | st.sampled_from(CareCategory) | st.frozensets(st.sampled_from(CareCategory), min_size=1, max_size=3),
        record=st.none() | st.just(RecordRef("Observation", "o-1")),
        begins=moments,
        professional=st.none() | st.just(RoleCode("01.015")) | st.just(ProfessionalNumber("900001")),
        holder=st.none() | st.sampled_from(HolderKind) | st.just(Ura("90001001")),
        types=st.frozensets(st.sampled_from(("Condition", "Observation"))),
        labels=pairs,
        codes=pairs,
        period=st.none() | st.tuples(st.integers(-(2**62), 0), st.integers(0, 2**62)),
        meaning=st.sampled_from(Meaning),
        within=within,
        doubtful=st.booleans(),
        source=st.sampled_from(("", "Consent/1")),
        place=st.sampled_from(("", ".1.2")),
    )


@given(richer(st.none() | richer(st.none() | richer(st.none()))))
def test_every_dimension_survives_its_row(choice: Choice) -> None:
    assert choice_of(row_of(choice)) == choice
    assert choice_of(row_of(choice)).weight == choice.weight


@pytest.mark.parametrize(
    "more",
    ["[]", "{", '{"colour":"blue"}', '{"role":"1","professional":"2"}', '{"doubtful":false}', '{"within":{"permits":2}}', '{"within":[]}', '{"types":[1]}',
     '{"categories":[]}', '{"period":["1"]}', '{"meaning":"sort of"}', '{"within":{"permits":true,"more":{"labels":[["a"]]}}}'],
)  # fmt: skip
async def test_more_of_a_choice_that_nobody_can_read_is_doubt(tmp_path: Path, more: str) -> None:
    path = tmp_path / "choices.db"
    keep_choices(path, {Bsn(ANNA): [Choice(permits=True)]})
    change(path, "UPDATE choice SET more = ?", more)

    with pytest.raises(Unavailable):
        await choices_in(path, ANNA)


def change(path: Path, statement: str, *given: str) -> None:
    """Change the file as nobody should."""
    connection = sqlite3.connect(path)
    connection.execute(statement, given)
    connection.commit()
    connection.close()


async def test_a_file_of_the_version_before_is_read_and_brought_up_to_date_by_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "choices.db"
    old = sqlite3.connect(path)
    old.executescript(
        "CREATE TABLE choice (number INTEGER PRIMARY KEY, bsn TEXT NOT NULL, permits INTEGER NOT NULL,"
        " kind TEXT, ura TEXT, category TEXT, purpose TEXT, record TEXT, begins TEXT, ends TEXT);"
        "CREATE INDEX choice_of ON choice (bsn);"
    )
    old.execute("INSERT INTO choice (bsn, permits, category) VALUES (?, 0, 'Alert')", (ANNA,))
    old.commit()
    old.close()
    store = SqliteChoices(path)
    objection = Choice(permits=False, category=CareCategory.ALERT)

    assert await store.choices_of(Bsn(ANNA)) == (objection,)
    assert (await store.changes(), await store.version(Bsn(ANNA))) == (0, 0)
    keep_choices(path, {Bsn(ANNA): [Choice(permits=True, types=frozenset({"Condition"}))]}, replace=False)
    assert await store.choices_of(Bsn(ANNA)) == (objection, Choice(permits=True, types=frozenset({"Condition"})))
    assert await store.changes() > 0
    await store.close()


async def test_p11_every_change_is_counted_by_the_file_itself(tmp_path: Path) -> None:
    path = tmp_path / "choices.db"
    keep_choices(path, {})
    store = SqliteChoices(path)
    seen = [await store.changes()]

    async def note() -> None:
        seen.append(await store.changes())

    keep_choices(path, {Bsn(ANNA): [Choice(permits=True)]})
    await note()
    assert await store.put(Bsn(ANNA), [Choice(permits=False)], "page", datetime(2026, 11, 22, tzinfo=UTC))
    await note()
    change(path, "UPDATE choice SET permits = 1")
    await note()
    change(path, "DELETE FROM choice")
    await note()

    assert seen == sorted(set(seen))
    assert (await store.version(Bsn(ANNA)), await store.version(Bsn(BERT))) == (seen[-1], 0)
    await note()
    assert seen[-1] == seen[-2]
    await store.close()


async def test_evidence_never_goes_back_in_time(tmp_path: Path) -> None:
    path = tmp_path / "choices.db"
    store = SqliteChoices(path)
    yes, no = Choice(permits=True), Choice(permits=False)
    first, later = datetime(2026, 11, 22, 3, 0, tzinfo=UTC), datetime(2026, 11, 22, 3, 1, tzinfo=UTC)

    assert await store.put(Bsn(ANNA), [no], "page", later)
    assert not await store.put(Bsn(ANNA), [yes], "page", first)
    assert not await store.put(Bsn(ANNA), [yes], "page", later)
    assert await store.put(Bsn(ANNA), [no], "page", later)
    assert await store.choices_of(Bsn(ANNA)) == (no,)
    # Another source, or another person, has a time of its own; nor does a file of yesterday undo it.
    assert await store.put(Bsn(ANNA), [yes], "Consent/1", first)
    assert await store.put(Bsn(BERT), [yes], "page", first)
    keep_choices(path, {Bsn(ANNA): []})
    assert await store.choices_of(Bsn(ANNA)) == (no, yes)
    # What was taken back stays taken back.
    assert await store.put(Bsn(ANNA), [], "page", datetime(2026, 11, 22, 3, 2, tzinfo=UTC))
    assert not await store.put(Bsn(ANNA), [yes], "page", later)
    assert await store.choices_of(Bsn(ANNA)) == (yes,)
    await store.close()


async def test_a_number_never_stands_for_two_choices(tmp_path: Path) -> None:
    path = tmp_path / "choices.db"
    store = SqliteChoices(path)
    numbers: list[int] = []
    for second in range(5):
        await store.put(Bsn(ANNA), [Choice(permits=True), Choice(permits=False)], "page", datetime(2026, 11, 22, 3, 0, second, tzinfo=UTC))
        numbers += [choice.number for choice in await store.choices_of(Bsn(ANNA))]

    assert len(set(numbers)) == 10
    await store.close()


@pytest.mark.parametrize(("source", "at"), [("", datetime(2026, 1, 1, tzinfo=UTC)), ("page", datetime(2026, 1, 1))])  # noqa: DTZ001  # without a zone on purpose
def test_a_statement_has_a_source_and_a_moment_with_a_zone(tmp_path: Path, source: str, at: datetime) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # it has no words
        put_choices(tmp_path / "choices.db", Bsn(ANNA), [], source, at)


async def test_a_store_that_cannot_be_written_says_so_and_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "choices.db"
    path.write_bytes(b"a letter to my aunt" * 1000)

    with pytest.raises(Unavailable):
        await SqliteChoices(path).put(Bsn(ANNA), [Choice(permits=True)], "page", datetime(2026, 1, 1, tzinfo=UTC))
    assert path.read_bytes().startswith(b"a letter")


def test_a_line_says_everything_a_choice_can_say_of_records() -> None:
    told = line(
        role="01.015", types=["Observation"], labels=["http://terminology.hl7.org/CodeSystem/v3-ActCode|PSY"], codes=["http://snomed.info/sct|1"],
        record="Encounter/1", meaning="dependents", data_from="2020", data_until="2021",
    )  # fmt: skip
    choice = read_choices([told])[Bsn(ANNA)][0]

    assert (choice.professional, choice.types, choice.meaning) == (RoleCode("01.015"), frozenset({"Observation"}), Meaning.DEPENDENTS)
    assert choice.labels == frozenset({("http://terminology.hl7.org/CodeSystem/v3-ActCode", "PSY")})
    assert choice.period is not None


@pytest.mark.parametrize(
    "wrong",
    [{"types": []}, {"types": ["Rumour"]}, {"labels": ["PSY"]}, {"codes": "1"}, {"codes": [1]}, {"meaning": "instance"}, {"role": "1", "professional": "2"}],
)
def test_a_line_that_could_mean_less_or_more_than_it_says_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        read_choices([line(**wrong)])


def test_a_consent_may_stand_in_a_line() -> None:
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
    patient_of = {"identifier": {"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": ANNA}}
    consent = {"resourceType": "Consent", "id": "1", "status": "active", "scope": scope, "patient": patient_of, "provision": {"type": "deny"}}

    (choice,) = read_choices([json.dumps(consent).encode()])[Bsn(ANNA)]
    assert (choice.permits, choice.source) == (False, "Consent/1")
    assert read_choices([json.dumps({**consent, "status": "draft"}).encode()]) == {Bsn(ANNA): []}
    for wrong, fault in (({"patient": {"reference": "Patient/1"}}, Fault.NO_PATIENT), ({"resourceType": "Patient"}, Fault.UNKNOWN_TYPE)):
        with pytest.raises(BadInput) as refused:
            read_choices([json.dumps({**consent, **wrong}).encode()])
        assert refused.value.fault is fault


async def test_p11_whoever_looks_all_the_time_sees_every_change_at_the_next_look_and_opens_little(tmp_path: Path) -> None:
    path = tmp_path / "choices.db"
    keep_choices(path, {Bsn(ANNA): [Choice(permits=True)]})
    store, opened = SqliteChoices(path), 0
    changes = store.changes

    async def counted() -> int:
        nonlocal opened
        opened += 1
        return await changes()

    store.changes = counted  # type: ignore[method-assign]
    for number in range(6):
        permits = bool(number % 2)
        assert put_choices(path, Bsn(ANNA), [Choice(permits=permits)], "desk", datetime(2026, 1, 1 + number, tzinfo=UTC))
        assert await store.changes_as_seen() == await changes()
    before = opened
    for _ in range(80):
        await store.changes_as_seen()
    quiet = opened - before
    keep_choices(path, {Bsn(BERT): [Choice(permits=False)]}, replace=False)

    assert await store.changes_as_seen() == await changes()
    # Once more after the last change, then one look in four.
    assert quiet == 1 + (80 - 1) // 4
    await store.close()
