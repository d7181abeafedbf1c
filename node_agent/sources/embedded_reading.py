"""What is asked of the embedded store, as plain calls on one connection; each takes a moment and is made in a thread."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from accord.terms.identifiers import RecordRef
from accord.terms.queries import Selection
from accord.terms.records import RESOURCE_TYPES, TYPE_CODE
from node_agent.ports import SourceRecord
from node_agent.sources.embedded_schema import SERIAL_BITS
from node_agent.sources.fed_schema import is_fed

#: One list of records is no longer than this, and ends after the record with which it passes the bytes.
_LIST_RECORDS: Final = 200
_LIST_BYTES: Final = 128 * 1024
_PEOPLE_AT_A_TIME: Final = 500
_PATIENT: Final = TYPE_CODE["Patient"]
#: Their category depends on what is in them.
_OF_ANY_CATEGORY: Final = frozenset({"Observation", "Consent"})


def ids_of(connection: sqlite3.Connection, bsn: str) -> frozenset[str]:
    """The logical ids of a person's Patient records: all with this BSN, and all that were merged with one of them."""
    found: set[str] = set()
    pending = [patient for (patient,) in connection.execute("SELECT patient FROM bsn WHERE value = ?", (bsn,))]
    while pending:
        patient = pending.pop()
        if patient in found or not _is_here(connection, patient):
            continue
        found.add(patient)
        linked = connection.execute("SELECT other FROM link WHERE patient = ? UNION SELECT patient FROM link WHERE other = ?", (patient, patient))
        pending += [other for (other,) in linked]
    return frozenset(found)


def people_after(connection: sqlite3.Connection, bsn: str) -> list[tuple[str, frozenset[str]]]:
    """Some people in the order of their BSNs, from the one after *bsn* on."""
    query = "SELECT DISTINCT value FROM bsn WHERE value > ? ORDER BY value LIMIT ?"
    return [(value, ids_of(connection, value)) for (value,) in connection.execute(query, (bsn, _PEOPLE_AT_A_TIME)).fetchall()]


def owners_of(connection: sqlite3.Connection, patients: Iterable[str]) -> list[int]:
    """The numbers under which a person's records lie: those of their Patient records and of their BSNs."""
    numbers: dict[int, None] = {}
    for patient in sorted(patients):
        query = "SELECT number FROM owner WHERE patient = ? UNION SELECT number FROM owner WHERE bsn IN (SELECT value FROM bsn WHERE patient = ?)"
        numbers |= dict.fromkeys(number for (number,) in connection.execute(query, (patient, patient)))
    return list(numbers)


def records_after(connection: sqlite3.Connection, owner: int, types: str, place: int) -> tuple[list[SourceRecord], int]:
    """Some records of an owner, from the one after *place* on, and the place of the last; none is the end."""
    records: list[SourceRecord] = []
    seen = 0
    query = (
        f"SELECT place, fhir, splices IS NOT NULL, {_derived(connection)} FROM record WHERE place > ? AND place < ? AND type IN ({types}) AND fhir IS NOT NULL "  # noqa: S608  # numbers of our own
        "ORDER BY place"
    )
    rows = connection.execute(query, (max(place, (owner << SERIAL_BITS) - 1), (owner + 1) << SERIAL_BITS))
    for at, fhir, was_spliced, was_derived in rows:
        place = at
        records.append(SourceRecord(fhir, bool(was_spliced), bool(was_derived)))
        seen += len(fhir)
        if len(records) >= _LIST_RECORDS or seen >= _LIST_BYTES:
            break
    rows.close()
    return records, place


def records_also_after(connection: sqlite3.Connection, owners: Sequence[int], types: str, place: int) -> tuple[list[SourceRecord], int]:
    """The next record that lies with somebody else and names one of these owners too; none is the end."""
    mine = ",".join(map(str, owners))
    query = (
        f"SELECT record.place, record.fhir, record.splices IS NOT NULL, {_derived(connection)} FROM also a JOIN record ON record.place = a.place "  # noqa: S608  # numbers of our own
        f"WHERE a.owner IN ({mine}) AND a.place > ? AND (a.place >> {SERIAL_BITS}) NOT IN ({mine}) "
        f"AND record.type IN ({types}) AND record.fhir IS NOT NULL ORDER BY a.place LIMIT 1"
    )
    row = connection.execute(query, (place,)).fetchone()
    return ([], place) if row is None else ([SourceRecord(row[1], bool(row[2]), bool(row[3]))], row[0])


def records_named(connection: sqlite3.Connection, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:
    """These records, as far as they are here."""
    found: dict[RecordRef, SourceRecord] = {}
    query = f"SELECT fhir, splices IS NOT NULL, {_derived(connection)} FROM record WHERE type = ? AND id = ?"  # noqa: S608  # words of our own
    for ref in refs:
        code = TYPE_CODE.get(ref.type)
        if code is None or ref in found:
            continue
        row = connection.execute(query, (code, ref.id)).fetchone()
        if row is not None and row[0] is not None:
            found[ref] = SourceRecord(row[0], bool(row[1]), bool(row[2]))
    return found


def bytes_and_splices(connection: sqlite3.Connection, ref: RecordRef) -> tuple[bytes, bytes | None] | None:
    """A record as it is kept, and its splices, packed; none when it is not here."""
    row = connection.execute("SELECT fhir, splices FROM record WHERE type = ? AND id = ?", (TYPE_CODE.get(ref.type, 0), ref.id)).fetchone()
    return None if row is None or row[0] is None else (row[0], row[1])


def type_codes(selection: Selection) -> str:
    """The codes of the types that may fall in a selection, for SQL; never Patient, never a companion."""
    return ",".join(
        str(TYPE_CODE[kind.name])
        for kind in RESOURCE_TYPES
        if kind.owner
        and (not selection.types or kind.name in selection.types)
        and (not selection.categories or kind.category in selection.categories or kind.name in _OF_ANY_CATEGORY)
    )


def _derived(connection: sqlite3.Connection) -> str:
    """How it is asked whether a record was made of a message; looked at each time, because a store may be fed while it is open."""
    return "EXISTS (SELECT 1 FROM made WHERE made.place = record.place)" if is_fed(connection) else "0"


def _is_here(connection: sqlite3.Connection, patient: str) -> bool:
    row = connection.execute("SELECT fhir IS NOT NULL FROM record WHERE type = ? AND id = ?", (_PATIENT, patient)).fetchone()
    return row is not None and bool(row[0])
