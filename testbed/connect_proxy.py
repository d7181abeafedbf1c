"""The HTTP proxy of a care provider, by which everything must go out: plain CONNECT, with a password, or one that opens TLS.

async with ConnectProxy(user="agent", password="secret") as proxy:
    ...  # go out by proxy.url
    proxy.cut()
"""

import ssl
import tempfile
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from anyio.streams.tls import TLSStream
from cryptography.hazmat.primitives.asymmetric import ec

from accord.link.certificates import certify, make_authority, write_private
from accord.terms.identifiers import Ura

_LOOPBACK: Final = "127.0.0.1"
_CHUNK: Final = 64 * 1024
_MOST_HEAD: Final = 8 * 1024
#: What an inspecting proxy keeps of what it saw.
_MOST_SEEN: Final = 4 * 1024 * 1024
#: Either side is gone.
_GONE: Final = (OSError, ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError)
_NOBODY: Final = Ura("00000000")


class Inspection:
    """A proxy's authority, whose certificates it shows in the place of everybody's. `authority` (PEM) is what agents must believe, *named* what it calls by."""

    def __init__(self, region_authorities: str, *, named: str = "localhost") -> None:
        self.named = named
        at = datetime.now(UTC)
        made = make_authority("proxy", at=at, days=2)
        key = ec.generate_private_key(ec.SECP256R1())
        self.authority = made.certificate.encode("ascii")
        self.shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            write_private(Path(folder) / "key", key)
            (Path(folder) / "certificate").write_text(certify(made, key.public_key(), _NOBODY, ["localhost", _LOOPBACK], at=at, days=2), encoding="ascii")
            self.shown.load_cert_chain(Path(folder) / "certificate", Path(folder) / "key")
        self.shown.set_alpn_protocols(["h2"])
        self.called = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.called.load_verify_locations(cadata=region_authorities)
        self.called.set_alpn_protocols(["h2"])


class ConnectProxy(anyio.AsyncContextManagerMixin):
    """Listens on loopback. `connections` were let through and `refused` not; `seen` is what an inspecting one could read.

    `change` may change what passes to the gateway, as an inspecting proxy can.
    """

    def __init__(self, *, user: str = "", password: str = "", inspection: Inspection | None = None) -> None:
        self.connections = 0
        self.refused = 0
        self.seen = bytearray()
        self.change: Callable[[bytes], bytes] | None = None
        self.frozen = anyio.Event()
        self.frozen.set()
        self._inspection = inspection
        self._wanted = f"basic {b64encode(f'{user}:{password}'.encode()).decode()}".lower() if user else ""
        self._credentials = f"{user}:{password}@" if user else ""
        self._port = 0
        self._open: set[anyio.CancelScope] = set()

    @property
    def url(self) -> str:
        """For the agent's settings."""
        return f"http://{self._credentials}{_LOOPBACK}:{self._port}"

    @property
    def bare_url(self) -> str:
        """Without the password."""
        return f"http://{_LOOPBACK}:{self._port}"

    def cut(self) -> None:
        """Close every connection; new ones are let through."""
        for scope in list(self._open):
            scope.cancel()

    def freeze(self) -> None:
        """Nothing passes any more, and nothing is closed."""
        self.frozen = anyio.Event()

    def thaw(self) -> None:
        """It passes again."""
        self.frozen.set()

    @asynccontextmanager
    async def __asynccontextmanager__(self) -> AsyncGenerator[Self, None]:
        listener = await anyio.create_tcp_listener(local_host=_LOOPBACK)
        self._port = listener.extra(SocketAttribute.local_port)  # noqa: S610  (anyio's, not a database's)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, self._serve)
            yield self
            tasks.cancel_scope.cancel()

    async def _serve(self, client: SocketStream) -> None:
        with anyio.CancelScope() as scope:
            self._open.add(scope)
            try:
                async with client:
                    await self._pass_on(client)
            except _GONE:
                pass
            finally:
                self._open.discard(scope)

    async def _pass_on(self, client: SocketStream) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if len(head) > _MOST_HEAD:
                return
            head += await client.receive(_MOST_HEAD)
        lines = head.decode("latin-1").split("\r\n")
        if not lines[0].startswith("CONNECT ") or (self._wanted and f"proxy-authorization: {self._wanted}" not in {line.lower() for line in lines}):
            self.refused += 1
            await client.send(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return
        host, _, port = lines[0].split(" ")[1].rpartition(":")
        async with await anyio.connect_tcp(host.strip("[]"), int(port)) as server:
            await client.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.connections += 1
            if self._inspection is None:
                await self._relay(client, server)
                return
            inside = await TLSStream.wrap(client, server_side=True, ssl_context=self._inspection.shown, standard_compatible=False)
            outside = await TLSStream.wrap(server, hostname=self._inspection.named, ssl_context=self._inspection.called, standard_compatible=False)
            await self._relay(inside, outside)

    async def _relay(self, client: ByteStream, server: ByteStream) -> None:
        async with anyio.create_task_group() as tasks:

            async def pump(source: ByteStream, sink: ByteStream, change: bool) -> None:  # noqa: FBT001 - one of two directions
                try:
                    while True:
                        data = await source.receive(_CHUNK)
                        await self.frozen.wait()
                        if self._inspection is not None:
                            self.seen += data[: max(0, _MOST_SEEN - len(self.seen))]
                        await sink.send(self.change(data) if change and self.change else data)
                except _GONE:
                    tasks.cancel_scope.cancel()

            tasks.start_soon(pump, client, server, True)
            tasks.start_soon(pump, server, client, False)
