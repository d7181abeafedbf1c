"""A neighbouring region beside the simulated one: a register, keys, a gateway and providers of its own, and each knows the other's gateway.

Nothing is shared but the machine. Its gateway stands in our register as whoever speaks for that region's places, and ours in its.
"""

import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Final

import anyio
from anyio.from_thread import start_blocking_portal

from accord.terms.answers import Ending
from testbed.asking_places import PlacesAsker, asking_places
from testbed.free_ports import free_port
from testbed.neighbour_places import GATEWAY, HOLDERS, OPENINGS, REGION_NAME, TELEPHONE, TITLE, USER
from testbed.people import Region as Generated
from testbed.processes import Processes, ProcessFailed, Running
from testbed.region_gateway import write_gateway
from testbed.region_holders import HolderProcesses
from testbed.region_office import Introduced, RegionOffice
from testbed.region_shape import Shape

#: By what ours is known there.
OURS: Final = Introduced("testbed", "Regio Dinkelhorst", "053-5550100")
#: The name of its gateway in our register.
NAME: Final = f"regio-{REGION_NAME}"
_FOLDER: Final = "buur"
_SECONDS: Final = 8.0
_SETTLE_SECONDS: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 0.1


class NeighbourRegion:
    """The other region. Its processes end with those of ours."""

    def __init__(self, root: Path, processes: Processes, nobody: Generated) -> None:
        """*nobody*: whoever is generated; none of these providers keeps anything about them."""
        self.root = root / _FOLDER
        self.root.mkdir(mode=0o700)
        self.office = RegionOffice(self.root, region=REGION_NAME, gateway=GATEWAY)
        self.address = f"127.0.0.1:{free_port()}"
        self._processes = processes
        self._at = HolderProcesses(self.root, processes, self.office, nobody, HOLDERS, Shape(places=OPENINGS), USER)
        self._gateway: Running | None = None

    def meet(self, ours: RegionOffice, at: str) -> None:
        """Let both offices take in the other's gateway; ours, whose members are enrolled, will listen *at* this address."""
        self._at.enrol()
        ours.know(self.office, Introduced(REGION_NAME, TITLE, TELEPHONE), self.address)
        self.office.know(ours, OURS, at)

    def begin(self) -> None:
        """Start what its agents need."""
        self._at.begin()
        self.office.give(self.root / USER.name.value)
        self.office.give_keys(USER.name.value, self.root / USER.name.value)

    def wait_until_ready(self) -> None:
        """Start its agents and then its gateway, which finds nobody gone so.

        Raises:
            ProcessFailed: Somebody did not start.
        """
        self._at.start_agents(frozenset())
        self._gateway = self._processes.start(write_gateway(self.root, self.office, self._at.files.values(), seconds=_SECONDS, grpc=self.address))
        self._gateway.wait_until_ready("ready")

    def asker(self) -> AbstractAsyncContextManager[PlacesAsker]:
        """The way of its hospital to its own gateway."""
        return asking_places(self.root / USER.name.value, USER.ura, self.address, GATEWAY)

    def kill(self) -> None:
        """End its gateway as `kill -9` does."""
        self._processes.kill(self._running())

    def start_again(self) -> None:
        """Start it again, where it was.

        Raises:
            ProcessFailed: It did not start.
        """
        self._gateway = self._processes.start(self._running().program)
        self._gateway.wait_until_ready("ready")

    def settle(self, ours: AbstractAsyncContextManager[PlacesAsker], ending: Ending = Ending.ANSWERED) -> None:
        """Wait until our gateway finds this region in such a state; *ours* is a way to ask it.

        Raises:
            ProcessFailed: It did not come to that.
        """
        until = time.monotonic() + _SETTLE_SECONDS

        async def wait() -> None:
            async with ours as asker:
                while (told := (await asker.ask(holders=[NAME], patience=_SECONDS / 2, hops=1)).endings.get(NAME, "")) != ending.value:
                    if time.monotonic() > until:
                        raise ProcessFailed(REGION_NAME, f"is {told} and should be {ending.value}")
                    await anyio.sleep(_LOOK_AGAIN_SECONDS)

        # In a thread of its own: whoever asks may run a loop.
        with start_blocking_portal() as portal:
            portal.call(wait)

    @property
    def journal(self) -> Path:
        """The journal of its gateway."""
        return self.root / "gateway" / "journal"

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop its gateway as it stands, or let it go on."""
        self._processes.signal(self._running(), SIGSTOP if frozen else SIGCONT)

    def freeze_agent(self, holder: str, *, frozen: bool = True) -> None:
        """The same of one of its agents."""
        agent = self._at.agent_of(holder)
        if agent is not None:
            self._processes.signal(agent, SIGSTOP if frozen else SIGCONT)

    def _running(self) -> Running:
        if self._gateway is None:
            raise ProcessFailed(REGION_NAME, "its gateway was never started")
        return self._gateway
