"""The files of a journal: segments named by their first line, read only, one line after another."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from accord.audit.chain import LINE_BYTES, Line, read_line
from accord.terms.faults import Fault, Unavailable
from accord.terms.next_steps import JOURNAL_FOLDER

_NAME: Final = re.compile(r"[0-9]{20}\.journal", re.ASCII)
#: How much of a file's end is looked at for its last line: most lines are short; the longest may be followed by a torn one.
_WINDOWS: Final = (8 * 1024, 2 * (LINE_BYTES + 1))


@dataclass(frozen=True, slots=True)
class Segment:
    """One file: the lines from `first` on."""

    path: Path
    first: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A line, and where it stands."""

    line: Line
    segment: int
    """The number of the segment's first line."""
    offset: int
    end: int


def segment_path(folder: Path, first: int) -> Path:
    """Where the segment lies that begins with line *first*."""
    return folder / f"{first:020d}.journal"


def segments(folder: Path) -> list[Segment]:
    """All segments of a journal, in order.

    Raises:
        Unavailable: `journal-unavailable`, when the folder cannot be read.
    """
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError as cause:
        raise Unavailable(Fault.JOURNAL_UNAVAILABLE, "folder", then=JOURNAL_FOLDER) from cause
    return [Segment(folder / name, int(name[:20])) for name in sorted(names) if _NAME.fullmatch(name)]


def lines_of(segment: Segment, *, offset: int = 0, until: int | None = None, mark: bytes = b"") -> Iterator[Placed]:
    """Read a segment from *offset* on, up to byte *until* (its end, when none); only lines that have *mark* in them.

    Raises:
        Unavailable: `journal-broken` with `torn` when the last line has no end, or with what is wrong with a line;
            `journal-unavailable` when the file cannot be read.
    """
    try:
        with segment.path.open("rb") as file:
            file.seek(offset)
            while (until is None or offset < until) and (text := file.readline(LINE_BYTES + 1)):
                if not text.endswith(b"\n"):
                    raise Unavailable(Fault.JOURNAL_BROKEN, "line" if len(text) > LINE_BYTES else "torn")
                if mark in text:
                    yield Placed(read_line(text), segment.first, offset, offset + len(text))
                offset += len(text)
    except OSError as cause:
        raise Unavailable(Fault.JOURNAL_UNAVAILABLE, "read") from cause


def line_at(segment: Segment, offset: int) -> Line:
    """The line at *offset*.

    Raises:
        Unavailable: `journal-broken` when none stands there.
    """
    for placed in lines_of(segment, offset=offset):
        return placed.line
    raise Unavailable(Fault.JOURNAL_BROKEN, "offset")


def last_line(segment: Segment) -> Placed | None:
    """The last whole line of a segment, found from its end; none when it has no whole line.

    Raises:
        Unavailable: `journal-broken`.
    """
    for window in _WINDOWS:
        try:
            with segment.path.open("rb") as file:
                begin = max(0, file.seek(0, os.SEEK_END) - window)
                file.seek(begin)
                tail = file.read()
        except OSError as cause:
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE, "read") from cause
        end = tail.rfind(b"\n") + 1
        start = tail.rfind(b"\n", 0, max(0, end - 1)) + 1
        if end and (start or not begin):
            return Placed(read_line(tail[start:end]), segment.first, begin + start, begin + end)
    return None
