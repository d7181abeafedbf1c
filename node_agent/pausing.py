"""Whether this agent answers now, and who wants to know when that changes."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from accord.terms.faults import Fault


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody paused the agent: since when, in milliseconds since 1970, and why, as they said it."""

    since_ms: int
    reason: str = ""


class PauseKept(Protocol):
    """Where a pause outlives the process. `node_agent.pause_file.PauseFile` is one."""

    def write(self, pause: Pause) -> None:
        """Keep it.

        Raises:
            Unavailable: `pause-not-kept`.
        """

    def remove(self) -> None:
        """It is over.

        Raises:
            Unavailable: `pause-not-kept`.
        """


class Pausing:
    """The agent's standing. People pause and resume it; the source's troubles show in it.

    With `shadow` it takes no part yet: it releases nothing, and is not serving. `kept` remembers a pause over a restart.
    """

    __slots__ = ("_change", "_clock", "_pause", "_since_ms", "_trouble", "kept", "letters_mark", "places_mark", "shadow", "stopping", "suspected")

    def __init__(self, clock_ms: Callable[[], int] = lambda: int(time.time() * 1000)) -> None:
        self._clock = clock_ms
        self._pause: Pause | None = None
        self._trouble: Fault | None = None
        self._since_ms = clock_ms()
        self._change = anyio.Event()
        #: The process is about to end: whoever watches need not stay.
        self.stopping = False
        self.shadow = False
        self.kept: PauseKept | None = None
        #: A question met trouble at the source: whoever looks after it looks sooner.
        self.suspected = anyio.Event()
        #: See `accord.terms.answers.Standing`.
        self.places_mark = self.letters_mark = 0

    @property
    def paused(self) -> bool:
        """Whether somebody paused the agent: then it answers no question."""
        return self._pause is not None

    @property
    def pause_in_force(self) -> Pause | None:
        """Since when it is paused, and why; none when it is not."""
        return self._pause

    @property
    def serving(self) -> bool:
        """Whether questions can be answered."""
        return self.code is None

    @property
    def code(self) -> Fault | None:
        """Why not, when not."""
        return self.withholds or self._trouble

    @property
    def withholds(self) -> Fault | None:
        """Why no question is answered at all, whoever asks; none when questions are tried."""
        return Fault.PAUSED if self._pause is not None else Fault.SHADOW if self.shadow else None

    @property
    def trouble(self) -> Fault | None:
        """What was wrong with the source when it was last looked at; none when nothing was."""
        return self._trouble

    @property
    def since_ms(self) -> int:
        """Since when it stands so, in milliseconds since 1970."""
        return self._since_ms

    def pause(self, reason: str = "") -> None:
        """Answer no questions until resumed; answers under way end at once.

        Raises:
            Unavailable: `pause-not-kept`: it is paused all the same, and a restart would not know.
        """
        before = self._pause
        pause = Pause(before.since_ms if before is not None else self._clock(), reason)
        # First it stops; whether that is remembered comes after.
        self._set(pause=pause, trouble=self._trouble)
        if self.kept is not None:
            self.kept.write(pause)

    def resume(self) -> None:
        """Answer questions again.

        Raises:
            Unavailable: `pause-not-kept`: it stays paused.
        """
        if self.kept is not None:
            self.kept.remove()
        self._set(pause=None, trouble=self._trouble)

    def stay_paused(self, pause: Pause) -> None:
        """It was paused before it was started anew."""
        self._set(pause=pause, trouble=self._trouble)

    def suspect(self, failure: Fault) -> None:
        """A question ended so. While the source is known to be in trouble that is no news."""
        if failure is Fault.SOURCE_UNAVAILABLE and self._trouble is None:
            self.suspected.set()

    def note_trouble(self, trouble: Fault | None) -> None:
        """The source's health as it was last seen. Questions are still tried: it may have recovered."""
        self._set(pause=self._pause, trouble=trouble)

    def note_marks(self, *, places: int = 0, letters: int = 0) -> None:
        """Free places changed, or a letter was written: whoever watches is told at once. 0: that one did not."""
        self.places_mark, self.letters_mark = places or self.places_mark, letters or self.letters_mark
        self._tell()

    def stop(self) -> None:
        """Let those go who watch, so that a stop need not wait for them."""
        self.stopping = True
        self._tell()

    @property
    def next_change(self) -> anyio.Event:
        """The next change, to wait for. Taken before the standing is looked at, none is missed while that is told."""
        return self._change

    @asynccontextmanager
    async def while_not_paused(self, at_pause: Callable[[], None]) -> AsyncGenerator[None, None]:
        """Run what is inside until it ends, or the agent is paused: then *at_pause* is called, and it is cancelled.

        So a source that stands still holds up no pause. A failure leaves as itself, and not as a group of one.
        """
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._end_when_paused, tasks, at_pause)
                yield
                tasks.cancel_scope.cancel()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _end_when_paused(self, tasks: TaskGroup, at_pause: Callable[[], None]) -> None:
        while not self.paused:
            await self._change.wait()
        at_pause()
        tasks.cancel_scope.cancel()

    def _set(self, *, pause: Pause | None, trouble: Fault | None) -> None:
        before = self.code, self._pause
        self._pause, self._trouble = pause, trouble
        if self.code is not before[0]:
            self._since_ms = pause.since_ms if pause is not None else self._clock()
        if (self.code, pause) != before:
            self._tell()

    def _tell(self) -> None:
        self._change.set()
        self._change = anyio.Event()
