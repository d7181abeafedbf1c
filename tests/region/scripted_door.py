"""A gateway's door by hand: it proves who it is, and then does what a test wants, and not what a gateway should."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import grpc
from grpc import aio

from accord.link.certificates import read_signing_key
from accord.link.credentials import TlsMaterial, server_credentials
from accord.link.introducing import Greeting, Proof, Reception
from accord.link.live_register import LiveRegister
from accord.link.session_seals import SessionKey
from accord.region.member_keys import signing_key_file, tls_files
from accord.terms.faults import Fault
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse
from accord.wire.v1 import agent_door_service_pb2 as pb
from gateway.adapters.agent_door import AGENT_DOOR, RETRY_AFTER
from testbed.outbound import OutboundRegion
from testbed.region_office import GATEWAY

_SESSION: Final = bytes(16)
Stream = aio.ServicerContext[Any, Any]


class ScriptedDoor:
    """What comes in: `attends` and `claims` count the calls; `stands` is the stream of the newest agent that was let in. The first `busy` are sent away."""

    def __init__(self, folder: Path, live: LiveRegister) -> None:
        self.attends = 0
        self.left = 0
        self.claims: list[int] = []
        self.pongs = 0
        self.lets_in = True
        self.busy = 0
        self.stands: Stream | None = None
        self.key: SessionKey | None = None
        self.before_welcome: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint
        self._folder = folder
        self._live = live

    def has_claim(self, number: int) -> bool:
        """Whether this work was claimed."""
        return number in self.claims

    async def tell(self, said: pb.AttendResponse) -> None:
        """Say this to the newest agent."""
        assert self.stands is not None
        await self.stands.write(said)

    async def attend(self, _: object, stream: Stream) -> None:
        """Let the agent in, or say nothing at all, for as long as the agent stays."""
        self.attends += 1
        if self.attends <= self.busy:
            stream.set_trailing_metadata(((RETRY_AFTER, "10"),))
            await stream.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, Fault.DOOR_BUSY.value)
        said = (await stream.read()).greeting
        if not self.lets_in:
            await anyio.sleep_forever()
        greeting = Greeting(Ura(said.ura), said.nonce, said.ephemeral)
        certificate = tls_files(self._folder).certificate.read_bytes()
        now = datetime.now(UTC)
        reception = Reception(greeting, GATEWAY, read_signing_key(signing_key_file(self._folder, KeyUse.ANSWER)), certificate, now)
        made = reception.challenge
        challenge = pb.GatewayChallenge(
            ura=made.ura.value,
            nonce=made.nonce,
            ephemeral=made.ephemeral,
            certificate=made.certificate,
            at_ms=made.at_ms,
            key_id=made.key_id,
            signature=made.signature,
        )
        await stream.write(pb.AttendResponse(challenge=challenge))
        proof = (await stream.read()).proof
        self.key = reception.check(Proof(proof.key_id, proof.signature), self._live.newest)
        await self.before_welcome()
        await stream.write(pb.AttendResponse(welcome=pb.GatewayWelcome(session=_SESSION, ping_ms=60_000)))
        self.stands = stream
        while (heard := await stream.read()) is not aio.EOF:
            self.pongs += heard.WhichOneof("said") == "pong"
            self.left += heard.WhichOneof("said") == "leaving"

    async def work(self, _: object, stream: Stream) -> None:
        """Take a claim, and never give the order."""
        self.claims.append((await stream.read()).claim.number)
        await anyio.sleep_forever()


@asynccontextmanager
async def scripted_door(region: OutboundRegion) -> AsyncIterator[tuple[ScriptedDoor, str]]:
    """The door, and where it listens."""
    folder, live = region.live("gateway")
    door = ScriptedDoor(folder, live)
    served: dict[str, tuple[Callable[..., Any], Any, Any]] = {
        "Attend": (door.attend, pb.AttendRequest.FromString, pb.AttendResponse.SerializeToString),
        "Work": (door.work, pb.WorkRequest.FromString, pb.WorkResponse.SerializeToString),
    }
    server = aio.server()
    handlers = {name: grpc.stream_stream_rpc_method_handler(*each) for name, each in served.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(AGENT_DOOR, handlers),))
    port = server.add_secure_port("127.0.0.1:0", server_credentials(TlsMaterial(tls_files(folder), live)))
    await server.start()
    try:
        yield door, f"127.0.0.1:{port}"
    finally:
        with anyio.CancelScope(shield=True):
            await server.stop(0.2)
