"""The agent's settings: frozen, read once, passed down."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from accord.link.settings import Loaded, load
from accord.terms.vocabulary import HolderKind

#: Never shown, by `section.key`.
SECRETS = frozenset({"locate.key", "source.token", "source.password"})


class HolderSettings(msgspec.Struct, frozen=True):
    """The care provider that this agent answers for."""

    ura: str = ""
    name: str = ""
    title: str = ""
    kind: HolderKind = HolderKind.HOSPITAL


class ListenSettings(msgspec.Struct, frozen=True):
    """Where it listens: a loopback address or a unix socket. `concurrency`: questions at once."""

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
    locate: LocateSettings = LocateSettings()


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

[listen]
# Loopback, or a unix socket: unix:/run/noaber/agent.sock
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

[locate]
# 64 hexadecimal digits that only this holder and the gateway know
key_file = "pseudonym.key"
"""
