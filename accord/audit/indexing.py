"""Where the lines about a patient stand: an index beside the journal, of metadata only, that can be thrown away and made again."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from msgspec import DecodeError, Struct, json

from accord.audit.chain import Line
from accord.audit.recovering import Tail
from accord.audit.segments import Placed, Segment, line_at, lines_of, segments
from accord.terms.faults import Fault, Unavailable

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS files (segment INTEGER PRIMARY KEY, inode INTEGER NOT NULL, upto INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS lines (n INTEGER PRIMARY KEY, patient TEXT NOT NULL, alarm INTEGER NOT NULL, reviews INTEGER NOT NULL,
    moment INTEGER NOT NULL, segment INTEGER NOT NULL, place INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_patient ON lines (patient, moment) WHERE patient <> '';
CREATE INDEX IF NOT EXISTS by_alarm ON lines (alarm) WHERE alarm;
CREATE INDEX IF NOT EXISTS by_review ON lines (reviews) WHERE reviews;
CREATE INDEX IF NOT EXISTS by_segment ON lines (segment);
"""
_INSERT: Final = "INSERT OR REPLACE INTO lines VALUES (?, ?, ?, ?, ?, ?, ?)"
_LINES_AT_ONCE: Final = 20_000


class _Metadata(Struct, frozen=True):
    """What of a line is indexed; the rest is skipped."""

    event: str
    moment: int
    severity: str = ""
    patient: str = ""
    line: int = 0


_metadata: Final = json.Decoder(_Metadata)


@dataclass(frozen=True, slots=True)
class Where:
    """A line that was looked for."""

    n: int
    segment: int
    place: int


class LineIndex:
    """An index of the journal in *folder*, in a file at *path* (in memory when none). It reads no further than `durable` says.

    It may be used from several threads. Blocking: call it from a worker thread.

    Raises:
        Unavailable: `journal-unavailable` when the index cannot be made or the journal cannot be read, `journal-broken`.
    """

    def __init__(self, folder: Path, path: Path | None = None, durable: Callable[[], Tail] | None = None) -> None:
        self._folder = folder
        self._durable = durable
        self._one_at_a_time = Lock()
        try:
            if path is not None:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would make it readable for others
            self._tables = sqlite3.connect(path or ":memory:", check_same_thread=False)
            self._tables.executescript(_TABLES)
        except (OSError, sqlite3.Error) as cause:
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE, "index") from cause

    def about(self, patient: str, since: int, until: int) -> list[Line]:
        """The lines about *patient* (a pseudonym) with a moment in [since, until), oldest first."""
        return self._find(
            "SELECT n, segment, place FROM lines WHERE patient = ? AND patient <> '' AND moment >= ? AND moment < ? ORDER BY n", patient, since, until
        )

    def unreviewed(self) -> list[Line]:
        """Alarms that nobody has reviewed yet, oldest first."""
        return self._find("SELECT n, segment, place FROM lines WHERE alarm AND n NOT IN (SELECT reviews FROM lines WHERE reviews) ORDER BY n")

    def catch_up(self) -> None:
        """Take in what the journal has become since the last time."""
        with self._one_at_a_time, self._translated():
            self._catch_up()

    def close(self) -> None:
        """Let the file go."""
        with self._one_at_a_time:
            self._tables.close()

    def _find(self, question: str, *values: str | int) -> list[Line]:
        with self._one_at_a_time, self._translated():
            self._catch_up()
            found = self._read(question, *values)
            if found is None:
                # The index is not of this journal, or of an earlier state of it: it is made again, once.
                self._tables.executescript("DELETE FROM files; DELETE FROM lines;")
                self._catch_up()
                found = self._read(question, *values)
            if found is None:
                raise Unavailable(Fault.JOURNAL_BROKEN, "index")
            return found

    def _read(self, question: str, *values: str | int) -> list[Line] | None:
        known = {segment.first: segment for segment in segments(self._folder)}
        lines = []
        for n, first, place in self._tables.execute(question, values):
            try:
                line = line_at(known[first], place)
            except (KeyError, Unavailable):
                return None
            if line.n != n:
                return None
            lines.append(line)
        return lines

    def _catch_up(self) -> None:
        durable = self._durable() if self._durable is not None else None
        for segment in segments(self._folder):
            if durable is not None and segment.first > durable.segment:
                return
            inode = segment.path.stat().st_ino
            known = self._tables.execute("SELECT inode, upto FROM files WHERE segment = ?", (segment.first,)).fetchone()
            if known is None or known[0] != inode:
                # New, or written again after retention: its lines have other places now.
                self._tables.execute("DELETE FROM lines WHERE segment = ?", (segment.first,))
                known = (inode, 0)
            until = durable.end if durable is not None and segment.first == durable.segment else segment.path.stat().st_size
            if known[1] < until:
                self._take(segment, inode, known[1], until)
        self._tables.commit()

    def _take(self, segment: Segment, inode: int, offset: int, until: int) -> None:
        rows = []
        upto = offset
        for placed in _whole_lines(segment, offset, until):
            upto = placed.end
            if (row := _row(placed)) is not None:
                rows.append(row)
            if len(rows) >= _LINES_AT_ONCE:
                self._tables.executemany(_INSERT, rows)
                rows.clear()
        self._tables.executemany(_INSERT, rows)
        self._tables.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (segment.first, inode, upto))

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as cause:
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE, "index") from cause


def _whole_lines(segment: Segment, offset: int, until: int) -> Iterator[Placed]:
    try:
        yield from lines_of(segment, offset=offset, until=until)
    except Unavailable as broken:
        if broken.where != "torn":
            raise


def _row(placed: Placed) -> tuple[int, str, int, int, int, int, int] | None:
    """What is indexed of a line; none where nobody will look for it."""
    content = placed.line.content
    if content is None:
        return None
    try:
        known = _metadata.decode(content)
    except DecodeError:
        raise Unavailable(Fault.JOURNAL_BROKEN, f"line {placed.line.n}") from None
    alarm = known.severity == "alarm"
    reviews = known.line if known.event == "review-done" else 0
    if not (known.patient or alarm or reviews):
        return None
    return placed.line.n, known.patient, int(alarm), reviews, known.moment, placed.segment, placed.offset
