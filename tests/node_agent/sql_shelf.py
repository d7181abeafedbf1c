"""A small database for the tests of SQL sources: tables that hold what the acceptance suite writes, and a mapping that reads it back."""

import json
import sqlite3
from base64 import b64decode
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from accord.terms.identifiers import BSN_SYSTEM, RecordRef
from accord.terms.queries import Selection
from node_agent.ports import LocalPatient, SourceRecord
from node_agent.sources.sql_dialects import SqlAddress
from node_agent.sources.sql_mapping import read_mapping
from node_agent.sources.sql_source import SqlSource
from testbed.postgres import PostgresServer

TABLES = {
    "patient": "id, born, active, system1, value1, system2, value2, other, link",
    "observation": "id, patient, code, said, amount, unit, performer, category",
    "allergy": "id, patient, code",
    "related": "id, patient",
    "task": "id, patient",
    "practitioner": "id, family",
    "organization": "id, name",
    "medication": "id, code",
    "location": "id, name",
    "binary_file": "id, kind, content",
}

MAPPING = f"""
[mapping]
name = "shelf"
version = "2026-11-22"

[people]
find = "SELECT id AS patient FROM patient WHERE (system1 = '{BSN_SYSTEM}' AND value1 = :bsn) OR (system2 = '{BSN_SYSTEM}' AND value2 = :bsn)"
everyone = '''
SELECT value1 AS bsn, id AS patient FROM patient WHERE system1 = '{BSN_SYSTEM}'
UNION ALL SELECT value2, id FROM patient WHERE system2 = '{BSN_SYSTEM}'
'''
merged = "SELECT id AS patient, other FROM patient WHERE link IN ('replaces', 'replaced-by') AND (id IN :ids OR other IN :ids)"

[codes.active]
0 = false

[table.patients]
type = "Patient"
id = "{{id}}"
by_id = "SELECT * FROM patient WHERE id IN :ids"
[table.patients.elements]
"birthDate" = {{ column = "born" }}
"identifier[0].system" = {{ column = "system1" }}
"identifier[0].value" = {{ column = "value1" }}
"identifier[1].system" = {{ column = "system2" }}
"identifier[1].value" = {{ column = "value2" }}
"active" = {{ column = "active", codes = "active" }}
"link[0].other.reference" = {{ text = "Patient/{{other}}" }}
"link[0].type" = {{ column = "link" }}

[table.observations]
type = "Observation"
id = "{{id}}"
of_patient = "SELECT * FROM observation WHERE patient = :patient"
by_id = "SELECT * FROM observation WHERE id IN :ids"
[table.observations.elements]
"status" = "final"
"code.text" = {{ column = "code" }}
"subject.reference" = {{ text = "Patient/{{patient}}" }}
"valueString" = {{ column = "said" }}
"valueQuantity.value" = {{ column = "amount" }}
"valueQuantity.unit" = {{ column = "unit" }}
"performer[0].reference" = {{ column = "performer" }}
"category[0].coding[0].system" = "http://terminology.hl7.org/CodeSystem/observation-category"
"category[0].coding[0].code" = {{ column = "category" }}

[table.allergies]
type = "AllergyIntolerance"
id = "{{id}}"
of_patient = "SELECT * FROM allergy WHERE patient = :patient"
by_id = "SELECT * FROM allergy WHERE id IN :ids"
[table.allergies.elements]
"patient.reference" = {{ text = "Patient/{{patient}}" }}
"code.text" = {{ column = "code" }}

[table.relatives]
type = "RelatedPerson"
id = "{{id}}"
of_patient = "SELECT * FROM related WHERE patient = :patient"
by_id = "SELECT * FROM related WHERE id IN :ids"
[table.relatives.elements]
"patient.reference" = {{ text = "Patient/{{patient}}" }}

[table.tasks]
type = "Task"
id = "{{id}}"
of_patient = "SELECT * FROM task WHERE patient = :patient"
by_id = "SELECT * FROM task WHERE id IN :ids"
[table.tasks.elements]
"for.reference" = {{ text = "Patient/{{patient}}" }}
"status" = "ready"
"intent" = "order"

[table.practitioners]
type = "Practitioner"
id = "{{id}}"
by_id = "SELECT * FROM practitioner WHERE id IN :ids"
[table.practitioners.elements]
"name[0].family" = {{ column = "family" }}

[table.organisations]
type = "Organization"
id = "{{id}}"
by_id = "SELECT * FROM organization WHERE id IN :ids"
[table.organisations.elements]
"name" = {{ column = "name" }}

[table.products]
type = "Medication"
id = "{{id}}"
by_id = "SELECT * FROM medication WHERE id IN :ids"
[table.products.elements]
"code.text" = {{ column = "code" }}

[table.places]
type = "Location"
id = "{{id}}"
by_id = "SELECT * FROM location WHERE id IN :ids"
[table.places.elements]
"name" = {{ column = "name" }}

[table.files]
type = "Binary"
id = "{{id}}"
by_id = "SELECT * FROM binary_file WHERE id IN :ids"
[table.files.elements]
"contentType" = {{ column = "kind" }}
"data" = {{ column = "content" }}
"""  # noqa: S608 - a mapping


