"""A region for whoever has no event loop: started with everybody in it, spoilt, healed, and ended."""

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from accord.terms.answers import Ending
from testbed import faults
from testbed.faults import FaultKind
from testbed.free_ports import free_port
from testbed.holders import BY_NAME, FictionalHolder
from testbed.neighbour import NeighbourRegion
from testbed.people import Region as Generated
from testbed.people import generate
from testbed.places import FictionalOpening
from testbed.processes import Processes
from testbed.region_connect import faces_of, write_connect
from testbed.region_desk import open_desk
from testbed.region_files import DATA_USER, HolderFiles
from testbed.region_gateway import write_gateway
from testbed.region_patients import start_logins
from testbed.region_running import RunningRegion
from testbed.region_shape import More, Shape
from testbed.region_story import SLOW_SECONDS, STORY_FAULTS, story_holders
from testbed.region_viewer import start_ehr

_ANY_PORT: Final = "127.0.0.1:0"
#: Of a gateway that is patient, in its own settings: a busy machine makes nobody silent.
_PATIENCE: Final[Mapping[str, float]] = {"locate_seconds": 4.0, "first_frame_seconds": 10.0, "between_frames_seconds": 10.0}
#: Everybody who has a name, and somebody else.
_FEWEST_PEOPLE: Final = 40
#: Changes what was generated before anything starts: for plants, and for tests that need another record.
Change = Callable[[Generated], Generated]


