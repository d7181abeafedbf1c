"""Serves an ASGI application with uvicorn, in the loop that is already running, on loopback only."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import anyio
import uvicorn
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus
from starlette.types import ASGIApp

from accord.link.addresses import Address, loopback
from accord.terms.faults import BadInput, Fault
from accord.terms.limits import KIB
from accord.terms.next_steps import TAKEN
from gateway.api.http_patience import impatient
from gateway.api.http_settings import HttpSettings

_MOST_CONNECTIONS: Final = 512
_KEEP_ALIVE_SECONDS: Final = 15
_GRACE_SECONDS: Final = 3
_HANDSHAKE_SECONDS: Final = 5.0
#: Request line and headers together; a client that sends more is cut off before it is read further.
_HEADER_BYTES: Final = 32 * KIB


async def serve_http(
    make_app: Callable[[HttpSettings], ASGIApp],
    settings: HttpSettings,
    address: Address,
    *,
    tls: ssl.SSLContext | None = None,
    task_status: TaskStatus[str] = TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled. Port 0 takes a free one; the address that was taken is told once requests are taken.

    With *tls* HTTPS is spoken; whoever made the context may change its certificate while it is in use.

    Raises:
        BadInput: `loopback-only`, or `invalid-setting` when the address is taken.
    """
    with _listening(address) as listener:
        taken = address.target if address.is_socket else Address(address.host, listener.getsockname()[1]).target
        if not settings.public_url:
            scheme = "http" if tls is None else "https"
            settings = replace(settings, public_url=f"{scheme}://localhost" if address.is_socket else f"{scheme}://{taken}")
        server = _Server(make_app(settings), settings, lambda: task_status.started(taken), tls)
        try:
            await server.serve(sockets=[listener])
        finally:
            with anyio.move_on_after(_GRACE_SECONDS + 1, shield=True):
                server.should_exit = True
                if server.started:
                    await server.shutdown(sockets=[listener])


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to its parent and says when it has begun."""

    def __init__(self, app: ASGIApp, settings: HttpSettings, on_started: Callable[[], None], tls: ssl.SSLContext | None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                # h11 bounds what it holds of an unfinished request; httptools does not.
                http=impatient(settings.body_seconds, settings.write_seconds),
                h11_max_incomplete_event_size=_HEADER_BYTES,
                ws="none",
                lifespan="off",
                # An address may hold an id: no line per request, and no proxy is believed.
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=True,
                log_config=None,
                limit_concurrency=_MOST_CONNECTIONS,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._on_started = on_started
        self._tls = tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and say so. As uvicorn does, but for a bound on how long a handshake may take."""
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(self._protocol, sock=listener, ssl=self._tls, ssl_handshake_timeout=_HANDSHAKE_SECONDS if self._tls else None, backlog=256)
            for listener in sockets or ()
        ]
        self.started = True
        self._on_started()

    def _protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn calls it
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Whoever started this task also ends it."""
        yield


@contextmanager
def _listening(address: Address) -> Generator[socket.socket, None, None]:
    if not address.is_socket:
        # Made by hand or not: only loopback.
        loopback(address.target)
    family = socket.AF_UNIX if address.is_socket else socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if not address.is_socket:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address.host if address.is_socket else (address.host, address.port))
            listener.listen(256)
        except OSError:
            raise BadInput(Fault.INVALID_SETTING, "listen.http: the address is taken", then=TAKEN) from None
        listener.setblocking(False)
        yield listener
    finally:
        listener.close()
        if address.is_socket:
            Path(address.host).unlink(missing_ok=True)