def create(*, postgres: bool) -> Iterator[str]:
    """The statements that make the tables."""
    kinds = {"amount": "numeric" if postgres else "text", "content": "bytea" if postgres else "blob", "active": "integer"}
    for table, columns in TABLES.items():
        typed = ", ".join(f"{column} {kinds.get(column, 'text')}" for column in columns.split(", "))
        yield f"CREATE TABLE {table} ({typed})"


def rows(records: Iterable[bytes]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Each record as a row: its table, and the values in the order of the columns."""
    for text in records:
        given = json.loads(text, parse_float=str)
        one = given["id"]
        match given["resourceType"]:
            case "Patient":
                numbers = [(entry["system"], entry["value"]) for entry in given.get("identifier", [])] + [(None, None)] * 2
                link = given.get("link", [{}])[0]
                other = link.get("other", {}).get("reference", "").removeprefix("Patient/") or None
                active = {None: None, False: 0, True: 1}[given.get("active")]
                yield "patient", (one, given.get("birthDate"), active, *numbers[0], *numbers[1], other, link.get("type"))
            case "Observation":
                quantity = given.get("valueQuantity", {})
                category = given.get("category", [{}])[0].get("coding", [{}])[0].get("code")
                performer = given.get("performer", [{}])[0].get("reference")
                said = (given["code"]["text"], given.get("valueString"), quantity.get("value"), quantity.get("unit"))
                yield "observation", (one, _patient(given["subject"]), *said, performer, category)
            case "AllergyIntolerance":
                yield "allergy", (one, _patient(given["patient"]), given.get("code", {}).get("text"))
            case "RelatedPerson":
                yield "related", (one, _patient(given["patient"]))
            case "Task":
                yield "task", (one, _patient(given["for"]))
            case "Practitioner":
                yield "practitioner", (one, given["name"][0]["family"])
            case "Medication":
                yield "medication", (one, given["code"]["text"])
            case "Binary":
                yield "binary_file", (one, given["contentType"], b64decode(given["data"]))
            case kind:
                yield kind.lower(), (one, given["name"])


def _patient(reference: dict[str, str]) -> str:
    return reference["reference"].removeprefix("Patient/")


def fill_sqlite(path: Path, records: Iterable[bytes]) -> None:
    """Make a database file with these records in it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for sql in create(postgres=False):
            connection.execute(sql)
        for table, values in rows(records):
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608 - tables of ours


def fill_postgres(server: PostgresServer, database: str, records: Iterable[bytes]) -> None:
    """Put these records in a database of a server, in which nothing is yet."""
    with server.connection(database) as connection, connection.transaction():
        for sql in create(postgres=True):
            connection.execute(sql)
        for table, values in rows(records):
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(values))})", values)  # noqa: S608 - tables of ours


@asynccontextmanager
async def opened(folder: Path, address: SqlAddress, *, mapping: str = MAPPING, kind: type[SqlSource] = SqlSource, **more: Any) -> AsyncGenerator[Any, None]:
    """A source over a database."""
    (folder / "mapping.toml").write_text(mapping, encoding="utf-8")
    source = kind(replace(address, **more), read_mapping(folder / "mapping.toml"), folder)
    try:
        await source.begin()
        yield source
    finally:
        await source.close()


class Respelled(SqlSource):
    """The same source for a suite that compares bytes: a record with the content of a given one stands there in its spelling.

    A SQL source writes its records anew, so that only their content can be compared: every number to the digit.
    """

    given: Sequence[bytes] = ()

    async def patients(self, patient: LocalPatient) -> AsyncGenerator[list[SourceRecord], None]:
        """As a source."""
        async for some in super().patients(patient):
            yield [self._spelled(record) for record in some]

    async def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:
        """As a source."""
        lists = super().records_of(patient, selection)
        try:
            async for some in lists:
                yield [self._spelled(record) for record in some]
        finally:
            await lists.aclose()

    async def read(self, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:
        """As a source."""
        return {ref: self._spelled(record) for ref, record in (await super().read(refs)).items()}

    def _spelled(self, record: SourceRecord) -> SourceRecord:
        if not hasattr(self, "_by_content"):
            self._by_content = {content(text): text for text in self.given}
        assert record.derived
        return SourceRecord(self._by_content.get(content(record.fhir_json), record.fhir_json), derived=True)


def content(text: bytes) -> str:
    """What a record says, whatever the order of its members; FHIR has no empty strings."""
    whole = json.loads(text, parse_float=lambda number: f"number {number}")
    return json.dumps({key: value for key, value in whole.items() if value != ""}, sort_keys=True)
