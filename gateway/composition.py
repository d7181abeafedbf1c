"""The only place where the gateway's parts are joined."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import anyio
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from accord.link.addresses import Address, loopback
from accord.link.options import MAXIMUM_CONCURRENT_RPCS, SERVER
from accord.link.surroundings import check_surroundings, collect_garbage_rarely
from accord.terms.faults import BadInput, Fault
from gateway.adapters.grpc_holders import GrpcHolders
from gateway.api.fhir_app import make_app
from gateway.api.grpc_dossier import SERVICE, DossierService
from gateway.api.http_serving import serve_http
from gateway.api.http_settings import HttpSettings
from gateway.fanout import Patience
from gateway.opening import Region
from gateway.presence import Presence, watch_all
from gateway.register import read_register
from gateway.settings import GatewaySettings

_GRACE_SECONDS = 5.0


async def run(settings: GatewaySettings, folder: Path, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. *ready* is told the addresses once questions can be asked.

    Raises:
        BadInput: A setting is wrong, or the surroundings are unsafe.
    """
    check_surroundings()
    collect_garbage_rarely()
    register = read_register(folder / settings.region.register)
    holders = GrpcHolders()
    region = Region(
        register,
        holders,
        Presence(),
        Patience(settings.region.locate_seconds, settings.region.first_frame_seconds, settings.region.between_frames_seconds),
        settings.region.seconds,
        anyio.CapacityLimiter(settings.region.questions_at_once),
    )
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch_all, region.presence, register.holders, holders)
            grpc_server, grpc_address = await _serve_grpc(settings, region) if settings.listen.grpc else (None, "off")
            http_address = "off"
            if settings.listen.http:
                http_address = await tasks.start(serve_http, make_app, region, _http_settings(settings, folder), loopback(settings.listen.http))
            ready(f"ready http={http_address} grpc={grpc_address}")
            with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                async for _ in signals:
                    break
            if grpc_server is not None:
                await grpc_server.stop(_GRACE_SECONDS)
            tasks.cancel_scope.cancel()
    finally:
        await holders.close()


async def _serve_grpc(settings: GatewaySettings, region: Region) -> tuple[aio.Server, str]:
    address = loopback(settings.listen.grpc)
    server = aio.server(options=SERVER, maximum_concurrent_rpcs=MAXIMUM_CONCURRENT_RPCS)
    server.add_generic_rpc_handlers((DossierService(region, settings.asked_by).handler(),))
    health = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    await health.set("", health_pb2.HealthCheckResponse.SERVING)
    await health.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection((SERVICE, reflection.SERVICE_NAME, "grpc.health.v1.Health"), server)
    try:
        port = server.add_insecure_port(address.target)
    except RuntimeError:
        raise BadInput(Fault.INVALID_SETTING, "listen.grpc: the address is taken") from None
    await server.start()
    return server, address.target if address.is_socket else Address(address.host, port).target


def _http_settings(settings: GatewaySettings, folder: Path) -> HttpSettings:
    key_file = settings.patient_id.key_file
    try:
        key = bytes.fromhex((folder / key_file).read_text(encoding="ascii").strip()) if key_file else os.urandom(64)
    except (OSError, ValueError):
        raise BadInput(Fault.INVALID_SETTING, "patient_id.key_file") from None
    return HttpSettings(
        asked_by=settings.asked_by,
        public_url=settings.http.public_url,
        allow_bsn_in_url=settings.http.allow_bsn_in_url,
        strict_clients=settings.http.strict_clients,
        key=key,
        seconds=settings.region.seconds,
        first_frame_seconds=settings.region.first_frame_seconds,
    )
