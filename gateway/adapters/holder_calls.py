"""Calls to a holder over gRPC, as they begin and as they come to their end: every foreign failure becomes a `HolderFailure`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio.lowlevel
import grpc
from grpc import aio

from accord.link.status import ending_of, fault_of
from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault
from gateway.ports import HolderFailure

_T = TypeVar("_T")
_W = TypeVar("_W")

#: What grpcio says for a server that takes no more calls at the moment.
_IS_FULL = "Concurrent RPC limit exceeded"


@asynccontextmanager
async def streamed(start: "Callable[[], aio.UnaryStreamCall[Any, _W]]", read: Callable[[_W], _T]) -> AsyncIterator[AsyncGenerator[_T, None]]:
    """What comes of a call that *start* begins, each message *read*; leaving ends the call at the holder.

    Raises:
        HolderFailure: While iterating.
    """
    call = start()
    try:
        yield _frames(call, read)
    finally:
        # Leaving an `async for` does not end the call, and neither does garbage collection.
        call.cancel()


async def _frames(call: "aio.UnaryStreamCall[Any, _W]", read: Callable[[_W], _T]) -> AsyncGenerator[_T, None]:
    try:
        while True:
            message = await call.read()
            if message is aio.EOF:
                return
            yield read(understood(message))  # type: ignore[arg-type]  # EOF is excluded above
    except aio.AioRpcError as failure:
        raise holder_failure(failure) from None
    except BadInput as failure:
        raise HolderFailure(Ending.REJECTED, failure.fault) from None


async def answer(call: Awaitable[_T]) -> _T:
    """The answer of a unary call.

    When the task is cancelled, grpc.aio raises a cancellation of its own making, which a cancel scope takes for
    somebody else's: a deadline would end the whole question. Let the scope raise its own.
    """
    try:
        return await call
    except asyncio.CancelledError:
        await anyio.lowlevel.checkpoint_if_cancelled()
        raise


def understood(message: _T | None) -> _T:
    """The message; grpc.aio gives none for one that it cannot read.

    Raises:
        BadInput: `broken-batch`.
    """
    if message is None:
        raise BadInput(Fault.BROKEN_BATCH)
    return message


def holder_failure(failure: aio.AioRpcError) -> HolderFailure:
    """What a call that failed means for the holder's ending."""
    ending, fault = ending_of(failure.code(), failure.details())
    if failure.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and fault_of(failure.details()) is None:
        # A message over the limit is our own bound speaking; a server that is full says so in words of its own.
        return HolderFailure(Ending.REFUSED, Fault.SOURCE_BUSY) if _IS_FULL in (failure.details() or "") else HolderFailure(Ending.OVER_LIMIT, Fault.OVER_LIMIT)
    return HolderFailure(ending, fault)
