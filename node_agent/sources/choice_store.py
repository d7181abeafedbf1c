"""The choices that patients made, in a SQLite file: one of its own, or the one of the embedded store.

Whatever cannot be read for certain is `Unavailable`, and nothing is released: a choice that was lost might have been
an objection. Every change is counted by the file itself, so that an answer under way notices it, whoever wrote.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread

from accord.rules.consent import Choice
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn
from node_agent.sources.choice_rows import COLUMNS, Row, choice_of, row_of
from node_agent.sources.sqlite_calls import SqliteCalls

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS choice (
    number INTEGER PRIMARY KEY, bsn TEXT NOT NULL, permits INTEGER NOT NULL,
    kind TEXT, ura TEXT, category TEXT, purpose TEXT, record TEXT, begins TEXT, ends TEXT
);
CREATE INDEX IF NOT EXISTS choice_of ON choice (bsn);
"""
#: Columns that came later: what an older file lacks is added by the first who writes.
_LATER: Final = {"more": "TEXT", "origin": "TEXT NOT NULL DEFAULT ''"}
_COUNTING: Final = """
CREATE TABLE IF NOT EXISTS choice_changes (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL);
INSERT OR IGNORE INTO choice_changes SELECT 1, coalesce(max(number), 0) FROM choice;
CREATE TABLE IF NOT EXISTS choice_version (bsn TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS choice_statement (bsn TEXT NOT NULL, origin TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (bsn, origin)) WITHOUT ROWID;
""" + "".join(  # noqa: S608
    f"""CREATE TRIGGER IF NOT EXISTS choice_after_{event} AFTER {event} ON choice BEGIN
    UPDATE choice_changes SET count = count + 1;
    INSERT OR REPLACE INTO choice_version SELECT {row}.bsn, count FROM choice_changes;
END;
"""  # noqa: S608
    for event, row in (("insert", "NEW"), ("update", "NEW"), ("delete", "OLD"))
)
#: Numbers are never used twice: the journal names choices by them, also those that are gone.
_INSERT: Final = f"INSERT INTO choice (number, bsn, origin, {COLUMNS}) SELECT count + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM choice_changes"  # noqa: S608  # a constant
_ORIGIN_CHARACTERS: Final = 256


#: So many looks in a row may go by the stamps alone.
_LOOKS_LEFT_OUT: Final = 3
_Stamp = tuple[int, int, int] | None


def _stamp(path: Path) -> _Stamp:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino


