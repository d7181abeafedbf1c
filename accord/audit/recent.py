"""The last hours of a journal, read from its end: what a party must know again after a restart."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import DecodeError, Struct, json

from accord.audit.content import Event
from accord.audit.events import decode
from accord.audit.segments import Segment, lines_of, segments
from accord.terms.faults import Fault, Unavailable


class _Moment(Struct, frozen=True):
    """When a line was written; the rest is skipped."""

    moment: int


_moment = json.Decoder(_Moment)


def events_since(folder: Path, since: int) -> Iterator[Event]:
    """All events from *since* (UTC, milliseconds) on, as far as they still have content, and no file that is older than that.

    A clock that was set back hides nothing: a file is left out only when none behind it begins earlier.

    Raises:
        Unavailable: `journal-broken` or `journal-unavailable`.
    """
    found = segments(folder)
    begin = len(found) - 1
    while begin > 0 and _first_moment(found[begin]) >= since:
        begin -= 1
    for segment in found[max(begin, 0) :]:
        try:
            for placed in lines_of(segment):
                content = placed.line.content
                if content is not None and _moment_of(content, placed.line.n) >= since:
                    yield decode(content)
        except DecodeError:
            raise Unavailable(Fault.JOURNAL_BROKEN, "line") from None
        except Unavailable as broken:
            if broken.where != "torn" or segment is not found[-1]:
                raise


def _first_moment(segment: Segment) -> int:
    """The moment of a segment's first line that says one; later than anything when none does, so that one looks further back."""
    for placed in lines_of(segment):
        if (content := placed.line.content) is not None:
            return _moment_of(content, placed.line.n)
    return 2**63


def _moment_of(content: bytes, n: int) -> int:
    try:
        return _moment.decode(content).moment
    except DecodeError:
        raise Unavailable(Fault.JOURNAL_BROKEN, f"line {n}") from None
