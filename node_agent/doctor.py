"""What is the matter with an agent on this machine, before and after it is installed; nothing is changed by looking."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from accord.link.addresses import Address, address
from accord.link.certificates import host_name
from accord.link.credentials import TlsFiles
from accord.link.settings import Loaded
from accord.ops.doctor.findings import Finding, Verdict, command, ok, problem, warning
from accord.ops.doctor.machine import check_environment, check_journal, check_keys, check_memory, check_versions
from accord.ops.doctor.network import Peer, check_peer, check_proxies, listens
from accord.ops.doctor.region import Belonging, check_region, gateways_of
from accord.terms.counts import counted
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Ura
from accord.terms.members import RegionRegister
from node_agent.house import SETTINGS, SHARED, look
from node_agent.naming import Named
from node_agent.opening import open_source
from node_agent.outbound_settings import check_outbound
from node_agent.places.doctor import check_places
from node_agent.settings import KEPT, AgentSettings, own_address, own_names
from node_agent.source_settings import SourceSettings
from node_agent.ways_out import check_desk, check_gateways_called, check_own_clock

_POSTGRES: Final = 5432


def examine_machine() -> list[Finding]:
    """What is the same for everybody on this machine."""
    return [*check_versions(), *check_environment(os.environ), *check_memory(), *check_proxies(os.environ)]


async def examine(read: Callable[[], Loaded[AgentSettings]], folder: Path, named: Named, *, gateway: str = "") -> list[Finding]:
    """Everything about one organisation. *named* is how commands name it, *gateway* the address of a gateway's pages, for the clock."""
    try:
        settings = read().values
        own_names(settings)
        at = own_address(settings)
        check_outbound(settings.outbound)
    except BadInput as failure:
        return [problem("settings", str(failure), f"{failure.explanation.next_step} `noaber agent config example` prints a file to begin with.")]
    named = replace(named, only=settings.holder.name)
    found = [ok("settings", f"{settings.holder.name}, URA {settings.holder.ura}"), *check_keys(secret_files(settings, folder))]
    tls = TlsFiles(folder / settings.tls.certificate, folder / settings.tls.key)
    more, register = check_region(belonging(settings, folder, named))
    found += [*more, *check_journal(folder / settings.journal.folder), *await check_source(settings, folder, named), *check_places(settings.places, folder)]
    if register is not None:
        found += _check_port(settings, at, register, tls, named) if at is not None else [ok("this agent", "has no port: it calls its gateways")]
        found += [*check_gateways_called(settings, folder, register, tls, named), *check_desk(settings, folder, register, tls, named)]
        # Whoever only calls out goes nowhere else; who is called need not come there, and may see this way what stands in between.
        for peer in gateways_of(register, tls) if at is not None else ():
            found += [_not_ours(one) for one in check_peer(peer)]
    return [*found, *check_own_clock(settings, folder, gateway, register, tls)]


def _check_port(settings: AgentSettings, at: Address, register: RegionRegister, tls: TlsFiles, named: Named) -> list[Finding]:
    ours = check_peer(Peer("this agent", at, host_name(Ura(settings.holder.ura)), register.authorities, tls))
    # Before it is installed nothing listens, and that is as it should be.
    return [warning(one.about, one.seen, f"start it: {named.started}") if one.next.startswith("start it") else one for one in ours]


def _not_ours(seen: Finding) -> Finding:
    """About a gateway that calls us: nothing here depends on coming there, and only whoever runs it can start it."""
    if seen.verdict is not Verdict.PROBLEM:
        return seen
    then = (
        "nothing is asked of you: it comes here, and not the other way round; call whoever runs it where no questions come"
        if seen.next.startswith("start it")
        else seen.next
    )
    return warning(seen.about, seen.seen, then)


def belonging(settings: AgentSettings, folder: Path, named: Named) -> Belonging:
    """Where an agent keeps what shows that it belongs to the region."""
    tls = TlsFiles(folder / settings.tls.certificate, folder / settings.tls.key)
    by_itself = bool(settings.office.desk)
    return Belonging(
        folder / settings.region.register,
        folder / settings.region.anchor,
        tls,
        settings.holder.ura,
        by_itself,
        activated(settings, folder, named) if by_itself else "",
    )


def activated(settings: AgentSettings, folder: Path, named: Named) -> str:
    """What makes an organisation active that joined at a desk. Who has places only has nobody to look for."""
    check, who = checked_by(settings, named), ", in which FILE has some BSNs that are known here" if has_people(settings) else ""
    return f"{check}{who}; then {command('noaber', 'agent', 'activate', '--folder', folder)}"


def has_people(settings: AgentSettings) -> bool:
    """Whether there are records of people: who takes part with places only has none."""
    return settings.source.kind != "none"


def checked_by(settings: AgentSettings, named: Named) -> str:
    """The command of its conformance run."""
    return named.of_one("check", "--bsns", "FILE") if has_people(settings) else named.of_one("check")


def secret_files(settings: AgentSettings, folder: Path) -> list[tuple[str, Path]]:
    """The files of secrets that these settings name."""
    values = msgspec.to_builtins(settings)
    # The key of the places is made at the first start; before that it is nowhere, and of nobody who has none.
    there = KEPT.files if settings.places.services and (folder / settings.places.key_file).exists() else KEPT.files - {"places.key_file"}
    named = ((name, values[name.partition(".")[0]][name.partition(".")[2]]) for name in sorted(there))
    return [(name, folder / path) for name, path in named if path]


