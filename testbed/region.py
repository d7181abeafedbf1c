"""A simulated region as real processes: sources, agents and a gateway, started, asked, spoilt and ended.

with BlockingRegion.start() as region:
    region.fault("pharmacy", "slow", seconds=2.4)
    dossier = region.ask("999984056")

async with Region.start() as region:
    ...  # the same, awaited
"""

import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Self

import anyio.to_thread

from accord.terms.answers import Ending
from testbed import asking, faults
from testbed.asking import Dossier
from testbed.faults import FaultKind
from testbed.holders import BY_NAME, FictionalHolder
from testbed.kept_records import kept_records
from testbed.people import DINA, generate
from testbed.people import Region as Generated
from testbed.processes import Processes, ProcessFailed, Running
from testbed.region_connect import faces_of, write_connect
from testbed.region_desk import JoiningDesk, open_desk
from testbed.region_files import DATA_USER, PROFESSIONAL, HolderFiles, More, Shape, write_gateway
from testbed.region_holders import HolderProcesses
from testbed.region_office import RegionOffice
from testbed.region_patients import PatientPages, start_logins
from testbed.region_story import NOBODY, SLOW_SECONDS, STORY_FAULTS, story_holders
from testbed.region_viewer import ViewerPages, start_ehr

_SETTLE_SECONDS: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 0.1
#: An application waits this much longer than the gateway, so that the account arrives.
_BEYOND_SECONDS: Final = 5.0
#: Of a gateway that is patient, in its own settings: a busy machine makes nobody silent.
_PATIENCE: Final[Mapping[str, float]] = {"locate_seconds": 4.0, "first_frame_seconds": 10.0, "between_frames_seconds": 10.0}
#: Everybody who has a name, and somebody else.
_FEWEST_PEOPLE: Final = 40
#: Changes what was generated before anything starts: for plants, and for tests that need another record.
Change = Callable[[Generated], Generated]


class BlockingRegion:
    """A region that runs. Made by `start`; everything it made is gone when its context ends."""

    def __init__(self, root: Path, processes: Processes, generated: Generated, holders: Iterable[FictionalHolder], seconds: float, shape: Shape) -> None:
        self.root = root
        self.generated = generated
        self.holders = tuple(holders)
        self.gateway_address = ""
        self.fhir_url = ""
        #: Of an application that is trusted to say who is at work; the region's own, and gone with it.
        self.token = secrets.token_urlsafe(32)
        self._seconds = seconds
        self._processes = processes
        self.office = RegionOffice(root)
        self.desk: JoiningDesk | None = None
        self._shape = shape
        self._at = HolderProcesses(root, processes, self.office, generated, self.holders, shape)
        self._pages: PatientPages | None = None
        self._viewer: ViewerPages | None = None
        self._gateway: Running | None = None
        self._connect: Running | None = None
        self._spoilt: dict[str, FaultKind] = {}

    @classmethod
    @contextmanager
    def start(
        cls,
        *,
        holders: Iterable[str] | None = None,
        seed: int = 2026,
        people: int = 60,
        story: bool = True,
        seconds: float = 8.0,
        addresses: tuple[str, str] = ("127.0.0.1:0", "127.0.0.1:0"),
        change: Change | None = None,
        more: More | None = None,
        patients: bool = False,
        desk: str = "",
        housed: Collection[str] = (),
        outbound: Collection[str] = (),
        patient: bool = False,
        viewer: bool = False,
    ) -> Iterator[Self]:
        """Start a region, and end it with the context.

        *holders* are names of `testbed.holders`, those of the story by default; *story* lets its night begin: the
        out-of-hours post dead, the ambulance frozen, the pharmacy slow. *seconds* is the longest a question may take,
        *addresses* those of the gateway's HTTP and gRPC faces. *more* are settings beside the usual ones, by holder (or
        `gateway`) and section. *patients*: with the patient's pages, and where patients log in. *desk*: where the office's
        joining desk listens, if it does. *housed* are holders that have one agent together, *outbound* those without a port.
        *patient*: the gateway gives holders longer than it usually does, for whoever asks about something else than time.
        *viewer*: with the clinician's viewer at the data user's side, and the health record that launches it.

        Raises:
            ProcessFailed: A process did not start.
            KeyError: A holder is not one of the testbed's.
        """
        chosen = story_holders() if holders is None else tuple(BY_NAME[name] for name in holders)
        root = Path(tempfile.mkdtemp(prefix="noaber-"))  # for its owner only
        try:
            with Processes() as processes:
                generated = generate(seed, max(people, _FEWEST_PEOPLE))
                shape = Shape(more or {}, frozenset(housed), frozenset(outbound), change is None, _PATIENCE if patient else {})
                region = cls(root, processes, change(generated) if change else generated, chosen, seconds, shape)
                if patients:
                    region._pages = start_logins(root, processes, region.office)
                if viewer:
                    region._viewer = start_ehr(root, processes)
                region._begin(STORY_FAULTS if story else (), addresses, desk)
                yield region
        finally:
            shutil.rmtree(root, ignore_errors=True)

    @property
    def files(self) -> Mapping[str, HolderFiles]:
        """Where everything of each holder is, by name."""
        return self._at.files

    @property
    def patients_url(self) -> str:
        """Where the patient's pages are; empty when there are none."""
        return self._pages.url if self._pages else ""

    @property
    def viewer_url(self) -> str:
        """Where the clinician's viewer is; empty when there is none."""
        return self._viewer.url if self._viewer else ""

    @property
    def ehr_url(self) -> str:
        """Where the health record is from which clinicians open the viewer; empty when there is none."""
        return self._viewer.ehr if self._viewer else ""

    @property
    def spoilt(self) -> Mapping[str, FaultKind]:
        """What is the matter now, by holder."""
        return dict(self._spoilt)

    def ask(
        self, bsn: str = DINA.bsn, *, birth_date: str = "", seconds: float | None = None, holders: Iterable[str] = (), types: Iterable[str] = ()
    ) -> Dossier:
        """Ask the whole region, or some holders, about one person, over gRPC. Nothing is folded here.

        Raises:
            RegionDidNotAnswer: The gateway refused the question.
        """
        question = asking.request(bsn, birth_date=birth_date, holders=holders, types=types)
        return asking.ask(self.gateway_address, question, seconds if seconds is not None else self._seconds + _BEYOND_SECONDS)

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

    def settle(self, holder: str, endings: frozenset[Ending] = faults.HEARD) -> None:
        """Wait until the gateway finds the holder in such a state.

        Raises:
            ProcessFailed: It did not come to that.
        """
        if self._shape.more.get(holder, {}).get("holder", {}).get("shadow"):
            endings = frozenset({Ending.PAUSED})  # so it ends for as long as it runs
        until = time.monotonic() + _SETTLE_SECONDS
        while (line := self.ask(NOBODY, holders=[holder]).holders[holder]).ending not in endings:
            if time.monotonic() > until:
                raise ProcessFailed(holder, f"is {line.ending} {line.code} and should be {' or '.join(sorted(endings))}")
            time.sleep(_LOOK_AGAIN_SECONDS)

    def connect(self, name: str, *, user: str = DATA_USER, token: str = "", professional: Mapping[str, str] = PROFESSIONAL) -> tuple[str, str]:
        """Start one more proxy, of any data user; returns its FHIR base and where it speaks gRPC. See `region_connect.write_connect`.

        Raises:
            ProcessFailed: It did not start.
        """
        if self._gateway is None:
            raise ProcessFailed(name, "there is no gateway yet")
        own = write_connect(
            self.root, self.office, self._gateway.told, user=user, ura=BY_NAME[user].ura.value, name=name, token=token, professional=professional
        )
        return faces_of(self._processes.start(own))

    def kept(self, holder: str) -> Mapping[str, bytes]:
        """What a holder's own source has, by reference: the bytes that must reach a reader."""
        return kept_records(self._at.files[holder], self.generated.kept[holder])

    def process_of(self, name: str) -> Running | None:
        """The process of a holder's agent, of the `gateway`, or of `connect`; none when it is not running."""
        return {"gateway": self._gateway, "connect": self._connect}.get(name) or self._at.agent_of(name)

    def _begin(self, story: Iterable[tuple[str, FaultKind, float]], addresses: tuple[str, str], desk: str) -> None:
        ahead = {name: (kind, seconds) for name, kind, seconds in story if name in self._at.files}
        self._spoilt = {name: kind for name, (kind, _) in ahead.items() if kind is FaultKind.DEAD}
        self._at.begin()
        http, grpc = addresses
        sections = dict(self._shape.more.get("gateway", {})) | ({"patients": self._pages.settings} if self._pages else {})
        if desk:
            self.desk = open_desk(self._processes, self.office, desk)
            sections["office"] = self.desk.settings
        gateway = write_gateway(self.root, self.office, self._at.files.values(), seconds=self._seconds, sections=sections, **self._shape.patience)
        self._gateway = self._processes.start(gateway)
        alive = self._at.start_agents(frozenset(self._spoilt))
        # Whoever asks does so through the data user's own proxy, which holds the key that the gateway never has.
        told, ura = self._gateway.wait_until_ready("ready"), BY_NAME[DATA_USER].ura.value
        connect = write_connect(self.root, self.office, told, http=http, grpc=grpc, ura=ura, token=self.token, without_token=True, viewer=self._viewer)
        self._connect = self._processes.start(connect)
        self.fhir_url, self.gateway_address = faces_of(self._connect)
        for name in alive:
            self.settle(name)
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


