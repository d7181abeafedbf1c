"""The agent calls every gateway, says that it is here, and takes up the work that waits for it. Nobody can call the agent."""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import anyio
import grpc
import structlog
from anyio.abc import TaskGroup
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc import aio

from accord.link.introducing import Introduced, Introduction, check_proven, is_outbound
from accord.link.live_register import LiveRegister
from accord.link.status import fault_of
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import MemberStatus, Part
from accord.wire.v1 import agent_door_service_pb2 as pb
from accord.wire.v1.agent_door_service_pb2_grpc import AgentDoorServiceStub
from node_agent.api.hearing import Told, Unheard, challenge_of, either, retry_after, said_next, say
from node_agent.api.working import Working

if TYPE_CHECKING:
    # Exists in the stubs only.
    from accord.wire.v1.agent_door_service_pb2_grpc import AgentDoorServiceAsyncStub

#: Makes the channel to one gateway, by its `host:port`.
Connect = Callable[[str], aio.Channel]

#: So many agents come back in a second: of a region with more of them, each waits longer before it does.
_PER_SECOND: Final = 9.0
_LEAST_SPREAD: Final = 0.5
_MOST_SPREAD: Final = 30.0
#: So many signs of life may stay out before the gateway counts as gone.
_SILENT_PINGS: Final = 4
_LEAST_SILENCE: Final = 2.0
_SESSION_BYTES: Final = 16
#: So often a gateway that hung up while we spoke is asked at once what it said.
_MOST_UNHEARD: Final = 3

_log = structlog.get_logger("noaber.outbound")


@dataclass(frozen=True, slots=True)
class OwnSide:
    """Who we are, and what we know of the region."""

    ura: Ura
    live: LiveRegister
    key: Ed25519PrivateKey = field(repr=False)
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class AttendTimes:
    """In seconds. `life`: after about so long a session is renewed, before the old one ends, so that no key and no channel is used for ever."""

    life: float = 20 * 60.0
    #: What work under way may take longer when its session was renewed, or the agent stops.
    grace: float = 60.0
    #: How long a gateway may take to prove itself, and to give an order that it announced.
    introduction: float = 10.0
    order: float = 10.0
    #: How long to wait, at the least, for a gateway to hear that we leave.
    farewell: float = 2.0


class Attending:
    """One gateway's address, and our being there. *calls* are what a server of ours would serve, by full name."""

    def __init__(
        self, address: str, own: OwnSide, calls: Mapping[str, "grpc.RpcMethodHandler[Any, Any]"], connect: Connect, times: AttendTimes | None = None
    ) -> None:
        self._address = address
        self._own = own
        self._calls = calls
        self._connect = connect
        self._times = times or AttendTimes()
        self._failures = 0
        self._stopping = anyio.Event()
        self._newest: _Session | None = None
        self._there: set[_Session] = set()
        #: How we stand there, as our own people are told.
        self.told = Told(address)
        self.ended = anyio.Event()
        #: How often the gateway let us in.
        self.stays = 0

    @property
    def address(self) -> str:
        """Where the gateway is."""
        return self._address

    @property
    def attached(self) -> bool:
        """Whether we are there."""
        return bool(self._there)

    def stop(self) -> None:
        """Say farewell: take up nothing new, and end once what is under way has ended. `keep` returns then."""
        self._stopping.set()

    def _ends(self, session: "_Session", failure: Exception | None) -> None:
        """A session is over; *failure* is why, where it failed. As long as another stands, nothing is lost."""
        self._there.discard(session)
        if failure is not None and not self._there:
            member = self._own.live.newest.by_ura.get(self._own.ura)
            self.told.lost(failure, active=member is None or member.status is not MemberStatus.PLANNED)

    async def keep(self) -> None:
        """Be there until stopped; whenever the gateway is lost, come back after a while that is left to chance."""
        async with anyio.create_task_group() as sessions:
            while not self._stopping.is_set():
                session = _Session(self)
                sessions.start_soon(session.run)
                await session.replaceable.wait()
                if session.wait is not None:
                    with anyio.move_on_after(session.wait):
                        await self._stopping.wait()
        self.ended.set()

    def _stands(self, session: "_Session") -> None:
        """The gateway let this session in: whichever was there before may go."""
        self.stays += 1
        self._failures = 0
        self._there.add(session)
        self.told.there()
        before, self._newest = self._newest, session
        if before is not None:
            before.replaced.set()

    def wait_after(self, failure: Exception) -> float:
        """How long to stay away, so that many agents do not come at once: at first each in its turn, then longer, and left to chance."""
        told = retry_after(failure)
        turns = self._turns()
        spread = min(_MOST_SPREAD, max(_LEAST_SPREAD, len(turns) / _PER_SECOND))
        longest = min(_MOST_SPREAD, spread * 1.5**self._failures)
        chance = random.random()  # noqa: S311 - no secret
        if not self._failures and self._own.ura in turns:
            # All lost the gateway at the same moment, and all reckon the same turns: evenly, and not now and then twice as many.
            chance = (turns.index(self._own.ura) + chance) / len(turns)
        self._failures = min(self._failures + 1, 10)
        return told + chance * longest

    def _turns(self) -> list[Ura]:
        """Everybody of the region who calls out."""
        members = self._own.live.newest.members
        return sorted((member.ura for member in members if is_outbound(member) and member.status is MemberStatus.ACTIVE), key=lambda ura: ura.value)


