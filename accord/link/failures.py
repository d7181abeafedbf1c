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
    except Faulted as failure:
        await context.abort(code_of(failure.fault), failure.fault.value)
    except (grpc.RpcError, grpc.aio.AbortError, grpc.aio.UsageError):
        raise
    except Exception as failure:  # noqa: BLE001 - the last net: whatever it is, its text must not leave
        _log.error("rpc failed", rpc=rpc, failure=type(failure).__name__)
        await context.abort(grpc.StatusCode.INTERNAL, Fault.INTERNAL.value)
