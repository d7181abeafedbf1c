"""Who wants to know that something changed here: the region, by the marks of the standing, and the planners' page."""

import time
from collections.abc import Callable

import anyio

from node_agent.pausing import Pausing


def _clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Changes:
    """Marks that only grow: milliseconds since 1970, or one more than the one before. After a start everything may have changed."""

    def __init__(self, pausing: Pausing, clock_ms: Callable[[], int] = _clock_ms) -> None:
        self._pausing = pausing
        self._clock = clock_ms
        self._change = anyio.Event()
        self._mark = 0
        self.note(places=True, letters=True)

    @property
    def mark(self) -> int:
        """The newest."""
        return self._mark

    @property
    def next_change(self) -> anyio.Event:
        """The next change, to wait for. Taken before one looks, none is missed."""
        return self._change

    def note(self, *, places: bool, letters: bool) -> None:
        """Something changed: what is free, or what was said to somebody, or else something that only planners see."""
        self._mark = max(self._clock(), self._mark + 1)
        if places or letters:
            self._pausing.note_marks(places=self._mark if places else 0, letters=self._mark if letters else 0)
        self._change.set()
        self._change = anyio.Event()

    async def after(self, since: int) -> int:
        """Wait until anything changed after *since* (0: from now); returns the mark to wait from next."""
        since = since or self._mark
        while self._mark <= since:
            await self._change.wait()
        return self._mark
