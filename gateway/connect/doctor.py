"""What is the matter with `noaber connect` on this machine; nothing is changed by looking."""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from accord.link.addresses import Address
from accord.link.certificates import host_name
from accord.link.credentials import TlsFiles, https_client_context
from accord.link.settings import Loaded
from accord.ops.doctor.findings import Finding, ok, problem
from accord.ops.doctor.machine import check_environment, check_keys, check_memory, check_versions
from accord.ops.doctor.network import Peer, check_clock, check_peer, check_proxies
from accord.ops.doctor.region import Belonging, check_region
from accord.terms.faults import BadInput, Faulted
from accord.terms.identifiers import Ura
from accord.terms.members import RegionRegister
from gateway.connect.places_doctor import check_places
from gateway.connect.settings import KEPT, ConnectSettings
from gateway.connect.viewer_doctor import check_viewer

_HTTPS_PORT = 443


def examine(read: Callable[[], Loaded[ConnectSettings]], folder: Path) -> list[Finding]:
    """Everything: the machine, the settings, the region, the way to the gateway and its clock."""
    found = [*check_versions(), *check_environment(os.environ), *check_memory(), *check_proxies(os.environ)]
    try:
        settings = read().values
        Ura(settings.organisation.ura)
        Ura(settings.gateway.ura)
        who = settings.professionals.usual.role
    except BadInput as failure:
        return [*found, problem("settings", str(failure), f"{failure.explanation.next_step} `noaber connect example` prints a file to begin with.")]
    found.append(ok("settings", f"URA {settings.organisation.ura}, role {who}"))
    values = msgspec.to_builtins(settings)
    named = ((name, values[name.partition(".")[0]][name.partition(".")[2]]) for name in sorted(KEPT.files))
    found += check_keys((name, folder / path) for name, path in named if path)
    given = settings.gateway
    tls = TlsFiles(folder / given.certificate, folder / given.key) if given.certificate and given.key else None
    more, register = check_region(Belonging(folder / settings.region.register, folder / settings.region.key, tls, settings.organisation.ura))
    found += more
    if register is not None and given.url.startswith("https://"):
        found += _check_gateway(settings, tls, register)
    return [*found, *check_viewer(settings, folder), *check_places(settings, folder, register)]


def _check_gateway(settings: ConnectSettings, tls: TlsFiles | None, register: RegionRegister) -> list[Finding]:
    parts, name = urlsplit(settings.gateway.url), host_name(Ura(settings.gateway.ura))
    found = check_peer(Peer("gateway", Address(parts.hostname or "", parts.port or _HTTPS_PORT), name, register.authorities, tls))
    if any(one.next for one in found):
        return found
    try:
        context = https_client_context(register.authorities, tls)
    except Faulted:
        return found
    # By which name it is known was seen a moment ago.
    context.check_hostname = False
    return [*found, *check_clock("the gateway", settings.gateway.url, context)]
