"""What is released, told in frames and in the promised order, with signs of life in between."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

import anyio

from accord.audit.finishing import finish
from accord.rules.consent import Basis
from accord.terms.answers import Batch, Counts, Frame, Outcome, Progress
from accord.terms.faults import Fault, Unavailable
from accord.terms.limits import ANSWER_BYTES, ANSWER_RECORDS
from accord.terms.vocabulary import CareCategory
from node_agent.outlet import Outlet
from node_agent.packing import Packer, ReleasedRecord

Emit = Callable[[Frame], Awaitable[None]]
#: Makes the line of a batch durable, with the names of its records.
Releasing = Callable[[Batch, Sequence[str]], Awaitable[None]]

#: What waits for a fuller batch waits no longer than this while the source is slow.
LINGER_SECONDS: Final = 0.1
#: After this long without a frame comes a sign of life.
BEAT_SECONDS: Final = 1.0


class AnswerTooLarge(Unavailable):
    """The answer met its limit; what was told stands."""

    def __init__(self) -> None:
        super().__init__(Fault.OVER_LIMIT)


class Teller:
    """Tells one answer through an `Outlet`: one batch after another, each behind its line in the journal.

    A decision goes ahead of the first batch that holds its category, and names only categories of which records
    really follow: the others are not told.
    """

    __slots__ = (
        "_bases",
        "_bases_told",
        "_cut",
        "_kept_in",
        "_last",
        "_lock",
        "_mapping",
        "_most_bytes",
        "_most_records",
        "_outlet",
        "_packer",
        "_releasing",
        "_told",
        "_untold",
    )

    def __init__(
        self,
        emit: Emit,
        bases: tuple[str, ...],
        releasing: Releasing,
        *,
        most_records: int = ANSWER_RECORDS,
        most_bytes: int = ANSWER_BYTES,
        mapping: Callable[[], str] = lambda: "",
    ) -> None:
        self._outlet = Outlet[Frame](emit)
        self._releasing = releasing
        self._bases = bases
        self._mapping = mapping
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._lock = anyio.Lock()
        self._packer = Packer()
        self._told: set[CareCategory] = set()
        self._untold: dict[Basis, set[CareCategory]] = {}
        self._bases_told = False
        self._cut = False
        self._kept_in = Counts()
        self._last = anyio.current_time()

    @property
    def records(self) -> int:
        """Records told, or about to be."""
        return self._packer.records

    @property
    def told(self) -> bool:
        """Whether any records were told already."""
        return bool(self.counts(0, 0).batches)

    @property
    def digest(self) -> bytes:
        """The digest of what was told."""
        return self._packer.digest

    def counts(self, unfit: int, oversized: int) -> Counts:
        """What was told, beside what could not be."""
        return self._packer.counts(unfit, oversized)

    def counts_of_lines(self, unfit: int, oversized: int) -> Counts:
        """The same as the lines in the journal have it: with the batch that was kept in behind its line, where there is one."""
        told, kept = self.counts(unfit, oversized), self._kept_in
        return replace(told, records=told.records + kept.records, bytes=told.bytes + kept.bytes, batches=told.batches + kept.batches)

    async def tell_together(self, records: Sequence[ReleasedRecord]) -> None:
        """Tell these in one batch, and before all that follows. They fit in one message."""
        async with self._lock:
            full = False
            for record in records:
                full = self._pack(record)
            if full:
                await self._send()

    async def tell(self, records: Iterable[ReleasedRecord]) -> None:
        """Tell these, in this order.

        Raises:
            AnswerTooLarge: The limit was met; what came before it is told.
            Unavailable: `journal-unavailable`.
        """
        async with self._lock:
            for record in records:
                if self._packer.records >= self._most_records or self._packer.size + len(record.fhir_json) > self._most_bytes:
                    raise AnswerTooLarge
                if self._pack(record):
                    await self._send()

    async def drop(self) -> None:
        """Forget what still waits: it may not be told any more. What is being told is told to its end first, if it is read."""
        self.hurry()
        async with self._lock:
            self._packer.take()
            self._packer.lost()
            self._untold.clear()

    def cut(self) -> None:
        """No more records may leave from this moment on, whatever is under way; what is being written gets the time of grace."""
        self._cut = True
        self.hurry()

    def hurry(self) -> None:
        """The answer is over: a reader that stands still holds up nothing of what is still to be told."""
        self._outlet.hurry()

    async def flush(self) -> None:
        """Tell what still waits."""
        async with self._lock:
            await self._send()

    async def say(self, frame: Frame) -> None:
        """Tell something that is no record."""
        async with self._lock:
            await self._out(frame)

    async def keep_alive(self) -> None:
        """Until cancelled: nothing waits long, and nobody waits long without a sign of life."""
        while True:
            await anyio.sleep(LINGER_SECONDS)
            async with self._lock:
                idle = anyio.current_time() - self._last
                if self._packer.waiting and idle >= LINGER_SECONDS:
                    await self._send()
                elif idle >= BEAT_SECONDS:
                    # How many records were read would tell how many were withheld; how many were released is known.
                    await self._out(Progress(self._packer.records))

    def _pack(self, record: ReleasedRecord) -> bool:
        if record.category not in self._told:
            self._told.add(record.category)
            self._untold.setdefault(record.basis, set()).add(record.category)
        return self._packer.add(record)

    async def _send(self) -> None:
        # What can reach nobody gets no line either.
        self._outlet.check()
        taken = None if self._cut else self._packer.take()
        if taken is None:
            return
        batch, names = taken
        # Taken and then dropped, it would be missing from an answer that says it is whole: whoever cancels waits for its line.
        await finish(lambda: self._line(batch, names))
        if self._kept_in.batches:
            return
        frames: list[Frame] = []
        for basis, categories in self._untold.items():
            about = ((), "") if self._bases_told else (self._bases, self._mapping())
            frames.append(Outcome(frozenset(categories), basis.value, *about))
            self._bases_told = True
        self._untold.clear()
        await self._out(*frames, batch)

    async def _line(self, batch: Batch, names: list[str]) -> None:
        # The line is durable before anything of the batch leaves (promise P2); without a line the batch is lost.
        try:
            await self._releasing(batch, names)
        except BaseException:
            self._packer.lost()
            raise
        if self._cut:
            # A choice changed while the line was written. The line stays: it says more than what happened, never less.
            self._packer.lost()
            self._kept_in = Counts(len(names), len(batch.blob), 1)
        else:
            self._packer.sent(batch, names)

    async def _out(self, *frames: Frame) -> None:
        await self._outlet.put(frames)
        self._last = anyio.current_time()
