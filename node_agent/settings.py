"""The agent's settings: frozen, read once, passed down."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from accord.link.settings import Loaded, load
from accord.review.settings import ReviewSettings
from accord.terms.evidence import TreatmentBasis
from accord.terms.policies import HolderPolicy
from accord.terms.vocabulary import CareCategory, HolderKind

#: Never shown, by `section.key`.
SECRETS = frozenset({"locate.key", "source.token", "source.password"})


class HolderSettings(msgspec.Struct, frozen=True):
    """The care provider that this agent answers for. `answer_key` is the file of the key that signs its last words."""

    ura: str = ""
    name: str = ""
    title: str = ""
    kind: HolderKind = HolderKind.HOSPITAL
    answer_key: str = "answer.key"


class RegionSettings(msgspec.Struct, frozen=True):
    """The region: the register as it was signed, and the public key of the region (PEM), which the office gives every member."""

    register: str = "register.jws"
    anchor: str = "region.pub"


class TlsSettings(msgspec.Struct, frozen=True):
    """The certificate by which this organisation is known in the region, and its key (PEM files)."""

    certificate: str = "tls.pem"
    key: str = "tls.key"


class JournalSettings(msgspec.Struct, frozen=True):
    """The folder of the access journal."""

    folder: str = "journal"


class PolicySettings(msgspec.Struct, frozen=True):
    """What this holder adds of its own; it can only withhold more. See `accord.terms.policies.HolderPolicy`."""

    never: list[CareCategory] = []
    not_with: list[HolderKind] = []
    labels: list[str] = []
    treatment: list[TreatmentBasis] = []

    @property
    def policy(self) -> HolderPolicy:
        """As a value."""
        return HolderPolicy(frozenset(self.never), frozenset(self.not_with), frozenset(self.labels), frozenset(basis.value for basis in self.treatment))


class ListenSettings(msgspec.Struct, frozen=True):
    """Where it listens: `host:port` or a unix socket. `concurrency`: questions at once."""

    address: str = "127.0.0.1:7001"
    concurrency: int = 200


class SourceSettings(msgspec.Struct, frozen=True):
    """Where the records are.

    `kind` embedded: the store in the file `path`, which is a `copy` of another system or not. `kind` fhir-server: the FHIR R4 server at `base`, which is asked no
    more than `concurrency` questions at once; `token`, or `user` and `password`, say as whom. The names of the other
    settings are those of `node_agent.sources.fhir_endpoint.FhirEndpoint`. `check_seconds`: how often it is looked after.
    """

    kind: Literal["embedded", "fhir-server"] = "embedded"
    path: str = "records.db"
    copy: bool = True
    base: str = ""
    also_known_as: list[str] = []
    types: list[str] = []
    search_by_get: bool = False
    trust_total: bool = True
    concurrency: int = 4
    page_size: int = 200
    connect_seconds: float = 3.0
    request_seconds: float = 20.0
    patience: float = 30.0
    user: str = ""
    password: str = ""
    token: str = ""
    check_seconds: float = 30.0


class ChoicesSettings(msgspec.Struct, frozen=True):
    """Where the patients' choices are kept."""

    path: str = "choices.db"


class MitzSettings(msgspec.Struct, frozen=True):
    """Mitz, the national register of choices, which leads for what it speaks of; off without a `base`.

    `certificate`, `key` and `authorities` (PEM files) are for asking and for being notified alike. `notify` is the address
    of our endpoint for notifications as Mitz knows it, `listen` where it listens, `notifier` the DNS name in the certificate
    by which Mitz notifies. `catalogue` is a file; the one of the product when empty. `gateway_system` and `source_system`
    are OIDs. No answer is used for longer than `lease_seconds`.
    """

    base: str = ""
    certificate: str = ""
    key: str = ""
    authorities: str = ""
    catalogue: str = ""
    notify: str = ""
    listen: str = ""
    notifier: str = ""
    gateway_system: str = ""
    source_system: str = ""
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 16
    lease_seconds: Annotated[float, msgspec.Meta(gt=0, le=60)] = 60.0


class LocateSettings(msgspec.Struct, frozen=True):
    """The key of this holder's pseudonyms: 64 hexadecimal digits, or a file that holds them."""

    key: str = ""
    key_file: str = ""
    refresh_seconds: float = 300.0


class AgentSettings(msgspec.Struct, frozen=True):
    """All of it."""

    holder: HolderSettings = HolderSettings()
    listen: ListenSettings = ListenSettings()
    source: SourceSettings = SourceSettings()
    choices: ChoicesSettings = ChoicesSettings()
    mitz: MitzSettings = MitzSettings()
    locate: LocateSettings = LocateSettings()
    region: RegionSettings = RegionSettings()
    tls: TlsSettings = TlsSettings()
    journal: JournalSettings = JournalSettings()
    policy: PolicySettings = PolicySettings()
    review: ReviewSettings = ReviewSettings()


def read_settings(files: Iterable[Path], sets: Iterable[str]) -> Loaded[AgentSettings]:
    """Read the layers.

    Raises:
        BadInput: `invalid-setting`.
    """
    return load(AgentSettings, files=files, environment=os.environ, prefix="NOABER_AGENT__", sets=sets)


def lines(loaded: Loaded[AgentSettings]) -> list[str]:
    """Every setting with its value and where it comes from; secrets are masked."""
    shown = []
    for section, values in msgspec.to_builtins(loaded.values).items():
        for key, value in values.items():
            name = f"{section}.{key}"
            told = "…" if name in SECRETS and value else repr(value)
            shown.append(f"{name} = {told}  # {loaded.origins.get(name, 'default')}")
    return shown


EXAMPLE = """\
# An agent that answers for one care provider. Every setting can also be given as NOABER_AGENT__<SECTION>__<KEY>,
# or with --set section.key=value. `noaber agent config show` lists them all.

[holder]
ura = "90001003"
name = "brinkhof"
title = "Huisartsen De Brinkhof"
kind = "gp-practice"
# signs every last word; its public half is in the register
answer_key = "answer.key"

[region]
# the register as the region signed it, and the region's public key, which its office gives every member
register = "register.jws"
anchor = "region.pub"

[tls]
certificate = "tls.pem"
key = "tls.key"

[journal]
folder = "journal"

[listen]
# host and port, or a unix socket: unix:/run/noaber/agent.sock
address = "127.0.0.1:7001"

[source]
kind = "embedded"
path = "records.db"
# or the care provider's own FHIR R4 server, asked anew for every question:
# kind = "fhir-server"
# base = "http://127.0.0.1:8080/fhir"
# concurrency = 4

[choices]
path = "choices.db"

# Mitz leads for the data that it speaks of; what the patient chose here can only withhold more.
# [mitz]
# base = "https://mitz.example"
# certificate = "mitz.pem"
# key = "mitz.key"
# authorities = "mitz-authorities.pem"
# where Mitz tells that a patient changed a choice: our address as it knows it, where that listens, and its name there
# notify = "https://agent.example:7443/mitz/notifications"
# listen = "0.0.0.0:7443"
# notifier = "notify.mitz.example"

# The page on which a privacy officer reviews broken glass and alarms; `noaber journal reviewer` makes an entry of the file.
# [review]
# listen = "127.0.0.1:8482"
# reviewers = "reviewers.toml"

[locate]
# 64 hexadecimal digits that only this holder and the gateway know
key_file = "pseudonym.key"
"""
