"""Where agents without a port come in. Who they are is proven inside, so nothing between them and us is believed or told anything."""

import os
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import anyio
import grpc
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import DecodeError
from grpc import aio

from accord.link.failures import Unreadable, answering, readable
from accord.link.introducing import Greeting, Proof, Reception, check_proven, outbound_holder
from accord.link.live_register import LiveRegister
from accord.link.peers import member_by_digest, peer_digest
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import Part
from accord.wire.v1 import agent_door_service_pb2 as pb
from gateway.adapters.agent_gate import Caller, Gate, host_of
from gateway.adapters.agent_sessions import Context, Session, Sessions, Work

AGENT_DOOR: Final = pb.DESCRIPTOR.services_by_name["AgentDoorService"].full_name
#: Says, to an agent that is refused because many come, when to come back.
RETRY_AFTER: Final = "retry-after-ms"
#: Has the claim of `Work` beside its first message, so that it can be looked at before anything is waited for.
CLAIM: Final = "noaber-claim-bin"

#: In seconds: whoever calls has its words ready.
_FIRST_WORD_SECONDS: Final = 5.0
#: An agent says no more than it is asked, and so much of its own.
_UNASKED: Final = 16
_SESSIONS: Final = 5_000

_log = structlog.get_logger("noaber.agents")


@dataclass(frozen=True, slots=True)
class DoorTimes:
    """Signs of life, in seconds: how often they are asked for, and after how long a silence the agent is gone. `per_second`: so many come in, at most."""

    ping: float = 2.0
    silence: float = 6.0
    per_second: float = 20.0


@dataclass(frozen=True, slots=True)
class OurSide:
    """Who we are: what is proven to each agent. *certificate* gives the one that we are known by at this moment (PEM)."""

    ura: Ura
    live: LiveRegister
    key: Ed25519PrivateKey = field(repr=False)
    certificate: Callable[[], bytes]
    now: Callable[[], datetime]


