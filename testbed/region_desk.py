"""The joining desk of a simulated region: whoever tries things out lets an agent of their own join by it."""

from dataclasses import dataclass
from typing import Final

from testbed.processes import Processes, Program
from testbed.region_files import agents_door
from testbed.region_office import RegionOffice

#: A demonstration is looked at: nobody wants to wait half a minute.
_FOLLOW_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class JoiningDesk:
    """A desk that is open; it ends with the region. `url` is where agents find it, and the gateway."""

    url: str

    @property
    def settings(self) -> dict[str, str | bool | float]:
        """The section `[office]` of a process that hears of newcomers there."""
        return {"desk": self.url, "follow_seconds": _FOLLOW_SECONDS}


def open_desk(processes: Processes, office: RegionOffice, listen: str) -> JoiningDesk:
    """Open the office's desk at an address, and tell agents without a port the gateway's door.

    Raises:
        ProcessFailed: It did not start.
    """
    root = office.folder.parent
    arguments = ("serve", "--folder", str(office.folder), "--listen", listen, "--door", agents_door(root))
    desk = processes.start(Program("the office: joining desk", "accord.region_cli:app", arguments, root / "desk"))
    return JoiningDesk(f"https://{desk.wait_until_ready('ready').split()[1]}")
