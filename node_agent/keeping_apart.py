"""Which settings keep the organisations of a house apart, and who claims what is another's.

Every setting stands in exactly one of the lists below, and a test sees to it: a new setting has to be thought about before
a house can have it. What is outside these lists is nobody's.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from accord.link.addresses import address
from accord.terms.faults import BadInput
from node_agent.control import control_folder
from node_agent.settings import AgentSettings

#: About the process, and so about everybody in the house.
OF_THE_PROCESS: Final = frozenset({"log.format", "log.level", "ops.beyond_loopback", "ops.listen"})
#: What an organisation has for itself alone: files and folders.
OWN_PATHS: Final = frozenset({
    "choices.path", "control.folder", "feed.certificate", "feed.key", "holder.answer_key", "it.people", "journal.folder", "locate.key_file",
    "mitz.certificate", "mitz.key", "places.key_file", "places.people", "places.store", "region.register", "review.index", "review.reviewers",
    "source.certificate_key", "source.client_key_file", "tls.certificate", "tls.key",
})  # fmt: skip
#: The same for values, and for where it listens: there a port of all addresses is also that of each.
OWN_VALUES: Final = frozenset({"holder.name", "holder.ura", "locate.key", "mitz.notify"})
LISTENS: Final = frozenset({"feed.listen", "it.listen", "listen.address", "mitz.listen", "places.listen", "review.listen"})
#: Which source it is, and as whom it is asked; what of it counts depends on its kind.
WHICH_SOURCE: Final = frozenset({
    "source.base", "source.certificate", "source.client_id", "source.client_key", "source.factory", "source.kind", "source.mapping", "source.password",
    "source.path", "source.token", "source.url", "source.user",
})  # fmt: skip
#: How a source is asked: two that differ in nothing else are one.
HOW_IT_IS_ASKED: Final = frozenset({
    "source.also_known_as", "source.ca_file", "source.check_seconds", "source.concurrency", "source.connect_seconds", "source.copy", "source.generation",
    "source.key_id", "source.lock_seconds", "source.not_kept", "source.page_size", "source.patience", "source.per_second", "source.request_seconds", "source.scope",
    "source.search_by_get", "source.searches", "source.slow_seconds", "source.statement_seconds", "source.token_endpoint", "source.trust_total", "source.types",
})  # fmt: skip
#: What may be alike for everybody.
MAY_BE_SHARED: Final = frozenset({
    "feed.authorities", "feed.charset", "feed.code_systems", "feed.connections", "feed.idle_seconds", "feed.message_seconds", "feed.number_authority",
    "feed.order_lines", "feed.processing", "feed.reports", "feed.senders", "feed.zone", "holder.kind", "holder.shadow", "holder.title", "it.certificate",
    "it.key", "listen.concurrency", "locate.refresh_seconds", "mitz.authorities", "mitz.base", "mitz.catalogue", "mitz.concurrency", "mitz.gateway_system",
    "mitz.lease_seconds", "mitz.notifier", "mitz.source_system", "office.ca_file", "office.desk", "office.follow_seconds", "office.proxy", "outbound.ca_file", "outbound.follow",
    "outbound.gateways", "outbound.proxy", "places.certificate", "places.exports", "places.fhir", "places.fhir_seconds", "places.keep_days", "places.key",
    "places.services", "policy.labels", "policy.never", "policy.not_with", "policy.treatment", "region.anchor", "review.certificate", "review.key",
})  # fmt: skip
#: Files that may be shared; but nobody has them in the folder of another.
SHARED_PATHS: Final = (
    "feed.authorities", "it.certificate", "it.key", "mitz.authorities", "mitz.catalogue", "office.ca_file", "outbound.ca_file", "places.certificate", "places.key",
    "places.services", "region.anchor", "review.certificate", "review.key", "source.ca_file", "source.certificate", "source.mapping",
)  # fmt: skip

_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - it is looked for, and not listened at
_POSTGRES_PORT: Final = 5432


class Living(Protocol):
    """Somebody in the house."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def folder(self) -> Path:
        """Its folder."""

    @property
    def settings(self) -> AgentSettings:
        """Its settings."""


@dataclass(slots=True)
class _Claims:
    """Who claimed what. *refuse* is told both names, each with why it cannot have it."""

    refuse: Callable[[Mapping[str, str]], None]
    owners: dict[object, str] = field(default_factory=dict)
    ports: dict[int, list[tuple[str, str]]] = field(default_factory=dict)

    def claim(self, name: str, what: str, value: object) -> None:
        owner = self.owners.setdefault(value, name)
        if owner != name:
            self.refuse({name: f"{what}: is also of {owner}", owner: f"{what}: is also of {name}"})

    def listen(self, name: str, what: str, value: str) -> None:
        try:
            at = address(value)
        except BadInput:
            # Whoever serves it says what is wrong with it.
            self.claim(name, what, ("listens", value))
            return
        if at.is_socket:
            self.claim(name, what, Path(at.host).resolve())
        elif at.port:
            host = "127.0.0.1" if at.host == "localhost" else at.host
            for owner, theirs in self.ports.setdefault(at.port, []):
                if owner != name and (host == theirs or not _EVERYWHERE.isdisjoint((host, theirs))):
                    self.refuse({name: f"{what}: is also of {owner}", owner: f"{what}: is also of {name}"})
            self.ports[at.port].append((name, host))


