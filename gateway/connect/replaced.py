"""Connections that were replaced: what was under way on them is read to its end, and then they are closed."""

import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

#: Beyond the longest question: for a reader who is slow to take the last of an answer.
GRACE_SECONDS: Final = 30.0

_log: Final = logging.getLogger("noaber.connect")


class Replaced:
    """How to close each of them, and from when on. *seconds* is how long a question may take."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds + GRACE_SECONDS
        self._now = now
        self._open: deque[tuple[float, Callable[[], Awaitable[None]]]] = deque()

    def put(self, close: Callable[[], Awaitable[None]]) -> None:
        """From now on no question begins on what *close* closes."""
        self._open.append((self._now() + self._seconds, close))

    async def close_over(self) -> None:
        """Close those on which nothing can be under way any more."""
        now = self._now()
        while self._open and self._open[0][0] <= now:
            await self._close_first()

    async def close_all(self) -> None:
        """Close every one; what is under way is cut off."""
        while self._open:
            await self._close_first()

    async def _close_first(self) -> None:
        _, close = self._open.popleft()
        try:
            await close()
        except Exception as failure:  # noqa: BLE001 - foreign code says goodbye: the others are closed all the same
            _log.warning("connection not closed kind=%s", type(failure).__name__)
