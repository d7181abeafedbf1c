"""A TCP proxy that spoils the line: slow, throttled, cut in the middle, swallowing, or shut.

async with FaultProxy("127.0.0.1", 8090) as proxy:
    proxy.line = Line(cut_after=500)
    ...  # connect to 127.0.0.1:proxy.port
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream

_LOOPBACK: Final = "127.0.0.1"
_CHUNK: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """How the line behaves; as it comes, nothing is wrong.

    Attributes:
        delay: Seconds that each piece is held up, in both directions.
        drop: New connections are closed at once.
        cut_after: A connection is closed after so many bytes of the answer; -1 is never.
        bytes_per_second: The answer comes no faster; 0 is no limit.
        blackhole: What is sent is taken in and never arrives; nothing comes back.
    """

    delay: float = 0.0
    drop: bool = False
    cut_after: int = -1
    bytes_per_second: int = 0
    blackhole: bool = False


class FaultProxy(anyio.AsyncContextManagerMixin):
    """Passes connections on to one address, over a line that can be spoilt at any time. Closing it closes them all."""

    def __init__(self, host: str, port: int, line: Line | None = None) -> None:
        self.line = line or Line()
        self.port = 0
        self.connections = 0
        self._target = (host, port)

    @asynccontextmanager
    async def __asynccontextmanager__(self) -> AsyncGenerator[Self, None]:
        listener = await anyio.create_tcp_listener(local_host=_LOOPBACK)
        self.port = listener.extra(SocketAttribute.local_port)  # noqa: S610  (anyio's, not a database's)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, self._pass_on)
            yield self
            tasks.cancel_scope.cancel()

    async def _pass_on(self, client: SocketStream) -> None:
        self.connections += 1
        async with client:
            if self.line.drop:
                return
            try:
                server = await anyio.connect_tcp(*self._target)
            except OSError:
                return
            async with server, anyio.create_task_group() as tasks:
                tasks.start_soon(self._upstream, client, server)
                await self._downstream(server, client)
                tasks.cancel_scope.cancel()

    async def _upstream(self, client: ByteStream, server: ByteStream) -> None:
        while (piece := await _next_piece(client)) is not None:
            await anyio.sleep(self.line.delay)
            if not self.line.blackhole and not await _sent(server, piece):
                return

    async def _downstream(self, server: ByteStream, client: ByteStream) -> None:
        """Bring the answer until it ends, nobody wants it, or the line is cut."""
        brought = 0
        while (piece := await _next_piece(server)) is not None:
            line = self.line
            if line.blackhole:
                continue
            if 0 <= line.cut_after <= brought + len(piece):
                await _sent(client, piece[: line.cut_after - brought])
                return
            await anyio.sleep(line.delay + (len(piece) / line.bytes_per_second if line.bytes_per_second else 0))
            brought += len(piece)
            if not await _sent(client, piece):
                return


async def _next_piece(stream: ByteStream) -> bytes | None:
    try:
        return await stream.receive(_CHUNK)
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return None


async def _sent(stream: ByteStream, piece: bytes) -> bool:
    try:
        await stream.send(piece)
    except anyio.BrokenResourceError:
        return False
    return True
