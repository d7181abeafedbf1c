"""How a wait for the other end of a call ends that nobody wants to wait for any longer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf

import anyio
from grpc import aio


@asynccontextmanager
async def withdrawable() -> AsyncIterator[None]:
    """Around a read of a call: a cancel scope that ends it is told so by its own cancellation, and not by one of grpc.aio's making.

    Until the other end has begun to answer, grpc.aio waits in a task of its own. That task swallows the cancellation of a
    scope; then comes another, which the scope takes for somebody else's. A deadline would end the whole task group that
    it is in, and without a word: so 200 agents came back to a busy gateway, and some did not.

    Raises:
        grpc.aio.InternalError: The call was cancelled, and not by a scope of ours.
    """
    try:
        yield
    except asyncio.CancelledError:
        if anyio.current_effective_deadline() == -inf:
            await anyio.sleep_forever()  # never for long: the scope says again that it is cancelled
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise aio.InternalError from None
