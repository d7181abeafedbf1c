"""One writer, many readers: a change is in the journal before it is kept, and kept before anybody hears of it (promise P2)."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

import anyio
from anyio import to_thread

from accord.audit.content import Event
from accord.audit.finishing import finish
from node_agent.places.tables import lost, open_to_read, open_to_write
from node_agent.sources.sqlite_calls import SqliteCalls

_T = TypeVar("_T")
#: So many lines are one append; a batch of letters has no more.
_LINES_AT_ONCE: Final = 200


class Lines(Protocol):
    """Where lines become durable. `accord.audit.journal.Journal` is one."""

    async def append_many(self, events: Sequence[Event]) -> Sequence[int]:
        """Write lines with nothing between them, and return when they are durable.

        Raises:
            Unavailable: `journal-unavailable`: nothing may happen on these lines.
        """


@dataclass(slots=True)
class Turn:
    """One transaction: whoever has it is the only one who changes anything. `lines` are written before it is kept."""

    connection: sqlite3.Connection
    now: datetime
    lines: list[Event] = field(default_factory=list)
    places_changed: bool = False
    letters_written: bool = False


class Told(Protocol):
    """Who wants to know that something changed."""

    def __call__(self, *, places: bool, letters: bool) -> None:
        """Once it is kept."""


class Store:
    """A provider's store. *told* hears of every change, once it is kept."""

    def __init__(self, path: Path, lines: Lines, told: Told, now: Callable[[], datetime]) -> None:
        self._path = path
        self._lines = lines
        self._told = told
        self.now: Final = now
        self._reading = SqliteCalls(partial(open_to_read, path), lost)
        self._one_at_a_time = anyio.Lock()
        self._thread = anyio.CapacityLimiter(1)
        self._connection: sqlite3.Connection | None = None

    async def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """What *work* finds, all of it as of one moment.

        Raises:
            Unavailable: `source-unavailable`.
        """
        return await self._reading.call(partial(_at_one_moment, work))

    async def change(self, work: Callable[[Turn], _T]) -> _T:
        """Do *work* in a transaction of its own; all of it is kept, or nothing. Whoever hangs up meanwhile holds up nothing.

        Raises:
            Unavailable: `source-unavailable`, `journal-unavailable`: nothing was kept.
            BadInput: As *work* says; nothing was kept.
        """
        return await finish(partial(self._change, work))

    async def close(self) -> None:
        """Let go of the file, behind whatever is under way."""
        async with self._one_at_a_time:
            self._reading.close()
            self._drop()

    async def _change(self, work: Callable[[Turn], _T]) -> _T:
        async with self._one_at_a_time:
            turn, result = await self._in_thread(partial(self._begun, work))
            try:
                for at in range(0, len(turn.lines), _LINES_AT_ONCE):
                    await self._lines.append_many(turn.lines[at : at + _LINES_AT_ONCE])
            except BaseException:
                await self._in_thread(self._undone)
                raise
            await self._in_thread(self._kept)
            if turn.places_changed or turn.letters_written or turn.lines:
                self._told(places=turn.places_changed, letters=turn.letters_written)
            return result

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await to_thread.run_sync(work, limiter=self._thread)

    def _begun(self, work: Callable[[Turn], _T]) -> tuple[Turn, _T]:
        try:
            if self._connection is None:
                self._connection = open_to_write(self._path)
            self._connection.execute("BEGIN IMMEDIATE")
            turn = Turn(self._connection, self.now())
            return turn, work(turn)
        except sqlite3.Error:
            self._drop()
            raise lost() from None
        except BaseException:
            self._undone()
            raise

    def _kept(self) -> None:
        try:
            if self._connection is None:
                raise lost()
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            self._drop()
            raise lost() from None

    def _undone(self) -> None:
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop()

    def _drop(self) -> None:
        """What was not kept is undone by it; the next change opens the file afresh."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _at_one_moment(work: Callable[[sqlite3.Connection], _T], connection: sqlite3.Connection) -> _T:
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
