"""Every mistake in a mapping file is told before anything is asked, with the place and what is meant; no row is ever quoted."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import RecordRef
from accord.terms.queries import EVERYTHING
from accord.terms.records import TYPE_BY_NAME
from node_agent.ports import LocalPatient
from node_agent.sources.sql_dialects import SqlAddress
from node_agent.sources.sql_elements import missing_in
from node_agent.sources.sql_mapping import read_mapping
from node_agent.sources.sql_values import UnfitValue, fhir_value
from testbed.contracts.records import ANNA, observation, patient
from tests.node_agent.sql_shelf import MAPPING, fill_sqlite, opened

OBSERVATIONS = "table.observations"


def refusal(folder: Path, mapping: str) -> str:
    (folder / "mapping.toml").write_text(mapping, encoding="utf-8")
    with pytest.raises(BadInput) as why:
        read_mapping(folder / "mapping.toml")
    assert why.value.fault is Fault.MAPPING_INVALID
    return why.value.where.removeprefix("mapping.toml: ")


@pytest.mark.parametrize(
    ("line", "instead", "told"),
    [
        ('name = "shelf"', 'nam = "shelf"', "mapping.nam: is not a key here, did you mean name?"),
        ('name = "shelf"', 'name = "my shelf"', "mapping: name and version are 1 to 40 letters, digits, dots and dashes"),
        ("[people]", "[peple]", "peple: is not a key here, did you mean people?"),
        ("value1 = :bsn", "value1 = :bns", "people.find: :bns is no bind here; there is :bsn"),
        ("WHERE patient = :patient", "", "table.observations.of_patient: must say about whom or what with :patient"),
        ("FROM observation WHERE id IN :ids", "FROM observation", "table.observations.by_id: must say about whom or what with :ids (… IN :ids)"),
        ("FROM observation WHERE id IN :ids", "FROM observation WHERE id IN :ids; DROP TABLE observation", "table.observations.by_id: write one SELECT"),
        ('type = "Observation"', 'type = "Observaton"', "table.observations.type: Observaton is not a type that can be shared, did you mean Observation?"),
        ('type = "Observation"', "typ = 1", "table.observations.typ: is not a key here, did you mean type?"),
        ('type = "Observation"', "type = 1", "table.observations.type: has a wrong value"),
        ('"status" = "final"', "", "table.observations.elements: FHIR requires Observation.status"),
        (
            '"status" = "final"\n"code.text"',
            '"status" = "final"\n"code.txt"',
            'table.observations.elements."code.txt": Observation.code has no element txt, did you mean text?',
        ),
        (
            '"performer[0].reference"',
            '"performer.reference"',
            'table.observations.elements."performer.reference": Observation.performer repeats: write performer[0]',
        ),
        ('"performer[0].reference"', '"performer[1].reference"', "table.observations.elements: FHIR requires Observation.performer[0]"),
        (
            '{ column = "amount" }',
            '{ colum = "amount" }',
            'table.observations.elements."valueQuantity.value": colum is not a key here, did you mean column?',
        ),
        ('{ column = "amount" }', '"a lot"', 'table.observations.elements."valueQuantity.value": the constant is not a FHIR Decimal'),
        ('{ column = "amount" }', '{ text = "{amount}" }', 'table.observations.elements."valueQuantity.value": takes no text: name a column'),
        ('{ text = "Patient/{patient}" }\n"valueString"', '{ text = "Patient/{patient" }\n"valueString"', "write { text ="),
        ('codes = "active"', 'codes = "actve"', 'table.patients.elements."active": there is no [codes.actve], did you mean active?'),
        ("0 = false", '0 = "no"', 'table.patients.elements."active": takes true or false'),
        ('"link[0].type" = { column = "link" }', '"link[0].type" = "replace"', "is not a code that FHIR allows here, did you mean replaces?"),
        ('"birthDate" =', '"birthDat" =', "Patient has no element birthDat, did you mean birthDate?"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, line: str, instead: str, told: str) -> None:
    before, begin, after = MAPPING.partition(f"[{OBSERVATIONS}]")
    wrong = before + begin + after.replace(line, instead, 1) if line in after else before.replace(line, instead, 1) + begin + after
    assert wrong != MAPPING

    assert told in refusal(tmp_path, wrong)


@pytest.mark.parametrize(
    "hidden",
    [
        "-- it's\n; DROP TABLE observation; -- '\n",
        "-- it's\r; DROP TABLE observation; -- '\n",
        "/* it's */; DROP TABLE observation; --'\n",
        "AND E'\\\\'' = ''; DROP TABLE observation; --'\n",
        "AND $$'$$ = ''; DROP TABLE observation; --'\n",
        "AND $a$'$$$a$ = ''; DROP TABLE observation; --'\n",
        """AND "it's" = ''; DROP TABLE observation; --'\n""",
        "AND DATE'\\\\'; DROP TABLE observation; --'\n",
        "AND E'a'\n 'b\\\\'' = ''; DROP TABLE observation; --'\n",
        "AND E'a' -- and on\n 'b\\\\'' = ''; DROP TABLE observation; --'\n",
        "AND a$$ = 1; DROP TABLE observation; SELECT b$$",
        "AND a$e'\\\\' = ''; DROP TABLE observation; --'\n",
    ],
)
def test_a_second_statement_is_seen_wherever_a_quote_stands_before_it(tmp_path: Path, hidden: str) -> None:
    sql = "SELECT * FROM observation WHERE patient = :patient"
    wrong = MAPPING.replace(f'"{sql}"', f'"""{sql} {hidden}"""')
    assert wrong != MAPPING

    assert refusal(tmp_path, wrong) == "table.observations.of_patient: write one SELECT"


