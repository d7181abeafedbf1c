"""How the embedded store lies in its file, and how it is opened.

A record's place is its owner's number and a serial: `owner << 32 | serial`. The table is in that order, so that the
records of one patient lie together on a few pages. Owner 0 keeps what belongs to no patient.
"""

import fcntl
import json
import os
import sqlite3
from pathlib import Path
from typing import Final

from node_agent.ports import SourceUnavailable

FORMAT: Final = 1
#: The format of a store that messages were fed into; see `fed_schema`. Of any other store it is `FORMAT`.
FED_FORMAT: Final = "2"
SERIAL_BITS: Final = 32
NOBODY: Final = 0
#: One patient's records on few pages, one record seldom on two.
_PAGE_BYTES: Final = 16 * 1024

_TABLES: Final = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Whose records: a Patient record here, or a BSN by which records name their patient.
CREATE TABLE owner (number INTEGER PRIMARY KEY, patient TEXT UNIQUE, bsn TEXT UNIQUE);

-- The bytes come last: small columns are read without their overflow pages. No bytes: the record was removed.
CREATE TABLE record (
    place INTEGER PRIMARY KEY, type INTEGER NOT NULL, id TEXT NOT NULL,
    updated_ms INTEGER, version TEXT, splices BLOB, fhir BLOB
);
CREATE UNIQUE INDEX record_by_name ON record (type, id);

-- A record that names several patients lies with the first, and is noted for the others.
CREATE TABLE also (owner INTEGER, place INTEGER, PRIMARY KEY (owner, place)) WITHOUT ROWID;
CREATE INDEX also_by_place ON also (place);

-- Of Patient records that are here. `made_up`: import gave them this number, for tests.
CREATE TABLE bsn (value TEXT, patient TEXT, made_up INTEGER NOT NULL, PRIMARY KEY (value, patient)) WITHOUT ROWID;
CREATE INDEX bsn_of_patient ON bsn (patient);
CREATE TABLE link (patient TEXT, other TEXT, PRIMARY KEY (patient, other)) WITHOUT ROWID;
CREATE INDEX link_back ON link (other);

-- Of Patients and companions, for conditional references.
CREATE TABLE identifier (
    type INTEGER, system TEXT, value TEXT, id TEXT, PRIMARY KEY (type, system, value, id)
) WITHOUT ROWID;
CREATE INDEX identifier_of ON identifier (type, id);

-- Where the base64 of a Binary stands in its bytes.
CREATE TABLE attachment (place INTEGER PRIMARY KEY, content_type TEXT NOT NULL, begins INTEGER NOT NULL, ends INTEGER NOT NULL);

-- Of a delivery under way: what waits for a record that is still to come, what is kept already and refers to one, and
-- what arrived under which URL.
CREATE TABLE waiting (
    number INTEGER PRIMARY KEY, file INTEGER NOT NULL, line INTEGER NOT NULL, entry INTEGER NOT NULL,
    type INTEGER NOT NULL, id TEXT NOT NULL, splices BLOB NOT NULL, original BLOB NOT NULL
);
CREATE TABLE loose (type INTEGER, id TEXT, PRIMARY KEY (type, id)) WITHOUT ROWID;
CREATE TABLE arrival (url TEXT PRIMARY KEY, ref TEXT NOT NULL) WITHOUT ROWID;
"""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the store at *path*, made new when there is none; readable by nobody else.

    Raises:
        SourceUnavailable: It cannot be written, or is not a store of this format.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    except (OSError, sqlite3.Error):
        raise SourceUnavailable("store") from None
    try:
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -65536")
        # Nothing of a record that was refused stays in the file, nothing goes to a temporary one.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'about'").fetchone():
            connection.executescript(f"BEGIN; {_TABLES} INSERT INTO about VALUES ('format', '{FORMAT}'); COMMIT;")  # noqa: S608  # constants
        _check_format(connection)
    except (sqlite3.Error, SourceUnavailable):
        connection.close()
        raise SourceUnavailable("store") from None
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the store at *path* so that it cannot be changed through this connection.

    Raises:
        SourceUnavailable: There is none, or it is not a store of this format.
    """
    connection = None
    try:
        # The path is quoted as a URI: a question mark in a folder's name is no parameter.
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=5)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        _check_format(connection)
    except (sqlite3.Error, SourceUnavailable):
        if connection is not None:
            connection.close()
        raise SourceUnavailable("store") from None
    return connection


def hold_the_lock(path: Path) -> int:
    """Hold the right to write. A file beside the store: SQLite's own locks are lost when anybody closes the store's file.

    Raises:
        SourceUnavailable: Another delivery is being taken in.
    """
    try:
        lock = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError:
        raise SourceUnavailable("store") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise SourceUnavailable("store is being written") from None
    return lock


def fact(connection: sqlite3.Connection, name: str) -> str | None:
    """What the store says about itself."""
    row = connection.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def bases_of(connection: sqlite3.Connection) -> tuple[str, ...]:
    """The base addresses under which records here refer to each other."""
    return tuple(str(base) for base in json.loads(fact(connection, "bases") or "[]"))


def _check_format(connection: sqlite3.Connection) -> None:
    if fact(connection, "format") not in (str(FORMAT), FED_FORMAT):
        raise SourceUnavailable("store")