class BlockingRegion(RunningRegion):
    """A region that runs. Made by `start`; everything it made is gone when its context ends."""

    @classmethod
    @contextmanager
    def start(
        cls,
        *,
        holders: Iterable[str | FictionalHolder] | None = None,
        seed: int = 2026,
        people: int = 60,
        story: bool = True,
        seconds: float = 8.0,
        addresses: tuple[str, str] = (_ANY_PORT, _ANY_PORT),
        change: Change | None = None,
        more: More | None = None,
        patients: bool = False,
        desk: str = "",
        housed: Collection[str] = (),
        outbound: Collection[str] = (),
        patient: bool = False,
        viewer: bool = False,
        places: Mapping[str, tuple[FictionalOpening, ...]] | None = None,
        planners: bool = False,
        neighbour: bool = False,
    ) -> Iterator[Self]:
        """Start a region, and end it with the context.

        *holders* are names of `testbed.holders`, or others; those of the story by default; *story* lets its night begin: the
        out-of-hours post dead, the ambulance frozen, the pharmacy slow. *seconds* is the longest a question may take,
        *addresses* those of the gateway's HTTP and gRPC faces. *more* are settings beside the usual ones, by holder (or
        `gateway`) and section. *patients*: with the patient's pages, and where patients log in. *desk*: where the office's
        joining desk listens, if it does. *housed* are holders that have one agent together, *outbound* those without a port.
        *patient*: the gateway gives holders longer than it usually does, for whoever asks about something else than time.
        *viewer*: with the clinician's viewer at the data user's side, and the health record that launches it. *places*: what
        holders have free as the region begins (`testbed.places.OPENINGS`), by name; *planners*: and each has a planners' page.
        *neighbour*: another region lies beside it, and both see each other's places (`testbed.neighbour`).

        Raises:
            ProcessFailed: A process did not start.
            KeyError: A holder is not one of the testbed's.
        """
        chosen = story_holders() if holders is None else tuple(BY_NAME[one] if isinstance(one, str) else one for one in holders)
        root = Path(tempfile.mkdtemp(prefix="noaber-"))  # for its owner only
        try:
            with Processes() as processes:
                generated = generate(seed, max(people, _FEWEST_PEOPLE))
                shape = Shape(more or {}, frozenset(housed), frozenset(outbound), change is None, _PATIENCE if patient else {}, places or {}, planners)
                region = cls(root, processes, change(generated) if change else generated, chosen, seconds, shape)
                if patients:
                    region._pages = start_logins(root, processes, region.office)
                if viewer:
                    region._viewer = start_ehr(root, processes)
                if neighbour:
                    region.neighbour = NeighbourRegion(root, processes, region.generated)
                region._begin(STORY_FAULTS if story else (), addresses, desk)
                yield region
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def fault(self, holder: str, kind: FaultKind | str, *, seconds: float = SLOW_SECONDS) -> None:
        """Let a holder (by name, or the first of a kind such as "pharmacy") misbehave; see `testbed.faults`.

        *seconds* is how long `slow` takes. What was the matter with it before is over. Returns when the gateway
        notices.

        Raises:
            UnknownHolder: No holder is meant by the word.
            ProcessFailed: A process that is needed for it did not start.
            ValueError: No fault has this name.
        """
        wanted = FaultKind(kind)
        files = self._repaired(holder)
        self._at.spoil(files, wanted, seconds)
        self._spoilt[files.name] = wanted
        endings = faults.ENDS_IN.get(wanted, faults.HEARD)
        # Of one without a port, the signs of life may stay out before anybody asks.
        silent = {Ending.UNREACHABLE} if wanted is FaultKind.FROZEN and files.outbound else set()
        self.settle(files.name, endings | silent)

    def heal(self, holder: str) -> None:
        """Put right whatever is the matter with a holder, and wait until the gateway reaches it again.

        Raises:
            UnknownHolder: No holder is meant by the word.
            ProcessFailed: Its agent did not start.
        """
        self.settle(self._repaired(holder).name)

    def restore(self, before: Mapping[str, FaultKind]) -> None:
        """Put right what came since, and spoil again what was put right.

        Raises:
            ProcessFailed: A process did not start.
        """
        for name, kind in self.spoilt.items():
            if before.get(name) is not kind:
                self.heal(name)
        for name, kind in before.items():
            if self._spoilt.get(name) is not kind:
                self.fault(name, kind)

    def _begin(self, story: Iterable[tuple[str, FaultKind, float]], addresses: tuple[str, str], desk: str) -> None:
        ahead = {name: (kind, seconds) for name, kind, seconds in story if name in self._at.files}
        self._spoilt = {name: kind for name, (kind, _) in ahead.items() if kind is FaultKind.DEAD}
        self._at.enrol()
        between = _ANY_PORT
        if self.neighbour is not None:
            # Both must be told where the other is before either begins.
            self.neighbour.meet(self.office, between := f"127.0.0.1:{free_port()}")
            self.neighbour.begin()
        self._at.begin()
        http, grpc = addresses
        sections = dict(self._shape.more.get("gateway", {})) | ({"patients": self._pages.settings} if self._pages else {})
        if desk:
            self.desk = open_desk(self._processes, self.office, desk)
            sections["office"] = self.desk.settings
        everyone = self._at.files.values()
        gateway = write_gateway(self.root, self.office, everyone, seconds=self._seconds, sections=sections, grpc=between, **self._shape.patience)
        self._gateway = self._processes.start(gateway)
        alive = self._at.start_agents(frozenset(self._spoilt))
        # Whoever asks does so through the data user's own proxy, which holds the key that the gateway never has.
        told, ura = self._gateway.wait_until_ready("ready"), BY_NAME[DATA_USER].ura.value
        connect = write_connect(
            self.root,
            self.office,
            told,
            http=http,
            grpc=grpc,
            ura=ura,
            token=self.token,
            without_token=True,
            viewer=self._viewer,
            places=bool(self._shape.places),
        )
        self._connect = self._processes.start(connect)
        self.fhir_url, self.gateway_address = faces_of(self._connect)
        for name in alive:
            self.settle(name)
        if self.neighbour is not None:
            self.neighbour.wait_until_ready()
        for name, (kind, seconds) in ahead.items():
            if kind is not FaultKind.DEAD:
                self.fault(name, kind, seconds=seconds)

    def _repaired(self, holder: str) -> HolderFiles:
        files = self._at.files[faults.holder_meant(holder, self.holders).name.value]
        kind = self._spoilt.pop(files.name, None)
        if kind is not None:
            self._at.repair(files, kind)
            self.settle(files.name)
        return files
