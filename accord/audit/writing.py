"""The end of the journal as a file: lines are chained, written and synced here, and nowhere else."""

import contextlib
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from accord.audit.chain import SALT_BYTES, leaf_of, link, write_line
from accord.audit.recovering import Tail, cut_after, find_tail, write_checkpoint
from accord.audit.segments import segment_path
from accord.terms.faults import Fault, Unavailable
from accord.terms.limits import MIB
from accord.terms.next_steps import JOURNAL_FOLDER

SEGMENT_BYTES: Final = 64 * MIB
#: A checkpoint is written after this much, so that a start verifies no more than about this.
_CHECKPOINT_BYTES: Final = 4 * MIB


def lock(folder: Path) -> int:
    """Take the journal in *folder* for this process, making the folder where there is none; closing the descriptor lets it go.

    Raises:
        Unavailable: `journal-in-use`: another process has it; `journal-unavailable`: the folder cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as cause:
        raise Unavailable(Fault.JOURNAL_UNAVAILABLE, "folder", then=JOURNAL_FOLDER) from cause
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as cause:
        os.close(descriptor)
        raise Unavailable(Fault.JOURNAL_IN_USE) from cause
    return descriptor


class Writer:
    """Writes at the end of a journal, which is *durable* where that is known. One thread uses it.

    `cut` is how many bytes it took away when it was made: of a torn line, or of lines that came after *durable*.

    Raises:
        Unavailable: `journal-broken`, or `journal-unavailable` when the files cannot be read.
        OSError: The disk cannot be written.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, fresh_segment: bool = False, durable: Tail | None = None) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        cut = cut_after(folder, durable) if durable is not None else 0
        self.tail = find_tail(folder)
        if durable is not None and (self.tail.n, self.tail.chain) != (durable.n, durable.chain):
            raise Unavailable(Fault.JOURNAL_BROKEN, f"line {durable.n}: it was durable, and is not where it was")
        self.cut: Final = cut + self.tail.torn
        self._checked = self.tail
        self._descriptor = -1
        if not self.tail.segment:
            self._begin_segment()
            return
        self._descriptor = os.open(segment_path(folder, self.tail.segment), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            # A line of the last run may have been written and not synced: from here on it counts.
            os.ftruncate(self._descriptor, self.tail.end)
            self._sync(self._descriptor)
            if fresh_segment and self.tail.end:
                self._begin_segment()
        except OSError:
            os.close(self._descriptor)
            raise
        self.tail = Tail(self.tail.n, self.tail.chain, self.tail.segment, self.tail.offset, self.tail.end, 0)
        self._check_point()

    def write(self, payloads: Sequence[bytes]) -> Tail:
        """Write *payloads* and return where the journal ends once they are durable. The caller takes it over as `tail`.

        Raises:
            OSError: Nothing of it counts; see `cut_back`.
        """
        if self.tail.end >= self._segment_bytes:
            self._begin_segment()
        n, chain, end, offset = self.tail.n, self.tail.chain, self.tail.end, self.tail.offset
        salts = os.urandom(SALT_BYTES * len(payloads))
        lines = []
        for i, payload in enumerate(payloads):
            salt = salts[i * SALT_BYTES : (i + 1) * SALT_BYTES]
            leaf = leaf_of(salt, payload)
            n += 1
            chain = link(chain, n, leaf)
            lines.append(text := write_line(n, leaf, chain, salt, payload))
            offset, end = end, end + len(text)
        rest = memoryview(b"".join(lines))
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._sync(self._descriptor)
        return Tail(n, chain, self.tail.segment, offset, end, 0)

    def take_over(self, tail: Tail) -> None:
        """From now on the journal ends there."""
        self.tail = tail
        if tail.segment != self._checked.segment or tail.end - self._checked.end >= _CHECKPOINT_BYTES:
            self._check_point()

    def cut_back(self) -> None:
        """Take away what was written after `tail` and never became durable. What fails here is for the next start."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self.tail.end)
            self._sync(self._descriptor)

    def close(self) -> None:
        """Leave a checkpoint and close the file."""
        try:
            self._check_point()
        finally:
            with contextlib.suppress(OSError):  # whatever a disk says at the end, the descriptor is gone
                os.close(self._descriptor)

    def _sync(self, descriptor: int) -> None:
        """Return when everything written to *descriptor* would survive a power cut."""
        os.fdatasync(descriptor)

    def _begin_segment(self) -> None:
        first = self.tail.n + 1
        fresh = os.open(segment_path(self._folder, first), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)  # without it the file's name may be gone after a power cut
            finally:
                os.close(folder)
        except OSError:
            os.close(fresh)
            raise
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = fresh
        self.tail = Tail(self.tail.n, self.tail.chain, first, 0, 0, 0)

    def _check_point(self) -> None:
        if self.tail.end:  # a checkpoint is a line, and a new segment has none yet
            write_checkpoint(self._folder, self.tail)
            self._checked = self.tail
