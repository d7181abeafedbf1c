"""A desk that is really served, and whoever stands before it: something that opens TLS, reads all that passes, and may change it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import msgspec
from anyio import to_thread
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from accord.link.addresses import address
from accord.link.certificates import read_anchor, read_certificate, write_private
from accord.link.credentials import TlsFiles, https_server_context
from accord.link.desk_forms import HelloForm
from accord.link.live_register import LiveRegister
from accord.link.office_line import OfficeLine
from accord.link.office_settings import OfficeSettings
from accord.link.renewing import Renewing
from accord.link.serving import serve_app
from accord.link.short_certificates import certify_desk, fingerprint
from accord.region.desk_app import DeskApp
from accord.region.desk_reception import Reception
from accord.region.joining_desk import Desk
from node_agent.joining.flow import Joining, Wanted
from node_agent.joining.folder import AgentFolder
from testbed.connect_proxy import Inspection
from tests.accord.region.joining_world import URA, World

#: A life of which a test may skip the half: clocks differ by less than a certificate counts earlier.
LIFE_SECONDS = 300.0


@dataclass
class Between:
    """What stands in the line. `seen` is all that it could read; `forward` says what it does with a question."""

    desk: str
    seen: bytearray = field(default_factory=bytearray)
    passed: list[tuple[str, bytes]] = field(default_factory=list)
    #: Where questions go, by path.
    elsewhere: dict[str, str] = field(default_factory=dict)
    change_question: Callable[[str, bytes], bytes] = lambda _, body: body
    change_answer: Callable[[str, int, bytes], tuple[int, bytes]] = lambda _, status, body: (status, body)

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """What the desk says to this."""
        async with httpx2.AsyncClient(verify=False, trust_env=False, timeout=60) as client:
            answer = await client.post(f"{self.elsewhere.get(path, self.desk)}{path}", content=body)
        return answer.status_code, answer.content

    async def pass_on(self, request: Request) -> Response:
        """One question, and its answer."""
        path, body = request.url.path, await request.body()
        self.passed.append((path, body))
        status, answer = await self.post(path, self.change_question(path, body))
        self.seen += body + answer
        status, answer = self.change_answer(path, status, answer)
        return Response(answer, status, media_type="application/json")

    def heard_by(self, somebody: Reception) -> None:
        """Let somebody else say who the desk is."""

        def forge(path: str, status: int, body: bytes) -> tuple[int, bytes]:
            if path != "/v1/hello":
                return status, body
            return 200, msgspec.json.encode(somebody.hear(msgspec.json.decode(self.passed[-1][1], type=HelloForm)))

        self.change_answer = forge

    def sealed(self) -> list[bytes]:
        """The questions that passed."""
        return [body for path, body in self.passed if path == "/v1/sealed"]


@dataclass
class Region:
    """An office whose desk is served, behind something that opens TLS."""

    world: World
    folder: Path
    between: Between
    #: The address of what is between, and the file with its authority.
    url: str
    ca_file: str
    token: str = ""

    def wanted(self, **changes: Any) -> Wanted:
        """What the command of whoever joins is given."""
        pinned = fingerprint(read_certificate(self.world.office.authority.certificate.encode()))
        given: dict[str, Any] = {"address": "127.0.0.1:7005", "waits": False, "proxy": "none", "proxy_ca": self.ca_file} | changes
        return Wanted(given.pop("desk", self.url), pinned, given.pop("token", self.token), **given)

    async def join(self, **changes: Any) -> AgentFolder:
        """Somebody who joins, with a person at the office who heard the phrase."""
        agent, said = AgentFolder(self.folder / "agent"), list[str]()
        assert not await Joining(agent, self.wanted(**changes), said.append).join()
        progress = agent.progress()
        assert progress is not None
        await to_thread.run_sync(self.world.desk.approve, URA, progress.phrase)
        assert await Joining(agent, self.wanted(**changes), said.append).join()
        return agent

    def line(self, agent: AgentFolder | None, **changes: Any) -> OfficeLine:
        """To the desk."""
        given: dict[str, Any] = {"url": self.url, "proxy": "none", "ca_file": self.ca_file} | changes
        return OfficeLine(authorities=(self.world.office.authority.certificate,), files=agent.tls if agent else None, **given)

    def renewing(self, agent: AgentFolder) -> Renewing:
        """What a running agent renews by."""
        live = LiveRegister(agent.path / "register.jws", [read_anchor(agent.path / "region.pub")])
        return Renewing(OfficeSettings(self.url, "none", self.ca_file), URA, agent.tls, live)

    def half_a_life_later(self) -> None:
        """At the office."""
        self.world.at += timedelta(seconds=LIFE_SECONDS * 0.6)


def own_files(world: World, folder: Path) -> TlsFiles:
    """A certificate of the desk."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"desk-{key.public_key().public_numbers().x % 10**9}"
    files = TlsFiles(folder / f"{name}.pem", folder / f"{name}.key")
    write_private(files.key, key)
    own = certify_desk(world.office.authority, key.public_key(), ("127.0.0.1",), at=world.at, life=timedelta(days=1))
    files.certificate.write_text(own + world.office.authority.certificate, encoding="ascii")
    return files


def desk_app(world: World, folder: Path) -> Starlette:
    """The desk of this office, as an application."""
    desk = Desk(world.folder, world.invitations, lambda: world.at, ("gateway.example:443",))
    return DeskApp(desk, Reception(own_files(world, folder))).application()


@asynccontextmanager
async def served_desk(world: World, folder: Path) -> AsyncIterator[str]:
    """Where the desk of this office is found inside the block."""
    async with anyio.create_task_group() as tasks:
        context = https_server_context(own_files(world, folder))
        taken = await tasks.start(partial(serve_app, desk_app(world, folder), address("127.0.0.1:0"), setting="--listen", tls=context))
        yield f"https://{taken}"
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def region_behind_something(folder: Path) -> AsyncIterator[Region]:
    """A region with one invitation, whose desk is reached by what opens TLS and no other way."""
    world = World(folder)
    inspection = Inspection(world.office.authority.certificate)
    ca_file = folder / "proxy-ca.pem"
    ca_file.write_bytes(inspection.authority)
    async with served_desk(world, folder) as desk, anyio.create_task_group() as tasks:
        between = Between(desk)
        app = Starlette(routes=[Route("/{path:path}", between.pass_on, methods=["POST"])])
        taken = await tasks.start(partial(serve_app, app, address("127.0.0.1:0"), setting="between", tls=inspection.shown))
        yield Region(world, folder, between, f"https://{taken}", str(ca_file), world.invite(seconds=LIFE_SECONDS))
        tasks.cancel_scope.cancel()


def flipped(form: type[msgspec.Struct], name: str) -> Callable[[bytes], bytes]:
    """Whoever changes one bit of this field."""

    def change(body: bytes) -> bytes:
        read = msgspec.json.decode(body, type=form)
        value = bytearray(getattr(read, name))
        value[len(value) // 2] ^= 1
        return msgspec.json.encode(msgspec.structs.replace(read, **{name: bytes(value)}))

    return change
