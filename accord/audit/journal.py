"""The journal: an event is durable when `append` returns, and where it cannot be, nothing may leave (promise P2).

One thread writes. Those who append at the same time share one write and one sync (group commit). Whatever goes wrong with the
disk closes the door: everybody who waits and everybody who comes later is refused until the journal is found whole again.
"""

import contextlib
import errno
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Condition, Thread
from types import TracebackType
from typing import Final, NewType, Self

from accord.audit.chain import LINE_BYTES
from accord.audit.commits import WAITING_LINES, Group
from accord.audit.content import Event, stamped
from accord.audit.events import Started, Stopped, encode
from accord.audit.recovering import Tail
from accord.audit.writing import SEGMENT_BYTES, Writer, lock
from accord.terms.faults import BadInput, Fault, Unavailable

LineNumber = NewType("LineNumber", int)

#: An append that is not durable within this closes the door.
SYNC_SECONDS: Final = 2.0
#: What a line has beside its payload, and room to spare.
_FRAME_BYTES: Final = 512
_REASONS: Final = {errno.ENOSPC: "disk-full", errno.EDQUOT: "disk-full", errno.EROFS: "read-only", errno.EACCES: "read-only", errno.EPERM: "read-only"}


def now_ms() -> int:
    """This moment, in milliseconds UTC."""
    return time.time_ns() // 1_000_000


