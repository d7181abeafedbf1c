"""Questions to a database: each in a thread, in a transaction that only reads, with no more at once than was agreed.

A question that is given up is broken off at the server. A stream keeps its connection until its end; so that short
questions are never shut out by streams that wait for their readers, streams leave one connection free.
"""

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, Final, Generic, TypeVar

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint_if_cancelled
from sqlalchemy import Connection, TextClause, bindparam, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from accord.terms.faults import BadInput
from node_agent.pacing import Pace
from node_agent.ports import SourceBusy, SourceFailure, SourceUnavailable
from node_agent.sources.sql_dialects import Dialect, SqlAddress

T = TypeVar("T")
Row = Mapping[str, Any]
Binds = Mapping[str, Any]
#: The first rows come soon, the others in lists that are worth a turn of a thread.
_FIRST_ROWS: Final = 50
_MORE_ROWS: Final = 200
#: The server stops a statement by itself; this much later it is broken off from here.
_GRACE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """A question whose answer may be long, and what is made of its rows. `kind` is what the rows are about: nothing of a patient."""

    kind: str
    wanted: TextClause
    binds: Binds
    make: Callable[[list[Row]], T]


def statement(sql: str, *, ordered_by: str = "") -> TextClause:
    """A SQL text as a statement. As a part of another SELECT it can be nothing but one itself."""
    clause = text(f"SELECT * FROM (\n{sql}\n) AS noaber_row" + (f" ORDER BY {ordered_by}" if ordered_by else ""))  # noqa: S608 - of the mapping
    return clause.bindparams(bindparam("ids", expanding=True)) if "ids" in clause._bindparams else clause  # noqa: SLF001 - it has no public list


