"""The machine that a part runs on: versions, environment, memory, limits, disks, and who can read its keys."""

import os
import platform
import resource
import shutil
import ssl
import stat
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from accord.link.secret_files import kept_private
from accord.link.settings import misspelt
from accord.link.surroundings import REFUSED
from accord.link.swapping import Memory, memory_at_rest
from accord.ops.doctor.findings import Finding, command, ok, problem, warning
from accord.terms.limits import MIB

AS_ITS_USER: Final = "give this command as the user of the service, by sudo -u or runuser"
_PACKAGES: Final = ("noaber", "grpcio", "protobuf", "cryptography")
_NEEDED_BYTES: Final = 256 * MIB
_FREE_BYTES: Final = 1024 * MIB
_LITTLE_BYTES: Final = 100 * MIB
_FILES: Final = 1024
#: A journal that takes two seconds for a line closes; one that takes so long is near it on a busy day.
_SLOW_SYNC_SECONDS: Final = 0.1
_SYNCS: Final = 5


def check_versions() -> list[Finding]:
    """What runs."""
    told = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    return [ok("versions", f"Python {platform.python_version()}, {told}, {ssl.OPENSSL_VERSION.partition('  ')[0]}, {platform.system()} {platform.release()}")]


def check_environment(environment: Mapping[str, str]) -> list[Finding]:
    """Variables that would be passed over in silence, and those with which no part starts."""
    found = [
        problem("environment", f"{name} is no setting of any part", f"did you mean {meant}…? Correct it, or `unset {name}`")
        for name, meant in misspelt(environment).items()
    ]
    found += [problem("environment", f"{name} is set: {REFUSED[name]}", f"`unset {name}`") for name in REFUSED if environment.get(name)]
    return found or [ok("environment", "nothing in it is misspelt or unsafe")]


def check_memory(root: Path = Path("/")) -> list[Finding]:
    """Memory, swap and the limits of this user."""
    found = []
    available = _available(root)
    if available is not None:
        seen = f"{available // MIB} MiB of memory are free"
        found.append(ok("memory", seen) if available >= _NEEDED_BYTES else warning("memory", seen, "give the machine 512 MiB for this service"))
    if memory_at_rest(root) is Memory.MAY_BE_SWAPPED:
        found.append(
            warning("swap", "memory may be swapped to a disk", "set MemorySwapMax=0 in the unit, as `noaber agent service --print` does, or encrypt the swap")
        )
    else:
        found.append(ok("swap", "memory does not reach a disk"))
    # It turns dumps off for itself at the start, which needs no more than that this limit can be lowered.
    found.append(ok("core dumps", "are turned off at the start"))
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    enough = files == resource.RLIM_INFINITY or files >= _FILES
    seen = "as many files as it likes" if files == resource.RLIM_INFINITY else f"{files} files at once"
    found.append(ok("open files", seen) if enough else warning("open files", seen, f"set LimitNOFILE={_FILES} in the unit, or `ulimit -n {_FILES}`"))
    return found


def check_keys(keys: Iterable[tuple[str, Path]]) -> list[Finding]:
    """Whether the files of secrets are there, and only their owner can read them."""
    found = []
    for setting, path in keys:
        try:
            seen, private = path.stat(), kept_private(path)
        except FileNotFoundError:
            found.append(problem(setting, f"there is no file {path}", f"put it there, or correct {setting}; how it is made: docs/running.md"))
            continue
        except OSError:
            found.append(problem(setting, f"{path} cannot be looked at by this user", AS_ITS_USER))
            continue
        if not stat.S_ISREG(seen.st_mode):
            found.append(problem(setting, f"{path} is no file", f"correct {setting}"))
        elif not private:
            found.append(problem(setting, f"{path} can be read by others (mode {stat.S_IMODE(seen.st_mode):o})", command("chmod", "600", path)))
        elif not os.access(path, os.R_OK):
            found.append(problem(setting, f"{path} cannot be read by this user", AS_ITS_USER))
        elif seen.st_uid not in {os.geteuid(), 0}:
            found.append(warning(setting, f"{path} is of another user", command("chown", os.geteuid(), path)))
        else:
            found.append(ok(setting, f"{path.name} is its owner's alone"))
    return found


def check_journal(folder: Path) -> list[Finding]:
    """Whether the access journal can be written where it is to stand: space, and how long a sync takes. Nothing is left there."""
    try:
        standing = next((path for path in (folder, *folder.parents) if path.is_dir()), Path("/"))
    except PermissionError:
        return [problem("journal", f"{folder} cannot be looked at by this user", AS_ITS_USER)]
    free = shutil.disk_usage(standing).free
    seen = f"{free // MIB} MiB are free below {standing}"
    space = ok("disk", seen)
    if free < _FREE_BYTES:
        then = "free the disk: without room for a line nothing is shared"
        space = (problem if free < _LITTLE_BYTES else warning)("disk", seen, then)
    return [space, _sync(standing)]


def _sync(folder: Path) -> Finding:
    try:
        # A file without a name: nothing of it stays, whatever happens.
        descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600)
    except PermissionError:
        return problem("journal", f"this user cannot write in {folder}", AS_ITS_USER)
    except OSError:
        return warning("journal", f"whether {folder} syncs cannot be tried on this file system", "watch noaber_journal_sync_seconds once it runs")
    try:
        slowest = 0.0
        for _ in range(_SYNCS):
            os.write(descriptor, bytes(1024))
            begun = time.monotonic()
            os.fdatasync(descriptor)
            slowest = max(slowest, time.monotonic() - begun)
    except OSError:
        return problem("journal", f"the disk of {folder} cannot be written", "look at the disk: `dmesg --level=err`")
    finally:
        os.close(descriptor)
    seen = f"a line is durable within {slowest * 1000:.1f} ms"
    if slowest > _SLOW_SYNC_SECONDS:
        return warning("journal", seen, "put the journal on a disk of its own: above 2000 ms nothing is shared")
    return ok("journal", seen)


def _available(root: Path) -> int | None:
    try:
        for line in (root / "proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "?"
