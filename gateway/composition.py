"""The only place where the gateway's parts are joined."""

import os
import secrets
import signal
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import TaskGroup
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection
from starlette.types import ASGIApp, Receive, Scope, Send

from accord.audit.journal import Journal
from accord.audit.refusals import Refusals
from accord.link.addresses import Address, address
from accord.link.certificates import read_anchor, read_signing_key
from accord.link.closing import closed_is_signed
from accord.link.credentials import ChannelKeys, TlsFiles, TlsMaterial, https_server_context, renew, server_credentials, to_member
from accord.link.exchanging import Exchange
from accord.link.listening import Bystanders
from accord.link.live_register import LiveRegister
from accord.link.next_certificate import settle
from accord.link.options import CHANNEL, MAXIMUM_CONCURRENT_RPCS, SERVER
from accord.link.peers import certificate_digest, member_by_digest
from accord.link.renewing import Renewing
from accord.link.surroundings import check_surroundings, collect_garbage_rarely
from accord.ops.calls import CountedCalls, counted_requests
from accord.ops.desk import Desk
from accord.ops.logs import set_up_log
from accord.ops.notifying import Notifier
from accord.ops.standing import Party
from accord.review.serving import name_in, serve_review
from accord.rules.places import Places
from accord.rules.rates import Rate
from accord.terms.answers import Closed
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import RegionRegister
from accord.terms.next_steps import TAKEN
from gateway.adapters.grpc_holders import GrpcHolders
from gateway.adapters.mandated_callers import MandatedCallers
from gateway.agent_serving import Agents, AgentSide, serving_agents
from gateway.api.fhir_app import make_app
from gateway.api.grpc_dossier import SERVICE, DossierService
from gateway.api.http_exchange import PEER
from gateway.api.http_serving import serve_http
from gateway.api.http_settings import HttpSettings
from gateway.fanout import Patience
from gateway.metering import COUNTED_AS, journal_meter, levels_of, opened
from gateway.opening import Region
from gateway.patient_serving import Around, serve_patients
from gateway.ports import RegisteredHolder
from gateway.presence import Presence, watch_all
from gateway.rates import QuestionRates
from gateway.recording import KEY_BYTES, GlassSeen, Recorder
from gateway.register import LiveHolders, read_keys
from gateway.sealed_keys import read_sealed_keys
from gateway.settings import GatewaySettings, RateSettings
from gateway.sharing import keep_sharing
from gateway.smart.app import TOKEN_PATH, SmartApp
from gateway.smart.clients import Client, Clients, read_clients
from gateway.smart.door import SmartDoor

_GRACE_SECONDS = 5.0
_RENEWAL_SECONDS = 1.0
#: So many questions over HTTP may be at the door beside those that the region takes.
_AT_THE_DOOR = 4


@dataclass(frozen=True, slots=True)
class Trust:
    """Why anybody is believed: the register, our own keys, and the journal."""

    ura: Ura
    live: LiveRegister
    material: TlsMaterial
    files: TlsFiles
    journal: Journal
    journal_key: bytes
    exchange: Exchange
    refusals: Refusals
    answer_key: Ed25519PrivateKey = field(repr=False)
    glass: GlassSeen = field(default_factory=GlassSeen)

    def current(self) -> RegionRegister:
        """The register in force.

        Raises:
            Unavailable: `register-outdated`.
        """
        return self.live.current(_now())

    @property
    def agent_side(self) -> AgentSide:
        """What is proven to agents that call us."""
        return AgentSide(self.ura, self.live, self.material, self.answer_key, _now)

    def recorder(self) -> Recorder:
        """Writes lines of questions, by the policy of this moment."""
        return Recorder(self.journal, self.journal_key, self.current().policy, self.glass, self.refusals)

    def whose(self, certificate: bytes) -> str:
        """The URA of whoever takes part with this certificate; empty for nobody."""
        try:
            return member_by_digest(self.current(), certificate_digest(certificate, _now())).ura.value if certificate else ""
        except Unavailable:
            return ""

    def connect(self, keys: ChannelKeys, holder: RegisteredHolder) -> aio.Channel:
        """A channel that ends at this holder and nowhere else."""
        return aio.secure_channel(holder.address.target, keys.current(), options=(*CHANNEL, *to_member(holder.card.ura)))

    def is_signed(self, closed: Closed) -> bool:
        """Whether the holder that a last word names signed it."""
        return closed_is_signed(closed, self.live.newest)


