"""The agent's side of the door, by hand: it does what a test wants, and not what an agent should."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grpc import aio

from accord.link.introducing import Challenge, Introduction
from accord.link.session_seals import SessionKey
from accord.link.status import fault_of
from accord.terms.faults import Fault
from accord.terms.identifiers import Ura
from accord.wire.v1 import agent_door_service_pb2 as pb
from accord.wire.v1.agent_door_service_pb2_grpc import AgentDoorServiceStub
from node_agent.outbound import channel_to
from testbed.outbound import OutboundAgent

if TYPE_CHECKING:
    from accord.wire.v1.agent_door_service_pb2_grpc import AgentDoorServiceAsyncStub


@dataclass(frozen=True, slots=True)
class Scripted:
    """A session that stands, on which nothing is said unless a test says it."""

    call: Any
    name: bytes
    key: SessionKey

    async def next_work(self) -> int:
        """The number of the next work that waits."""
        while (said := await self.call.read()).WhichOneof("said") != "waiting":
            pass
        return int(said.waiting.number)


@asynccontextmanager
async def called(agent: OutboundAgent, address: str) -> "AsyncIterator[AgentDoorServiceAsyncStub]":
    """A client of the door, with the certificate of this agent."""
    async with channel_to(address, agent.material, proxy="") as channel:
        yield AgentDoorServiceStub(channel)


@asynccontextmanager
async def introduced(stub: "AgentDoorServiceAsyncStub", agent: OutboundAgent) -> AsyncIterator[Scripted]:
    """A session of this agent."""
    call: Any = stub.Attend()
    introduction = Introduction(agent.to.own.ura, agent.to.own.key)
    said = introduction.greeting
    await call.write(pb.AttendRequest(greeting=pb.AgentGreeting(ura=said.ura.value, nonce=said.nonce, ephemeral=said.ephemeral)))
    given = await _said(call, "challenge")
    challenge = Challenge(Ura(given.ura), given.nonce, given.ephemeral, given.certificate, given.at_ms, given.key_id, given.signature)
    proof, found = introduction.answer(challenge, agent.live.newest, agent.to.own.now())
    await call.write(pb.AttendRequest(proof=pb.AgentProof(key_id=proof.key_id, signature=proof.signature)))
    welcome = await _said(call, "welcome")
    yield Scripted(call, welcome.session, found.key)
    call.cancel()


async def refusal(stub: "AgentDoorServiceAsyncStub", agent: OutboundAgent) -> Fault | None:
    """The code with which this agent is refused."""
    try:
        async with introduced(stub, agent):
            return None
    except aio.AioRpcError as failure:
        return fault_of(failure.details())


async def claim(stub: "AgentDoorServiceAsyncStub", claimed: pb.WorkClaim) -> Fault | None:
    """The code with which a claim is refused; none when it is not."""
    call: Any = stub.Work(timeout=60)
    try:
        await call.write(pb.WorkRequest(claim=claimed))
        await _said(call, "")
    except aio.AioRpcError as failure:
        return fault_of(failure.details())
    return None


async def _said(call: Any, wanted: str) -> Any:
    said = await call.read()
    if said is aio.EOF:
        raise aio.AioRpcError(await call.code(), aio.Metadata(), await call.trailing_metadata(), details=await call.details())
    return getattr(said, wanted) if wanted else said