class _Session:
    """One stay at the gateway. `replaceable` is set when another may begin: at once, or after `wait` seconds.

    One that has become old stays, and takes up work, until it is `replaced`: there is no moment without.
    """

    def __init__(self, attending: Attending) -> None:
        self.replaceable = anyio.Event()
        self.replaced = anyio.Event()
        self.wait: float | None = None
        self._of = attending
        self._quiet_after = _LEAST_SILENCE
        self._last = 0
        self._heard = 0
        self._silent = False
        self._unheard = 0

    async def run(self) -> None:
        """Be there until it ends."""
        of = self._of
        failed: Exception | None = None
        try:
            async with of._connect(of._address) as channel:  # noqa: SLF001 - the two are one thing
                while await self._is_told_to_wait(channel):
                    pass
            self.wait = 0.0
        except Exception as failure:  # noqa: BLE001 - whatever one gateway does to us, we come back, and the others are served
            failed = failure
            self.wait = of.wait_after(failure)
        finally:
            of._ends(self, failed)  # noqa: SLF001
            self.replaceable.set()

    async def _is_told_to_wait(self, channel: aio.Channel) -> bool:
        """Be there; or wait, at a gateway to which too many come. Who waits keeps its connection: to make one is dear for both ends."""
        of = self._of
        try:
            await self._attend(channel)
        except Unheard:
            # Asked once more, it mostly says in time what it has against us, or that many come. Whoever was let in begins anew.
            self._unheard += 1
            if self._unheard > _MOST_UNHEARD or self in of._there:  # noqa: SLF001
                raise
            return not of._stopping.is_set()  # noqa: SLF001
        except aio.AioRpcError as failure:
            if fault_of(failure.details()) is not Fault.DOOR_BUSY:
                raise
            _log.info("told to wait", gateway=of._address)  # noqa: SLF001
            with anyio.move_on_after(of.wait_after(failure)):
                await of._stopping.wait()  # noqa: SLF001
            return not of._stopping.is_set()  # noqa: SLF001
        return False

    async def _attend(self, channel: aio.Channel) -> None:
        stub: AgentDoorServiceAsyncStub = AgentDoorServiceStub(channel)
        call = stub.Attend()
        try:
            introduced, name = await self._introduced(call)
            working = Working(stub, introduced, name, self._of._calls, order_seconds=self._of._times.order)  # noqa: SLF001
            self._of._stands(self)  # noqa: SLF001
            failed: Exception | None = None
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._leave_in_time, call, working, tasks)
                tasks.start_soon(self._while_believed, introduced, tasks)
                tasks.start_soon(self._while_heard, tasks)
                try:
                    await self._follow(call, working, tasks)
                except Exception as failure:  # noqa: BLE001 - it is raised again below, outside the task group that would wrap it
                    failed = failure
                tasks.cancel_scope.cancel()
            if self._silent:
                raise TimeoutError
            if failed is not None and not self.replaceable.is_set():
                raise failed
        finally:
            call.cancel()

    async def _introduced(self, call: Any) -> tuple[Introduced, bytes]:
        own = self._of._own  # noqa: SLF001
        introduction = Introduction(own.ura, own.key)
        said = introduction.greeting
        with anyio.fail_after(self._of._times.introduction):  # noqa: SLF001
            await say(call, pb.AttendRequest(greeting=pb.AgentGreeting(ura=said.ura.value, nonce=said.nonce, ephemeral=said.ephemeral)))
            challenge = challenge_of(await said_next(call, "challenge"))
            proof, introduced = introduction.answer(challenge, own.live.current(own.now()), own.now())
            await say(call, pb.AttendRequest(proof=pb.AgentProof(key_id=proof.key_id, signature=proof.signature)))
            welcome = await said_next(call, "welcome")
        if len(welcome.session) != _SESSION_BYTES:
            raise BadInput(Fault.SESSION_BROKEN)
        self._quiet_after = max(_LEAST_SILENCE, _SILENT_PINGS * welcome.ping_ms / 1000)
        return introduced, welcome.session

    async def _follow(self, call: Any, working: Working, tasks: TaskGroup) -> None:
        """Take up what waits, until the gateway falls silent."""
        while True:
            said = await said_next(call)
            self._heard += 1
            match said.WhichOneof("said"):
                case "waiting":
                    # Numbers go up. One that was given before is not the gateway's: somebody plays an order again.
                    if said.waiting.number > self._last:
                        self._last = said.waiting.number
                        working.take_up(self._last, tasks)
                case "withdrawn":
                    working.give_up(said.withdrawn.number)
                case "ping":
                    await say(call, pb.AttendRequest(pong=pb.AgentPong(number=said.ping.number)))

    async def _leave_in_time(self, call: Any, working: Working, tasks: TaskGroup) -> None:
        times, stopping = self._of._times, self._of._stopping  # noqa: SLF001
        with anyio.move_on_after(times.life * random.uniform(0.8, 1.0)):  # noqa: S311 - no secret
            await stopping.wait()
        self.replaceable.set()
        await either(self.replaced, stopping)
        with suppress(aio.AioRpcError, aio.UsageError, asyncio.InvalidStateError):
            await call.write(pb.AttendRequest(leaving=pb.AgentLeaving()))
        with anyio.move_on_after(times.grace):
            # What the gateway announced before it read this is on its way, and is taken up. It ends the session itself when nothing is left.
            await anyio.sleep(times.farewell)
            await working.until_idle()
        tasks.cancel_scope.cancel()

    async def _while_heard(self, tasks: TaskGroup) -> None:
        """End the stay when the gateway falls silent. Counted in our own turns: when it is we who stand still, its signs lie here unread."""
        silent = 0
        while silent < _SILENT_PINGS:
            heard = self._heard
            await anyio.sleep(self._quiet_after / _SILENT_PINGS)
            silent = silent + 1 if self._heard == heard else 0
        self._silent = True
        tasks.cancel_scope.cancel()

    async def _while_believed(self, introduced: Introduced, tasks: TaskGroup) -> None:
        """A gateway that is blocked, or whose key was dropped, gives no more orders."""
        own = self._of._own  # noqa: SLF001
        while True:
            # First of all: the register may have changed while the gateway said its welcome.
            try:
                check_proven(own.live.current(own.now()), introduced.gateway, Part.GATEWAY, introduced.key_id)
            except Unavailable:
                tasks.cancel_scope.cancel()
                return
            await own.live.wait_changed()
