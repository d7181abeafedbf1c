"""What a store has besides, once messages are fed into it: the messages, what was made of them, and earlier versions.

A store that was only ever imported into stays as it is, and agents of before can read it. The first message makes it a
store of the next format, in one transaction: an agent that would not know which records are derived refuses it then.
"""

import secrets
import sqlite3
from pathlib import Path
from typing import Final

from accord.terms.identifiers import RecordRef
from accord.terms.records import TYPE_CODE
from node_agent.ports import SourceUnavailable
from node_agent.sources.embedded_schema import FED_FORMAT, fact, open_for_writing

#: The name and version of `node_agent.feeding`: to be changed when the same message would lead to another record.
FEED_MAPPING: Final = "hl7v2-to-r4 2026-11-22.3"

_TABLES: Final = """
-- The messages as they came. `digest` is set when all of a message is kept: what is sent again is known by it.
CREATE TABLE message (
    number INTEGER PRIMARY KEY, sender TEXT NOT NULL, control TEXT NOT NULL, received_ms INTEGER NOT NULL,
    mapping TEXT NOT NULL, digest BLOB UNIQUE, text BLOB NOT NULL
);

-- Which records were made of a message, and where that version stands among all that were ever told. `original` is what of
-- the message it was made from; the whole message tells of other records, and never leaves.
CREATE TABLE made (place INTEGER PRIMARY KEY, rank TEXT NOT NULL, message INTEGER NOT NULL, original BLOB);
CREATE TRIGGER made_no_more AFTER DELETE ON record BEGIN DELETE FROM made WHERE place = OLD.place; END;

-- Versions that are no longer current, or came after a newer one.
CREATE TABLE former (
    type INTEGER, id TEXT, rank TEXT, message INTEGER NOT NULL, fhir BLOB NOT NULL, PRIMARY KEY (type, id, rank)
) WITHOUT ROWID;

-- What a report lists. It outlives every version of the report: a correction need not repeat what it does not correct.
CREATE TABLE listed (
    report TEXT, element TEXT, place TEXT, ref TEXT NOT NULL, PRIMARY KEY (report, element, place, ref)
) WITHOUT ROWID;

-- Patients that were replaced by another one.
CREATE TABLE merged (patient TEXT PRIMARY KEY, survivor TEXT NOT NULL, rank TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX merged_into ON merged (survivor);

-- How often each thing went wrong, for whoever looks after the feed.
CREATE TABLE refused (code TEXT PRIMARY KEY, times INTEGER NOT NULL, last_ms INTEGER NOT NULL) WITHOUT ROWID;
"""


def is_fed(connection: sqlite3.Connection) -> bool:
    """Whether messages were fed into this store."""
    return connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'made'").fetchone() is not None


def prepare_store(path: Path) -> bytes:
    """Make the store if there is none, and let messages be fed into it. Returns its secret.

    Raises:
        SourceUnavailable: It cannot be written.
    """
    try:
        connection = open_for_writing(path)
        try:
            prepare_for_feed(connection)
            return secret_of(connection)
        finally:
            connection.close()
    except sqlite3.Error:
        raise SourceUnavailable("store") from None


def prepare_for_feed(connection: sqlite3.Connection) -> None:
    """Make the store one that messages can be fed into. It must be open for writing, outside a transaction.

    Raises:
        sqlite3.Error: It cannot be written; then it is as it was.
    """
    if is_fed(connection):
        if not _keeps_originals(connection):
            # Made before it was kept what of a message a record was made from: those records have no original to show.
            connection.execute("ALTER TABLE made ADD COLUMN original BLOB")
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements():
            connection.execute(statement)
        connection.execute("INSERT INTO about VALUES ('feed_secret', ?)", (secrets.token_hex(32),))
        connection.execute("UPDATE about SET value = ? WHERE name = 'format'", (FED_FORMAT,))
        connection.execute("COMMIT")
    except sqlite3.Error:
        connection.execute("ROLLBACK")
        raise


def secret_of(connection: sqlite3.Connection) -> bytes:
    """What makes ids of this store that nobody else can find by trying.

    Raises:
        SourceUnavailable: The store is not prepared for a feed.
    """
    found = fact(connection, "feed_secret")
    if found is None:
        raise SourceUnavailable("store")
    return bytes.fromhex(found)


def original_of(connection: sqlite3.Connection, ref: RecordRef) -> tuple[bytes, bytes] | None:
    """What of its message a record was made from, and the record; none when there is no such record, or nothing to show of it."""
    if not is_fed(connection) or not _keeps_originals(connection):
        return None
    row = connection.execute(
        "SELECT made.original, record.fhir FROM record JOIN made ON made.place = record.place "
        "WHERE record.type = ? AND record.id = ? AND record.fhir IS NOT NULL AND made.original IS NOT NULL",
        (TYPE_CODE.get(ref.type, 0), ref.id),
    ).fetchone()
    return None if row is None else (bytes(row[0]), bytes(row[1]))


def _keeps_originals(connection: sqlite3.Connection) -> bool:
    return any(name == "original" for _, name, *_ in connection.execute("PRAGMA table_info(made)"))


def former_versions(connection: sqlite3.Connection, ref: RecordRef) -> list[bytes]:
    """The versions of a record that are not the current one, the oldest first."""
    if not is_fed(connection):
        return []
    rows = connection.execute("SELECT fhir FROM former WHERE type = ? AND id = ? ORDER BY rank", (TYPE_CODE.get(ref.type, 0), ref.id))
    return [bytes(fhir) for (fhir,) in rows]


def refusals(connection: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """Code, times and the last time of all that was refused, the most frequent first."""
    return list(connection.execute("SELECT code, times, last_ms FROM refused ORDER BY times DESC, code")) if is_fed(connection) else []


def _statements() -> list[str]:
    """One by one, because running them as a script would end the transaction; a trigger has a semicolon inside."""
    found, whole = [], ""
    for piece in _TABLES.split(";")[:-1]:
        whole += piece + ";"
        if sqlite3.complete_statement(whole):
            found.append(whole)
            whole = ""
    return found
