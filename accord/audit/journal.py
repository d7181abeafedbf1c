"""The journal: an event is durable when `append` returns, and where it cannot be, nothing may leave (promise P2).

One thread writes. Those who append at the same time share one write and one sync (group commit). Whatever goes wrong with the
disk closes the door: everybody who waits and everybody who comes later is refused. The same thread tries again now and then,
and opens the door once the journal was found whole and a line is durable in it.
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

import structlog

from accord.audit.chain import LINE_BYTES
from accord.audit.commits import WAITING_LINES, Group
from accord.audit.content import Event, stamped
from accord.audit.events import Started, Stopped, encode
from accord.audit.onlooking import Nobody, Onlooker
from accord.audit.recovering import Tail
from accord.audit.writing import SEGMENT_BYTES, Writer, lock
from accord.terms.faults import BadInput, Fault, Unavailable

LineNumber = NewType("LineNumber", int)

#: An append that is not durable within this closes the door.
SYNC_SECONDS: Final = 2.0
#: What a line has beside its payload, and room to spare.
_FRAME_BYTES: Final = 512
#: A closed door is tried again after this.
RETRY_SECONDS: Final = 3.0
_REASONS: Final = {errno.ENOSPC: "disk-full", errno.EDQUOT: "disk-full", errno.EROFS: "read-only", errno.EACCES: "read-only", errno.EPERM: "read-only"}

#: What nothing but a person, or a new start, can end.
_FOR_GOOD: Final = frozenset({"broken", "stopped"})
_HINTS: Final = {
    "disk-full": "free the disk; it opens again by itself",
    "read-only": "let the journal be written; it opens again by itself",
    "slow": "the disk took too long to sync: find what else keeps it busy; it opens again by itself",
    "failed": "look at the disk; it opens again by itself once lines can be written",
    "broken": "keep the files as they are, call whoever reviews access, and start again when it is whole",
}

_log = structlog.get_logger("noaber.journal")


def now_ms() -> int:
    """This moment, in milliseconds UTC."""
    return time.time_ns() // 1_000_000


class Journal:
    """The journal of one party, in a folder that no other process has open. `system` names the party in every line.

    Close it, or use it as a context. A file that is larger than `segment_bytes` is followed by a new one; `fresh_segment`
    begins one at once. `writer_of` makes what writes. *onlooker* counts. A door that was closed is tried again every `retry_seconds`.

    Raises:
        Unavailable: `journal-broken` when it does not agree with itself, with the place; `journal-in-use` when another process
            has it open; `journal-unavailable` when it cannot be read or written.
    """

    def __init__(
        self,
        folder: Path,
        system: str,
        *,
        clock: Callable[[], int] = now_ms,
        segment_bytes: int = SEGMENT_BYTES,
        sync_seconds: float = SYNC_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        fresh_segment: bool = False,
        writer_of: type[Writer] = Writer,
        onlooker: Onlooker | None = None,
    ) -> None:
        self.folder: Final = folder
        self.system: Final = system
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._sync_seconds = sync_seconds
        self._retry_seconds = retry_seconds
        self._writer_of = writer_of
        self._onlooker = onlooker or Nobody()
        self._turn = Condition()
        self._group, self._reason = Group(), ""
        self._closed_at = 0.0
        self._lock = lock(folder)
        try:
            writer = self._begun(None, fresh_segment=fresh_segment)
        except OSError as cause:
            os.close(self._lock)
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE, _reason_of(cause)) from cause
        except BaseException:
            os.close(self._lock)
            raise
        self._durable = writer.tail
        self._writing = Thread(target=self._live, args=(writer,), name="journal", daemon=True)
        self._writing.start()

    @property
    def open(self) -> bool:
        """Whether lines can become durable."""
        return not self._reason

    @property
    def reason(self) -> str:
        """Why it is not open: `disk-full`, `read-only`, `slow`, `failed`, `broken` or `stopped`; empty when it is."""
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
        numbers = tuple(LineNumber(group.number(place + i)) for i in range(len(payloads)))
        self._onlooker.durable(events)
        return numbers

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
        number = LineNumber(group.number(place))
        self._onlooker.durable((event,))
        return number

    def close(self) -> None:
        """Write what waits and a last line, and let the folder go. Twice is as good as once."""
        if self._reason == "stopped":
            return
        with contextlib.suppress(Unavailable):  # a closed door says all that a last line could
            self.append_now(Stopped())
        self._shut("stopped")
        self._writing.join(timeout=self._sync_seconds)
        if not self._writing.is_alive():  # a write that hangs must not meet another process in these files
            os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _begun(self, durable: Tail | None, *, fresh_segment: bool = False) -> Writer:
        """A writer in whose journal a first line is durable, with nothing between *durable*, where it is known, and that line.

        Raises:
            Unavailable: `journal-broken`; `journal-unavailable` when it cannot be read, or is too slow.
            OSError: It cannot be written.
        """
        writer = self._writer_of(self.folder, segment_bytes=self._segment_bytes, fresh_segment=fresh_segment, durable=durable)
        try:
            begun = time.monotonic()
            tail = writer.write(self._payloads((Started(cut=writer.cut),)))
            if time.monotonic() - begun > self._sync_seconds:
                raise Unavailable(Fault.JOURNAL_UNAVAILABLE, "slow")
        except BaseException:
            writer.cut_back()
            writer.close()
            raise
        writer.take_over(tail)
        return writer

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

    def _live(self, first: Writer) -> None:
        """The life of the thread: write until the door is closed, then try until it can be opened."""
        writer: Writer | None = first
        while writer is not None:
            self._write_groups(writer)
            writer = self._opened_again()

    def _opened_again(self) -> Writer | None:
        """Try now and then until a line is durable again, and open the door; none when it stays closed for good.

        Whoever was told that their line is not durable may say it again: what may have got into the file after the last
        durable line is taken away first, so that no line is there twice.
        """
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._reason in _FOR_GOOD, self._retry_seconds)
                if self._reason in _FOR_GOOD:
                    return None
            try:
                writer = self._begun(self._durable)
            except Unavailable as failure:
                if failure.fault is Fault.JOURNAL_BROKEN:
                    self._still_shut("broken", failure.where)
                else:
                    self._still_shut("slow" if failure.where == "slow" else "failed")
                continue
            except OSError as cause:
                self._still_shut(_reason_of(cause))
                continue
            except Exception as mistake:  # noqa: BLE001 - this thread is the only one that can open the door again
                _log.error("the journal cannot be opened again", failure=type(mistake).__name__)
                continue
            with self._turn:
                self._durable = writer.tail
                opens = self._reason not in _FOR_GOOD
                if opens:
                    self._group, self._reason = Group(), ""
                    self._turn.notify_all()
            if opens:
                seconds = round(time.monotonic() - self._closed_at, 1)
                _log.warning("the journal is open again", line=writer.tail.n, closed_seconds=seconds)
                return writer
            writer.close()
            return None

    def _still_shut(self, reason: str, where: str = "") -> None:
        """The door stays closed; say so when that is for another reason than before."""
        with self._turn:
            if self._reason in {reason, "stopped"}:
                return
            self._reason = reason
            self._turn.notify_all()
        _tell_closed(reason, where)

    def _write_groups(self, writer: Writer) -> None:
        """One group after another, until the door is closed."""
        while (group := self._next_group()) is not None:
            begun = time.monotonic()
            try:
                tail = writer.write(group.payloads)
            except OSError as cause:
                self._shut(_reason_of(cause), group)
                break
            except Exception as mistake:  # noqa: BLE001 - a mistake of ours; the door must not look open while nobody writes
                _log.error("the journal could not be written", failure=type(mistake).__name__)
                self._shut("failed", group)
                break
            seconds = time.monotonic() - begun
            self._onlooker.synced(seconds)
            if seconds > self._sync_seconds:
                self._shut("slow", group)
                break
            with self._turn:
                if self._reason and group.done.is_set():
                    break  # whoever waited was told that it is not durable
                writer.take_over(tail)
                self._durable = tail
                group.finish(tail.n - len(group.payloads) + 1, None)
        try:
            try:
                writer.cut_back()
            finally:
                writer.close()
        except Exception as mistake:  # noqa: BLE001 - as above: it is this thread that opens the door again
            _log.error("the journal could not be closed", failure=type(mistake).__name__)

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
            closes = not self._reason and reason != "stopped"
            if closes:
                self._closed_at = time.monotonic()
            # Stopping is for good; otherwise the first reason is the one that says something.
            self._reason = reason if reason == "stopped" else self._reason or reason
            for group in (*groups, self._group):
                group.finish(0, failure)
            self._turn.notify_all()
        if closes:
            _tell_closed(reason)


def _tell_closed(reason: str, where: str = "") -> None:
    _log.error("the journal is closed: nothing is shared", reason=reason, hint=_HINTS.get(reason, ""), **({"where": where} if where else {}))


def _reason_of(cause: OSError) -> str:
    return _REASONS.get(cause.errno or 0, "failed")
