"""The choices that patients made, in a SQLite file: one of its own, or the one of the embedded store.

Whatever cannot be read for certain is `Unavailable`, and nothing is released: a choice that was lost might have been
an objection.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from accord.rules.consent import Choice
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, Ura, record_ref
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from node_agent.sources.sqlite_calls import SqliteCalls

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS choice (
    number INTEGER PRIMARY KEY, bsn TEXT NOT NULL, permits INTEGER NOT NULL,
    kind TEXT, ura TEXT, category TEXT, purpose TEXT, record TEXT, begins TEXT, ends TEXT
);
CREATE INDEX IF NOT EXISTS choice_of ON choice (bsn);
"""
_COLUMNS: Final = "permits, kind, ura, category, purpose, record, begins, ends"
Row = tuple[int, str | None, str | None, str | None, str | None, str | None, str | None, str | None]


class SqliteChoices:
    """A `ChoiceStore` in a file that `keep_choices` made. A file that is not there is no store: nothing may be released."""

    def __init__(self, path: Path) -> None:
        self._calls = SqliteCalls(lambda: _open_for_reading(path), _unavailable)

    async def choices_of(self, bsn: Bsn) -> tuple[Choice, ...]:
        """All choices on record for a person.

        Raises:
            Unavailable: It could not be found out.
        """
        rows = await self._calls.call(lambda connection: _rows(connection, bsn))
        try:
            return tuple(map(_choice, rows))
        except (BadInput, ValueError, TypeError):
            raise _unavailable() from None

    async def close(self) -> None:
        """Let go of the file."""
        self._calls.close()


def keep_choices(path: Path, choices: Mapping[Bsn, Iterable[Choice]], *, replace: bool = True) -> int:
    """Put choices on record, all or none; those of the same people are replaced, or stay beside the new ones.

    Returns how many were put.

    Raises:
        Unavailable: The store cannot be written; it is as it was.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as connection:
            path.chmod(0o600)
            connection.execute("PRAGMA page_size = 16384")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.executescript(_TABLE)
            connection.execute("BEGIN IMMEDIATE")
            count = 0
            for bsn, some in choices.items():
                if replace:
                    connection.execute("DELETE FROM choice WHERE bsn = ?", (bsn.value,))
                rows = [(bsn.value, *_row(choice)) for choice in some]
                connection.executemany(f"INSERT INTO choice (bsn, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608  # a constant
                count += len(rows)
            connection.execute("COMMIT")
    except (sqlite3.Error, OSError):
        raise _unavailable() from None
    return count


def _open_for_reading(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=5)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _rows(connection: sqlite3.Connection, bsn: Bsn) -> list[Row]:
    return connection.execute(f"SELECT {_COLUMNS} FROM choice WHERE bsn = ? ORDER BY number", (bsn.value,)).fetchall()  # noqa: S608  # a constant


def _row(choice: Choice) -> Row:
    return (
        choice.permits,
        choice.user.value if isinstance(choice.user, HolderKind) else None,
        choice.user.value if isinstance(choice.user, Ura) else None,
        choice.category.value if choice.category else None,
        choice.purpose.value if choice.purpose else None,
        str(choice.record) if choice.record else None,
        choice.begins.isoformat() if choice.begins else None,
        choice.ends.isoformat() if choice.ends else None,
    )


def _choice(row: Row) -> Choice:
    permits, kind, ura, category, purpose, record, begins, ends = row
    if permits not in (0, 1) or (kind and ura):
        raise ValueError
    return Choice(
        permits=bool(permits),
        user=HolderKind(kind) if kind is not None else Ura(ura) if ura is not None else None,
        category=CareCategory(category) if category is not None else None,
        purpose=PurposeOfUse(purpose) if purpose is not None else None,
        record=record_ref(record) if record is not None else None,
        begins=_moment(begins),
        ends=_moment(ends),
    )


def _moment(text: str | None) -> datetime | None:
    moment = None if text is None else datetime.fromisoformat(text)
    if moment is not None and moment.tzinfo is None:
        raise ValueError  # without a zone it cannot be compared
    return moment


def _unavailable() -> Unavailable:
    return Unavailable(Fault.SOURCE_UNAVAILABLE, "choices")