async def check_source(settings: AgentSettings, folder: Path, named: Named) -> list[Finding]:
    """Whether the source answers and is only read, and the choices are there. It is asked nothing about anybody."""
    source = settings.source
    if source.kind == "none":
        return [ok("source", "there is none: it takes part with its places only")]
    choices = _check_store("choices", folder / settings.choices.path, ("noaber", "agent", "choices", "import"))
    if source.kind == "embedded":
        store = folder / source.path
        if settings.feed.listen and _is_missing(store):
            # Whoever is fed makes it at the first start.
            return [choices, ok("source", f"{store.name} is made at the first start, and filled by the feed"), *_check_feed(settings, named)]
        found = [_check_store("source", store, ("noaber", "agent", "import")), choices]
        return [*found, *_check_feed(settings, named)] if settings.feed.listen else found
    failed: Faulted | None = None
    try:
        async with open_source(source, folder) as opened:
            # Caught here: an adapter with tasks of its own would let it out in a group.
            try:
                await opened.check()
            except Faulted as failure:
                failed = failure
    except Faulted as failure:
        failed = failure
    if failed is not None:
        return [choices, problem("source", str(failed), _then(source, failed, named))]
    return [choices, ok("source", _answers(source)), _rights(source)]


def _answers(source: SourceSettings) -> str:
    return f"{source.kind} answers" + (f", FHIR {source.generation.upper()}" if source.kind == "fhir-server" else "")


def _rights(source: SourceSettings) -> Finding:
    if source.kind == "sql":
        # With a user who can write it would not have been opened.
        return ok("source rights", "a database user who can only read")
    if source.kind == "python":
        then = f"see in {source.factory or 'source.factory'} as whom it asks, and that this account may only read"
        return warning("source rights", "a source of your own making: what it may do cannot be seen", then)
    where = urlsplit(source.base).netloc
    if not (source.user or source.client_id or source.token or source.certificate):
        then = (
            f"see that {where} lets nobody in from elsewhere; an account that may only read and search is safer: source.user, source.token or source.client_id"
        )
        return warning("source rights", "it is asked without saying as whom; whether anybody could write there cannot be seen", then)
    whose = f"{source.user or source.client_id or ('whoever has the token' if source.token else 'whoever has the certificate')} at {where}"
    then = f"have whoever manages it show that {whose} has read and search and nothing else; this command writes nothing to find out"
    return warning("source rights", "the agent only ever reads; whether its account could write cannot be seen", then)


def _then(source: SourceSettings, failure: Faulted, named: Named) -> str:
    """The next command for a source that cannot be used."""
    if failure.fault in (Fault.SOURCE_WRITABLE, Fault.MAPPING_INVALID, Fault.INVALID_SETTING):
        step = failure.explanation.next_step
        return f"{step} Then: {named.by_settings('mapping', 'check')}" if source.kind == "sql" and failure.fault is not Fault.INVALID_SETTING else step
    seen = f"compare with its settings: {named.by_settings('config', 'show')}"
    if source.kind == "sql":
        host, port = urlsplit(source.url).hostname or "", urlsplit(source.url).port or _POSTGRES
        return f"see whether it is up: {command('pg_isready', '-h', host, '-p', port)}; then {seen}" if host else seen
    if source.kind == "python":
        return f"ask whoever made {source.factory}; then {seen}"
    look = command("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"{source.base.rstrip('/')}/metadata")
    return f"see whether it is up: {look}; then {seen}"


def _check_feed(settings: AgentSettings, named: Named) -> list[Finding]:
    """Where messages arrive: before it is installed nobody listens, and then the port must be free."""
    at = address(settings.feed.listen)
    if not settings.feed.senders:
        return [problem("feed", "nobody may send", "name who may in feed.senders, as application|facility (MSH-3 and MSH-4)")]
    told = f"messages of {counted(len(settings.feed.senders), 'sender')}"
    if listens(at):
        return [ok("feed", f"{told} are taken at {at.target}")]
    return [warning("feed", f"{told}, and nothing listens at {at.target}", f"start it: {named.started}")]


def _check_store(about: str, path: Path, made_by: tuple[str, ...]) -> Finding:
    """Whether a store can be read, by a look that leaves nothing beside it."""
    if _is_missing(path):
        return problem(about, f"there is no store {path}", f"make it from a file of yours: {command(*made_by, 'FILE', '--store', path)}")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True)) as store:
            store.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except (sqlite3.Error, OSError):
        return problem(
            about,
            f"{path} is no store, or cannot be read by this user",
            f"see whose it is: {command('ls', '-l', path)}; or make a new one: {command(*made_by, 'FILE', '--store', f'{path}.new')}",
        )
    return ok(about, f"{path.name} can be read")


def _is_missing(path: Path) -> bool:
    """Whether it is not there, as far as this user may know."""
    try:
        return not path.exists()
    except PermissionError:
        return False


def living_in(house: Path, name: str) -> Named:
    """How an organisation of a house is named in commands."""
    shared = house / SHARED
    return Named((*((shared,) if shared.is_file() else ()), house / name / SETTINGS), house, name)


async def examine_all(house: Path, *, gateway: str = "") -> list[Finding]:
    """Everything about each organisation of a house.

    Raises:
        BadInput: `invalid-setting`, when the house cannot be read.
    """
    seen = look(house)
    found = [problem(name, str(why), f"correct {house / name}; then {command('noaber', 'agent', 'house', house)}") for name, why in seen.refused.items()]
    for name, resident in seen.residents.items():
        of_one = await examine(partial(Loaded, resident.settings, {}), resident.folder, living_in(house, name), gateway=gateway)
        found += [replace(one, about=f"{name}: {one.about}") for one in of_one]
    return found
