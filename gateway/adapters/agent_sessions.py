"""The sessions of agents that called this gateway, and the work that waits for them.

WorkFailed      a piece of work did not come to its end: lost with its session or its stream, too late, or not sound
"""

from collections import deque
from typing import Any, Final

import anyio
import grpc
from google.protobuf.message import DecodeError
from grpc import aio

from accord.link.failures import Unreadable
from accord.link.session_seals import SessionKey, WorkSeals, same_token
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from accord.wire.v1 import agent_door_service_pb2 as pb

Context = aio.ServicerContext[Any, Any]

#: Binds what is sealed to what it is, so that no message passes for an end.
MESSAGE: Final = b"message"
END: Final = b"end"

#: So much work of one session may wait or be under way. A gateway asks fewer questions at the same time than this.
_MOST_WORK: Final = 512
_MARGIN_SECONDS: Final = 0.2
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class WorkFailed(Exception):
    """A piece of work did not come to its end. Carries gRPC's status for it, and no text of the other side."""

    def __init__(self, code: grpc.StatusCode, details: str = "") -> None:
        super().__init__(code.name)
        self.code = code
        self.details = details


class Work:
    """One piece of work: an order, and the stream by which its answer comes. *until* is on the event loop's clock."""

    def __init__(self, number: int, seals: WorkSeals, method: str, request: bytes, until: float) -> None:
        self.number = number
        self.until = until
        self._seals = seals
        self._method = method
        self._request = request
        self._arrived = anyio.Event()
        self._over = anyio.Event()
        self._stream: Context | None = None
        self._reading: anyio.CancelScope | None = None
        self._lost = False
        self._coming = False

    def is_coming(self, token: bytes) -> bool:
        """Whether who holds this token is about to claim it; said to the first one only."""
        if self._coming or not self.is_claimed_by(token):
            return False
        self._coming = True
        return True

    def is_claimed_by(self, token: bytes) -> bool:
        """Whether the token is of the other end of the session."""
        return same_token(self._seals.token, token)

    def order(self) -> bytes:
        """The order, sealed; to be made once."""
        left = self.until - anyio.current_time()
        # The way back is longer than from a port: its last word must be here in time.
        left_ms = max(1, min(2**32 - 1, int((left - min(_MARGIN_SECONDS, left / 10)) * 1000)))
        order = pb.WorkOrder(method=self._method, request=self._request, left_ms=left_ms)
        self._request = b""
        return self._seals.order.seal(order.SerializeToString())

    def begin(self, stream: Context) -> None:
        """The agent has the order: its answer comes by this stream."""
        self._stream = stream
        self._arrived.set()

    async def until_over(self) -> None:
        """Return when nobody reads the answer any more, or it came to its end."""
        await self._over.wait()

    def over(self) -> None:
        """It came to its end, or nobody waits for it."""
        self._over.set()

    def lose(self) -> None:
        """Its session ended, or its stream broke: whoever reads is told at once."""
        self._lost = True
        self._over.set()
        if self._reading is not None:
            self._reading.cancel()

    async def next(self) -> bytes | None:
        """The next message of the answer; none at its end. What the reader does not take stays on the way: gRPC holds the agent back.

        Raises:
            WorkFailed: There is no next message, and that was not its end; or its end is a failure.
        """
        if self._lost:
            raise WorkFailed(grpc.StatusCode.UNAVAILABLE)
        said: Any = aio.EOF
        with anyio.CancelScope(deadline=self.until) as self._reading:
            await self._arrived.wait()
            said = await self._read()
        if self._lost:
            raise WorkFailed(grpc.StatusCode.UNAVAILABLE)
        if self._reading.cancelled_caught:
            self.over()
            raise WorkFailed(grpc.StatusCode.DEADLINE_EXCEEDED)
        return self._opened(said)

    async def _read(self) -> Any:
        assert self._stream is not None  # noqa: S101 - `_arrived` says so
        try:
            return await self._stream.read()
        except (aio.BaseError, aio.UsageError, aio.InternalError):
            return aio.EOF

    def _opened(self, said: Any) -> bytes | None:
        if said is aio.EOF:
            self.over()
            raise WorkFailed(grpc.StatusCode.UNAVAILABLE)
        try:
            what = None if isinstance(said, Unreadable) else said.WhichOneof("said")
            if what == "message":
                return self._seals.reply.open(said.message, MESSAGE)
            if what != "end":
                raise BadInput(Fault.SESSION_BROKEN)
            end = pb.WorkEnd.FromString(self._seals.reply.open(said.end, END))
        except (BadInput, DecodeError):
            self.over()
            raise WorkFailed(grpc.StatusCode.INTERNAL, Fault.SESSION_BROKEN.value) from None
        self.over()
        if end.code == 0:
            return None
        raise WorkFailed(_CODES.get(end.code, grpc.StatusCode.UNKNOWN), end.details)


