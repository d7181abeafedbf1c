"""What a simulated FHIR server saw: who asked how, how many at once, and who went away."""

from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import anyio


class Seen(NamedTuple):
    """One request. Names of parameters, never their values; `in_url` are those that stood in the URL."""

    method: str
    path: str
    parameters: frozenset[str]
    in_url: frozenset[str]


class Witness:
    """Counts and remembers requests (the last 10,000)."""

    def __init__(self) -> None:
        self.seen: deque[Seen] = deque(maxlen=10_000)
        self.total = 0
        self.open = 0
        self.high_water = 0
        self.abandoned = 0
        #: When requests arrived (the last 10,000), by the clock of the event loop.
        self.arrived: deque[float] = deque(maxlen=10_000)
        self._changed = anyio.Event()

    def reset(self) -> None:
        """Forget what was seen; requests that are open stay open."""
        self.seen.clear()
        self.arrived.clear()
        self.total = self.abandoned = 0
        self.high_water = self.open
        self._tell()

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[None, None]:
        """Count a request as open for as long as this lasts."""
        self.total += 1
        self.arrived.append(anyio.current_time())
        self.open += 1
        self.high_water = max(self.high_water, self.open)
        self._tell()
        try:
            yield
        finally:
            self.open -= 1
            self._tell()

    def most_within(self, seconds: float) -> int:
        """How many requests arrived in the busiest stretch of so many seconds, wherever that begins."""
        most, first, moments = 0, 0, list(self.arrived)
        for last, moment in enumerate(moments):
            while moment - moments[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def note(self, seen: Seen) -> None:
        """Remember a request."""
        self.seen.append(seen)

    def note_abandoned(self) -> None:
        """Remember that somebody went away before the answer."""
        self.abandoned += 1
        self._tell()

    async def until(self, holds: Callable[["Witness"], bool]) -> None:
        """Wait until something is so, for instance `lambda witness: witness.abandoned == 1`."""
        while not holds(self):
            await self._changed.wait()

    def _tell(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
