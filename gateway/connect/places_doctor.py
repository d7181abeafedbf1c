"""What is the matter with looking for a free place: its folder, its keys, its tables, and whether letters can be signed."""

import os
import stat
from pathlib import Path

from accord.link.certificates import read_signing_key
from accord.link.jose import thumbprint
from accord.ops.doctor.findings import Finding, ok, problem, warning
from accord.terms.faults import BadInput
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, RegionRegister
from gateway.connect.settings import ConnectSettings
from gateway.places.neighbourhoods import read_neighbourhoods

_KEYS = ("places.key", "journal.key")


def check_places(settings: ConnectSettings, folder: Path, register: RegionRegister | None) -> list[Finding]:
    """Everything of it; nothing where it is off. Nothing is made by looking."""
    given = settings.places
    if not given.folder:
        return []
    found = [] if settings.gateway.grpc else [problem("places", "gateway.grpc is not set", "set it: places are asked for there")]
    found += _check_key(settings, folder, register)
    found += _check_folder(folder / given.folder)
    if not given.neighbourhoods:
        return [*found, warning("places.neighbourhoods", "no distances are shown", "ask the region for its table: docs/finding-a-place.md")]
    try:
        known = read_neighbourhoods(folder / given.neighbourhoods).known
    except BadInput as failure:
        return [*found, problem("places.neighbourhoods", str(failure), failure.explanation.next_step)]
    return [*found, ok("places.neighbourhoods", f"{len(known)} neighbourhoods")]


def _check_key(settings: ConnectSettings, folder: Path, register: RegionRegister | None) -> list[Finding]:
    file = settings.places.key or settings.organisation.mandate_key
    if not file:
        return [problem("places.key", "letters cannot be signed: mandates come from elsewhere", "set places.key to a mandate key that the register has")]
    try:
        key = read_signing_key(folder / file)
    except BadInput as failure:
        return [problem("places.key", str(failure), failure.explanation.next_step)]
    if register is None:
        return []
    member = register.by_ura.get(Ura(settings.organisation.ura))
    if member is None or member.key(thumbprint(key.public_key().public_bytes_raw()), KeyUse.MANDATE) is None:
        return [problem("places.key", "the register does not have it as a mandate key of this organisation", "ask the office of the region to take it in")]
    return [ok("places.key", "a mandate key of the register")]


def _check_folder(folder: Path) -> list[Finding]:
    if not folder.exists():
        above = next(parent for parent in folder.absolute().parents if parent.exists())
        if os.access(above, os.W_OK):
            return [ok("places.folder", "it is made at the first start")]
        return [problem("places.folder", "it cannot be made", "let the user who runs this write there (`ls -ld`)")]
    found = []
    if not os.access(folder, os.W_OK):
        found.append(problem("places.folder", "it cannot be written", "let the user who runs this write there (`ls -ld`)"))
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        found.append(warning("places.folder", "others than its owner can look into it", "chmod 700"))
    keys = [name for name in _KEYS if (folder / name).exists()]
    if (folder / "searches.db").exists() and "places.key" not in keys:
        found.append(problem("places.folder", "there are searches, and not the key that opens them", "put places.key back from your backup"))
    found += [
        problem("places.folder", f"{name}: others than its owner can read it", f"chmod 600 {name}")
        for name in keys
        if stat.S_IMODE((folder / name).stat().st_mode) & 0o077
    ]
    return found or [ok("places.folder", "its files are kept private")]
