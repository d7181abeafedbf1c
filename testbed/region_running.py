"""A region of processes that runs: where its faces are, what it answers, and how it stands."""

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from accord.terms.answers import Ending
from testbed import asking, faults
from testbed.asking import Dossier
from testbed.faults import FaultKind
from testbed.holders import BY_NAME, FictionalHolder
from testbed.kept_records import kept_records
from testbed.neighbour import NeighbourRegion
from testbed.people import DINA
from testbed.people import Region as Generated
from testbed.processes import Processes, ProcessFailed, Running
from testbed.region_connect import faces_of, write_connect
from testbed.region_desk import JoiningDesk
from testbed.region_files import DATA_USER, PROFESSIONAL, HolderFiles
from testbed.region_holders import HolderProcesses
from testbed.region_office import RegionOffice
from testbed.region_patients import PatientPages
from testbed.region_settling import until_it_ends, until_it_states
from testbed.region_shape import Shape
from testbed.region_story import NOBODY
from testbed.region_viewer import ViewerPages

#: An application waits this much longer than the gateway, so that the account arrives.
_BEYOND_SECONDS: Final = 5.0


class RunningRegion:
    """What can be asked of a region that runs, whoever started it."""

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
        self.neighbour: NeighbourRegion | None = None
        self._shape = shape
        self._at = HolderProcesses(root, processes, self.office, generated, self.holders, shape)
        self._pages: PatientPages | None = None
        self._viewer: ViewerPages | None = None
        self._gateway: Running | None = None
        self._connect: Running | None = None
        self._spoilt: dict[str, FaultKind] = {}

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

    def settle(self, holder: str, endings: frozenset[Ending] = faults.HEARD) -> None:
        """Wait until the gateway finds the holder in such a state.

        Raises:
            ProcessFailed: It did not come to that.
        """
        if self._shape.more.get(holder, {}).get("holder", {}).get("shadow"):
            endings = frozenset({Ending.PAUSED})  # so it ends for as long as it runs
        if self._at.files[holder].holder.answers:
            until_it_ends(lambda: self.ask(NOBODY, holders=[holder]).holders[holder], holder, endings)
        elif self._gateway is None:
            raise ProcessFailed(holder, "there is no gateway yet")
        else:
            until_it_states(self.root / "connect", self._gateway.told, holder)

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