def claimed_twice(living: Iterable[Living], settled: Collection[str], folders: Mapping[str, Path]) -> dict[str, str]:
    """Who cannot be let in, and what it claims that is another's.

    *folders* are those of everybody, also of whom nothing else can be read: nobody reaches into them. Of two that claim the
    same thing the one that is *settled* stays.
    """
    # Whoever is settled claims first.
    ordered = sorted(living, key=lambda one: (one.name not in settled, one.name))
    refused: dict[str, str] = {}

    def refuse(why: Mapping[str, str]) -> None:
        _refuse(refused, settled, why)

    claims = _Claims(refuse)
    for name, folder in sorted(folders.items(), key=lambda one: (one[0] not in settled, one[0])):
        claims.claim(name, "the folder", folder.resolve())
    paths: list[tuple[str, str, Path]] = []
    for one in ordered:
        values = msgspec.to_builtins(one.settings)
        for setting in sorted(OWN_VALUES):
            if value := _value(values, setting):
                claims.claim(one.name, setting, (setting, value))
        for setting in sorted(LISTENS):
            if value := _value(values, setting):
                claims.listen(one.name, setting, str(value))
        for setting, path in _own_paths(one, values):
            claims.claim(one.name, setting, path)
            paths.append((one.name, setting, path))
        if which := _source(one):
            claims.claim(one.name, "source", which)
        paths += [(one.name, setting, one.folder / str(value)) for setting in SHARED_PATHS if (value := _value(values, setting))]
        paths += [(one.name, "places.exports", one.folder / export.path) for export in one.settings.places.exports]
        if (database := _sqlite_file(one)) is not None:
            paths.append((one.name, "source.url", database))
    for name, setting, path in paths:
        for above in (path.resolve(), *path.resolve().parents):
            owner = claims.owners.get(above, name)
            if owner != name:
                # It reaches into what is another's; the other has done nothing.
                _refuse(refused, (), {name: f"{setting}: is in what is of {owner}"})
    return refused


def _own_paths(one: Living, values: Mapping[str, Mapping[str, object]]) -> list[tuple[str, Path]]:
    """Its files and folders, and those that are made beside them."""
    settings, folder = one.settings, one.folder
    own = [(setting, folder / str(value)) for setting in sorted(OWN_PATHS) if (value := _value(values, setting))]
    if settings.source.kind == "embedded":
        own.append(("source.path", folder / settings.source.path))
    register, journal = folder / settings.region.register, folder / settings.journal.folder
    own += [("region.register", register.with_name(f"{register.name}.known")), ("journal.folder", journal.with_name(f"{journal.name}.index"))]
    own.append(("control.folder", control_folder(settings.control.folder, folder, settings.journal.folder)))
    return [(setting, path.resolve()) for setting, path in own]


def _source(one: Living) -> tuple[object, ...]:
    """By what its source is the same as another's; nothing where its own path says so already."""
    source, folder = one.settings.source, one.folder
    match source.kind:
        case "embedded" | "none":
            return ()
        case "fhir-server":
            certificate = _content(folder / source.certificate) if source.certificate else ""
            return ("fhir-server", _server(source.base), source.user, source.token, source.client_id, certificate)
        case "sql":
            database = _sqlite_file(one)
            which = database.resolve() if database is not None else _server(source.url)
            user = source.user or (urlsplit(source.url).username or "" if database is None else "")
            return ("sql", which, user, _content(folder / source.mapping) if source.mapping else "")
    # What somebody else's source makes of its settings is not known here: only what differs may keep two apart.
    kept = msgspec.to_builtins(source)
    return ("python", *sorted((key, str(value)) for key, value in kept.items() if f"source.{key}" in WHICH_SOURCE))


def _server(url: str) -> object:
    """A server's address in one spelling; as it was written where it cannot be read."""
    try:
        parts = urlsplit(url)
        scheme = parts.scheme.partition("+")[0]
        usual = {"http": 80, "https": 443, "postgresql": _POSTGRES_PORT}.get(scheme, 0)
        host = (parts.hostname or "").rstrip(".")
        return scheme, "127.0.0.1" if host == "localhost" else host, parts.port or usual, parts.path.rstrip("/")
    except ValueError:
        return url


def _sqlite_file(one: Living) -> Path | None:
    source = one.settings.source
    if source.kind != "sql" or not source.url.startswith("sqlite"):
        return None
    return one.folder / source.url.partition("://")[2].removeprefix("/").partition("?")[0]


def _content(path: Path) -> str:
    """What stands in a file, as a digest: a copy of it is the same. Its path where it cannot be read."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return str(path.resolve())


def _refuse(refused: dict[str, str], settled: Collection[str], why: Mapping[str, str]) -> None:
    stays = [name for name in why if name in settled]
    for name, what in why.items():
        if len(stays) != 1 or name not in stays:
            refused.setdefault(name, what)


def _value(values: Mapping[str, Mapping[str, object]], setting: str) -> object:
    section, _, key = setting.partition(".")
    return values[section][key]
