"""Who asks for places in a small region: a process of the testbed that does what it is told, or a real proxy, as a program of its organisation asks it."""

import json
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import grpc

from accord.wire.v1 import placing_service_pb2 as pb
from accord.wire.v1.placing_service_pb2_grpc import PlacingServiceStub
from testbed.people import DINA
from testbed.places_crowd import KIND
from testbed.placing_asker import STORE
from testbed.processes import Processes, ProcessFailed, Program, Running
from testbed.region_files import DATA_USER
from testbed.region_places import CONNECT, GATEWAY, PlacesRegion, faces

ASKER: Final = "asker"
_SECONDS: Final = 20.0
_PUT_SECONDS: Final = 60.0
_TRY_AGAIN_SECONDS: Final = 0.05
_REPLY_BY: Final = timedelta(hours=4)
#: Whoever is back is called at once; and all searches come in one message.
_CHANNEL: Final = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.max_receive_message_length", -1),
)

#: A provider, its service, and the opening that is asked for.
Wanted = tuple[str, str, str]


class Gone(Exception):
    """The asker died, or refused, before it said that the request is on disk."""


class AskingEnd(Protocol):
    """Whoever asks. `begun` are the searches that it ever said to have on disk, whether anybody was asked for them or not."""

    name: str
    begun: set[str]

    @property
    def folder(self) -> Path:
        """Where its searches, their keys and their journal are."""

    def ask(self, of: Sequence[Wanted]) -> str:
        """Put one request to these; returns its id once it is on disk.

        Raises:
            Gone: Whether it has the request, nobody can say.
        """

    def known(self) -> set[str] | None:
        """The searches that it says to have; none where it is not asked.

        Raises:
            Gone: It does not answer.
        """

    def kill(self) -> None:
        """End it as `kill -9` does."""

    def start_again(self) -> None:
        """Start it where it was."""


class OwnProcess:
    """The asker of the testbed (`testbed.placing_asker`), with the keys of the data user."""

    def __init__(self, region: PlacesRegion, processes: Processes) -> None:
        self.name = ASKER
        self.begun: set[str] = set()
        self._processes = processes
        own = region.root / ASKER
        self.folder: Path = (own / STORE).parent
        self._socket = region.root / "s" / ASKER
        region.office.give(own, follows=True)
        region.office.give_keys(DATA_USER, own)
        gateway = region.process_of(GATEWAY)
        if gateway is None:
            raise ProcessFailed(GATEWAY, "is not running")
        arguments = (str(own), faces(gateway.told)["grpc"], str(self._socket))
        self._program = Program(ASKER, "testbed.placing_asker:main", arguments, own)
        self._running: Running = self._started()

    def ask(self, of: Sequence[Wanted]) -> str:
        """See `AskingEnd`."""
        said = self.say({"ask": [list(one) for one in of]})
        if "case" not in said:
            raise Gone(said.get("fault", ""))
        self.begun.add(said["case"])
        return str(said["case"])

    def known(self) -> set[str] | None:
        """See `AskingEnd`. It tells of one at a time."""
        return None

    def kill(self) -> None:
        """See `AskingEnd`."""
        self._processes.kill(self._running)

    def start_again(self) -> None:
        """See `AskingEnd`."""
        self._running = self._started()

    def say(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """What it answers to a line.

        Raises:
            Gone: It died.
        """
        try:
            with socket.socket(socket.AF_UNIX) as there:
                there.settimeout(30.0)
                there.connect(str(self._socket))
                there.sendall(json.dumps(line).encode() + b"\n")
                with there.makefile("rb") as answer:
                    said: dict[str, Any] = json.loads(answer.readline() or b"{}")
                    return said
        except OSError:
            raise Gone from None

    def _started(self) -> Running:
        asker = self._processes.start(self._program)
        asker.wait_until_ready("ready")
        return asker


class ThroughConnect:
    """The real proxy of the data user, asked over gRPC by as many programs at once as anybody likes."""

    def __init__(self, region: PlacesRegion) -> None:
        self.name = CONNECT
        self.begun: set[str] = set()
        self.folder: Path = region.root / CONNECT / "places"
        self._region = region
        self._channel = grpc.insecure_channel(region.gateway_address, options=_CHANNEL)
        self._placing: Any = PlacingServiceStub(self._channel)
        self._adding = threading.Lock()

    def ask(self, of: Sequence[Wanted]) -> str:
        """See `AskingEnd`. What was begun is put to providers again and again: a search that is on disk is not begun anew."""
        case = self._begin()
        wanted = [pb.PlaceAddressee(provider=provider, service=service, opening=opening) for provider, service, opening in of]
        until = time.monotonic() + _PUT_SECONDS
        while time.monotonic() < until:
            try:
                self._placing.PutTo(pb.PlacingServicePutToRequest(id=case, providers=wanted), timeout=_SECONDS)
            except grpc.RpcError:
                # It may have been kept all the same: then it stands in the store of whoever is started again.
                if self._was_put(case):
                    return case
                time.sleep(_TRY_AGAIN_SECONDS)
            else:
                return case
        raise Gone(case)

    def known(self) -> set[str] | None:
        """See `AskingEnd`."""
        try:
            return {search.id for search in self._placing.List(pb.PlacingServiceListRequest(), timeout=_SECONDS).searches}
        except grpc.RpcError:
            raise Gone from None

    def kill(self) -> None:
        """See `AskingEnd`."""
        self._region.kill(CONNECT)

    def start_again(self) -> None:
        """See `AskingEnd`."""
        self._region.start_again(CONNECT)

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def _begin(self) -> str:
        now = datetime.now(UTC)
        person = pb.PlacePerson(bsn=DINA.bsn, birth_date=DINA.birth_date, name="Dina Olde Wolbers-Nijkamp")
        need = pb.PlaceNeed(kind=KIND.value, since=now.date().isoformat())
        try:
            begun = self._placing.Begin(pb.PlacingServiceBeginRequest(need=need, person=person, reply_by=(now + _REPLY_BY).isoformat()), timeout=_SECONDS)
        except grpc.RpcError:
            raise Gone from None
        with self._adding:
            self.begun.add(begun.id)
        return str(begun.id)

    def _was_put(self, case: str) -> bool:
        try:
            return bool(self._placing.Get(pb.PlacingServiceGetRequest(id=case), timeout=_SECONDS).search.legs)
        except grpc.RpcError:
            return False