class SqliteChoices:
    """A `ChoiceStore` in a file that `keep_choices` made. A file that is not there is no store: nothing may be released."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._calls = SqliteCalls(lambda: _open_for_reading(path), _unavailable)
        self._writing = anyio.CapacityLimiter(1)
        self._seen: tuple[_Stamp, _Stamp] | None = None
        self._counted = 0
        self._left_out = 0

    async def choices_of(self, bsn: Bsn) -> tuple[Choice, ...]:
        """All choices on record for a person, each with its number.

        Raises:
            Unavailable: It could not be found out.
        """
        rows = await self._calls.call(lambda connection: _rows(connection, bsn))
        try:
            return tuple(choice_of(row, number) for number, row in rows)
        except (BadInput, ValueError, TypeError, RecursionError):
            raise _unavailable() from None

    async def changes(self) -> int:
        """How often choices of anybody changed: another number than before means that something did. Cheap enough to ask each second.

        Raises:
            Unavailable: It could not be found out.
        """
        return await self._calls.call(lambda connection: _count(connection, "SELECT count FROM choice_changes", ()))

    async def changes_as_seen(self) -> int:
        """As `changes`, for whoever asks all the time: the file is opened only when it looks as if somebody wrote, and now and then in any case.

        Its stamps are those of the file and of its log, which every commit makes longer or younger. Two commits within one
        tick of the disk's clock could look alike, so that what was just written is read once more, and after some looks anyway.

        Raises:
            Unavailable: It could not be found out.
        """
        stamps = _stamp(self._path), _stamp(self._path.with_name(f"{self._path.name}-wal"))
        if self._seen == stamps and stamps[0] is not None and self._left_out < _LOOKS_LEFT_OUT:
            self._left_out += 1
            return self._counted
        is_new = stamps != self._seen
        self._seen = None
        self._counted = await self.changes()
        self._seen, self._left_out = stamps, _LOOKS_LEFT_OUT if is_new else 0
        return self._counted

    async def version(self, bsn: Bsn) -> int:
        """The number of `changes` at which choices of this person changed last; 0 when they never did.

        Raises:
            Unavailable: It could not be found out.
        """
        return await self._calls.call(lambda connection: _count(connection, "SELECT count FROM choice_version WHERE bsn = ?", (bsn.value,)))

    async def put(self, bsn: Bsn, choices: Iterable[Choice], source: str, at: datetime) -> bool:
        """Put on record what a source states about a person, in place of what it stated before; see `put_choices`.

        Raises:
            Unavailable: The store cannot be written; it is as it was.
        """
        some = tuple(choices)
        return await to_thread.run_sync(lambda: put_choices(self._path, bsn, some, source, at), limiter=self._writing)

    async def close(self) -> None:
        """Let go of the file."""
        self._calls.close()


def put_choices(path: Path, bsn: Bsn, choices: Iterable[Choice], source: str, at: datetime) -> bool:
    """Put on record what *source* states about a person at a moment, in place of what it stated before and of nothing else.

    Evidence never goes back in time: a statement that is older than the one on record is refused (false), and so is one of
    the same moment that says something else. The same statement twice is one. What was put is synced to disk.

    Raises:
        ValueError: The source has no name, or the moment no zone.
        Unavailable: The store cannot be written; it is as it was.
    """
    if not 0 < len(source) <= _ORIGIN_CHARACTERS or at.tzinfo is None:
        raise ValueError
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    rows = [row_of(choice) for choice in choices]
    try:
        with closing(_open_for_writing(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            known = connection.execute("SELECT at FROM choice_statement WHERE bsn = ? AND origin = ?", (bsn.value, source)).fetchone()
            if known is not None and moment <= known[0]:
                # A row keeps a truth as a number, and True is 1.
                standing = connection.execute(f"SELECT {COLUMNS} FROM choice WHERE bsn = ? AND origin = ? ORDER BY number", (bsn.value, source))  # noqa: S608  # a constant
                same = moment == known[0] and standing.fetchall() == rows
                connection.execute("ROLLBACK")
                return same
            connection.execute("DELETE FROM choice WHERE bsn = ? AND origin = ?", (bsn.value, source))
            connection.executemany(_INSERT, [(bsn.value, source, *row) for row in rows])
            connection.execute("INSERT OR REPLACE INTO choice_statement VALUES (?, ?, ?)", (bsn.value, source, moment))
            connection.execute("COMMIT")
    except (sqlite3.Error, OSError):
        raise _unavailable() from None
    return True


def keep_choices(path: Path, choices: Mapping[Bsn, Iterable[Choice]], *, replace: bool = True) -> int:
    """Put choices on record, all or none; those of the same people that were kept so are replaced, or stay beside the new ones.

    What a source stated (`put_choices`) stays: a file of yesterday does not undo what a patient said today. Returns how
    many were put.

    Raises:
        Unavailable: The store cannot be written; it is as it was.
    """
    try:
        with closing(_open_for_writing(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            count = 0
            for bsn, some in choices.items():
                if replace:
                    connection.execute("DELETE FROM choice WHERE bsn = ? AND origin = ''", (bsn.value,))
                rows = [(bsn.value, "", *row_of(choice)) for choice in some]
                connection.executemany(_INSERT, rows)
                count += len(rows)
            connection.execute("COMMIT")
    except (sqlite3.Error, OSError):
        raise _unavailable() from None
    return count


def _open_for_writing(path: Path) -> sqlite3.Connection:
    """A connection to a file that has all tables, columns and counters: made or added where they are not there yet."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    try:
        path.chmod(0o600)
        connection.execute("PRAGMA page_size = 16384")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        if _is_complete(connection):
            return connection
        connection.execute("BEGIN IMMEDIATE")
        for statement in _statements(_TABLES):
            connection.execute(statement)
        there = _columns(connection)
        for name, kind in _LATER.items():
            if name not in there:
                connection.execute(f"ALTER TABLE choice ADD COLUMN {name} {kind}")
        for statement in _statements(_COUNTING):
            connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _statements(script: str) -> list[str]:
    """The statements of a script, one by one: `executescript` would commit in between."""
    found, begun = [], ""
    for line in script.splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            found.append(begun)
            begun = ""
    return found


def _columns(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(row[1] for row in connection.execute("PRAGMA table_info(choice)"))


def _is_complete(connection: sqlite3.Connection) -> bool:
    """Whether the file has everything: the trigger is made last."""
    return connection.execute("SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name = 'choice_after_delete'").fetchone() is not None


def _open_for_reading(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=5)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _rows(connection: sqlite3.Connection, bsn: Bsn) -> list[tuple[int, Row]]:
    # In a file of an older version nothing more was said of any choice.
    columns = COLUMNS if "more" in _columns(connection) else COLUMNS.replace("more", "NULL")
    found = connection.execute(f"SELECT number, {columns} FROM choice WHERE bsn = ? ORDER BY number", (bsn.value,)).fetchall()  # noqa: S608  # constants
    return [(row[0], row[1:]) for row in found]


def _count(connection: sqlite3.Connection, query: str, given: tuple[str, ...]) -> int:
    if not _is_complete(connection):
        # Nobody has written since the version that does not count; and whoever writes first begins to count.
        connection.execute("SELECT number FROM choice LIMIT 1")
        return 0
    row = connection.execute(query, given).fetchone()
    return int(row[0]) if row else 0


def _unavailable() -> Unavailable:
    return Unavailable(Fault.SOURCE_UNAVAILABLE, "choices")