def test_a_remark_in_a_remark_is_refused_for_databases_read_it_in_two_ways(tmp_path: Path) -> None:
    hidden = "/* one /* two */ it's */; DROP TABLE observation; --'"
    wrong = MAPPING.replace("WHERE patient = :patient", f"WHERE patient = :patient {hidden}", 1)

    assert refusal(tmp_path, wrong) == "table.observations.of_patient: write no remark inside a remark"


@pytest.mark.anyio
@pytest.mark.parametrize("inside", ["-- as :ids and :nobody say\n", "/* :ids :nobody */", "OR id = ' :ids :nobody ' "])
async def test_what_looks_like_a_bind_in_a_remark_or_a_string_is_none(tmp_path: Path, inside: str) -> None:
    """It was taken for one by what asks the database: the source was away, and nothing said why."""
    fill_sqlite(tmp_path / "gp.db", [patient("a", ANNA), observation("1", "a")])
    by_id = "SELECT * FROM observation WHERE id IN :ids"
    again = MAPPING.replace(f'"{by_id}"', f'"""{by_id} {inside}"""')
    assert again != MAPPING
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db"), mapping=again) as source:
        assert list(await source.read([RecordRef("Observation", "1")])) == [RecordRef("Observation", "1")]


def test_a_semicolon_in_a_string_or_a_remark_is_no_second_statement(tmp_path: Path) -> None:
    harmless = "'''SELECT * FROM observation -- one; two; it's\nWHERE patient = :patient AND 'a;b' <> 'c''d;' /* ; */ AND \"id\" <> ';' '''"
    (tmp_path / "mapping.toml").write_text(MAPPING.replace('"SELECT * FROM observation WHERE patient = :patient"', harmless), encoding="utf-8")

    assert read_mapping(tmp_path / "mapping.toml").name == "shelf"


def test_two_tables_whose_ids_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    again = MAPPING[MAPPING.index(f"[{OBSERVATIONS}]") : MAPPING.index("[table.allergies]")].replace(OBSERVATIONS, "table.more")

    assert "table.more.id: cannot be told from the ids of table.observations" in refusal(tmp_path, MAPPING + again)
    (tmp_path / "mapping.toml").write_text(MAPPING + again.replace('id = "{id}"', 'id = "more-{id}"'), encoding="utf-8")
    assert len(read_mapping(tmp_path / "mapping.toml").tables) == 11


def test_a_mapping_without_patients_or_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    begin, end = MAPPING.index("[table.patients]"), MAPPING.index("[table.observations]")

    assert "exactly one table must have type Patient" in refusal(tmp_path, MAPPING[:begin] + MAPPING[end:])
    assert "is not TOML" in refusal(tmp_path, "[mapping")
    assert "mapping: is missing" in refusal(tmp_path, "")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("FROM allergy WHERE patient", "FROM allergys WHERE patient", "table.allergies.of_patient: names a table that is not there"),
        ("FROM allergy WHERE patient", "FROM allergy WHERE patent", "table.allergies.of_patient: names a column that is not there"),
        ("SELECT * FROM allergy WHERE patient", "SELEC * FROM allergy WHERE patient", "table.allergies.of_patient: is not SQL that this database understands"),
        (
            '"valueString" = { column = "said" }',
            '"valueString" = { column = "sayd" }',
            'table.observations.by_id: gives no column sayd, which elements."valueString" names, did you mean said?',
        ),
        ("SELECT id AS patient, other", "SELECT id, other", "people.merged: gives no column patient"),
    ],
)
async def test_what_the_database_does_not_have_is_told_at_the_start(tmp_path: Path, old: str, new: str, told: str) -> None:
    fill_sqlite(tmp_path / "gp.db", [])
    assert old in MAPPING
    with pytest.raises(BadInput) as why:
        async with opened(tmp_path, SqlAddress("sqlite:///gp.db"), mapping=MAPPING.replace(old, new, 1)):
            pass

    assert why.value.fault is Fault.MAPPING_INVALID
    assert told in why.value.where


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("url", "told"),
    [("mysql://host/db", "source.url: write postgresql"), ("nonsense", "source.url: write"), ("postgresql://a:secret@host/db", "belongs in source.password")],
)
async def test_an_address_that_cannot_be_one_is_refused_without_showing_it(tmp_path: Path, url: str, told: str) -> None:
    with pytest.raises(BadInput) as why:
        async with opened(tmp_path, SqlAddress(url)):
            pass
    assert told in why.value.where
    assert "secret" not in str(why.value)


