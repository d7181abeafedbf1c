"""Finding the end of a journal at start: fast, and refusing whatever does not agree with itself.

Lines after the checkpoint are verified in full; for what comes before it `noaber journal verify` is there. A checkpoint is a
hint about speed and a witness at once: a journal that ends before it has lost lines that were durable.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec import DecodeError, Struct, json

from accord.audit.chain import BEGIN, check_line
from accord.audit.segments import Segment, last_line, lines_of, segments
from accord.terms.faults import Fault, Unavailable

_CHECKPOINT: Final = "checkpoint"


class Checkpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """A durable line: its number, its chain (hex), its segment, and where it begins there."""

    n: int
    chain: str
    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a journal ends: the last line, its chain, segment (0: none yet), begin and end, and the bytes of a torn line after it."""

    n: int
    chain: bytes
    segment: int
    offset: int
    end: int
    torn: int


def write_checkpoint(folder: Path, tail: Tail) -> None:
    """Put it in place of the last one, whole or not at all. What cannot be written is not missed: the next start is slower."""
    fresh = folder / f"{_CHECKPOINT}.new"
    with contextlib.suppress(OSError):
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, json.encode(Checkpoint(tail.n, tail.chain.hex(), tail.segment, tail.offset)))
        finally:
            os.close(descriptor)
        fresh.replace(folder / _CHECKPOINT)


def forget_checkpoint(folder: Path) -> None:
    """Take it away, for lines are about to change their place."""
    (folder / _CHECKPOINT).unlink(missing_ok=True)


def cut_after(folder: Path, durable: Tail) -> int:
    """Take away what stands in the files after *durable*, which is the last line that anybody was told of; give how many bytes.

    Raises:
        Unavailable: `journal-unavailable` when the folder cannot be read.
        OSError: It cannot be taken away.
    """
    taken = 0
    for segment in segments(folder):
        # Beside the last durable line's own segment only one that was begun for the next line; of any other `find_tail` tells.
        if segment.first not in {durable.segment, durable.n + 1}:
            continue
        end = durable.end if segment.first == durable.segment else 0
        if (beyond := segment.path.stat().st_size - end) > 0:
            os.truncate(segment.path, end)
            taken += beyond
    return taken


def find_tail(folder: Path) -> Tail:
    """Find where the journal in *folder* ends.

    A last line without its end was never acknowledged: it is reported as torn, for the journal to cut off.

    Raises:
        Unavailable: `journal-broken`, with the line where it breaks; `journal-unavailable` when it cannot be read.
    """
    found = segments(folder)
    begin = _beginning(found, _checkpoint(folder))
    _check_joints(found)
    return _walk(found, begin) if found else begin


def _checkpoint(folder: Path) -> Checkpoint | None:
    try:
        return json.decode((folder / _CHECKPOINT).read_bytes(), type=Checkpoint)
    except FileNotFoundError:
        return None
    except OSError as cause:
        raise Unavailable(Fault.JOURNAL_UNAVAILABLE, "read") from cause
    except DecodeError:
        return None  # it is not synced: after a power cut it may be anything


def _beginning(found: list[Segment], checkpoint: Checkpoint | None) -> Tail:
    """From where to verify: the line of the checkpoint, which must stand where it stood."""
    if checkpoint is None or not checkpoint.n:
        return Tail(0, BEGIN, found[0].first if found else 0, 0, 0, 0)
    segment = next((segment for segment in found if segment.first == checkpoint.segment), None)
    if segment is not None:
        for placed in lines_of(segment, offset=checkpoint.offset):
            if placed.line.n == checkpoint.n and placed.line.chain == checkpoint.chain:
                return Tail(checkpoint.n, bytes.fromhex(checkpoint.chain), segment.first, placed.offset, placed.end, 0)
            break
    raise Unavailable(Fault.JOURNAL_BROKEN, f"line {checkpoint.n}: it was durable, and is not where it was")


def _check_joints(found: list[Segment]) -> None:
    """Every segment begins where the one before it ended: cheap, and it finds a segment that is missing."""
    expected = 1
    for segment in found:
        if segment.first != expected:
            raise Unavailable(Fault.JOURNAL_BROKEN, f"line {expected}: a segment is missing")
        if segment is not found[-1]:
            last = last_line(segment)
            expected = last.line.n + 1 if last else segment.first


def _walk(found: list[Segment], tail: Tail) -> Tail:
    """Verify from *tail* to the end."""
    for segment in found:
        if segment.first < tail.segment:
            continue
        if segment.first > tail.segment:
            tail = Tail(tail.n, tail.chain, segment.first, 0, 0, 0)
        try:
            for placed in lines_of(segment, offset=tail.end):
                tail = Tail(placed.line.n, check_line(placed.line, tail.n + 1, tail.chain), segment.first, placed.offset, placed.end, 0)
        except Unavailable as broken:
            if broken.where != "torn" or segment is not found[-1]:
                raise Unavailable(broken.fault, f"line {tail.n + 1}: {broken.where}") from None
            tail = Tail(tail.n, tail.chain, tail.segment, tail.offset, tail.end, segment.path.stat().st_size - tail.end)
    return tail