class Database:
    """A database that is only read."""

    def __init__(self, dialect: Dialect, address: SqlAddress) -> None:
        self._dialect = dialect
        self._address = address
        self._all = anyio.Semaphore(address.concurrency)
        self._streams = anyio.Semaphore(max(1, address.concurrency - 1))
        self._threads = anyio.CapacityLimiter(address.concurrency)
        self._breakers = anyio.CapacityLimiter(address.concurrency)
        self._closed = False
        #: Of statements: connections are shared out here.
        self.pace = Pace(address.concurrency, address.per_second, address.slow_seconds)

    @property
    def name(self) -> str:
        """Its kind: a word for diagnostics."""
        return self._dialect.name

    async def rows(self, kind: str, wanted: TextClause, binds: Binds) -> list[Row]:
        """All rows of a short question.

        Raises:
            SourceFailure: It could not be found out.
        """
        return await self.call(kind, lambda connection: [dict(row) for row in connection.execute(wanted, binds).mappings()])

    async def call(self, kind: str, work: Callable[[Connection], T]) -> T:
        """The result of *work* in a transaction that only reads.

        Raises:
            SourceFailure: It could not be found out.
            BadInput: What *work* raised.
        """
        await self._acquire(self._all)
        held = _Held(self._dialect)
        try:
            async with self.pace.beside(kind, self._until()):
                return await self._run(held, lambda: work(held.connection))
        finally:
            await self._let_go(held)
            self._all.release()

    async def stream(self, asked: Sequence["Asked[T]"]) -> AsyncGenerator[T, None]:
        """What is made of the rows of each of these, in lists as they come and over one connection; no more of them is in memory.

        Raises:
            SourceFailure: What was yielded is not everything.
        """
        await self._acquire(self._streams)
        try:
            await self._acquire(self._all)
        except BaseException:
            self._streams.release()
            raise
        held = _Held(self._dialect)
        try:
            for one in asked:
                async with self.pace.beside(one.kind, self._until()):
                    made, more = await self._run(held, partial(held.begin, one))
                while made is not None:
                    yield made
                    made, more = await self._run(held, partial(held.go_on, one)) if more else (None, False)
        finally:
            await self._let_go(held)
            self._all.release()
            self._streams.release()

    async def close(self) -> None:
        """Let go of all connections; what is under way lets go of its own."""
        self._closed = True
        await to_thread.run_sync(self._dialect.engine.dispose)

    def _until(self) -> float:
        return min(anyio.current_effective_deadline(), anyio.current_time() + self._address.patience)

    async def _acquire(self, places: anyio.Semaphore) -> None:
        if self._closed:
            raise SourceUnavailable(self.name)
        with anyio.move_on_after(self._address.patience):
            await places.acquire()
            return
        raise SourceBusy(self.name)

    async def _run(self, held: "_Held", work: Callable[[], T]) -> T:
        """*work* in a thread; broken off when it is given up, or takes longer than it may."""
        done = False
        results: list[T] = []
        failures: list[SourceFailure | BadInput] = []

        async def break_off() -> None:
            nonlocal done
            try:
                await anyio.sleep(self._address.statement_seconds + _GRACE_SECONDS)
            finally:
                if not done:
                    with anyio.CancelScope(shield=True):
                        await to_thread.run_sync(held.interrupt, limiter=self._breakers)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(break_off)
            try:
                results.append(await to_thread.run_sync(self._translated, work, limiter=self._threads))
            except (SourceFailure, BadInput) as failure:
                failures.append(failure)
            finally:
                done = True
            tasks.cancel_scope.cancel()
        if failures:
            # Whoever gave the question up is not told that it was broken off for that.
            await checkpoint_if_cancelled()
            raise failures[0]
        return results[0]

    async def _let_go(self, held: "_Held") -> None:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(held.close, limiter=self._threads)

    def _translated(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except PoolTimeout:
            raise SourceBusy(self.name) from None
        except DBAPIError as failure:
            # Not even as its cause: what the database says may quote what stands in it.
            raise (SourceBusy if self._dialect.is_busy(failure) else SourceUnavailable)(self.name) from None
        except SQLAlchemyError:
            raise SourceUnavailable(self.name) from None


class _Held:
    """A connection, from its first use to its last; all but `interrupt` is called in one thread at a time."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._connection: Connection | None = None
        self._raw: Any = None
        self._result: Any = None
        self._broken = False

    @property
    def connection(self) -> Connection:
        """The connection, in a transaction that only reads."""
        if self._connection is None:
            self._connection = self._dialect.engine.connect()
            self._raw = self._connection.connection.dbapi_connection
            self._connection.begin()
            self._dialect.begin(self._connection)
        return self._connection

    def begin(self, asked: "Asked[T]") -> tuple[T | None, bool]:
        """What the first rows come to, and whether there may be more; the rest of them stays at the server."""
        self._result = self.connection.execution_options(stream_results=True, max_row_buffer=_MORE_ROWS).execute(asked.wanted, asked.binds)
        return self._next(asked, _FIRST_ROWS)

    def go_on(self, asked: "Asked[T]") -> tuple[T | None, bool]:
        """What the next rows come to."""
        return self._next(asked, _MORE_ROWS)

    def _next(self, asked: "Asked[T]", count: int) -> tuple[T | None, bool]:
        rows: list[Row] = [dict(row) for row in self._result.mappings().fetchmany(count)]
        if len(rows) < count:
            self._result.close()
        return (asked.make(rows) if rows else None), len(rows) == count

    def interrupt(self) -> None:
        """Break off what runs. Where that does not work, the server's own limit ends it."""
        self._broken = True
        raw, until = self._raw, time.monotonic() + 1.0
        while raw is None and time.monotonic() < until:
            time.sleep(0.01)
            raw = self._raw
        if raw is not None:
            try:
                self._dialect.interrupt(raw)
            except Exception:  # noqa: BLE001 - whatever a driver raises here, there is nothing left to break off
                return

    def close(self) -> None:
        """Give the connection back, or throw it away when it was broken off."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if self._broken:
                connection.invalidate()
            elif self._result is not None:
                self._result.close()
            connection.close()
        except SQLAlchemyError:
            connection.invalidate()
            connection.close()


def first_mistake(dialect: Dialect, connection: Connection, statements: Iterable[tuple[str, str, Mapping[str, str], Binds]]) -> tuple[str, str] | None:
    """The first SQL text that the database does not take, or that lacks a column: its place, and what is wrong. Reads no row.

    Raises:
        DBAPIError: The database does not answer.
    """
    for place, sql, columns, binds in statements:
        clause = text(f"SELECT * FROM (\n{sql}\n) AS noaber_row LIMIT 0")  # noqa: S608 - of the mapping
        if "ids" in binds:
            clause = clause.bindparams(bindparam("ids", expanding=True))
        nested = connection.begin_nested()
        try:
            there = list(connection.execute(clause, binds).keys())
        except DBAPIError as failure:
            nested.rollback()
            what = dialect.mistake(failure)
            if not what:
                raise
            return place, what
        nested.rollback()
        for column, named_by in columns.items():
            if column not in there:
                near = get_close_matches(column, there, 1)
                by = f", which {named_by} names" if named_by else ""
                return place, f"gives no column {column}{by}" + (f", did you mean {near[0]}?" if near else "")
    return None
