"""Lines on their way to the disk: many that wait share one group, and one group is written and synced at a time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event as ThreadEvent
from typing import Final

import anyio

from accord.terms.faults import Unavailable

#: Lines that may wait for the disk before whoever comes next is refused.
WAITING_LINES: Final = 200_000


@dataclass(slots=True)
class _Bell:
    """Wakes those who wait in one event loop, and ends their patience when the disk takes too long."""

    rung: anyio.Event
    patience: asyncio.TimerHandle


@dataclass(slots=True)
class Group:
    """Payloads that become durable together. `first` is the number of the first one once they are; `failure` why they are not."""

    payloads: list[bytes] = field(default_factory=list)
    first: int = 0
    failure: Unavailable | None = None
    done: ThreadEvent = field(default_factory=ThreadEvent)
    bells: dict[asyncio.AbstractEventLoop, _Bell] = field(default_factory=dict)

    def bell(self, seconds: float, overdue: Callable[["Group"], None]) -> anyio.Event:
        """What to wait for in the event loop that runs; *overdue* is called there after *seconds*."""
        loop = asyncio.get_running_loop()
        bell = self.bells.get(loop)
        if bell is None:
            bell = self.bells[loop] = _Bell(anyio.Event(), loop.call_later(seconds, overdue, self))
        return bell.rung

    def finish(self, first: int, failure: Unavailable | None) -> None:
        """Tell everybody who waits, from any thread. Nobody joins the group any more."""
        if self.done.is_set():
            return
        self.first, self.failure = first, failure
        self.done.set()
        for loop, bell in self.bells.items():
            try:
                loop.call_soon_threadsafe(_ring, bell)
            except RuntimeError:
                continue  # the loop was closed: nobody waits there

    def number(self, place: int) -> int:
        """The number of the line at *place* in the group.

        Raises:
            Unavailable: It is not durable.
        """
        if self.failure is not None:
            raise Unavailable(self.failure.fault, self.failure.where)
        return self.first + place


def _ring(bell: _Bell) -> None:
    bell.patience.cancel()
    bell.rung.set()
