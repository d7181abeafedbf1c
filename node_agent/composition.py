"""The only place where the agent's parts are joined."""

import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import structlog
from anyio.abc import TaskGroup

from accord.audit.journal import Journal
from accord.audit.reading import JournalReader
from accord.audit.recent import events_since
from accord.audit.refusals import Refusals
from accord.link.addresses import address as address_of
from accord.link.certificates import read_anchor, read_signing_key
from accord.link.credentials import TlsFiles, TlsMaterial, server_credentials
from accord.link.exchanging import Exchange
from accord.link.live_register import LiveRegister
from accord.link.pseudonyms import PseudonymKey, pseudonym_key
from accord.link.surroundings import check_surroundings, collect_garbage_rarely
from accord.link.verifying import HolderVerifier
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, Ura
from accord.terms.policies import RegionPolicy
from node_agent.api.door import RegisterDoor
from node_agent.api.patient_servicer import PatientService
from node_agent.api.servicer import HolderService
from node_agent.budgeting import Budgeting
from node_agent.desk import Desk
from node_agent.emergencies import Emergencies
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.pausing import Pausing
from node_agent.ports import Source, SourceFailure
from node_agent.remembering import REMEMBERED, remember
from node_agent.revoking import Revocations
from node_agent.safeguards import Safeguards
from node_agent.server import serving
from node_agent.settings import AgentSettings, LocateSettings, SourceSettings

if TYPE_CHECKING:
    from node_agent.registers import Mitz
    from node_agent.sources.choice_store import SqliteChoices

_log = structlog.get_logger("noaber.agent")

#: With a source that is down, or very many people, the agent says that it is ready before it has an index.
_INDEX_SECONDS: Final = 5.0


async def run(settings: AgentSettings, folder: Path, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. *ready* is told the address once questions can be asked.

    SIGUSR1 pauses the agent, SIGUSR2 resumes it. Relative paths in the settings are relative to *folder*.

    Raises:
        BadInput: A setting is wrong, or the surroundings are unsafe.
    """
    check_surroundings()
    address = address_of(settings.listen.address)
    ura, name = Ura(settings.holder.ura), HolderName(settings.holder.name)
    key = _key(settings.locate, folder)
    # A unix socket, and all that the process makes, is for its own user only.
    os.umask(0o077)
    async with AsyncExitStack() as stack:
        trust = _trust(settings, folder, ura, stack)
        source = await stack.enter_async_context(_source(settings.source, folder))
        choices = _choices(folder / settings.choices.path)
        stack.push_async_callback(choices.close)
        safeguards = _safeguards(settings, ura, key, trust)
        mitz = _mitz(settings, folder, ura, safeguards.revocations, stack)
        holder = Holder(ura, source, choices, Pausing(), safeguards)
        if mitz is not None:
            holder = replace(holder, leading=(mitz.leased,), shows=mitz.shows)
        locating = Locating(holder, key, refresh_seconds=settings.locate.refresh_seconds)
        desk = _desk(settings, folder, choices, safeguards, locating, trust, stack)
        # What was stated before a crash is in force before anybody is answered.
        await desk.settle()
        patients = PatientService(desk, trust.door, locating)
        service = HolderService(holder, settings.holder.title or name.value, locating, trust.door, trust.exchange, refusals=trust.refusals)
        collect_garbage_rarely()
        async with anyio.create_task_group() as tasks:
            await _begin_beside(tasks, settings, folder, trust, mitz)
            tasks.start_soon(safeguards.revocations.keep_polling, choices.changes)
            tasks.start_soon(locating.keep_fresh)
            tasks.start_soon(look_after, source, holder.pausing, settings.source.check_seconds)
            credentials = server_credentials(trust.material)
            async with serving(service, holder.pausing, address, credentials, concurrency=settings.listen.concurrency, patients=patients) as served:
                # `Locate` answers once there is an index; whoever is told that we are ready may locate at once.
                with anyio.move_on_after(_INDEX_SECONDS):
                    await locating.made.wait()
                ready(f"ready {served}")
                await _until_stopped(holder.pausing)
            tasks.cancel_scope.cancel()


@dataclass(frozen=True, slots=True)
class Trust:
    """Why anybody is believed: the register, our own keys, and the journal."""

    live: LiveRegister
    material: TlsMaterial
    journal: Journal
    refusals: Refusals
    door: RegisterDoor
    exchange: Exchange


def _trust(settings: AgentSettings, folder: Path, ura: Ura, stack: AsyncExitStack) -> Trust:
    live = LiveRegister(folder / settings.region.register, [read_anchor(folder / settings.region.anchor)])
    material = TlsMaterial(TlsFiles(folder / settings.tls.certificate, folder / settings.tls.key), live)
    answer_key = read_signing_key(folder / settings.holder.answer_key)
    journal = stack.enter_context(Journal(folder / settings.journal.folder, ura.value))
    verifier = HolderVerifier(lambda: live.current(_now()), ura, _now)
    door, exchange = RegisterDoor(live, verifier, answer_key, now=_now), Exchange(live, journal, ura, answer_key, now=_now)
    return Trust(live, material, journal, Refusals(journal), door, exchange)


def _safeguards(settings: AgentSettings, ura: Ura, key: PseudonymKey, trust: Trust) -> Safeguards:
    def region() -> RegionPolicy:
        return trust.live.current(_now()).policy

    safeguards = Safeguards(
        ura=ura,
        kind=settings.holder.kind,
        ledger=trust.journal,
        pseudonym_of=key.pseudonym,
        mark=key.mark,
        region=region,
        policy=settings.policy.policy,
        budgeting=Budgeting(lambda: region().budget),
        emergencies=Emergencies(lambda: region().emergency),
        revocations=Revocations(),
    )
    now = _now()
    remember(safeguards, events_since(trust.journal.folder, int((now - REMEMBERED).timestamp() * 1000)), now=now)
    return safeguards


def _mitz(settings: AgentSettings, folder: Path, ura: Ura, revocations: Revocations, stack: AsyncExitStack) -> "Mitz | None":
    if not settings.mitz.base:
        return None
    from node_agent.registers import Mitz  # noqa: PLC0415 - it is not loaded where it is not used

    mitz = Mitz(settings.mitz, folder, ura, settings.holder.kind, revocations)
    stack.push_async_callback(mitz.close)
    return mitz


def _desk(
    settings: AgentSettings, folder: Path, choices: "SqliteChoices", safeguards: Safeguards, locating: Locating, trust: Trust, stack: AsyncExitStack
) -> Desk:
    from node_agent.sources.statement_store import SqliteStatements  # noqa: PLC0415 - as where the choices are opened

    journal = trust.journal
    reader = JournalReader(journal.folder, journal.folder.with_name(f"{journal.folder.name}.index"), lambda: journal.durable)
    stack.callback(reader.close)
    statements = SqliteStatements(folder / settings.choices.path)
    return Desk(
        safeguards,
        choices,
        statements,
        reader,
        knows=locating.knows,
        register=lambda: trust.live.current(_now()),
        now=_now,
        refusals=trust.refusals,
    )


async def _begin_beside(tasks: TaskGroup, settings: AgentSettings, folder: Path, trust: Trust, mitz: "Mitz | None") -> None:
    """What runs beside the answers: the register and the journal's heads, the register of choices, the review page."""
    tasks.start_soon(trust.live.keep_fresh)
    tasks.start_soon(trust.exchange.own.keep_signing)
    tasks.start_soon(trust.refusals.keep_telling)
    if mitz is not None:
        await tasks.start(mitz.keep)
    if settings.review.listen:
        from accord.review.serving import name_in, serve_review  # noqa: PLC0415 - as above

        await tasks.start(partial(serve_review, settings.review, folder, trust.journal, name_in(trust.live)))


def _now() -> datetime:
    return datetime.now(UTC)


async def look_after(source: Source, pausing: Pausing, seconds: float) -> None:
    """Until cancelled: see now and then whether the source can be used, and let the standing tell."""
    while True:
        try:
            await source.check()
            pausing.note_trouble(None)
        except SourceFailure as failure:
            _log.warning("the source cannot be used", source=source.name, code=failure.fault.value)
            pausing.note_trouble(failure.fault)
        await anyio.sleep(seconds)


async def _until_stopped(pausing: Pausing) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2) as signals:
        async for received in signals:
            if received is signal.SIGUSR1:
                pausing.pause()
            elif received is signal.SIGUSR2:
                pausing.resume()
            else:
                return