@pytest.mark.anyio
async def test_p13_a_row_that_makes_no_valid_record_is_unfit_and_only_its_element_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good, odd = observation("1", "a"), observation("2", "a", valueQuantity={"value": "zeven", "unit": "mg"})
    fill_sqlite(tmp_path / "gp.db", [patient("a", ANNA), good, odd, observation("niet/goed", "a")])
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db")) as source:
        records = [record async for some in source.records_of(LocalPatient(frozenset({"a"})), EVERYTHING) for record in some]

        assert [json.loads(record.fhir_json).get("id") for record in records] == ["1", None, None]
        assert [record.fhir_json for record in records[1:]] == [b'{"resourceType":"Observation"}'] * 2
        assert source.unfit == {("observations", "valueQuantity.value"): 1, ("observations", "id"): 1}
        assert await source.read([RecordRef("Observation", "2")]) == {}
    said = "".join(capfd.readouterr())
    assert "valueQuantity.value" in said
    assert "zeven" not in said
    assert "goed" not in said


@pytest.mark.anyio
async def test_a_code_that_the_table_does_not_have_makes_a_row_unfit_and_is_never_guessed(tmp_path: Path) -> None:
    records = [patient("a", ANNA, active=False), patient("b", active=True)]
    fill_sqlite(tmp_path / "gp.db", records)
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db")) as source:
        found = await source.read([RecordRef("Patient", "a"), RecordRef("Patient", "b")])

        assert found.keys() == {RecordRef("Patient", "a")}
        assert source.unfit == {("patients", "active"): 1}
    other = MAPPING.replace('codes = "active" }', 'codes = "active", otherwise = true }')
    async with opened(tmp_path, SqlAddress("sqlite:///gp.db"), mapping=other) as source:
        found = await source.read([RecordRef("Patient", "b")])

        assert json.loads(found[RecordRef("Patient", "b")].fhir_json)["active"] is True


@pytest.mark.parametrize(
    ("given", "kind", "written"),
    [
        (Decimal("37.50"), "Decimal", b"37.50"),
        (Decimal("1E+2"), "Decimal", b"100"),
        ("0.010", "Decimal", b"0.010"),
        (37.5, "Decimal", b"37.5"),
        (7, "Decimal", b"7"),
        ("2026-11-22", "DateTime", "2026-11-22"),
        ("1998", "Date", "1998"),
        ("2007-11", "DateTime", "2007-11"),
        ("2026-07-01 09:15:00", "DateTime", "2026-07-01T09:15:00+02:00"),
        ("2026-01-01 09:15", "Instant", "2026-01-01T09:15:00+01:00"),
        ("2026-01-01T08:15:00Z", "DateTime", "2026-01-01T09:15:00+01:00"),
        ("2026-10-25 02:30:00", "DateTime", "2026-10-25T02:30:00+02:00"),
        ("2026-01-01 00:15:00.120", "DateTime", "2026-01-01T00:15:00.120+01:00"),
        ("2025-12-31T23:30:00Z", "Date", "2026-01-01"),
        (1, "Boolean", True),
        (b"hi", "Base64Binary", "aGk="),
        ("hé", "Base64Binary", "aMOp"),
        (7, "Code", "7"),
        ("", "String", None),
        (None, "Decimal", None),
    ],
)
def test_a_value_is_written_as_it_is_kept(given: object, kind: str, written: object) -> None:
    value: Any = fhir_value(given, kind)

    assert (bytes(value) if isinstance(written, bytes) else value) == written


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("zeven", "Decimal"),
        ("3,5", "Decimal"),
        (Decimal("NaN"), "Decimal"),
        (float("inf"), "Decimal"),
        (True, "Decimal"),
        ("2026-02-30", "Date"),
        ("22-11-2026", "DateTime"),
        ("2026-13", "Date"),
        ("2026-11-22", "Instant"),
        ("J", "Boolean"),
        (2, "Boolean"),
        (1.5, "String"),
        (True, "Code"),
        (Decimal("1.5"), "Integer"),
    ],
)
def test_a_value_that_would_need_a_guess_is_unfit(given: object, kind: str) -> None:
    with pytest.raises(UnfitValue):
        fhir_value(given, kind)


def test_the_page_says_of_every_type_what_fhir_requires() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sql-source.md").read_text(encoding="utf-8")
    rows = [row.strip("| ").split(" | ") for row in page.split("| type | FHIR requires |")[1].split("\n\n")[0].splitlines()[2:]]

    assert len(rows) > 15
    for kinds, required, *ours in rows:
        for kind in kinds.split(", "):
            asked = {one.rpartition(".")[2].partition(" ")[0] for one in missing_in(kind, ())}
            assert {one for one in required.split(", ") if one != "–"} == asked, kind
            owner = TYPE_BY_NAME[kind].owner
            assert not owner or owner in f"{required} {ours}", kind
