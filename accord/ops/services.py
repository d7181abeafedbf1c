"""A systemd unit for one very configuration: its paths, its user, its secrets, and nothing else within reach."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import UNIT

#: Where people live.
_HOMES: Final = (Path("/home"), Path("/root"), Path("/run/user"))
#: Each closes a way by which something of a patient could reach a disk, or somebody the process.
_HARDENED: Final = """\
LimitCORE=0
MemorySwapMax=0
MemoryMax=512M
ProtectSystem=strict
PrivateTmp=yes
PrivateMounts=yes
RemoveIPC=yes
PrivateDevices=yes
ProtectProc=invisible
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0077
"""


@dataclass(frozen=True, slots=True)
class Service:
    """What a unit is made of. *written* are folders where it writes, *secrets* files by the setting that names them."""

    description: str
    program: Path
    arguments: tuple[str, ...]
    user: str
    folder: Path
    written: tuple[Path, ...]
    secrets: tuple[tuple[str, Path], ...] = ()

    def unit(self) -> str:
        """The text of the unit.

        Raises:
            BadInput: `invalid-setting`: a path holds what a unit cannot.
        """
        command = " ".join(_quoted(part) for part in (str(self.program), *self.arguments))
        return "".join(
            (
                f"[Unit]\nDescription={_plain(self.description)}\nWants=network-online.target\nAfter=network-online.target\n\n",
                f"[Service]\nType=notify\nNotifyAccess=main\nWatchdogSec=30\nTimeoutStartSec=120\nUser={_plain(self.user)}\n",
                f"WorkingDirectory={_plain(str(self.folder))}\nExecStart={command}\nRestart=on-failure\nRestartSec=2\nTimeoutStopSec=20\n",
                "".join(f"LoadCredential={setting}:{_plain(str(path))}\n" for setting, path in self.secrets),
                "# Nothing of a patient reaches a disk: no core dump, no swap, and nothing is writable but these folders.\n",
                "".join(f"ReadWritePaths={_plain(str(path))}\n" for path in _outermost(self.written)),
                self._homes(),
                _HARDENED,
                "\n[Install]\nWantedBy=multi-user.target\n",
            )
        )

    @property
    def at_home(self) -> list[Path]:
        """What it needs of people's home directories, which a service had better stay out of."""
        needed = (self.folder, *self.written, self.program.parent.parent, *(path for _, path in self.secrets))
        return _outermost(path for path in needed if any(path.is_relative_to(home) for home in _HOMES))

    def _homes(self) -> str:
        """Home directories are out of its sight; where it is installed in one, all but what it needs of it."""
        if not self.at_home:
            return "ProtectHome=yes\n"
        written = _outermost(self.written)
        lines = [
            "# It needs something below a home directory: all else there stays out of its sight. Below /etc, /opt and /var/lib it would need nothing there.\n"
        ]
        lines.append("ProtectHome=tmpfs\n")
        lines += [f"BindReadOnlyPaths={_plain(str(path))}\n" for path in self.at_home if path not in written]
        lines += [f"BindPaths={_plain(str(path))}\n" for path in written if any(path.is_relative_to(home) for home in _HOMES)]
        return "".join(lines)


def _outermost(paths: Iterable[Path]) -> list[Path]:
    told = sorted(set(paths))
    return [path for path in told if not any(other in path.parents for other in told)]


def _quoted(part: str) -> str:
    return shlex.quote(_plain(part)) if part != shlex.quote(part) else part


def _plain(text: str) -> str:
    if not text.isprintable() or set(text) & set("%'\"") or (text.startswith("/") and " " in text):
        raise BadInput(Fault.INVALID_SETTING, "a path or name that a unit cannot hold: leave out blanks, quotes and %", then=UNIT)
    return text
