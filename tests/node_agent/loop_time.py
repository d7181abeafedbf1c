"""The clock of the loop in the hands of a test: what the machine does meanwhile is no part of what is measured."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def time_of_its_own() -> Iterator[None]:
    """Inside the block time passes only when every task waits, and then goes on at once to the next moment that one waits for.

    So whatever takes no time takes none, however long the machine stands still. For what stays in one loop: whoever waits
    for a thread, a socket or another process waits in real time, and would be overtaken.
    """
    loop: Any = asyncio.get_running_loop()
    select, time, moment = loop._selector.select, loop.time, loop.time()

    def goes_on(timeout: float | None) -> Any:
        nonlocal moment
        found = select(timeout if timeout is None else 0)
        if not found and timeout:
            moment += timeout
        return found

    loop._selector.select, loop.time = goes_on, lambda: moment
    try:
        yield
    finally:
        loop._selector.select, loop.time = select, time


def let_pass(seconds: float) -> None:
    """From now on the clock of this loop is so much further: whoever waited until a moment in between has waited long enough."""
    loop: Any = asyncio.get_running_loop()
    time = loop.time
    loop.time = lambda: time() + seconds
