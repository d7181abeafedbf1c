"""Around every servicer: what fails leaves as a fixed code and nothing else.

grpcio sends the text of an exception to the caller; a record could be in it. Servicers run inside `answering`,
which lets only codes of the catalogue out and hands the rest, by class name only, to diagnostics.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import grpc
import structlog
from google.protobuf.message import DecodeError
from grpc.aio import ServicerContext

from accord.link.status import code_of
from accord.terms.faults import BadInput, Fault, Faulted

_M = TypeVar("_M")

_log = structlog.get_logger("noaber.rpc")


@asynccontextmanager
async def answering(context: "ServicerContext[Any, Any]", rpc: str) -> AsyncIterator[None]:
    """Turn whatever a servicer raises into a status with a fixed code."""
    try:
        yield
    except Exception as failure:  # noqa: BLE001 - the last net: whatever it is, its text must not leave
        cause = only_cause(failure)
        # The status has gone out with the first abort. A call of ours that failed is no such thing: its text is foreign.
        if isinstance(cause, grpc.aio.AbortError | grpc.aio.UsageError):
            raise cause from None
        if isinstance(cause, Faulted):
            await context.abort(code_of(cause.fault), cause.fault.value)
        _log.error("rpc failed", rpc=rpc, failure=type(cause).__name__)
        await context.abort(grpc.StatusCode.INTERNAL, Fault.INTERNAL.value)


def only_cause(failure: BaseException) -> BaseException:
    """What a task group wrapped, when it wrapped one thing; else the failure itself."""
    while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
        failure = failure.exceptions[0]
    return failure


def readable(parse: Callable[[bytes], _M]) -> Callable[[bytes], "_M | Unreadable"]:
    """A deserialiser that cannot fail: grpcio would tell the caller its parser's own words.

    What cannot be read arrives as `UNREADABLE`; see `read`.
    """

    def deserialise(message: bytes) -> "_M | Unreadable":
        try:
            return parse(message)
        except DecodeError:
            return UNREADABLE

    return deserialise


class Unreadable:
    """A request that is no message."""


UNREADABLE: Final = Unreadable()


def read(request: "_M | Unreadable") -> _M:
    """The request, when it could be read. To be called inside `answering`.

    Raises:
        BadInput: `invalid-question`.
    """
    if isinstance(request, Unreadable):
        raise BadInput(Fault.INVALID_QUESTION, "message")
    return request