class Region:
    """A region that runs, for whoever has an event loop: as `BlockingRegion`, awaited."""

    def __init__(self, blocking: BlockingRegion) -> None:
        self.blocking = blocking

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        holders: Iterable[str] | None = None,
        seed: int = 2026,
        people: int = 60,
        story: bool = True,
        seconds: float = 8.0,
        outbound: Collection[str] = (),
    ) -> AsyncIterator["Region"]:
        """Start a region, and end it with the context; see `BlockingRegion.start`."""
        starting = BlockingRegion.start(holders=holders, seed=seed, people=people, story=story, seconds=seconds, outbound=outbound)
        blocking = await anyio.to_thread.run_sync(starting.__enter__)
        try:
            yield cls(blocking)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(starting.__exit__, None, None, None)

    @property
    def fhir_url(self) -> str:
        """Base address of the merged FHIR view."""
        return self.blocking.fhir_url

    @property
    def gateway_address(self) -> str:
        """Where the gateway speaks gRPC."""
        return self.blocking.gateway_address

    async def ask(self, bsn: str = DINA.bsn, *, birth_date: str = "", seconds: float = 13.0, holders: Iterable[str] = (), types: Iterable[str] = ()) -> Dossier:
        """As `BlockingRegion.ask`.

        Raises:
            RegionDidNotAnswer: The gateway refused the question.
        """
        question = asking.request(bsn, birth_date=birth_date, holders=holders, types=types)
        return await asking.ask_later(self.gateway_address, question, seconds)

    async def fault(self, holder: str, kind: FaultKind | str, *, seconds: float = SLOW_SECONDS) -> None:
        """As `BlockingRegion.fault`."""
        await anyio.to_thread.run_sync(partial(self.blocking.fault, holder, kind, seconds=seconds))

    async def heal(self, holder: str) -> None:
        """As `BlockingRegion.heal`."""
        await anyio.to_thread.run_sync(self.blocking.heal, holder)
