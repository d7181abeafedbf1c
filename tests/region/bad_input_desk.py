"""A real gateway process, and holders that say what a test tells them to, for bad input through the public faces.

Three holders: `sound` is honest, `unsound` does what the test says, `later` is registered and not active. Everything
that is wrong holds a canary, which may be in no answer and no log.
"""

import json
import secrets
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import httpx2
from anyio.from_thread import start_blocking_portal

from accord.rules.reading import read_record
from accord.rules.scope import wants_type
from accord.terms.answers import Frame
from accord.terms.identifiers import BSN_SYSTEM
from accord.terms.members import MemberStatus
from accord.terms.queries import HolderQuery
from accord.wire.v1 import holder_service_pb2 as holder_pb
from testbed.holders import BY_NAME
from testbed.processes import Processes
from testbed.region_connect import write_connect
from testbed.region_files import HolderFiles
from testbed.region_gateway import write_gateway
from testbed.region_office import Credentials, RegionOffice
from testbed.scripted_holder import ScriptedHolder, honest

BSN: Final = "999984056"
OTHER_BSN: Final = "999984123"
SOUND, UNSOUND, LATER = "dinkelhorst", "reggerbrug", "noaberhoes"
CANARY: Final = f"kanarie{secrets.token_hex(8)}"
ENGLISH: Final = {"accept-language": "en"}


def patient(*bsns: str, name: str = "Dina") -> bytes:
    """The holder's own Patient record, with these numbers."""
    identifier = [{"system": BSN_SYSTEM, "value": bsn} for bsn in bsns]
    return json.dumps({"resourceType": "Patient", "id": "1", "identifier": identifier, "name": [{"family": name}], "birthDate": "1942-03-14"}).encode()


def condition(logical_id: str = "1", text: str = "soundly recorded") -> bytes:
    """A problem of patient 1."""
    return json.dumps({"resourceType": "Condition", "id": logical_id, "subject": {"reference": "Patient/1"}, "code": {"text": text}}).encode()


HONEST: Final = (patient(BSN), condition("1"), condition("2"))


def sound(query: HolderQuery) -> AsyncGenerator[Frame | holder_pb.QueryResponse, None]:
    """Answer with what is asked for."""
    read = [(record, read_record(record)) for record in HONEST]
    return honest([record for record, about in read if about.kind and (about.kind.name == "Patient" or wants_type(query.selection, about.kind.name))])(query)


class UnboundedHolder(ScriptedHolder):
    """A scripted holder that may send messages of any size."""

    options = (("grpc.max_send_message_length", -1),)


@dataclass(frozen=True, slots=True)
class Desk:
    """The region: the gateway's faces, its log, and the holder that does what the test says."""

    http: httpx2.Client
    grpc_address: str
    logs: tuple[Path, ...]
    unsound: ScriptedHolder

    def patient_id(self) -> str:
        """The opaque id of the person."""
        found = self.http.post("Patient/_search", data={"identifier": f"{BSN_SYSTEM}|{BSN}"}, headers=ENGLISH)
        logical_id: str = found.json()["entry"][0]["resource"]["id"]
        return logical_id

    def everything(self) -> httpx2.Response:
        """The whole dossier over HTTP, each holder's statements for themselves: the honest one may state what the other does."""
        return self.http.get(f"Patient/{self.patient_id()}/$everything", headers={**ENGLISH, "prefer": "noaber-fold=none"})

    @property
    def host(self) -> bytes:
        """What a `Host` header says."""
        return f"{self.http.base_url.host}:{self.http.base_url.port}".encode()

    def connection(self) -> socket.socket:
        """A bare connection to the HTTP face."""
        return socket.create_connection((self.http.base_url.host, self.http.base_url.port or 80), timeout=60)

    def check_that_nothing_shows(self, *answers: bytes | str) -> None:
        """Whether the canary is in no answer and in no log."""
        for answer in (*answers, *(log.read_bytes() for log in self.logs)):
            assert CANARY not in (answer if isinstance(answer, str) else answer.decode("utf-8", "replace"))


@contextmanager
def running_desk(folder: Path) -> Iterator[Desk]:
    """A gateway process, the data user's proxy before it, and holders that say what they are told."""
    files = {name: HolderFiles(BY_NAME[name], folder) for name in (SOUND, UNSOUND, LATER)}
    (folder / "s").mkdir(mode=0o700)
    office = RegionOffice(folder)
    office.enrol(replace(some.member, status=MemberStatus.PLANNED if name == LATER else MemberStatus.ACTIVE) for name, some in files.items())
    for some in files.values():
        office.give(some.agent)
        office.give_keys(some.name, some.agent)
    program = write_gateway(folder, office, files.values(), seconds=30.0, locate_seconds=10.0, first_frame_seconds=10.0, between_frames_seconds=10.0)
    with start_blocking_portal() as portal, Processes(preloaded=()) as processes:
        holders = {
            name: UnboundedHolder(BY_NAME[name].ura, sound, socket=folder / "s" / name, credentials=Credentials(files[name].agent)) for name in (SOUND, UNSOUND)
        }
        with portal.wrap_async_context_manager(holders[SOUND]), portal.wrap_async_context_manager(holders[UNSOUND]):
            faces = processes.start(program).wait_until_ready("ready")
            connect = write_connect(folder, office, faces, http="127.0.0.1:0", grpc="127.0.0.1:0", ura=BY_NAME[SOUND].ura.value)
            told = dict(part.split("=", 1) for part in processes.start(connect).wait_until_ready("ready").split()[1:])
            base = f"http://{told['http'].removeprefix('http://')}/fhir"
            with httpx2.Client(base_url=base, timeout=60, trust_env=False) as http:
                yield Desk(http, told["grpc"], (program.folder / "log", connect.folder / "log"), holders[UNSOUND])
