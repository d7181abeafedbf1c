"""Whether what is in memory may reach a disk as swap, and how it is kept from it (attack F7)."""

import ctypes
import resource
import sys
from enum import StrEnum
from pathlib import Path
from typing import Final

#: Current pages, future pages, and each only once it is used: without the last, every reserved stack would count.
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_CAP_IPC_LOCK: Final = 14


class Memory(StrEnum):
    """What becomes of memory when the machine is short of it."""

    NO_SWAP = "no-swap"
    """There is no swap, or this service may use none of it."""
    LOCKED = "locked"
    """There is, and this process is kept out of it."""
    MAY_BE_SWAPPED = "may-be-swapped"
    """There is, and this process may not be kept out: encrypt it, or turn it off for this service."""


def memory_at_rest(root: Path = Path("/")) -> Memory:
    """Find out, and lock memory where there is swap and this process may. *root* is where `proc` and `sys` are."""
    if not sys.platform.startswith("linux"):
        return Memory.MAY_BE_SWAPPED
    if not _has_swap(root) or _may_use_none(root):
        return Memory.NO_SWAP
    return Memory.LOCKED if _may_lock(root) and _lock() else Memory.MAY_BE_SWAPPED


def _has_swap(root: Path) -> bool:
    """Whether a swap area is in use on this machine; so when that cannot be read."""
    try:
        # One line of headings, then one for each area.
        return len((root / "proc/swaps").read_text(encoding="utf-8").splitlines()) > 1
    except OSError:
        return True


def _may_use_none(root: Path) -> bool:
    """Whether the control group of this service, or one above it, has no share of the swap."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        inside = next(line.removeprefix("0::/") for line in lines if line.startswith("0::/"))
    except (OSError, StopIteration):
        return False
    top = root / "sys/fs/cgroup"
    group = top / inside
    groups = [group, *group.parents]
    return any(_reads_zero(folder / "memory.swap.max") for folder in groups[: groups.index(top) + 1])


def _reads_zero(path: Path) -> bool:
    try:
        return path.read_text(encoding="ascii").strip() == "0"
    except OSError:
        return False


def _may_lock(root: Path) -> bool:
    """Whether all memory may be locked: under a limit, the first allocation above it would end the process."""
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    try:
        lines = (root / "proc/self/status").read_text(encoding="utf-8").splitlines()
        effective = next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    except (OSError, StopIteration, ValueError):
        return False
    return bool(effective >> _CAP_IPC_LOCK & 1)


def _lock() -> bool:
    flags = ctypes.c_int(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT)
    return int(ctypes.CDLL(None, use_errno=True).mlockall(flags)) == 0
