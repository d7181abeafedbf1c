"""Counts and times calls over gRPC and HTTP, by what they are and how they ended; never by what was asked."""

import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import grpc
from grpc import aio

from accord.ops.measures import Measures

_WAYS: Final = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
_CODES: Final = {code.value[0]: code.name for code in grpc.StatusCode}

_App = Callable[[Any, Any, Any], Awaitable[None]]


class CountedCalls(aio.ServerInterceptor):
    """Of every method that a server has, how often it was called, how that ended and how long it took."""

    def __init__(self, measures: Measures, holder: str) -> None:
        self._measures = measures
        self._holder = holder

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Any, Any] | None"]], details: grpc.HandlerCallDetails
    ) -> Any:
        """As grpc wants it."""
        handler: Any = await continuation(details)
        if handler is None:
            # Whatever somebody made up is no label.
            return handler
        service, _, method = details.method.removeprefix("/").partition("/")
        return self.around(service, method, handler)

    def around(self, service: str, method: str, handler: Any) -> Any:
        """What answers a call, counted."""
        return handler._replace(**{way: self._counted(getattr(handler, way), service, method) for way in _WAYS if getattr(handler, way) is not None})

    def _counted(self, behaviour: Callable[..., Any], service: str, method: str) -> Callable[..., Any]:
        # grpc looks at the function to see how it answers: what takes its place must be of the same sort.
        if inspect.isasyncgenfunction(behaviour):

            async def streams(said: Any, context: Any) -> AsyncIterator[Any]:
                begun = time.monotonic()
                try:
                    async for answer in behaviour(said, context):
                        yield answer
                finally:
                    self._count(service, method, context, begun)

            return streams

        async def answers(said: Any, context: Any) -> Any:
            begun = time.monotonic()
            try:
                return await behaviour(said, context)
            finally:
                self._count(service, method, context, begun)

        return answers

    def _count(self, service: str, method: str, context: Any, begun: float) -> None:
        code = "CANCELLED" if context.cancelled() else _CODES.get(_number(context.code()), "OK")
        self._measures.handled.labels(self._holder, service, method, code).inc()
        self._measures.handling.labels(self._holder, service, method).observe(time.monotonic() - begun)


def counted_requests(app: _App, measures: Measures, holder: str) -> _App:
    """An ASGI application whose requests are counted by the status of their answer."""

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        begun, status = time.monotonic(), "none"

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await app(scope, receive, sending)
        finally:
            measures.requests.labels(holder, status).inc()
            measures.request_seconds.labels(holder).observe(time.monotonic() - begun)

    return counted


def _number(code: Any) -> int:
    """A status as grpc.aio has it: a number, a `StatusCode`, or nothing yet, which ends well."""
    return int(code.value[0]) if isinstance(code, grpc.StatusCode) else int(code or 0)
