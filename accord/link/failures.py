"""Around every servicer: what fails leaves as a fixed code and nothing else.

grpcio sends the text of an exception to the caller; a record could be in it. Servicers run inside `answering`,
which lets only codes of the catalogue out and hands the rest, by class name only, to diagnostics.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import structlog
from grpc.aio import ServicerContext

from accord.link.status import code_of
from accord.terms.faults import Fault, Faulted

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
