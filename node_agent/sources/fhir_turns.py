"""In which order the requests of one question are made: the longest search decides how long all take, so none of its pages waits."""

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio


class Turns:
    """So many at once. Whoever goes on with a search comes before whoever begins one; otherwise first come, first served.

    One question never has more waiting at the source's own cap than it could use: other questions wait for few of its
    requests, and not for all.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._going_on: deque[anyio.Event] = deque()
        self._beginning: deque[anyio.Event] = deque()

    @asynccontextmanager
    async def turn(self, *, goes_on: bool) -> AsyncGenerator[None, None]:
        """Wait for a turn, and have it inside the block."""
        if self._free > 0:
            self._free -= 1
        else:
            await self._wait(self._going_on if goes_on else self._beginning)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, row: deque[anyio.Event]) -> None:
        mine = anyio.Event()
        row.append(mine)
        try:
            await mine.wait()
        except BaseException:
            if mine.is_set():
                self._pass_on()  # the turn came, and nobody is there to take it
            else:
                row.remove(mine)
            raise

    def _pass_on(self) -> None:
        row = self._going_on or self._beginning
        if row:
            row.popleft().set()
        else:
            self._free += 1
