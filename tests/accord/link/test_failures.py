"""Whatever a servicer raises, a fixed code leaves it: over a real connection, and in what is logged."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import grpc
import pytest
import structlog

from accord.link.failures import answering, only_cause, read, readable
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.wire.v1 import terms_pb2 as pb

pytestmark = pytest.mark.anyio

CANARY = "canary 999970008"
METHOD = "/canary.Canary/Ask"
Servicer = Callable[[bytes, "grpc.aio.ServicerContext[bytes, bytes]"], Awaitable[bytes]]


@asynccontextmanager
async def connected(folder: Path, servicer: Servicer) -> AsyncIterator[grpc.aio.Channel]:
    """A real server with this servicer, and a channel to it."""

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> Any:
            return grpc.unary_unary_rpc_method_handler(servicer) if details.method == METHOD else None

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handler(),))
    server.add_insecure_port(f"unix:{folder}/s")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"unix:{folder}/s") as channel:
            yield channel
    finally:
        await server.stop(None)


def asking(channel: grpc.aio.Channel, request: bytes = b"") -> grpc.aio.UnaryUnaryCall[bytes, bytes]:
    """A call of the servicer."""
    ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
    return ask(request)


async def failed(folder: Path, fail: Callable[[], Coroutine[Any, Any, object]]) -> tuple[grpc.StatusCode, str]:
    """With which status and text a call ends whose servicer fails so."""

    async def servicer(_: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        async with answering(context, "Ask"):
            await fail()
        return b"answer"

    async with connected(folder, servicer) as channel:
        try:
            await asking(channel)
        except grpc.aio.AioRpcError as error:
            shown = f"{error!r} {error} {error.debug_error_string()} {error.initial_metadata()} {error.trailing_metadata()}"
            assert "canary 9" not in shown
            return error.code(), error.details() or ""
    raise AssertionError("the call went well")


def raising(failure: BaseException) -> Callable[[], Coroutine[Any, Any, object]]:
    """A servicer's body that fails so."""

    async def body() -> object:
        try:
            raise ValueError(CANARY)
        except ValueError as cause:
            raise failure from cause

    return body


def a_call_of_ours_that_failed() -> grpc.aio.AioRpcError:
    """What the other side wrote in a status is text of the other side."""
    return grpc.aio.AioRpcError(grpc.StatusCode.UNKNOWN, grpc.aio.Metadata(), grpc.aio.Metadata(), details=CANARY, debug_error_string=CANARY)


@pytest.mark.parametrize(
    ("failure", "code", "fault"),
    [
        (BadInput(Fault.INVALID_BSN, CANARY), grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_BSN),
        (Unavailable(Fault.PAUSED), grpc.StatusCode.UNAVAILABLE, Fault.PAUSED),
        (Faulted(Fault.INTERNAL), grpc.StatusCode.INTERNAL, Fault.INTERNAL),
        (RuntimeError(CANARY), grpc.StatusCode.INTERNAL, Fault.INTERNAL),
        (KeyError(CANARY), grpc.StatusCode.INTERNAL, Fault.INTERNAL),
        (a_call_of_ours_that_failed(), grpc.StatusCode.INTERNAL, Fault.INTERNAL),
        (ExceptionGroup(CANARY, [Unavailable(Fault.SOURCE_BUSY)]), grpc.StatusCode.UNAVAILABLE, Fault.SOURCE_BUSY),
        (ExceptionGroup("", [ExceptionGroup("", [BadInput(Fault.NO_PATIENT)])]), grpc.StatusCode.INVALID_ARGUMENT, Fault.NO_PATIENT),
        (ExceptionGroup(CANARY, [ValueError(CANARY)]), grpc.StatusCode.INTERNAL, Fault.INTERNAL),
        (ExceptionGroup(CANARY, [BadInput(Fault.NO_PATIENT), ValueError(CANARY)]), grpc.StatusCode.INTERNAL, Fault.INTERNAL),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_p9_a_failure_leaves_as_a_code_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, failure: Exception, code: grpc.StatusCode, fault: Fault
) -> None:
    caplog.set_level(logging.DEBUG)

    with structlog.testing.capture_logs() as logged:
        assert await failed(tmp_path, raising(failure)) == (code, fault.value)

    assert "canary 9" not in str(logged)
    assert "canary 9" not in caplog.text
    assert all(set(line) == {"event", "log_level", "rpc", "failure"} for line in logged)
    assert bool(logged) == (not isinstance(only_cause(failure), Faulted))


async def test_a_failure_in_a_task_group_is_the_failure(tmp_path: Path) -> None:
    async def body() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(raising(Unavailable(Fault.SOURCE_UNAVAILABLE)))
            await anyio.sleep_forever()

    assert await failed(tmp_path, body) == (grpc.StatusCode.UNAVAILABLE, Fault.SOURCE_UNAVAILABLE.value)


@pytest.mark.parametrize("in_a_task_group", [False, True])
async def test_a_servicer_that_aborts_by_itself_has_the_last_word(tmp_path: Path, in_a_task_group: bool) -> None:  # noqa: FBT001 - both ways
    async def servicer(_: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        async with answering(context, "Ask"):
            if in_a_task_group:
                async with anyio.create_task_group() as group:
                    group.start_soon(context.abort, grpc.StatusCode.NOT_FOUND, Fault.NOT_FOUND.value)
            await context.abort(grpc.StatusCode.NOT_FOUND, Fault.NOT_FOUND.value)

    with structlog.testing.capture_logs() as logged:
        async with connected(tmp_path, servicer) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await asking(channel)

    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.NOT_FOUND, "not-found")
    assert not logged


async def test_a_caller_who_leaves_is_no_failure(tmp_path: Path) -> None:
    started, left = anyio.Event(), anyio.Event()

    async def servicer(_: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        try:
            async with answering(context, "Ask"):
                started.set()
                await anyio.sleep_forever()
        finally:
            left.set()
        return b""

    with structlog.testing.capture_logs() as logged:
        async with connected(tmp_path, servicer) as channel:
            call = asking(channel)
            await started.wait()
            call.cancel()
            with anyio.fail_after(60):
                await left.wait()
            with pytest.raises(asyncio.CancelledError):
                await call

    assert not logged


async def test_p9_bytes_that_are_no_message_leave_as_a_code_and_not_in_the_parsers_words(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    parse = readable(pb.Token.FromString)

    async def servicer(request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        async with answering(context, "Ask"):
            return read(parse(request)).code.encode()

    async with connected(tmp_path, servicer) as channel:
        assert await asking(channel, pb.Token(code="abc").SerializeToString()) == b"abc"
        for broken in (b"\x0a\x7fcanary", b"\x12\x02\xff\xfe", b"canary"):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await asking(channel, broken)
            assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, Fault.INVALID_QUESTION.value)

    assert "canary" not in caplog.text.replace(METHOD, "")


async def test_what_goes_well_goes_out(tmp_path: Path) -> None:
    async def servicer(request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        async with answering(context, "Ask"):
            return request[::-1]
        raise AssertionError

    async with connected(tmp_path, servicer) as channel:
        assert await asking(channel, b"abc") == b"cba"


async def test_a_group_of_one_is_unwrapped_and_a_group_of_more_is_not() -> None:
    inner = ValueError()
    two = ExceptionGroup("", [inner, KeyError()])

    assert only_cause(inner) is inner
    assert only_cause(BaseExceptionGroup("", [BaseExceptionGroup("", [inner])])) is inner
    assert only_cause(ExceptionGroup("", [two])) is two
