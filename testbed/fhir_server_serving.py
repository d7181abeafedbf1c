"""Runs ASGI applications on loopback, inside a test or as a process of their own, and lets faults be changed meanwhile."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from accord.terms.faults import BadInput
from testbed.fhir_server_desk import BASE_PATH, Desk
from testbed.fhir_server_faults import FhirFaults

_LOOPBACK: Final = "127.0.0.1"
_LAST_MOMENT: Final = 1.0


@dataclass(frozen=True, slots=True)
class ServerTls:
    """The files (PEM) of a server that speaks TLS; with `clients`, one that lets in only whom these authorities certified."""

    certificate: Path
    key: Path
    clients: Path | None = None

    @property
    def options(self) -> dict[str, Any]:
        """As uvicorn is told."""
        told: dict[str, Any] = {"ssl_certfile": self.certificate, "ssl_keyfile": self.key}
        return told if self.clients is None else {**told, "ssl_ca_certs": str(self.clients), "ssl_cert_reqs": ssl.CERT_REQUIRED}


@dataclass(frozen=True, slots=True)
class RunningFhirServer:
    """A FHIR server that answers: its base address, the address that changes its faults (empty for none), and its inside."""

    base: str
    control: str
    desk: Desk


@asynccontextmanager
async def fhir_server(
    records: Iterable[bytes],
    faults: FhirFaults | None = None,
    *,
    types: frozenset[str] = frozenset(),
    port: int = 0,
    control_port: int | None = None,
) -> AsyncGenerator[RunningFhirServer, None]:
    """A FHIR server over these records, for as long as the context lasts. Port 0 is any that is free.

    Whoever runs it in its own process changes `desk.faults`; only others need a *control_port*.
    """
    desk = Desk(records, faults, types=types)
    async with AsyncExitStack() as servers:
        origin = await servers.enter_async_context(serving(desk.app, port))
        control = "" if control_port is None else await servers.enter_async_context(serving(control_app(desk), control_port))
        try:
            yield RunningFhirServer(origin + BASE_PATH, control, desk)
        finally:
            desk.close()


def control_app(desk: Desk) -> Starlette:
    """`PUT /faults` and `PUT /places` (JSON, the whole set), and `GET /witness`: for whoever runs the server, never for its clients."""

    async def put_faults(request: Request) -> Response:
        try:
            desk.faults = msgspec.json.decode(await request.body(), type=FhirFaults)
        except msgspec.DecodeError:
            return Response(status_code=400)
        return Response(status_code=204)

    async def put_places(request: Request) -> Response:
        try:
            desk.shelf.take_places(map(bytes, msgspec.json.decode(await request.body(), type=list[msgspec.Raw])))
        except (msgspec.DecodeError, BadInput):
            return Response(status_code=400)
        return Response(status_code=204)

    def get_witness(_: Request) -> Response:
        witness = desk.witness
        counts = {"total": witness.total, "open": witness.open, "high-water": witness.high_water, "abandoned": witness.abandoned}
        return Response(msgspec.json.encode({**counts, "seen": list(witness.seen)}), media_type="application/json")

    return Starlette(routes=[Route("/faults", put_faults, methods=["PUT"]), Route("/places", put_places, methods=["PUT"]), Route("/witness", get_witness)])


@asynccontextmanager
async def serving(app: ASGIApp, port: int = 0, tls: ServerTls | None = None) -> AsyncGenerator[str, None]:
    """The origin at which *app* answers for as long as the context lasts."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_LOOPBACK, port))
        # It would tell the time of its start for ever: see `main_loop`.
        quiet: dict[str, Any] = {"lifespan": "off", "log_config": None, "log_level": "critical", "access_log": False, "date_header": False}
        server = _Server(uvicorn.Config(app, **quiet, **(tls.options if tls else {})))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listener])
            await server.ready.wait()
            try:
                yield f"{'https' if tls else 'http'}://{_LOOPBACK}:{listener.getsockname()[1]}"
            finally:
                server.stop.set()


class _Server(uvicorn.Server):
    """A server that says when it is ready, leaves signals to its host, and stops when told, without polling."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = anyio.Event()
        self.stop = anyio.Event()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop."""
        await self._serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen."""
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Wait for the end."""
        await self.on_tick(0)
        await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is idle, and give what is under way a moment; uvicorn's own way takes turns of a tenth of a second."""
        del sockets
        for listening in self.servers:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        under_way = set(self.server_state.tasks)
        if under_way:
            _, left = await asyncio.wait(under_way, timeout=_LAST_MOMENT)
            for task in left:
                task.cancel()
