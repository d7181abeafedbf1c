"""The lines of one holder's answer in the gateway's journal: each of what is released, and exactly one that ends it.

Whoever asks may leave at any moment. What was begun about a line is done to its end, so that the last one counts those
before it, and an answer that is broken off has its last line too.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import anyio

from accord.audit.finishing import finish
from accord.terms.answers import Batch, Counts, Ending
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.wire.columns import ROW_BYTES
from gateway.recording import Lines

#: In seconds: a line that is not durable by then holds up nobody who leaves. The journal itself gives up before that.
LINE_SECONDS = 2.5
_NOTHING: Final = Counts()
_GONE: Final = Ending.CUT_OFF, Fault.STREAM_CUT


@dataclass(slots=True)
class AnswerLines:
    """The lines of one answer. `counts` is what those that were written add up to."""

    lines: Lines
    holder: Ura
    counts: Counts = _NOTHING
    _ended: bool = False

    async def releasing(self, batch: Batch) -> None:
        """The next batch, before it goes on (promise P2).

        Raises:
            Unavailable: `journal-unavailable`: it may not.
        """
        await _done(partial(self._release, batch))

    async def releasing_chunk(self, record: str, content: bytes) -> None:
        """The next part of an attachment, before it goes on (promise P2).

        Raises:
            Unavailable: `journal-unavailable`: it may not.
        """
        await _done(partial(self._release_chunk, record, content))

    async def end(self, ending: Ending, code: Fault | None, counts: Counts | None = None) -> None:
        """Write the last line, unless that was begun before. *counts* are those of the lines unless more is known.

        Raises:
            Unavailable: `journal-unavailable`.
        """
        if not self._ended:
            self._ended = True
            await _done(lambda: self.lines.closing(self.holder, ending, self.counts if counts is None else counts, code))

    async def _release(self, batch: Batch) -> None:
        await self.lines.releasing(self.holder, self.counts.batches, batch)
        self._add(len(batch.columns) // ROW_BYTES, len(batch.blob))

    async def _release_chunk(self, record: str, content: bytes) -> None:
        await self.lines.releasing_chunk(self.holder, self.counts.batches, record, content)
        self._add(0, len(content))

    def _add(self, records: int, size: int) -> None:
        before = self.counts
        self.counts = Counts(before.records + records, before.bytes + size, before.batches + 1)


def came_to(ending: Ending, shown: Counts) -> Ending:
    """How an answer ended of which so much was shown: to show a part is another thing than not to answer."""
    return Ending.CUT_OFF if shown.batches and ending in (Ending.UNREACHABLE, Ending.TOO_LATE) else ending


@asynccontextmanager
async def answer_lines(lines: Lines, holder: Ura) -> AsyncGenerator[AnswerLines, None]:
    """The lines of an answer that is heard inside the block; where the block does not write the last one, it says that the answer was cut off."""
    answer = AnswerLines(lines, holder)
    try:
        yield answer
    finally:
        # Nothing is released any more: when even this line cannot be written, the next question finds the door closed.
        with suppress(Unavailable):
            await answer.end(*_GONE)


async def _done(work: Callable[[], Awaitable[None]]) -> None:
    async def in_time() -> None:
        try:
            with anyio.fail_after(LINE_SECONDS):
                await work()
        except TimeoutError:
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE) from None

    await finish(in_time)
