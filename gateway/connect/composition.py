"""The only place where the parts of `noaber connect` are joined."""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio
import httpx2
import structlog
from anyio.abc import TaskGroup
from grpc import GenericRpcHandler, aio
from starlette.types import ASGIApp

from accord.link.addresses import Address, loopback
from accord.link.certificates import read_public_key, read_signing_key
from accord.link.credentials import ChannelKeys, TlsFiles, TlsMaterial, to_member
from accord.link.live_register import LiveRegister
from accord.link.options import MAXIMUM_CONCURRENT_RPCS, SERVER
from accord.link.surroundings import check_surroundings
from accord.ops.calls import CountedCalls, counted_requests
from accord.ops.desk import Desk
from accord.ops.logs import set_up_log
from accord.ops.measures import JournalMeter
from accord.ops.notifying import Notifier
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Ura
from accord.terms.next_steps import TAKEN, WHOLE
from gateway.api.http_serving import serve_http
from gateway.api.http_settings import HttpSettings
from gateway.connect.applications import Applications, read_applications
from gateway.connect.ehr_clients import ehr_client
from gateway.connect.grpc_relay import DossierRelay, GatewayChannel
from gateway.connect.mandating import AskedOf, MandateBook, MandateSource, Organisation, OwnKey, from_command
from gateway.connect.patients import Patients
from gateway.connect.places_faces import placing_face, seeking_of
from gateway.connect.places_pages import places_beside
from gateway.connect.places_serving import AroundPlaces, party_of, places_in
from gateway.connect.places_through_gateway import RegionThroughGateway, places_key
from gateway.connect.proxy import ConnectApp, Parts
from gateway.connect.settings import ConnectSettings, OrganisationSettings
from gateway.connect.upstream import Upstream, gateway_address
from gateway.connect.viewer_serving import AroundViewer, serve_viewer, viewer_settings
from gateway.connect.viewing import AskedThroughGateway
from gateway.places.bureau import Bureau

_GRACE_SECONDS = 3.0
_LOOK_AROUND_SECONDS = 5.0

#: The organisation under which its measures stand: there is one in a process.
_COUNTED_AS = "connect"

_log = structlog.get_logger("noaber.connect")


async def run(settings: ConnectSettings, folder: Path, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. *ready* is told the addresses; the gateway need not be there yet.

    Raises:
        BadInput: A setting is wrong, or the surroundings are unsafe.
        Unavailable: `register-outdated`.
    """
    set_up_log(settings.log)
    check_surroundings()
    notifier, ops = Notifier.of_environment(os.environ), Desk("connect")
    live = _register(settings, folder)
    files = _tls_files(settings, folder)
    source, fetcher = mandate_source(settings.organisation, folder)
    parts = _parts(settings, folder, live, files, source)
    viewer = viewer_settings(settings.viewer, parts.professionals, folder) if settings.viewer.listen else None
    channel = _channel(settings, live, files) if settings.listen.grpc or viewer or settings.places.folder else None
    places = ExitStack()
    try:
        bureau = places.enter_context(_places(settings, folder, parts, channel, source, ops)) if channel is not None and settings.places.folder else None
        async with anyio.create_task_group() as tasks:
            await ops.serve(settings.ops, tasks)
            tasks.start_soon(notifier.keep_watching)
            tasks.start_soon(live.keep_fresh)
            tasks.start_soon(_look_around, parts, channel)
            if bureau is not None:
                tasks.start_soon(bureau.run)
            grpc_server, grpc_address, viewer_address = None, "off", ""
            http_address = await _serve_http(settings, parts, ops, tasks, bureau)
            if channel is not None and settings.listen.grpc:
                faces = [DossierRelay(parts, channel).handler(), *([] if bureau is None else [placing_face(settings.places, bureau, parts)])]
                grpc_server, grpc_address = await _serve_grpc(settings, faces, ops)
            if channel is not None and viewer is not None:
                around = _around_viewer(settings, folder, parts, channel, ops, bureau)
                viewer_address = f" viewer={await tasks.start(serve_viewer, viewer, settings.viewer.listen, around)}"
            with ops.looks_at(_COUNTED_AS, party_of(live, files, bureau)):
                notifier.ready()
                await _until_told_to_stop(lambda: ready(f"ready http={http_address} grpc={grpc_address}{viewer_address}"))
            notifier.stopping()
            if grpc_server is not None:
                await grpc_server.stop(_GRACE_SECONDS)
            tasks.cancel_scope.cancel()
    finally:
        places.close()
        await _close(parts, channel, fetcher)


async def _close(parts: Parts, channel: GatewayChannel | None, fetcher: httpx2.AsyncClient | None) -> None:
    with anyio.move_on_after(_GRACE_SECONDS, shield=True):
        await parts.upstream.close()
        if channel is not None:
            await channel.close()
        if fetcher is not None:
            await fetcher.aclose()


def _around_viewer(settings: ConnectSettings, folder: Path, parts: Parts, channel: GatewayChannel, ops: Desk, bureau: Bureau | None) -> AroundViewer:
    live, given = parts.upstream.live, settings.places
    asking, emergency = AskedThroughGateway(parts, channel), lambda: live.newest.policy.emergency
    places = None if bureau is None else places_beside(given, folder, bureau, live, parts.book.organisation.ura)
    return AroundViewer(asking, parts.clock, emergency, _counted_in(ops), partial(ehr_client, settings.viewer, folder), places)


async def _until_told_to_stop(ready: Callable[[], None]) -> None:
    """Whoever hears *ready* may tell it at once."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        ready()
        async for _ in signals:
            break


def _register(settings: ConnectSettings, folder: Path) -> LiveRegister:
    try:
        anchor = read_public_key((folder / settings.region.key).read_bytes())
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "region.key") from None
    known = folder / settings.region.known if settings.region.known else None
    return LiveRegister(folder / settings.region.register, [anchor], known=known)


