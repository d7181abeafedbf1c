"""The only place where the gateway's parts are joined."""

import os
import secrets
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

from accord.audit.journal import Journal
from accord.audit.refusals import Refusals
from accord.link.certificates import read_anchor, read_signing_key
from accord.link.credentials import ChannelKeys, TlsFiles, TlsMaterial
from accord.link.exchanging import Exchange
from accord.link.live_register import LiveRegister
from accord.link.next_certificate import settle
from accord.link.renewing import Renewing
from accord.link.surroundings import check_surroundings, collect_garbage_rarely
from accord.ops.desk import Desk
from accord.ops.logs import set_up_log
from accord.ops.notifying import Notifier
from accord.ops.standing import Party
from accord.review.serving import name_in, serve_review
from accord.rules.places import Places
from accord.rules.rates import Rate
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from gateway.adapters.grpc_holders import GrpcHolders
from gateway.adapters.mandated_callers import MandatedCallers
from gateway.agent_serving import Agents, serving_agents
from gateway.api.grpc_dossier import DossierService
from gateway.fanout import Patience
from gateway.fhir_serving import serve_fhir
from gateway.grpc_serving import places_service, serve_grpc
from gateway.metering import COUNTED_AS, journal_meter, levels_of, opened
from gateway.neighbours import LivePlaces, all_ways
from gateway.opening import Region
from gateway.patient_serving import Around, serve_patients
from gateway.presence import Presence, watch_all
from gateway.rates import QuestionRates
from gateway.recording import KEY_BYTES
from gateway.register import LiveHolders, read_keys
from gateway.sealed_keys import read_sealed_keys
from gateway.settings import GatewaySettings, RateSettings
from gateway.sharing import keep_sharing
from gateway.trust import Trust, now

_GRACE_SECONDS = 5.0


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
        side = trust.agent_side
        doors = await stack.enter_async_context(serving_agents(settings.listen, agents, side))
        async with anyio.create_task_group() as tasks:
            await ops.serve(settings.ops, tasks)
            tasks.start_soon(notifier.keep_watching)
            _begin_beside(tasks, settings, folder, trust, region, holders)
            faces = (DossierService(region, callers), places_service(settings.places, side, holders, region.presence, trust.recorder))
            grpc_server, grpc_address = await serve_grpc(settings.listen.grpc, faces, trust.material, ops) if settings.listen.grpc else (None, "off")
            http_address = await serve_fhir(tasks, settings, folder, region, callers, trust, ops) if settings.listen.http else "off"
            patients = ""
            if settings.patients.listen:
                around = Around(region.register, lambda: trust.live.newest, agents.connect, now)
                patients = " patients=" + await tasks.start(serve_patients, settings.patients, folder, around)
            review = ""
            if settings.review.listen:
                review = " review=" + await tasks.start(serve_review, settings.review, folder, trust.journal, name_in(trust.live))
            stack.enter_context(ops.looks_at(COUNTED_AS, _party(settings, trust, region)))
            await _until_told_to_stop(partial(_say_ready, notifier, ready, f"ready http={http_address} grpc={grpc_address}{patients}{review}{doors.told}"))
            notifier.stopping()
            if grpc_server is not None:
                await grpc_server.stop(_GRACE_SECONDS)
            tasks.cancel_scope.cancel()


def _say_ready(notifier: Notifier, ready: Callable[[str], None], told: str) -> None:
    notifier.ready()
    ready(told)


async def _until_told_to_stop(ready: Callable[[], None]) -> None:
    """Whoever hears *ready* may tell it at once."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        ready()
        async for _ in signals:
            break


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
    exchange = Exchange(live, journal, ura, key, now=now)
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


def _rates(settings: RateSettings) -> QuestionRates:
    return QuestionRates(Rate(settings.per_organisation, settings.per_organisation_at_once), Rate(settings.in_total, settings.in_total_at_once))


async def _follow_register(trust: Trust, region: Region, holders: GrpcHolders) -> None:
    """Whoever is blocked, or moved, is not asked on a channel that is still open."""
    while True:
        await trust.live.wait_changed()
        await holders.reconnect(all_ways(region.register.holders, LivePlaces(trust.current, trust.ura).register()))


def _party(settings: GatewaySettings, trust: Trust, region: Region) -> Party:
    """What an operator sees of the gateway."""
    return Party(
        trust.live, trust.journal, trust.files.certificate, more=lambda: levels_of(region.presence, trust.live.newest), renews=bool(settings.office.desk)
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
