"""The searches on disk: one SQLite file, one writer, and a line in the journal before anything is kept (promise P2).

A change is whole: what a search became, the letters that are laid ready for it, and how far those of the other side were
taken in. Its journal lines are durable before it is, and it is before anybody hears of it. Changes that wait for each other
share one transaction (group commit), in which each is undone alone when it fails. Whoever dies in between has all of it or
nothing of it.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import anyio
from anyio import to_thread

from accord.audit.content import Event
from accord.audit.finishing import finish
from accord.letters import mailbox
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.next_steps import UNWRITABLE
from gateway.places import rows
from gateway.places.sealing import Seal

_T = TypeVar("_T")
_BUSY_SECONDS: Final = 10.0
#: Changes that share a transaction.
_TOGETHER: Final = 16


class Ledger(Protocol):
    """Where lines become durable. `accord.audit.journal.Journal` is one."""

    async def append_many(self, events: Sequence[Event]) -> tuple[int, ...]:
        """Write lines, and return when they are durable.

        Raises:
            Unavailable: `journal-unavailable`: nothing may happen on these lines.
        """


@dataclass(slots=True)
class Change:
    """A transaction under way: its connection, the lines that it must have, and for whom letters were laid ready."""

    connection: sqlite3.Connection
    seal: Seal
    events: list[Event] = field(default_factory=list)
    laid: set[Ura] = field(default_factory=set)
    touched: bool = False


@dataclass(slots=True, eq=False)
class _Asked:
    """A change that waits, and what came of it once it is `done`."""

    work: Callable[[Change], Any]
    change: Change
    done: bool = False
    result: Any = None
    failure: Exception | None = None


class Store:
    """The file of one asker. *told* hears after every change for whom letters were laid ready, when anything changed.

    Raises:
        Unavailable: `source-unavailable`: it cannot be opened, or is none of ours.
    """

    def __init__(self, path: Path, seal: Seal, ledger: Ledger) -> None:
        self._seal = seal
        self._ledger = ledger
        self._turn = anyio.Lock()
        self._one_reader = anyio.CapacityLimiter(1)
        self._one_writer = anyio.CapacityLimiter(1)
        self._asked: list[_Asked] = []
        self.told: list[Callable[[frozenset[Ura]], None]] = []
        try:
            self._writing = _opened(path)
            self._reading = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS
            )
            self._reading.execute("PRAGMA query_only = ON")
        except (sqlite3.Error, OSError):
            raise _unavailable() from None

    @property
    def seal(self) -> Seal:
        """What opens the rows that `read` finds."""
        return self._seal

    async def change(self, work: Callable[[Change], _T]) -> _T:
        """Do *work*; its lines are durable, and it is, when this returns. Whoever is cancelled meanwhile, once it was begun, holds up nothing of it.

        Raises:
            Unavailable: `journal-unavailable`, `source-unavailable`: nothing changed. And whatever *work* raises.
        """
        asked = _Asked(work, Change(self._writing, self._seal))
        self._asked.append(asked)
        try:
            # Whoever has the turn does what waits, in its order; those behind find theirs done.
            async with self._turn:
                while not asked.done:
                    await finish(self._change)
        finally:
            if asked in self._asked:
                self._asked.remove(asked)
        if asked.failure is not None:
            raise asked.failure
        result: _T = asked.result
        return result

    async def read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """What *work* finds in the file, as of one moment.

        Raises:
            Unavailable: `source-unavailable`. And whatever *work* raises.
        """
        return await to_thread.run_sync(self._read, work, limiter=self._one_reader)

    def close(self) -> None:
        """Let go of the file."""
        self._reading.close()
        self._writing.close()

    async def _change(self) -> None:
        """Do the oldest that wait, in one transaction; raises nothing that is theirs."""
        together, self._asked = self._asked[:_TOGETHER], self._asked[_TOGETHER:]
        try:
            await self._kept(together)
        except BaseException as failure:
            for asked in together:
                asked.failure = asked.failure or _own(failure)
            if not isinstance(failure, Exception):
                raise
        finally:
            for asked in together:
                asked.done = True
        for change in (asked.change for asked in together if asked.failure is None and asked.change.touched):
            for tell in self.told:
                tell(frozenset(change.laid))

    async def _kept(self, together: Sequence[_Asked]) -> None:
        """All of them on disk, but for those that failed alone, behind their lines.

        Raises:
            Unavailable: `journal-unavailable`, `source-unavailable`: nothing changed.
        """
        try:
            await to_thread.run_sync(self._begun, together, limiter=self._one_writer)
            lines = [line for asked in together if asked.failure is None for line in asked.change.events]
            await self._ledger.append_many(lines)
            await to_thread.run_sync(self._execute, "COMMIT", limiter=self._one_writer)
        except BaseException:
            await to_thread.run_sync(self._undone, limiter=self._one_writer)
            raise

    def _begun(self, together: Sequence[_Asked]) -> None:
        self._execute("BEGIN IMMEDIATE")
        for asked in together:
            self._execute("SAVEPOINT change")
            try:
                asked.result = asked.work(asked.change)
            except Exception as failure:  # noqa: BLE001 - it is raised to whoever asked, and the others go on
                asked.failure = _unavailable() if isinstance(failure, sqlite3.Error | OSError) else failure
                self._execute("ROLLBACK TO change")
            self._execute("RELEASE change")

    def _execute(self, statement: str) -> None:
        try:
            self._writing.execute(statement)
        except (sqlite3.Error, OSError):
            raise _unavailable() from None

    def _undone(self) -> None:
        if self._writing.in_transaction:
            self._execute("ROLLBACK")

    def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            self._reading.execute("BEGIN")
            try:
                return work(self._reading)
            finally:
                self._reading.execute("ROLLBACK")
        except (sqlite3.Error, OSError):
            raise _unavailable() from None


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS)
    try:
        path.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.executescript(f"BEGIN IMMEDIATE;{rows.TABLES}{mailbox.TABLES}COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _own(failure: BaseException) -> Exception:
    """The same for one of several to whom it is raised; `source-unavailable` for what is none of theirs."""
    if isinstance(failure, Unavailable):
        return Unavailable(failure.fault, failure.where, then=failure.then)
    return failure if isinstance(failure, Exception) else _unavailable()


def _unavailable() -> Unavailable:
    return Unavailable(Fault.SOURCE_UNAVAILABLE, "places: the file of searches", then=UNWRITABLE)