def _tls_files(settings: ConnectSettings, folder: Path) -> TlsFiles | None:
    given = settings.gateway
    if bool(given.certificate) != bool(given.key):
        raise BadInput(Fault.INVALID_SETTING, "gateway: certificate and key go together", then=WHOLE)
    if not given.certificate:
        return None
    return TlsFiles(folder / given.certificate, folder / given.key)


def mandate_source(given: OrganisationSettings, folder: Path) -> tuple[MandateSource, httpx2.AsyncClient | None]:
    """Where mandates come from, and the client to be closed at the end if it took one.

    Raises:
        BadInput: `invalid-setting`, `loopback-only`.
    """
    if sum(map(bool, (given.mandate_key, given.mandate_command, given.mandate_url))) != 1:
        raise BadInput(Fault.INVALID_SETTING, "organisation: one of mandate_key, mandate_command and mandate_url", then=WHOLE)
    if given.mandate_key:
        return OwnKey(read_signing_key(folder / given.mandate_key)), None
    if given.mandate_command:
        return from_command(given.mandate_command), None
    # The same rule as for the gateway: plain HTTP on this machine only.
    gateway_address(f"{httpx2.URL(given.mandate_url).copy_with(path='/', query=None)}")
    fetcher = httpx2.AsyncClient(trust_env=False, follow_redirects=False)

    async def exchange(wish: bytes) -> bytes:
        try:
            answer = await fetcher.post(httpx2.URL(given.mandate_url), content=wish, headers={"content-type": "application/json"})
        except httpx2.HTTPError:
            raise OSError from None
        if answer.status_code != 200:
            raise OSError
        return answer.content

    return AskedOf(exchange), fetcher


def _parts(settings: ConnectSettings, folder: Path, live: LiveRegister, files: TlsFiles | None, source: MandateSource) -> Parts:
    gateway = Ura(settings.gateway.ura)
    upstream = Upstream(gateway_address(settings.gateway.url), gateway, live, files, settings.gateway.seconds)
    organisation = Organisation(Ura(settings.organisation.ura), live.newest.region, gateway)
    memory = settings.memory
    applications = settings.applications
    return Parts(
        upstream,
        MandateBook(source, organisation, most=memory.patients),
        Patients(most=memory.patients, idle_seconds=memory.idle_seconds),
        read_applications(folder / applications.tokens, without_token=applications.without_token) if applications.tokens else Applications(),
        settings.professionals,
    )


def _places(settings: ConnectSettings, folder: Path, parts: Parts, channel: GatewayChannel, source: MandateSource, ops: Desk) -> AbstractContextManager[Bureau]:
    live, key = parts.upstream.live, places_key(source, settings.places.key, folder)
    region = RegionThroughGateway(parts, channel, key)
    around = AroundPlaces(parts.book.organisation.ura, key, live, region, parts.clock, JournalMeter(ops.measures, _COUNTED_AS))
    return places_in(settings.places, folder, around)


def _channel(settings: ConnectSettings, live: LiveRegister, files: TlsFiles | None) -> GatewayChannel:
    given = settings.gateway
    if not given.grpc:
        raise BadInput(Fault.INVALID_SETTING, "gateway.grpc")
    if files is None:
        return GatewayChannel(loopback(given.grpc).target)
    keys = ChannelKeys(TlsMaterial(files, live))
    return GatewayChannel(given.grpc, to_member(Ura(given.ura)), lambda: (keys.current(), keys.generation))


async def _serve_http(settings: ConnectSettings, parts: Parts, ops: Desk, tasks: TaskGroup, bureau: Bureau | None) -> str:
    if not settings.listen.http:
        return "off"
    face, counted = HttpSettings(public_url=settings.listen.public_url), _counted_in(ops)
    seeking = None if bureau is None else seeking_of(settings.places, bureau)
    address: str = await tasks.start(serve_http, lambda told: counted(ConnectApp(parts, told, seeking)), face, loopback(settings.listen.http))
    return address


def _counted_in(ops: Desk) -> Callable[[ASGIApp], ASGIApp]:
    return lambda app: counted_requests(app, ops.measures, _COUNTED_AS)


async def _serve_grpc(settings: ConnectSettings, faces: Sequence[GenericRpcHandler], ops: Desk) -> tuple[aio.Server, str]:
    address = loopback(settings.listen.grpc)
    server = aio.server(options=SERVER, maximum_concurrent_rpcs=MAXIMUM_CONCURRENT_RPCS, interceptors=[CountedCalls(ops.measures, _COUNTED_AS)])
    server.add_generic_rpc_handlers(tuple(faces))
    try:
        port = server.add_insecure_port(address.target)
    except RuntimeError:
        raise BadInput(Fault.INVALID_SETTING, "listen.grpc: the address is taken", then=TAKEN) from None
    await server.start()
    return server, address.target if address.is_socket else Address(address.host, port).target


async def _look_around(parts: Parts, channel: GatewayChannel | None) -> None:
    """Forget what is old, take up new certificates, and close what they replaced."""
    while True:
        await anyio.sleep(_LOOK_AROUND_SECONDS)
        parts.patients.forget_idle()
        parts.book.forget_expired(datetime.now(UTC))
        try:
            parts.upstream.refresh()
        except Faulted as failure:
            _log.warning("certificate not reloaded", code=failure.fault.value, where=failure.where)
        await parts.upstream.close_over()
        if channel is not None:
            await channel.close_over()
