"""What is the matter with a gateway on this machine; nothing is changed by looking."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from accord.link.addresses import address
from accord.link.certificates import host_name
from accord.link.credentials import TlsFiles
from accord.link.settings import Loaded
from accord.ops.doctor.findings import Finding, ok, problem, warning
from accord.ops.doctor.machine import check_environment, check_journal, check_keys, check_memory, check_versions
from accord.ops.doctor.network import Peer, check_peer, check_proxies
from accord.ops.doctor.region import Belonging, check_region
from accord.terms.counts import counted
from accord.terms.faults import BadInput
from accord.terms.identifiers import Ura
from accord.terms.members import MemberStatus
from gateway.register import read_keys
from gateway.sealed_keys import read_sealed_keys
from gateway.settings import KEPT, GatewaySettings

#: A key that is made at the first start, and one without which keys come as files only.
_NEED_NOT_BE: Final = frozenset({"journal.key_file", "region.sealing_key"})


def examine(read: Callable[[], Loaded[GatewaySettings]], folder: Path) -> list[Finding]:
    """Everything: the machine, the settings, the region, and the way to every holder."""
    found = [*check_versions(), *check_environment(os.environ), *check_memory(), *check_proxies(os.environ)]
    try:
        settings = read().values
        Ura(settings.member.ura)
        keys = read_keys(folder / settings.region.keys)
        sealed = read_sealed_keys(folder / settings.region.sealing_key)
    except BadInput as failure:
        return [*found, problem("settings", str(failure), failure.explanation.next_step)]
    found.append(ok("settings", f"URA {settings.member.ura}, {counted(len(keys), 'pseudonym key')}"))
    values = msgspec.to_builtins(settings)
    named = ((name, values[name.partition(".")[0]][name.partition(".")[2]]) for name in sorted(KEPT.files))
    found += check_keys((name, folder / path) for name, path in named if path and (name not in _NEED_NOT_BE or (folder / path).exists()))
    tls = TlsFiles(folder / settings.tls.certificate, folder / settings.tls.key)
    more, register = check_region(
        Belonging(folder / settings.region.register, folder / settings.region.anchor, tls, settings.member.ura, bool(settings.office.desk))
    )
    found += [*more, *check_journal(folder / settings.journal.folder)]
    for member in register.holders if register is not None else ():
        if member.status is not MemberStatus.ACTIVE or not member.address:
            continue
        about = f"holder {member.name}"
        if member.name not in keys and (sealed is None or sealed(member) is None):
            then = f"put its pseudonym key in {settings.region.keys}/{member.name}.key, as the holder gives it, or have it joined: `noaber gateway sealing-key`"
            found.append(warning(about, "is never asked: it has no pseudonym key here", then))
        found += check_peer(Peer(about, address(member.address), host_name(member.ura), register.authorities if register else (), tls))
    return found