class AgentDoor:
    """Serves `AgentDoorService`: lets agents in, and gives each the work that waits for it."""

    def __init__(self, ours: OurSide, sessions: Sessions, times: DoorTimes | None = None) -> None:
        self._ours = ours
        self._sessions = sessions
        self._times = times or DoorTimes()
        self._gate = Gate(self._times.per_second, anyio.current_time)

    def handler(self) -> grpc.GenericRpcHandler:
        """For a server."""
        calls: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Attend": grpc.stream_stream_rpc_method_handler(self._attend, readable(pb.AttendRequest.FromString), pb.AttendResponse.SerializeToString),
            "Work": grpc.stream_stream_rpc_method_handler(self._work, readable(pb.WorkRequest.FromString), pb.WorkResponse.SerializeToString),
        }
        return grpc.method_handlers_generic_handler(AGENT_DOOR, calls)

    async def keep_out_others(self) -> None:
        """Until cancelled: whoever is blocked, calls out no more, or came in by a key that was dropped is out as soon as the register says so."""
        while True:
            await self._ours.live.wait_changed()
            for session in self._sessions.everyone:
                try:
                    self._check_still_in(session)
                except Unavailable as reason:
                    _log.info("agent is out", holder=session.ura.value, code=reason.fault.value)
                    session.end()

    async def _attend(self, _: object, context: Context) -> None:
        async with answering(context, "Attend"):
            session = await self._let_in(context)
            _log.info("agent is here", holder=session.ura.value)
            try:
                await self._keep(session, context)
            finally:
                self._sessions.remove(session)
                _log.info("agent is gone", holder=session.ura.value)
            raise Unavailable(Fault.STREAM_CUT)

    async def _let_in(self, context: Context) -> Session:
        """Prove who we are, and let the agent prove who it is.

        Raises:
            Faulted: It did not, or there is no place for it now.
        """
        caller = self._caller(context)
        if (seconds := self._gate.seconds_until_let_in(caller)) > 0 or len(self._sessions) >= _SESSIONS:
            context.set_trailing_metadata(((RETRY_AFTER, str(round(max(seconds, 1.0) * 1000))),))
            raise Unavailable(Fault.DOOR_BUSY)
        with self._gate.place(caller):
            greeting = await _heard(context, "greeting")
            introduced = Greeting(Ura(greeting.ura), greeting.nonce, greeting.ephemeral)
            self._check_channel(context, introduced.ura)
            outbound_holder(self._register(), introduced.ura)
            reception = Reception(introduced, self._ours.ura, self._ours.key, self._ours.certificate(), self._ours.now())
            await context.write(pb.AttendResponse(challenge=_challenge(reception)))
            proof = await _heard(context, "proof")
            key = reception.check(Proof(proof.key_id, proof.signature), self._register())
        session = Session(introduced.ura, key, os.urandom(16), proof.key_id)
        await context.write(pb.AttendResponse(welcome=pb.GatewayWelcome(session=session.name, ping_ms=round(self._times.ping * 1000))))
        # The register may have changed while it was written, when the session was not among those that are looked at.
        self._check_still_in(session)
        self._sessions.add(session)
        return session

    async def _keep(self, session: Session, context: Context) -> None:
        """Until it ends: pass on signals, and see that the agent lives."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_hear, session, context)
            tasks.start_soon(_tell, session, context)
            tasks.start_soon(self._see_that_it_lives, session)
            await session.ended.wait()
            tasks.cancel_scope.cancel()

    async def _see_that_it_lives(self, session: Session) -> None:
        # Counted in our own turns: when it is we who stand still, the agent's signs of life lie here unread.
        silent = 0
        while silent * self._times.ping < self._times.silence:
            heard = session.heard
            session.pings += 1
            session.signal(pb.AttendResponse(ping=pb.GatewayPing(number=session.pings)))
            await anyio.sleep(self._times.ping)
            silent = silent + 1 if session.heard == heard else 0
        _log.warning("agent is silent", holder=session.ura.value)
        session.end()

    async def _work(self, _: object, context: Context) -> None:
        async with answering(context, "Work"):
            session, work = await self._claimed(context)
            try:
                await context.write(pb.WorkResponse(order=work.order()))
                work.begin(context)
                await work.until_over()
            finally:
                # Nothing when it came to its end.
                work.lose()
                session.let_go(work)

    async def _claimed(self, context: Context) -> tuple[Session, Work]:
        """The work that the agent claims.

        Raises:
            Faulted: It claims nothing that waits for it.
        """
        with nullcontext() if self._is_awaited(context) else self._gate.place(self._caller(context)):
            claim = await _heard(context, "claim")
        session = self._sessions.by_name(claim.session)
        if session is None:
            raise Unavailable(Fault.WORK_GONE)
        self._check_channel(context, session.ura)
        self._check_still_in(session)
        return session, session.claim(claim.number, claim.token)

    def _is_awaited(self, context: Context) -> bool:
        """Whether it shows a claim of work that waits: no crowd of strangers may keep that out. Once for each piece of work."""
        for key, value in context.invocation_metadata() or ():
            if key == CLAIM and isinstance(value, bytes):
                with suppress(DecodeError):
                    claim = pb.WorkClaim.FromString(value)
                    session = self._sessions.by_name(claim.session)
                    return session is not None and session.waits_for(claim.number, claim.token)
        return False

    def _check_still_in(self, session: Session) -> None:
        outbound_holder(self._register(), session.ura)
        check_proven(self._register(), session.ura, Part.DATA_HOLDER, session.key_id)

    def _register(self) -> Any:
        return self._ours.live.current(self._ours.now())

    def _check_channel(self, context: Context, ura: Ura) -> None:
        """A certificate, where one arrives, is of whoever speaks. None does where the listener asks for none.

        Raises:
            Unavailable: `not-a-member`, `organisation-blocked`.
        """
        if self._certified(context) not in (None, ura):
            raise Unavailable(Fault.NOT_A_MEMBER)

    def _certified(self, context: Context) -> Ura | None:
        if not context.auth_context().get("x509_pem_cert"):
            return None
        return member_by_digest(self._register(), peer_digest(context, self._ours.now())).ura

    def _caller(self, context: Context) -> Caller:
        """Whose places are counted: of the organisation that the channel shows, or of the host that it comes from."""
        return Caller(host_of(context.peer()), self._certified(context))


async def _heard(context: Context, wanted: str) -> Any:
    """The next message, of the kind that is wanted.

    Raises:
        BadInput: `deadline-passed`, `invalid-question`.
    """
    try:
        with anyio.fail_after(_FIRST_WORD_SECONDS):
            said = await context.read()
    except TimeoutError:
        raise BadInput(Fault.DEADLINE_PASSED) from None
    if said is aio.EOF or isinstance(said, Unreadable) or said.WhichOneof("said") != wanted:
        raise BadInput(Fault.INVALID_QUESTION, "message")
    return getattr(said, wanted)


async def _hear(session: Session, context: Context) -> None:
    """Signs of life, until there are no more; whoever says much more than was asked is not heard any longer."""
    try:
        while (said := await context.read()) is not aio.EOF and not isinstance(said, Unreadable):
            session.heard += 1
            if session.heard > session.pings + _UNASKED:
                return
            if said.WhichOneof("said") == "leaving":
                session.leave()
    finally:
        session.end()


async def _tell(session: Session, context: Context) -> None:
    with suppress(aio.BaseError):
        while True:
            await context.write(await session.next_signal())


def _challenge(reception: Reception) -> pb.GatewayChallenge:
    made = reception.challenge
    return pb.GatewayChallenge(
        ura=made.ura.value,
        nonce=made.nonce,
        ephemeral=made.ephemeral,
        certificate=made.certificate,
        at_ms=made.at_ms,
        key_id=made.key_id,
        signature=made.signature,
    )
