"""Serves an ASGI application with uvicorn, in the loop that is already running, on loopback only."""

import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import anyio
import uvicorn
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus
from starlette.types import ASGIApp

from accord.link.addresses import Address, loopback
from accord.terms.faults import BadInput, Fault
from accord.terms.limits import KIB
from gateway.api.http_patience import impatient
from gateway.api.http_settings import HttpSettings

_Region = TypeVar("_Region")

_MOST_CONNECTIONS: Final = 512
_KEEP_ALIVE_SECONDS: Final = 15
_GRACE_SECONDS: Final = 3
#: Request line and headers together; a client that sends more is cut off before it is read further.
_HEADER_BYTES: Final = 32 * KIB


async def serve_http(
    make_app: Callable[[_Region, HttpSettings], ASGIApp],
    region: _Region,
    settings: HttpSettings,
    address: Address,
    *,
    task_status: TaskStatus[str] = TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled. Port 0 takes a free one; the address that was taken is told once requests are taken.

    Raises:
        BadInput: `loopback-only`, or `invalid-setting` when the address is taken.
    """
    with _listening(address) as listener:
        taken = address.target if address.is_socket else Address(address.host, listener.getsockname()[1]).target
        if not settings.public_url:
            settings = replace(settings, public_url="http://localhost" if address.is_socket else f"http://{taken}")
        server = _Server(make_app(region, settings), settings, lambda: task_status.started(taken))
        try:
            await server.serve(sockets=[listener])
        finally:
            with anyio.move_on_after(_GRACE_SECONDS + 1, shield=True):
                server.should_exit = True
                if server.started:
                    await server.shutdown(sockets=[listener])


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to its parent and says when it has begun."""

    def __init__(self, app: ASGIApp, settings: HttpSettings, on_started: Callable[[], None]) -> None:
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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and say so."""
        await super().startup(sockets)
        self._on_started()

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
            raise BadInput(Fault.INVALID_SETTING, "listen.http: the address is taken") from None
        listener.setblocking(False)
        yield listener
    finally:
        listener.close()
        if address.is_socket:
            Path(address.host).unlink(missing_ok=True)
