"""Calls on a SQLite file: each borrows a read-only connection and runs in a thread, so that a slow disk holds up no loop."""

import sqlite3
import threading
from collections.abc import Callable
from typing import Final, TypeVar

import anyio
from anyio import to_thread

from accord.terms.faults import Unavailable

T = TypeVar("T")
#: Calls at the same time; more would only wait for each other's disk.
_CONNECTIONS: Final = 4


class SqliteCalls:
    """Makes calls on the connections that *connect* gives; whatever goes wrong with them is *failure*."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], failure: Callable[[], Unavailable]) -> None:
        self._connect = connect
        self._failure = failure
        self._turns = anyio.CapacityLimiter(_CONNECTIONS)
        self._guard = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    async def call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of *work* on a connection. Cancelling waits for the moment that it takes.

        Raises:
            Unavailable: The file is closed, gone, busy or broken.
        """
        return await to_thread.run_sync(self._work, work, limiter=self._turns)

    def close(self) -> None:
        """Let go of the file. Calls under way end first."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._borrow()
        except sqlite3.Error:
            raise self._failure() from None
        try:
            result = work(connection)
        except sqlite3.Error:
            connection.close()  # opened afresh next time: what was broken may have been put right
            raise self._failure() from None
        except BaseException:
            connection.close()
            raise
        self._give_back(connection)
        return result

    def _borrow(self) -> sqlite3.Connection:
        with self._guard:
            if self._closed:
                raise self._failure()
            if self._idle:
                return self._idle.pop()
        return self._connect()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()
