"""Serves a small ASGI application with uvicorn, in the loop that is already running: on this machine, or to whom mutual TLS lets in.

For pages and endpoints of an operator; the face of the gateway has a server of its own.
"""

import asyncio
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import anyio
import uvicorn
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from accord.link.addresses import Address, loopback
from accord.terms.faults import BadInput, Fault
from accord.terms.limits import KIB
from accord.terms.next_steps import TAKEN

_MOST_CONNECTIONS: Final = 64
_KEEP_ALIVE_SECONDS: Final = 15
_GRACE_SECONDS: Final = 2
_HANDSHAKE_SECONDS: Final = 5.0
#: Nobody has a connection for longer: whoever sends a byte now and then would keep it for ever.
_CONNECTION_SECONDS: Final = 120.0
_HEADER_BYTES: Final = 16 * KIB


async def serve_app(
    app: ASGIApp,
    at: Address,
    *,
    setting: str,
    tls: ssl.SSLContext | None = None,
    only: str = "",
    beyond_loopback: bool = False,
    task_status: TaskStatus[str] = TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled. Port 0 takes a free one; the address that was taken is told once requests are taken.

    Without *tls* only loopback addresses and unix sockets are served, unless somebody chose *beyond_loopback*. *only* is the DNS name that must stand in the
    certificate of whoever calls; *tls* has to demand one. *setting* is what an error names.

    Raises:
        BadInput: `loopback-only`, or `invalid-setting` when the address is taken.
    """
    with _listening(at, setting, any_address=beyond_loopback or tls is not None) as listener:
        taken = at.target if at.is_socket else Address(at.host, listener.getsockname()[1]).target
        server = _Server(app, tls, only)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(server.tell_when_started, taken, task_status)
                await server.serve(sockets=[listener])
                tasks.cancel_scope.cancel()
        finally:
            with anyio.move_on_after(_GRACE_SECONDS + 1, shield=True):
                server.should_exit = True
                if server.started:
                    await server.shutdown(sockets=[listener])


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to its parent."""

    def __init__(self, app: ASGIApp, tls: ssl.SSLContext | None, only: str) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=type("_OfOne", (_Bounded,), {"only": only}),
                h11_max_incomplete_event_size=_HEADER_BYTES,
                ws="none",
                lifespan="off",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                log_config=None,
                limit_concurrency=_MOST_CONNECTIONS,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._tls = tls
        self._begun = anyio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin. As uvicorn does, but for TLS as it was made, and a bound on how long a handshake may take."""
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(self._protocol, sock=listener, ssl=self._tls, ssl_handshake_timeout=_HANDSHAKE_SECONDS if self._tls else None)
            for listener in sockets or ()
        ]
        self.started = True
        self._begun.set()

    async def tell_when_started(self, taken: str, task_status: TaskStatus[str]) -> None:
        """Tell the address once requests are taken."""
        await self._begun.wait()
        task_status.started(taken)

    def _protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn calls it
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Whoever started this task also ends it."""
        yield


class _Bounded(H11Protocol):
    """HTTP/1.1 on a connection that ends some time, with whom it is meant for."""

    only: str
    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Let the right one in."""
        super().connection_made(transport)
        self._end = self.loop.call_later(_CONNECTION_SECONDS, transport.close)
        if self.only and self.only not in _names(transport):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more to end."""
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)


def _names(transport: asyncio.Transport) -> frozenset[str]:
    """The DNS names in the certificate of whoever is at the other end."""
    secured = transport.get_extra_info("ssl_object")
    certificate = secured.getpeercert() if secured is not None else None
    # Of no interest to `ssl`, whose types say that this may hold anything.
    names = certificate.get("subjectAltName", ()) if certificate else ()
    return frozenset(str(value) for kind, value in names if kind == "DNS")


@contextmanager
def _listening(at: Address, setting: str, *, any_address: bool) -> Generator[socket.socket, None, None]:
    if not at.is_socket and not any_address:
        loopback(at.target)
    family = socket.AF_UNIX if at.is_socket else socket.AF_INET6 if ":" in at.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if not at.is_socket:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(at.host if at.is_socket else (at.host, at.port))
            listener.listen(64)
        except OSError:
            raise BadInput(Fault.INVALID_SETTING, f"{setting}: the address is taken", then=TAKEN) from None
        listener.setblocking(False)
        yield listener
    finally:
        listener.close()
        if at.is_socket:
            Path(at.host).unlink(missing_ok=True)