class Journal:
    """The journal of one party, in a folder that no other process has open. `system` names the party in every line.

    Close it, or use it as a context. A file that is larger than `segment_bytes` is followed by a new one; `fresh_segment`
    begins one at once. `writer_of` makes what writes.

    Raises:
        Unavailable: `journal-broken` when it does not agree with itself, with the place; `journal-unavailable` when another
            process has it open (`in-use`), or it cannot be read or written.
    """

    def __init__(
        self,
        folder: Path,
        system: str,
        *,
        clock: Callable[[], int] = now_ms,
        segment_bytes: int = SEGMENT_BYTES,
        sync_seconds: float = SYNC_SECONDS,
        fresh_segment: bool = False,
        writer_of: type[Writer] = Writer,
    ) -> None:
        self.folder: Final = folder
        self.system: Final = system
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._sync_seconds = sync_seconds
        self._writer_of = writer_of
        self._turn = Condition()
        self._lock = lock(folder)
        try:
            self._begin(fresh_segment=fresh_segment)
        except BaseException:
            os.close(self._lock)
            raise

    @property
    def open(self) -> bool:
        """Whether lines can become durable."""
        return not self._reason

    @property
    def reason(self) -> str:
        """Why it is not open: `disk-full`, `read-only`, `slow`, `failed` or `stopped`; empty when it is."""
        return self._reason

    @property
    def durable(self) -> Tail:
        """Up to where the journal is durable."""
        return self._durable

    async def append(self, event: Event) -> LineNumber:
        """Write *event* and give its number once it is durable. Whoever is cancelled meanwhile may have written it, never half.

        Raises:
            Unavailable: `journal-unavailable`: nothing may leave on this line.
            BadInput: `too-large`.
        """
        return (await self.append_many((event,)))[0]

    async def append_many(self, events: Sequence[Event]) -> tuple[LineNumber, ...]:
        """Write *events*, one after another and with nothing between them, and give their numbers once all are durable.

        Raises:
            Unavailable: `journal-unavailable`.
            BadInput: `too-large`.
        """
        if not events:
            return ()
        payloads = self._payloads(events)
        with self._turn:
            group, place = self._join(payloads)
            bell = group.bell(self._sync_seconds, self._overdue)
        await bell.wait()
        return tuple(LineNumber(group.number(place + i)) for i in range(len(payloads)))

    def append_now(self, event: Event) -> LineNumber:
        """The same for who has no event loop; it blocks.

        Raises:
            Unavailable: `journal-unavailable`.
            BadInput: `too-large`.
        """
        payloads = self._payloads((event,))
        with self._turn:
            group, place = self._join(payloads)
        if not group.done.wait(self._sync_seconds):
            self._overdue(group)
        return LineNumber(group.number(place))

    def reopen(self) -> None:
        """Try again after the door was closed: find the journal whole, and write on where it was durable. It blocks.

        Raises:
            Unavailable: It still cannot be read or written, or is broken, or the last write still hangs.
        """
        if self.open:
            return
        self._writing.join(timeout=self._sync_seconds)
        if self._reason == "stopped" or self._writing.is_alive():
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE, self._reason)
        self._begin(fresh_segment=False)

    def close(self) -> None:
        """Write what waits and a last line, and let the folder go. Twice is as good as once."""
        if self._reason == "stopped":
            return
        with contextlib.suppress(Unavailable):  # a closed door says all that a last line could
            self.append_now(Stopped())
        self._shut("stopped")
        self._writing.join(timeout=self._sync_seconds)
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _begin(self, *, fresh_segment: bool) -> None:
        try:
            writer = self._writer_of(self.folder, segment_bytes=self._segment_bytes, fresh_segment=fresh_segment)
        except OSError as cause:
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE, _reason_of(cause)) from cause
        self._group, self._reason, self._durable = Group(), "", writer.tail
        self._writing = Thread(target=self._write_groups, args=(writer,), name="journal", daemon=True)
        self._writing.start()
        try:
            self.append_now(Started(cut=writer.cut))
        except BaseException:
            self._writing.join(timeout=self._sync_seconds)
            raise

    def _payloads(self, events: Sequence[Event]) -> list[bytes]:
        moment = self._clock()
        payloads = [encode(stamped(event, moment, self.system)) for event in events]
        if any(len(payload) > LINE_BYTES - _FRAME_BYTES for payload in payloads):
            raise BadInput(Fault.TOO_LARGE, "journal line")
        return payloads

    def _join(self, payloads: list[bytes]) -> tuple[Group, int]:
        """Put *payloads* into the group that is written next. The caller holds the turn."""
        group = self._group
        place = len(group.payloads)
        if self._reason or place + len(payloads) > WAITING_LINES:
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE, self._reason or "too many lines wait")
        group.payloads += payloads
        self._turn.notify()
        return group, place

    def _write_groups(self, writer: Writer) -> None:
        """The life of the writer: one group after another, until the door is closed."""
        while (group := self._next_group()) is not None:
            begun = time.monotonic()
            try:
                tail = writer.write(group.payloads)
            except OSError as cause:
                self._shut(_reason_of(cause), group)
                break
            except BaseException:
                # A mistake of ours; the door must not look open while nobody writes.
                self._shut("failed", group)
                raise
            if time.monotonic() - begun > self._sync_seconds:
                self._shut("slow", group)
                break
            with self._turn:
                if self._reason and group.done.is_set():
                    break  # whoever waited was told that it is not durable
                writer.take_over(tail)
                self._durable = tail
                group.finish(tail.n - len(group.payloads) + 1, None)
        writer.cut_back()
        writer.close()

    def _next_group(self) -> Group | None:
        with self._turn:
            while not self._group.payloads and not self._reason:
                self._turn.wait()
            if self._reason:
                return None
            group, self._group = self._group, Group()
            return group

    def _overdue(self, group: Group) -> None:
        """Close the door for a group that should have been durable by now."""
        with self._turn:
            if not group.done.is_set():
                self._shut("slow", group)

    def _shut(self, reason: str, *groups: Group) -> None:
        """Close the door and tell everybody who waits."""
        failure = Unavailable(Fault.JOURNAL_UNAVAILABLE, reason)
        with self._turn:
            # Stopping is for good; otherwise the first reason is the one that says something.
            self._reason = reason if reason == "stopped" else self._reason or reason
            for group in (*groups, self._group):
                group.finish(0, failure)
            self._turn.notify_all()


def _reason_of(cause: OSError) -> str:
    return _REASONS.get(cause.errno or 0, "failed")
