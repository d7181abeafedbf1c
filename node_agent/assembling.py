"""The parts that answer for one organisation, made of its settings and joined."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.audit.journal import Journal
from accord.audit.reading import JournalReader
from accord.audit.recent import events_since
from accord.audit.refusals import Refusals
from accord.letters.envelopes import Sender
from accord.link.certificates import read_anchor, read_signing_key
from accord.link.credentials import TlsFiles, TlsMaterial, check_whose
from accord.link.exchanging import Exchange
from accord.link.live_register import LiveRegister
from accord.link.next_certificate import settle
from accord.link.pseudonyms import PseudonymKey, pseudonym_key
from accord.link.verifying import HolderVerifier
from accord.ops.desk import Desk as OpsDesk
from accord.ops.measures import JournalMeter
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.members import RegionRegister
from accord.terms.next_steps import LINE_KEY, UNREADABLE
from accord.terms.policies import RegionPolicy
from node_agent.api.door import RegisterDoor
from node_agent.api.patient_servicer import PatientService
from node_agent.api.places_servicer import PlacesService
from node_agent.api.servicer import HolderService
from node_agent.budgeting import Budgeting
from node_agent.control import control_folder
from node_agent.desk import Desk
from node_agent.emergencies import Emergencies
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.metering import metered
from node_agent.opening import check_there, open_source, prepare_feed
from node_agent.pausing import Pausing
from node_agent.ports import Source
from node_agent.remembering import REMEMBERED, remember
from node_agent.revoking import Revocations
from node_agent.safeguards import Safeguards
from node_agent.sealed_key import owed
from node_agent.settings import AgentSettings, LocateSettings, own_names
from node_agent.shadowing import Shadow
from node_agent.standing import remember_pause

if TYPE_CHECKING:
    from node_agent.places.opening import OwnPlaces
    from node_agent.registers import Mitz
    from node_agent.sources.choice_store import SqliteChoices


@dataclass(frozen=True, slots=True)
class Trust:
    """Why anybody is believed: the register, our own keys, and the journal."""

    live: LiveRegister
    material: TlsMaterial
    journal: Journal
    refusals: Refusals
    door: RegisterDoor
    exchange: Exchange
    answer_key: Ed25519PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers for one organisation, and what its own people stop it by."""

    source: Source
    choices: "SqliteChoices"
    trust: Trust
    holder: Holder
    locating: Locating
    mitz: "Mitz | None"
    shadow: Shadow | None
    service: HolderService
    patients: PatientService
    places: "OwnPlaces | None"
    asked_for_places: PlacesService
    control: Path
    owed: Callable[[RegionRegister], dict[str, str]]


async def assemble(settings: AgentSettings, folder: Path, pausing: Pausing, stack: AsyncExitStack, ops: OpsDesk | None) -> Parts:
    """All parts; *stack* lets go of what they hold. What was stated before a crash is in force afterwards.

    Raises:
        Faulted: A setting is wrong, or something cannot be used.
    """
    ura, name = own_names(settings)
    key = _key(settings.locate, folder)
    meter = JournalMeter(ops.measures, name.value, lambda asked: name.value if asked == ura.value else "") if ops is not None else None
    trust = _trust(settings, folder, ura, stack, meter)
    control = _stand(settings, folder, pausing)
    if settings.feed.listen:
        prepare_feed(settings.feed, settings.source, folder)
    source = await stack.enter_async_context(open_source(settings.source, folder))
    if ops is not None:
        source = metered(source, ops.measures, name.value)
    choices = _choices(folder / settings.choices.path, make=settings.source.kind == "none")
    stack.push_async_callback(choices.close)
    safeguards = _safeguards(settings, ura, key, trust)
    mitz = _mitz(settings, folder, ura, safeguards.revocations, stack)
    holder = Holder(ura, source, choices, pausing, safeguards)
    if mitz is not None:
        holder = replace(holder, leading=(mitz.leased,), shows=mitz.shows)
    locating = Locating(holder, key, refresh_seconds=settings.locate.refresh_seconds)
    desk = _desk(settings, folder, choices, safeguards, locating, trust, stack)
    await desk.settle()
    shadow = Shadow(holder, locating) if settings.holder.shadow else None
    title = settings.holder.title or name.value
    service = HolderService(holder, title, locating, trust.door, trust.exchange, refusals=trust.refusals, shadow=shadow)
    patients = PatientService(desk, trust.door, locating)
    places = _places(settings, folder, pausing, trust, safeguards)
    if places is not None:
        stack.push_async_callback(places.close)
    asked_for_places = PlacesService(
        places.desk if places is not None else None, ura, trust.answer_key, trust.door, lambda: trust.live.current(now()), now, service.note_refusal
    )
    return Parts(source, choices, trust, holder, locating, mitz, shadow, service, patients, places, asked_for_places, control, partial(owed, key, ura))


