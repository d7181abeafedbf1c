"""The tables of a provider's places, in one SQLite file with its letters.

Plain are states, counts, moments and random ids; whatever says something of a person is sealed. A moment is a whole number
of microseconds since 1970, so that what SQL compares and what the rules compare is the same.
"""

import os
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from accord.letters import mailbox
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.next_steps import PLACES_BACKUP, PLACES_STORE

_APPLICATION: Final = 0x4E6F5031  # "NoP1"
_TABLES: Final = (
    """
CREATE TABLE IF NOT EXISTS places_key (one INTEGER PRIMARY KEY CHECK (one = 1), mark TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS opening (
    id TEXT PRIMARY KEY, service TEXT NOT NULL, counted INTEGER CHECK (counted >= 0), light TEXT, observed INTEGER NOT NULL, valid INTEGER NOT NULL,
    certainty TEXT NOT NULL, source TEXT NOT NULL, since TEXT, until TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS opening_of ON opening (service);
CREATE TABLE IF NOT EXISTS closed (service TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stop (service TEXT PRIMARY KEY, reason TEXT NOT NULL, expected_end INTEGER, source TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leg (
    asker TEXT NOT NULL, request TEXT NOT NULL, state TEXT NOT NULL, kind TEXT NOT NULL, service TEXT NOT NULL, opening TEXT NOT NULL,
    amount INTEGER NOT NULL, held_until INTEGER, came INTEGER NOT NULL, reply_by INTEGER NOT NULL, since INTEGER NOT NULL, arrived INTEGER,
    answered INTEGER, granted INTEGER NOT NULL DEFAULT 0, declined TEXT, sealed BLOB NOT NULL, PRIMARY KEY (asker, request)
);
CREATE INDEX IF NOT EXISTS leg_of ON leg (opening, state);
CREATE INDEX IF NOT EXISTS leg_held ON leg (held_until) WHERE state = 'offered';
CREATE INDEX IF NOT EXISTS leg_since ON leg (state, since);
CREATE INDEX IF NOT EXISTS leg_bytes ON leg (asker, length(sealed));
CREATE TABLE IF NOT EXISTS handover (
    asker TEXT NOT NULL, request TEXT NOT NULL, part INTEGER NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (asker, request, part)
);
"""
    + mailbox.TABLES
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """A moment as it is kept."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(kept: int) -> datetime:
    """And back."""
    return _EPOCH + kept * _MICROSECOND


def day(kept: str | None) -> date | None:
    """A day as it is kept."""
    return date.fromisoformat(kept) if kept is not None else None


def lost() -> Unavailable:
    """What it is when the file cannot be read or written."""
    return Unavailable(Fault.SOURCE_UNAVAILABLE, "places")


def is_sealed(path: Path) -> bool:
    """Whether there is a store already, sealed under some key.

    Raises:
        BadInput: `invalid-setting`: it is something else.
    """
    if not path.exists() or not path.stat().st_size:
        return False
    try:
        connection = open_to_read(path)
        try:
            _check_ours(connection, path)
            if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'places_key'").fetchone() is None:
                return False
            return connection.execute("SELECT 1 FROM places_key").fetchone() is not None
        finally:
            connection.close()
    except sqlite3.Error:
        raise _no_store(path) from None


def prepare(path: Path, mark: str) -> None:
    """Make the tables where they are not there yet. *mark* is of the key that the store is, or will be, sealed under.

    Raises:
        BadInput: `invalid-setting`: it is no store of places, or was sealed under another key. Nothing in it is touched then.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would make it readable for others
        path.chmod(0o600)
        connection = open_to_write(path)
        try:
            _prepare(connection, path, mark)
        finally:
            connection.close()
    except (OSError, sqlite3.Error):
        raise _no_store(path) from None


def _prepare(connection: sqlite3.Connection, path: Path, mark: str) -> None:
    _check_ours(connection, path)
    connection.executescript(f"PRAGMA application_id = {_APPLICATION}; BEGIN IMMEDIATE; {_TABLES} COMMIT;")
    connection.execute("INSERT OR IGNORE INTO places_key VALUES (1, ?)", (mark,))
    if connection.execute("SELECT mark FROM places_key").fetchone() != (mark,):
        raise BadInput(
            Fault.INVALID_SETTING, "places.key_file: the store was sealed under another key; bring that one back, and nothing is lost", then=PLACES_BACKUP
        )


def _check_ours(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (there,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if there and application != _APPLICATION:
        raise _no_store(path)


def open_to_write(path: Path) -> sqlite3.Connection:
    """The one connection that changes something. Whatever is committed is on disk, and what is deleted is written over."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, and reads the state at one moment inside a transaction."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=5)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _no_store(path: Path) -> BadInput:
    return BadInput(Fault.INVALID_SETTING, f"places.store: {path.name} cannot be used as a store of places", then=PLACES_STORE)