async def run(settings: GatewaySettings, folder: Path, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. *ready* is told the addresses once questions can be asked.

    Raises:
        BadInput: A setting is wrong, or the surroundings are unsafe.
        Unavailable: The register has expired, or the journal cannot be written.
    """
    set_up_log(settings.log)
    check_surroundings()
    collect_garbage_rarely()
    os.umask(0o077)
    notifier, ops = Notifier.of_environment(os.environ), Desk("gateway")
    async with AsyncExitStack() as stack:
        trust = _trust(settings, folder, ops, stack)
        agents = Agents(partial(trust.connect, ChannelKeys(trust.material)))
        holders = GrpcHolders(agents.connect, trust.is_signed)
        stack.push_async_callback(holders.close)
        region = _region(settings, folder, trust, holders, ops)
        callers = MandatedCallers(trust.live, trust.ura, _rates(settings.rates))
        doors = await stack.enter_async_context(serving_agents(settings.listen, agents, trust.agent_side))
        async with anyio.create_task_group() as tasks:
            await ops.serve(settings.ops, tasks)
            tasks.start_soon(notifier.keep_watching)
            _begin_beside(tasks, settings, folder, trust, region, holders)
            grpc_server, grpc_address = await _serve_grpc(settings, region, callers, trust, ops) if settings.listen.grpc else (None, "off")
            http_address = await _begin_http(tasks, settings, folder, region, callers, trust, ops) if settings.listen.http else "off"
            patients = ""
            if settings.patients.listen:
                around = Around(region.register, lambda: trust.live.newest, agents.connect, _now)
                patients = " patients=" + await tasks.start(serve_patients, settings.patients, folder, around)
            review = ""
            if settings.review.listen:
                review = " review=" + await tasks.start(serve_review, settings.review, folder, trust.journal, name_in(trust.live))
            stack.enter_context(ops.looks_at(COUNTED_AS, _party(settings, trust, region)))
            notifier.ready()
            ready(f"ready http={http_address} grpc={grpc_address}{patients}{review}{doors.told}")
            with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                async for _ in signals:
                    break
            notifier.stopping()
            if grpc_server is not None:
                await grpc_server.stop(_GRACE_SECONDS)
            tasks.cancel_scope.cancel()


async def _begin_http(tasks: TaskGroup, settings: GatewaySettings, folder: Path, region: Region, callers: MandatedCallers, trust: Trust, ops: Desk) -> str:
    """The FHIR face; returns its address."""
    context = https_server_context(trust.files, trust.live.newest.authorities, clients=ssl.CERT_OPTIONAL)
    tasks.start_soon(_keep_renewing, context, trust)
    face = partial(_face, region, callers, trust, _smart_clients(settings, folder), ops)
    told: str = await tasks.start(partial(serve_http, tls=context), face, _http_settings(settings, folder), address(settings.listen.http))
    return told


def _begin_beside(tasks: TaskGroup, settings: GatewaySettings, folder: Path, trust: Trust, region: Region, holders: GrpcHolders) -> None:
    """What runs beside the answers: the register, our certificate, the journal's heads, and the watch over the holders."""
    tasks.start_soon(trust.live.keep_fresh)
    tasks.start_soon(trust.exchange.own.keep_signing)
    tasks.start_soon(trust.refusals.keep_telling)
    if settings.office.desk:
        tasks.start_soon(Renewing(settings.office.seen_from(folder), trust.ura, trust.files, trust.live).keep)
    tasks.start_soon(watch_all, region.presence, region.register, holders, trust.live.wait_changed)
    tasks.start_soon(_follow_register, trust, region, holders)
    tasks.start_soon(keep_sharing, trust.exchange, trust.live, region.register, holders, trust.live.wait_changed)


def _trust(settings: GatewaySettings, folder: Path, ops: Desk, stack: AsyncExitStack) -> Trust:
    ura = Ura(settings.member.ura)
    live = LiveRegister(folder / settings.region.register, [read_anchor(folder / settings.region.anchor)])
    files = TlsFiles(folder / settings.tls.certificate, folder / settings.tls.key)
    if settings.office.desk:
        settle(files)
    key = read_signing_key(folder / settings.member.answer_key)
    journal = stack.enter_context(Journal(folder / settings.journal.folder, ura.value, onlooker=journal_meter(ops.measures, live)))
    exchange = Exchange(live, journal, ura, key, now=_now)
    return Trust(ura, live, TlsMaterial(files, live), files, journal, _journal_key(folder / settings.journal.key_file), exchange, Refusals(journal), key)


def _region(settings: GatewaySettings, folder: Path, trust: Trust, holders: GrpcHolders, ops: Desk) -> Region:
    return Region(
        LiveHolders(trust.current, read_keys(folder / settings.region.keys), read_sealed_keys(folder / settings.region.sealing_key)),
        holders,
        Presence(),
        trust.recorder,
        Patience(settings.region.locate_seconds, settings.region.first_frame_seconds, settings.region.between_frames_seconds),
        settings.region.seconds,
        Places(settings.region.questions_at_once, of_one=settings.region.questions_of_one),
        opened=opened(ops.measures),
    )


def _smart_clients(settings: GatewaySettings, folder: Path) -> dict[str, Client]:
    return read_clients(folder / settings.smart.clients) if settings.smart.clients else {}


def _face(region: Region, callers: MandatedCallers, trust: Trust, clients: dict[str, Client], ops: Desk, told: HttpSettings) -> ASGIApp:
    """The FHIR face, with SMART Backend Services beside it for clients that do not come through `noaber connect`."""
    door = SmartDoor(Clients(trust.current, clients), key=told.token_key, token_url=f"{told.public_url}{TOKEN_PATH}")
    fhir = make_app(region, callers.through(door), told, trust.whose)
    smart = SmartApp(door, issuer=told.base, certificate=_peer_of)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        is_smart = scope["type"] == "http" and SmartApp.serves(scope["path"])
        await (smart if is_smart else fhir)(scope, receive, send)

    return counted_requests(serve, ops.measures, COUNTED_AS)


def _peer_of(scope: Scope) -> bytes:
    """The digest of the key of a client's certificate that is valid now; nothing otherwise."""
    certificate: bytes = scope.get("extensions", {}).get(PEER, b"")
    try:
        return certificate_digest(certificate, _now()) if certificate else b""
    except Unavailable:
        return b""


def _rates(settings: RateSettings) -> QuestionRates:
    return QuestionRates(Rate(settings.per_organisation, settings.per_organisation_at_once), Rate(settings.in_total, settings.in_total_at_once))


async def _follow_register(trust: Trust, region: Region, holders: GrpcHolders) -> None:
    """Whoever is blocked, or moved, is not asked on a channel that is still open."""
    while True:
        await trust.live.wait_changed()
        await holders.reconnect([holder for holder in region.register.holders if holder.active])


async def _keep_renewing(context: ssl.SSLContext, trust: Trust) -> None:
    """Use new certificates for the handshakes that come after, without a restart."""
    used = trust.material.generation
    while True:
        await anyio.sleep(_RENEWAL_SECONDS)
        if (newest := trust.material.refresh()) != used:
            renew(context, trust.files)
            used = newest


def _party(settings: GatewaySettings, trust: Trust, region: Region) -> Party:
    """What an operator sees of the gateway."""
    return Party(
        trust.live, trust.journal, trust.files.certificate, more=lambda: levels_of(region.presence, trust.live.newest), renews=bool(settings.office.desk)
    )


async def _serve_grpc(settings: GatewaySettings, region: Region, callers: MandatedCallers, trust: Trust, ops: Desk) -> tuple[aio.Server, str]:
    at = address(settings.listen.grpc)
    interceptors = [CountedCalls(ops.measures, COUNTED_AS), Bystanders()]
    server = aio.server(options=SERVER, maximum_concurrent_rpcs=MAXIMUM_CONCURRENT_RPCS, interceptors=interceptors)
    server.add_generic_rpc_handlers((DossierService(region, callers).handler(),))
    health = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    await health.set("", health_pb2.HealthCheckResponse.SERVING)
    await health.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection((SERVICE, reflection.SERVICE_NAME, "grpc.health.v1.Health"), server)
    try:
        port = server.add_secure_port(at.target, server_credentials(trust.material))
    except RuntimeError:
        raise BadInput(Fault.INVALID_SETTING, "listen.grpc: the address is taken", then=TAKEN) from None
    await server.start()
    return server, at.target if at.is_socket else Address(at.host, port).target


def _http_settings(settings: GatewaySettings, folder: Path) -> HttpSettings:
    key_file = settings.patient_id.key_file
    try:
        key = bytes.fromhex((folder / key_file).read_text(encoding="ascii").strip()) if key_file else os.urandom(64)
    except (OSError, ValueError):
        raise BadInput(Fault.INVALID_SETTING, "patient_id.key_file") from None
    return HttpSettings(
        public_url=settings.http.public_url,
        allow_bsn_in_url=settings.http.allow_bsn_in_url,
        strict_clients=settings.http.strict_clients,
        key=key,
        seconds=settings.region.seconds,
        # The region refuses before its door does, and says who has too many.
        questions_at_once=settings.region.questions_at_once + _AT_THE_DOOR,
        questions_of_one=settings.region.questions_of_one + _AT_THE_DOOR,
        first_frame_seconds=settings.region.first_frame_seconds,
    )


def _journal_key(path: Path) -> bytes:
    try:
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(KEY_BYTES), encoding="ascii")
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        raise BadInput(Fault.INVALID_SETTING, f"journal.key_file: {path.name}") from None
    if len(key) != KEY_BYTES:
        raise BadInput(Fault.INVALID_SETTING, f"journal.key_file: {path.name}")
    return key


def _now() -> datetime:
    return datetime.now(UTC)
