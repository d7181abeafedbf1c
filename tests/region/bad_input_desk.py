"""A real gateway process, and holders that say what a test tells them to, for bad input through the public faces.

Three holders: `sound` is honest, `unsound` does what the test says, `later` is registered and not active. Everything
that is wrong holds a canary, which may be in no answer and no log.
"""

import json
import secrets
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx2
from anyio.from_thread import start_blocking_portal
from grpc import aio

from accord.rules.reading import read_record
from accord.rules.scope import wants_type
from accord.terms.answers import Frame
from accord.terms.identifiers import BSN_SYSTEM
from accord.terms.queries import HolderQuery
from accord.wire.v1 import holder_service_pb2 as holder_pb
from accord.wire.v1.holder_service_pb2_grpc import add_HolderServiceServicer_to_server
from testbed.holders import BY_NAME
from testbed.processes import Processes, Program
from testbed.region_files import HolderFiles, key_of
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

    async def __aenter__(self) -> Self:
        self._server = aio.server(options=[("grpc.max_send_message_length", -1)])
        add_HolderServiceServicer_to_server(self, self._server)
        self._server.add_insecure_port(self.address.target)
        await self._server.start()
        return self


@dataclass(frozen=True, slots=True)
class Desk:
    """The region: the gateway's faces, its log, and the holder that does what the test says."""

    http: httpx2.Client
    grpc_address: str
    log: Path
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
        return socket.create_connection((self.http.base_url.host, self.http.base_url.port or 80), timeout=10)

    def check_that_nothing_shows(self, *answers: bytes | str) -> None:
        """Whether the canary is in no answer and in no log."""
        for answer in (*answers, self.log.read_bytes()):
            assert CANARY not in (answer if isinstance(answer, str) else answer.decode("utf-8", "replace"))


@contextmanager
def running_desk(folder: Path) -> Iterator[Desk]:
    """A gateway process, and holders that say what they are told."""
    files = {name: HolderFiles(BY_NAME[name], folder) for name in (SOUND, UNSOUND, LATER)}
    (folder / "s").mkdir(mode=0o700)
    program = gateway_program(folder, files)
    with start_blocking_portal() as portal, Processes(preloaded=()) as processes:
        holders = {name: UnboundedHolder(BY_NAME[name].ura, sound, socket=folder / "s" / name) for name in (SOUND, UNSOUND)}
        with portal.wrap_async_context_manager(holders[SOUND]), portal.wrap_async_context_manager(holders[UNSOUND]):
            told = dict(part.split("=", 1) for part in processes.start(program).wait_until_ready("ready").split()[1:])
            base = f"http://{told['http'].removeprefix('http://')}/fhir"
            with httpx2.Client(base_url=base, timeout=20, trust_env=False) as http:
                yield Desk(http, told["grpc"], program.folder / "log", holders[UNSOUND])


def gateway_program(folder: Path, files: dict[str, HolderFiles]) -> Program:
    """Write settings with little patience, and the register."""
    own = folder / "gateway"
    own.mkdir(mode=0o700)
    entries = [
        f'[[holder]]\nname = "{name}"\nura = "{some.holder.ura}"\ntitle = "{some.holder.title}"\nkind = "hospital"\naddress = "{some.address}"\n'
        f'pseudonym_key = "{key_of(name)}"\nactive = {"false" if name == LATER else "true"}\n'
        for name, some in files.items()
    ]
    (own / "region.toml").write_text("\n".join(entries), encoding="utf-8")
    (own / "gateway.toml").write_text(
        '[listen]\nhttp = "127.0.0.1:0"\ngrpc = "127.0.0.1:0"\n[region]\nseconds = 3.0\nfirst_frame_seconds = 1.0\nbetween_frames_seconds = 1.0\n',
        encoding="utf-8",
    )
    return Program("gateway", "gateway.cli:app", ("run", "--config", str(own / "gateway.toml")), own)
