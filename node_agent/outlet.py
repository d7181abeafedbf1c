"""The way out of an answer: what leaves is written whole, and no reader that stands still holds up what must happen next."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

import anyio

from accord.terms.faults import Fault, Unavailable

_F = TypeVar("_F")

#: Nobody who reads at all takes longer for one message.
STILL_SECONDS: Final = 30.0
#: So long goes on what is being written when the answer is cut. With the time it takes to find out it stays below 5 seconds.
GRACE_SECONDS: Final = 2.0


class ReaderLost(Unavailable):
    """Nothing more can be written to whoever reads."""


class ReaderStoodStill(ReaderLost):
    """They took nothing for too long."""

    def __init__(self) -> None:
        super().__init__(Fault.DEADLINE_PASSED)


class ReaderGone(ReaderLost):
    """They hung up, or their connection broke."""

    def __init__(self) -> None:
        super().__init__(Fault.STREAM_CUT)


class Outlet(Generic[_F]):
    """Writes frames to *emit*, which is never called twice at the same time.

    Whoever is cancelled while a frame is written waits until it is, or for `GRACE_SECONDS`: so long and no longer.
    """

    __slots__ = ("_emit", "_gone", "_grace", "_hurried", "_scope", "_still", "stuck")

    def __init__(self, emit: Callable[[_F], Awaitable[None]], *, still: float = STILL_SECONDS, grace: float = GRACE_SECONDS) -> None:
        self._emit = emit
        self._still = still
        self._grace = grace
        self._hurried = False
        self._scope = anyio.CancelScope()
        #: Whether a write was given up: of that frame nobody knows how much arrived, and nothing can follow it.
        self.stuck = False
        self._gone = False

    def check(self) -> None:
        """To be called before anything is promised to leave.

        Raises:
            ReaderLost: Nothing can be written any more.
        """
        if self._gone:
            raise ReaderGone
        if self.stuck:
            raise ReaderStoodStill

    def hurry(self) -> None:
        """The answer is over: what is written, and all that follows, gets no more than the time of grace."""
        self._hurried = True
        self._scope.deadline = min(self._scope.deadline, anyio.current_time() + self._grace)

    async def put(self, frames: Sequence[_F]) -> None:
        """Write these, all of them or until the reader has stood still too long.

        Raises:
            ReaderStoodStill: That was so, now or earlier.
            ReaderGone: So *emit* said, now or earlier.
        """
        self.check()
        written = anyio.Event()
        self._scope = scope = anyio.CancelScope(shield=True, deadline=anyio.current_time() + (self._grace if self._hurried else self._still))
        failed: list[Exception] = []

        async def write() -> None:
            with scope:
                try:
                    for frame in frames:
                        await self._emit(frame)
                except ReaderGone:
                    self._gone = True
                except Exception as failure:  # noqa: BLE001 - it is raised again below, outside the task group that would wrap it
                    failed.append(failure)
            self.stuck = self.stuck or scope.cancelled_caught
            written.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            try:
                await written.wait()
            except anyio.get_cancelled_exc_class():
                scope.deadline = min(scope.deadline, anyio.current_time() + self._grace)
                raise
        if failed:
            raise failed[0]
        self.check()
