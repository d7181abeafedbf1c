"""What patients stated on their pages, with the proof of each: beside the choices, in the same SQLite file.

A statement is on disk before the choices that follow from it are, and it is marked once they are: what was kept and not yet
put in force is found again after a crash (`unsettled`). Statements are added to and never changed.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

import anyio
from anyio import to_thread

from accord.rules.statements import read_statement
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn
from node_agent.stating import KeptStatement

_T = TypeVar("_T")
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS patient_statement (
    number INTEGER PRIMARY KEY AUTOINCREMENT, bsn TEXT NOT NULL, digest BLOB NOT NULL, statement BLOB NOT NULL, salt BLOB NOT NULL,
    token TEXT NOT NULL, born TEXT, since INTEGER NOT NULL, settled INTEGER NOT NULL DEFAULT 0, UNIQUE (bsn, digest)
)
"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_BUSY_SECONDS: Final = 10.0


class SqliteStatements:
    """A `StatementStore` in the file of the choices."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._one_at_a_time = anyio.CapacityLimiter(1)

    async def of(self, bsn: Bsn) -> Sequence[KeptStatement]:
        """As the port promises."""
        return await self._call(lambda connection: _read(connection, bsn))

    async def add(self, kept: KeptStatement) -> datetime:
        """As the port promises."""
        return await self._call(lambda connection: _add(connection, kept))

    async def settled(self, bsn: Bsn) -> None:
        """As the port promises."""
        await self._call(lambda connection: connection.execute("UPDATE patient_statement SET settled = 1 WHERE bsn = ? AND NOT settled", (bsn.value,)))

    async def unsettled(self) -> Sequence[Bsn]:
        """As the port promises."""
        query = "SELECT DISTINCT bsn FROM patient_statement WHERE NOT settled"
        return await self._call(lambda connection: [Bsn(row[0]) for row in connection.execute(query).fetchall()])

    async def _call(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        return await to_thread.run_sync(self._work, work, limiter=self._one_at_a_time)

    def _work(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            # The file of the choices must be there: a new one would be an empty store, and an objection might be lost.
            with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=_BUSY_SECONDS)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA secure_delete = ON")
                connection.execute(_TABLES)
                return work(connection)
        except (sqlite3.Error, OSError, BadInput, ValueError):
            raise Unavailable(Fault.SOURCE_UNAVAILABLE, "statements") from None


def _read(connection: sqlite3.Connection, bsn: Bsn) -> Sequence[KeptStatement]:
    query = "SELECT statement, salt, token, born, since, settled FROM patient_statement WHERE bsn = ? ORDER BY number"
    return [
        KeptStatement(
            read_statement(statement), salt, token, date.fromisoformat(born) if born else None, _EPOCH + timedelta(microseconds=since), settled=bool(settled)
        )
        for statement, salt, token, born, since, settled in connection.execute(query, (bsn.value,)).fetchall()
    ]


def _add(connection: sqlite3.Connection, kept: KeptStatement) -> datetime:
    statement = kept.statement
    bsn = statement.patient.value
    connection.execute("BEGIN IMMEDIATE")
    known = connection.execute("SELECT since FROM patient_statement WHERE bsn = ? AND digest = ?", (bsn, statement.digest)).fetchone()
    if known is not None:
        connection.execute("ROLLBACK")
        return _EPOCH + timedelta(microseconds=known[0])
    last = connection.execute("SELECT max(since) FROM patient_statement WHERE bsn = ?", (bsn,)).fetchone()[0]
    # Later than all before, also when the clock was set back: the choices that follow from it replace theirs.
    since = max((kept.since - _EPOCH) // _MICROSECOND, 0 if last is None else last + 1)
    row = (bsn, statement.digest, statement.canonical, kept.salt, kept.token, kept.born.isoformat() if kept.born else None, since)
    connection.execute("INSERT INTO patient_statement (bsn, digest, statement, salt, token, born, since) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.execute("COMMIT")
    return _EPOCH + timedelta(microseconds=since)