def _key(settings: LocateSettings, folder: Path) -> PseudonymKey:
    if not settings.key_file:
        return pseudonym_key(settings.key)
    try:
        return pseudonym_key((folder / settings.key_file).read_text(encoding="ascii").strip())
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "locate.key_file: cannot be read") from None
    except ValueError:
        raise BadInput(Fault.INVALID_SETTING, "locate.key_file: 64 hexadecimal digits") from None
    except BadInput:
        raise BadInput(Fault.INVALID_SETTING, "locate.key_file: 64 hexadecimal digits") from None


@asynccontextmanager
async def _source(settings: SourceSettings, folder: Path) -> AsyncGenerator[Source, None]:
    """The source of the settings; only the adapter that is used is loaded."""
    if settings.kind == "embedded":
        from node_agent.sources.embedded import EmbeddedStore  # noqa: PLC0415 - it is not loaded where it is not used

        _check_there(folder / settings.path, "source.path", "noaber agent import")
        store = EmbeddedStore(folder / settings.path, copy=settings.copy)
        try:
            yield store
        finally:
            await store.close()
        return
    from node_agent.sources.fhir_endpoint import FhirEndpoint, basic, bearer  # noqa: PLC0415 - as above
    from node_agent.sources.fhir_rest import FhirServer  # noqa: PLC0415 - as above

    endpoint = FhirEndpoint(
        settings.base,
        authorization=bearer(settings.token) if settings.token else basic(settings.user, settings.password) if settings.user else "",
        also_known_as=tuple(settings.also_known_as),
        types=frozenset(settings.types),
        search_by_get=settings.search_by_get,
        trust_total=settings.trust_total,
        concurrency=settings.concurrency,
        page_size=settings.page_size,
        connect_seconds=settings.connect_seconds,
        request_seconds=settings.request_seconds,
        patience=settings.patience,
    )
    async with FhirServer(endpoint) as server:
        yield server


def _check_there(path: Path, setting: str, made_by: str) -> None:
    """Refuse to start without a file: an agent that is ready and then can answer nothing helps nobody.

    Raises:
        BadInput: `invalid-setting`.
    """
    if not path.is_file():
        raise BadInput(Fault.INVALID_SETTING, f"{setting}: there is no such file; `{made_by}` makes it")


def _choices(path: Path) -> "SqliteChoices":
    from node_agent.sources.choice_store import SqliteChoices  # noqa: PLC0415 - as above

    _check_there(path, "choices.path", "noaber agent choices import")
    return SqliteChoices(path)
