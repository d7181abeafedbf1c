"""The proxy spoils the line as it is told, and passes bytes untouched otherwise."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from testbed.fault_proxy import FaultProxy, Line

pytestmark = pytest.mark.anyio

CONTENT = bytes(range(256)) * 400


async def _answer(stream: SocketStream) -> None:
    async with stream:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            await stream.receive()
            await stream.send(CONTENT)


@asynccontextmanager
async def a_proxy(line: Line | None = None) -> AsyncGenerator[FaultProxy, None]:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, _answer)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  (anyio's, not a database's)
        async with FaultProxy("127.0.0.1", port, line) as proxy:
            yield proxy
        tasks.cancel_scope.cancel()


async def all_of_it(proxy: FaultProxy) -> bytes:
    received = bytearray()
    async with await anyio.connect_tcp("127.0.0.1", proxy.port) as stream:
        try:
            await stream.send(b"?")
            async for piece in stream:
                received += piece
        except anyio.BrokenResourceError:
            pass
    return bytes(received)


async def test_a_sound_line_changes_nothing() -> None:
    async with a_proxy() as proxy:
        assert await all_of_it(proxy) == CONTENT


async def test_a_cut_line_brings_so_many_bytes_and_no_more() -> None:
    async with a_proxy(Line(cut_after=70_001)) as proxy:
        assert await all_of_it(proxy) == CONTENT[:70_001]


async def test_a_dropped_connection_brings_nothing_and_the_next_may_work() -> None:
    async with a_proxy(Line(drop=True)) as proxy:
        assert await all_of_it(proxy) == b""
        proxy.line = Line()
        assert await all_of_it(proxy) == CONTENT
        assert proxy.connections == 2


async def test_a_black_hole_never_answers_and_the_proxy_can_be_closed() -> None:
    async with a_proxy(Line(blackhole=True)) as proxy:
        with anyio.move_on_after(0.05) as scope:
            await all_of_it(proxy)

        assert scope.cancelled_caught


async def test_a_throttled_line_is_not_done_at_once() -> None:
    async with a_proxy(Line(bytes_per_second=1)) as proxy:
        with anyio.move_on_after(0.05) as scope:
            await all_of_it(proxy)

        assert scope.cancelled_caught
        proxy.line = Line(bytes_per_second=len(CONTENT) * 100)
        assert await all_of_it(proxy) == CONTENT


async def test_a_delayed_line_brings_everything_all_the_same() -> None:
    async with a_proxy(Line(delay=0.005)) as proxy:
        assert await all_of_it(proxy) == CONTENT