class Session:
    """One agent that is here, for as long as its control stream is."""

    def __init__(self, ura: Ura, key: SessionKey, name: bytes, key_id: str) -> None:
        self.ura = ura
        self.name = name
        #: The key by which the agent proved who it is.
        self.key_id = key_id
        #: The agent is about to go: it takes up nothing new.
        self.leaving = False
        #: How often it was asked for a sign of life, and how often something was heard.
        self.pings = 0
        self.heard = 0
        self.ended = anyio.Event()
        self._key = key
        self._number = 0
        self._waiting: dict[int, Work] = {}
        self._under_way: dict[int, Work] = {}
        self._signals: deque[pb.AttendResponse] = deque()
        self._signalled = anyio.Event()

    def put(self, method: str, request: bytes, until: float) -> Work:
        """Let work wait for the agent.

        Raises:
            WorkFailed: The session has as much as it may.
        """
        if len(self._waiting) + len(self._under_way) >= _MOST_WORK:
            raise WorkFailed(grpc.StatusCode.RESOURCE_EXHAUSTED, Fault.TOO_MANY_QUESTIONS.value)
        self._number += 1
        work = self._waiting[self._number] = Work(self._number, self._key.work(self._number), method, request, until)
        self.signal(pb.AttendResponse(waiting=pb.WorkWaiting(number=work.number)))
        return work

    def waits_for(self, number: int, token: bytes) -> bool:
        """Whether work of this number waits, and whoever holds this token has not come for it before."""
        work = self._waiting.get(number)
        return work is not None and work.is_coming(token)

    def leave(self) -> None:
        """The agent is about to go: it takes up what was announced, and nothing that comes after it."""
        self.leaving = True
        self._end_if_done()

    def claim(self, number: int, token: bytes) -> Work:
        """The work of this number; nobody claims it again.

        Raises:
            Unavailable: `work-gone`.
        """
        work = self._waiting.get(number)
        if work is None or not work.is_claimed_by(token):
            raise Unavailable(Fault.WORK_GONE)
        self._under_way[number] = self._waiting.pop(number)
        return work

    def let_go(self, work: Work) -> None:
        """Nobody waits for it any more, or it is done. One that was claimed ends with its stream, of which the agent learns by itself."""
        work.over()
        self._under_way.pop(work.number, None)
        if self._waiting.pop(work.number, None) is not None and not self.ended.is_set():
            self.signal(pb.AttendResponse(withdrawn=pb.WorkWithdrawn(number=work.number)))
        self._end_if_done()

    def _end_if_done(self) -> None:
        """Tell an agent that goes that it left nothing behind, by ending its session."""
        if self.leaving and not self._waiting and not self._under_way:
            self.end()

    def signal(self, signal: pb.AttendResponse) -> None:
        """Say it on the control stream, in its turn. An agent that does not read its signals is none that can be asked."""
        if len(self._signals) >= 2 * _MOST_WORK:
            self.end()
            return
        self._signals.append(signal)
        self._signalled.set()

    async def next_signal(self) -> pb.AttendResponse:
        """What is to be said next."""
        while not self._signals:
            self._signalled = anyio.Event()
            await self._signalled.wait()
        return self._signals.popleft()

    def end(self) -> None:
        """The agent is not here any more: whoever waits for it is told at once."""
        self.ended.set()
        for work in (*self._waiting.values(), *self._under_way.values()):
            work.lose()
        self._waiting.clear()
        self._under_way.clear()


class Sessions:
    """All agents that are here. Of one holder there may be several: an agent that renews its session, or two that answer for it."""

    #: So many sessions of one holder; one more ends the oldest.
    OF_ONE: Final = 4

    def __init__(self) -> None:
        self._by_name: dict[bytes, Session] = {}
        self._by_ura: dict[Ura, list[Session]] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_name)

    @property
    def everyone(self) -> tuple[Session, ...]:
        """All of them."""
        return tuple(self._by_name.values())

    def add(self, session: Session) -> None:
        """It is here, and is asked from now on."""
        theirs = self._by_ura.setdefault(session.ura, [])
        theirs.append(session)
        self._by_name[session.name] = session
        for oldest in theirs[: -self.OF_ONE]:
            oldest.end()

    def remove(self, session: Session) -> None:
        """It is gone."""
        session.end()
        self._by_name.pop(session.name, None)
        theirs = self._by_ura.get(session.ura, [])
        if session in theirs:
            theirs.remove(session)
        if not theirs:
            self._by_ura.pop(session.ura, None)

    def by_name(self, name: bytes) -> Session | None:
        """The session of this id."""
        return self._by_name.get(name)

    def of(self, ura: Ura) -> Session | None:
        """The newest session of this holder that takes up work; none when its agent is not here."""
        return next((one for one in reversed(self._by_ura.get(ura, [])) if not one.leaving and not one.ended.is_set()), None)
