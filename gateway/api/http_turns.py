"""Work on one answer in slices, so that no other answer stands still meanwhile."""

from time import perf_counter
from typing import Final

import anyio.lowlevel

#: Seconds of work after which others have their turn.
_SLICE_SECONDS: Final = 0.02


class Turn:
    """One answer's turn on the event loop."""

    __slots__ = ("_ends", "_seconds")

    def __init__(self, seconds: float = _SLICE_SECONDS) -> None:
        self._seconds = seconds
        self._ends = perf_counter() + seconds

    @property
    def is_over(self) -> bool:
        """Whether others should have their turn."""
        return perf_counter() >= self._ends

    async def pass_on(self) -> None:
        """Let everybody else who can go on have a turn, and begin a new one."""
        await anyio.lowlevel.checkpoint()
        self._ends = perf_counter() + self._seconds
