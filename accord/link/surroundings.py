"""What a process must find around it before it may serve (nothing that would leak what must not leak), and how it keeps house."""

import ctypes
import gc
import os
import resource
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from google.protobuf.internal import api_implementation

from accord.link.swapping import Memory, memory_at_rest
from accord.terms.faults import BadInput, Fault

_log = structlog.get_logger("noaber.surroundings")

#: Whatever their value is, they are refused. Each beside what it would do.
REFUSED: Final[Mapping[str, str]] = {
    "GRPC_TRACE": "prints headers, and so tokens",
    "SSLKEYLOGFILE": "writes the keys of every TLS connection to a file",
    "GRPC_SSL_CIPHER_SUITES": "chooses weaker ciphers than the region agreed on",
    "grpc_proxy": "would send gRPC by way of somebody else",
    "GRPC_PROXY": "the same",
    "PYTHONASYNCIODEBUG": "prints the arguments of slow calls",
    "PYTHONDEVMODE": "the same, and more",
    "PYTHONFAULTHANDLER": "prints where a crash was to wherever the error stream goes",
    "PYTHONINSPECT": "leaves a prompt open on what is in memory",
    "LD_PRELOAD": "puts code of somebody else into the process",
    "LD_AUDIT": "the same",
}
_PR_GET_DUMPABLE: Final = 3
_PR_SET_DUMPABLE: Final = 4


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was found, and could not be refused. `memory` says what may become of memory when the machine is short of it."""

    memory: Memory


def collect_garbage_rarely() -> None:
    """Keep the collector from walking, again and again while answers pass, what was loaded at the start and stays.

    An answer makes thousands of values and no circles of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def check_surroundings(*, settings: Iterable[Path] = ()) -> Surroundings:
    """Refuse to start where content could leak, and close the ways by which memory reaches a disk.

    Afterwards the process writes no core dump, also where a program collects them, and no other process of this user can
    look into its memory. *settings* are the files that were read. Where memory may be swapped and cannot be locked, that is
    a warning in the log: encrypted swap, or none, is the operator's to arrange.

    Raises:
        BadInput: `unsafe-environment`, naming the variable, the library or the file.
    """
    _check_environment(os.environ)
    _check_places(settings)
    _leave_no_core()
    surroundings = Surroundings(memory_at_rest())
    if surroundings.memory is Memory.MAY_BE_SWAPPED:
        _log.warning("memory may be swapped to a disk: turn swap off for this service, or encrypt it", setting="MemorySwapMax=0")
    return surroundings


def is_dumpable() -> bool:
    """Whether this process may leave a core dump, and be looked into by others of its user."""
    return not sys.platform.startswith("linux") or _prctl(_PR_GET_DUMPABLE) != 0


def _check_environment(environment: Mapping[str, str]) -> None:
    for name in REFUSED:
        if environment.get(name):
            raise BadInput(Fault.UNSAFE_ENVIRONMENT, name)
    if environment.get("GRPC_VERBOSITY", "").lower() == "debug":
        raise BadInput(Fault.UNSAFE_ENVIRONMENT, "GRPC_VERBOSITY")
    if sys.flags.dev_mode or sys.flags.inspect:
        raise BadInput(Fault.UNSAFE_ENVIRONMENT, "python -X dev or -i")
    if api_implementation.Type() != "upb":
        # The pure-Python implementation recurses as deeply as a message wants (CVE-2025-4565).
        raise BadInput(Fault.UNSAFE_ENVIRONMENT, "protobuf without upb")


def _check_places(settings: Iterable[Path]) -> None:
    """Nobody else may put something where we look, or change what we read."""
    working = Path()
    if _is_for_everybody(working):
        raise BadInput(Fault.UNSAFE_ENVIRONMENT, "the working folder is writable for everybody")
    for path in settings:
        folder = path.resolve().parent
        # In a sticky folder nobody can replace a file of ours.
        if _is_for_everybody(path) or (_is_for_everybody(folder) and not folder.stat().st_mode & stat.S_ISVTX):
            raise BadInput(Fault.UNSAFE_ENVIRONMENT, f"{path.name} is writable for everybody")


def _is_for_everybody(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IWOTH)
    except OSError:
        raise BadInput(Fault.UNSAFE_ENVIRONMENT, f"{path.name or 'the working folder'} cannot be looked at") from None


def _leave_no_core() -> None:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        raise BadInput(Fault.UNSAFE_ENVIRONMENT, "the limit on core dumps cannot be lowered") from None
    if resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
        raise BadInput(Fault.UNSAFE_ENVIRONMENT, "the limit on core dumps cannot be lowered")
    # A core dump that is piped to a program, as systemd does, heeds no limit; it heeds this.
    if sys.platform.startswith("linux") and (_prctl(_PR_SET_DUMPABLE, 0) != 0 or is_dumpable()):
        raise BadInput(Fault.UNSAFE_ENVIRONMENT, "core dumps cannot be turned off")


def _prctl(option: int, value: int = 0) -> int:
    zero = ctypes.c_ulong(0)
    return int(ctypes.CDLL(None, use_errno=True).prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero))
