"""Removing content after retention, so that the chain holds and nobody can remove anything else that way."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec import DecodeError, Struct, json

from accord.audit.chain import Line, as_written, without_payload
from accord.audit.events import PayloadsRemoved
from accord.audit.journal import Journal, now_ms
from accord.audit.recovering import forget_checkpoint
from accord.audit.segments import Segment, lines_of, segments
from accord.audit.verifying import events_of
from accord.terms.faults import BadInput, Fault, Unavailable

#: Content is kept for this long at least (NEN 7513; the law on patients' rights asks for it).
RETENTION_YEARS: Final = 5

#: Nobody waits for these lines but whoever removes.
_PATIENCE_SECONDS: Final = 60.0

#: About nobody, and what makes a journal provable: this is never removed.
_KEPT: Final = frozenset({"head-signed", "head-kept", "payloads-removed"})


class _Dated(Struct, frozen=True):
    """What decides whether a line goes."""

    event: str
    moment: int


_dated: Final = json.Decoder(_Dated)


def prune(folder: Path, system: str, before: datetime, *, clock: Callable[[], int] = now_ms) -> int:
    """Remove the content of all lines older than *before*, and return how many; heads and earlier removals stay.

    What is removed is stated in a line first. Every file is replaced whole: a crash leaves a removal that the next run
    finishes. The journal may not be open in another process.

    Raises:
        BadInput: `too-young`: less than `RETENTION_YEARS` ago.
        Unavailable: `journal-in-use`, `journal-unavailable` or `journal-broken`.
    """
    if before > _years_before(datetime.fromtimestamp(clock() / 1000, UTC)):
        raise BadInput(Fault.TOO_YOUNG, f"before {before.date()}")
    # A new file at once: every line that is there now lies in a file that nobody writes any more.
    with Journal(folder, system, clock=clock, sync_seconds=_PATIENCE_SECONDS, fresh_segment=True) as journal:
        return _remove(journal, int(before.timestamp() * 1000))


def _remove(journal: Journal, before: int) -> int:
    last = segments(journal.folder)[-1].first - 1
    closed = [segment for segment in segments(journal.folder) if segment.first <= last]
    stated = [event for _, event in events_of(journal.folder, kind="payloads-removed") if isinstance(event, PayloadsRemoved)]
    if sum(event.count for event in stated) > sum(_count(segment, _is_gone) for segment in closed):
        # The last run did not come to its end.
        _rewrite(journal.folder, closed, stated[-1].before, stated[-1].upto)
    count = sum(_count(segment, lambda line: _goes(line, before, last)) for segment in closed)
    if count:
        journal.append_now(PayloadsRemoved(before=before, upto=last, count=count))
        _rewrite(journal.folder, closed, before, last)
    return count


def _rewrite(folder: Path, closed: list[Segment], before: int, upto: int) -> None:
    forget_checkpoint(folder)  # lines change their place
    for segment in closed:
        if not _count(segment, lambda line: _goes(line, before, upto)):
            continue
        fresh = segment.path.with_suffix(".pruned")
        try:
            with open(fresh, "wb", opener=_private) as file:
                file.writelines(without_payload(placed.line) if _goes(placed.line, before, upto) else as_written(placed.line) for placed in lines_of(segment))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(segment.path)
            _sync_folder(folder)
        except OSError as cause:
            fresh.unlink(missing_ok=True)
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE, "prune") from cause


def _count(segment: Segment, chosen: Callable[[Line], bool]) -> int:
    return sum(chosen(placed.line) for placed in lines_of(segment))


def _is_gone(line: Line) -> bool:
    return line.content is None


def _goes(line: Line, before: int, upto: int) -> bool:
    """Whether the content of this line is removed."""
    content = line.content
    if content is None or line.n > upto:
        return False
    try:
        dated = _dated.decode(content)
    except DecodeError:
        raise Unavailable(Fault.JOURNAL_BROKEN, f"line {line.n}") from None
    return dated.moment < before and dated.event not in _KEPT


def _years_before(moment: datetime) -> datetime:
    try:
        return moment.replace(year=moment.year - RETENTION_YEARS)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year - RETENTION_YEARS, day=28)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