def _stand(settings: AgentSettings, folder: Path, pausing: Pausing) -> Path:
    """Stand as the settings have it, and as it stood before; the folder where that is kept."""
    control = control_folder(settings.control.folder, folder, settings.journal.folder)
    pausing.shadow = settings.holder.shadow
    remember_pause(pausing, control)
    return control


def _trust(settings: AgentSettings, folder: Path, ura: Ura, stack: AsyncExitStack, meter: JournalMeter | None) -> Trust:
    live = LiveRegister(folder / settings.region.register, [read_anchor(folder / settings.region.anchor)])
    if settings.office.desk:
        settle(tls_files(settings, folder))
    material = TlsMaterial(tls_files(settings, folder), live)
    check_whose(material.pair()[1], ura, live.newest)
    answer_key = read_signing_key(folder / settings.holder.answer_key)
    journal = stack.enter_context(Journal(folder / settings.journal.folder, ura.value, onlooker=meter))
    verifier = HolderVerifier(lambda: live.current(now()), ura, now)
    door, exchange = RegisterDoor(live, verifier, answer_key, now=now), Exchange(live, journal, ura, answer_key, now=now)
    return Trust(live, material, journal, Refusals(journal), door, exchange, answer_key)


def tls_files(settings: AgentSettings, folder: Path) -> TlsFiles:
    """The certificate by which it is known, and its key."""
    return TlsFiles(folder / settings.tls.certificate, folder / settings.tls.key)


def _safeguards(settings: AgentSettings, ura: Ura, key: PseudonymKey, trust: Trust) -> Safeguards:
    def region() -> RegionPolicy:
        return trust.live.current(now()).policy

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
    at = now()
    remember(safeguards, events_since(trust.journal.folder, int((at - REMEMBERED).timestamp() * 1000)), now=at)
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
        register=lambda: trust.live.current(now()),
        now=now,
        refusals=trust.refusals,
    )


def _places(settings: AgentSettings, folder: Path, pausing: Pausing, trust: Trust, safeguards: Safeguards) -> "OwnPlaces | None":
    if not settings.places.services:
        return None
    from node_agent.places.opening import Provider, open_places  # noqa: PLC0415 - it is not loaded where it is not used

    ura, name = own_names(settings)
    provider = Provider(
        Sender(ura, trust.answer_key),
        settings.holder.title or name.value,
        lambda: trust.live.current(now()),
        lambda bsn: safeguards.mark(safeguards.pseudonym_of(bsn)),
    )
    return open_places(settings.places, folder, provider, pausing, trust.journal, trust.refusals, now)


def now() -> datetime:
    """The clock of the agent."""
    return datetime.now(UTC)


def _key(settings: LocateSettings, folder: Path) -> PseudonymKey:
    if not settings.key_file:
        return pseudonym_key(settings.key)
    try:
        return pseudonym_key((folder / settings.key_file).read_text(encoding="ascii").strip())
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "locate.key_file: cannot be read", then=UNREADABLE) from None
    except ValueError:
        raise BadInput(Fault.INVALID_SETTING, "locate.key_file: 64 hexadecimal digits", then=LINE_KEY) from None
    except BadInput:
        raise BadInput(Fault.INVALID_SETTING, "locate.key_file: 64 hexadecimal digits", then=LINE_KEY) from None


def _choices(path: Path, *, make: bool) -> "SqliteChoices":
    from node_agent.sources.choice_store import SqliteChoices, keep_choices  # noqa: PLC0415 - as above

    if make:
        # Nothing is ever released by them; whoever states a choice here may do so all the same.
        keep_choices(path, {})
    check_there(path, "choices.path", "noaber agent choices import")
    return SqliteChoices(path)
