"""Whether this agent answers now, and who wants to know when that changes."""

import time
from collections.abc import Callable

import anyio

from accord.terms.faults import Fault


class Pausing:
    """The agent's standing. People pause and resume it; the source's troubles show in it."""

    __slots__ = ("_change", "_clock", "_paused", "_since_ms", "_trouble", "stopping")

    def __init__(self, clock_ms: Callable[[], int] = lambda: int(time.time() * 1000)) -> None:
        self._clock = clock_ms
        self._paused = False
        self._trouble: Fault | None = None
        self._since_ms = clock_ms()
        self._change = anyio.Event()
        #: The process is about to end: whoever watches need not stay.
        self.stopping = False

    @property
    def paused(self) -> bool:
        """Whether somebody paused the agent: then it answers no question."""
        return self._paused

    @property
    def serving(self) -> bool:
        """Whether questions can be answered."""
        return self.code is None

    @property
    def code(self) -> Fault | None:
        """Why not, when not."""
        return Fault.PAUSED if self._paused else self._trouble

    @property
    def since_ms(self) -> int:
        """Since when it stands so, in milliseconds since 1970."""
        return self._since_ms

    def pause(self) -> None:
        """Answer no questions until resumed; answers under way end at their next batch."""
        self._set(paused=True, trouble=self._trouble)

    def resume(self) -> None:
        """Answer questions again."""
        self._set(paused=False, trouble=self._trouble)

    def note_trouble(self, trouble: Fault | None) -> None:
        """The source's health as it was last seen. Questions are still tried: it may have recovered."""
        self._set(paused=self._paused, trouble=trouble)

    def stop(self) -> None:
        """Let those go who watch, so that a stop need not wait for them."""
        self.stopping = True
        self._tell()

    @property
    def next_change(self) -> anyio.Event:
        """The next change, to wait for. Taken before the standing is looked at, none is missed while that is told."""
        return self._change

    def _set(self, *, paused: bool, trouble: Fault | None) -> None:
        before = self.code
        self._paused, self._trouble = paused, trouble
        if self.code is not before:
            self._since_ms = self._clock()
            self._tell()

    def _tell(self) -> None:
        self._change.set()
        self._change = anyio.Event()
