"""A channel to a holder whose agent calls us: what is called on it waits as work for the agent, and comes back by the agent's own stream.

To whoever calls it is a `grpc.aio.Channel` as any other, with the same failures: so all that asks inbound asks outbound, unchanged.
"""

from collections.abc import AsyncIterator, Callable, Generator
from typing import Any, Final, Never, Self
from weakref import WeakSet

import anyio
import grpc
from google.protobuf.message import DecodeError
from grpc import aio

from accord.terms.identifiers import Ura
from gateway.adapters.agent_sessions import Session, Sessions, Work, WorkFailed

#: For a call without a deadline of its own. The agent refuses it, as it would inbound.
_LONGEST_SECONDS: Final = 3600.0
_NOWHERE: Final = "the agent's side"


class AgentChannel(aio.Channel):
    """The way to one holder, whether or not its agent is here at this moment."""

    def __init__(self, sessions: Sessions, ura: Ura) -> None:
        self._sessions = sessions
        self._ura = ura
        self._calls: WeakSet[_Call] = WeakSet()

    def unary_unary(self, method: str, request_serializer: Any = None, response_deserializer: Any = None, _registered_method: Any = None) -> Any:
        """A call with one answer."""

        def call(request: Any, *, timeout: float | None = None) -> _OneAnswer:
            return _OneAnswer(*self._begun(method, request_serializer(request), timeout), response_deserializer)

        return self._kept(call)

    def unary_stream(self, method: str, request_serializer: Any = None, response_deserializer: Any = None, _registered_method: Any = None) -> Any:
        """A call with a stream of answers."""

        def call(request: Any, *, timeout: float | None = None) -> _Answers:
            return _Answers(*self._begun(method, request_serializer(request), timeout), response_deserializer)

        return self._kept(call)

    def stream_unary(self, method: str, *_: Any, **__: Any) -> Never:
        """Nothing that a holder serves."""
        raise NotImplementedError(method)

    def stream_stream(self, method: str, *_: Any, **__: Any) -> Never:
        """Nothing that a holder serves."""
        raise NotImplementedError(method)

    async def close(self, grace: float | None = None) -> None:  # noqa: ARG002 - as grpc has it
        """End its calls; the agent stays for whoever asks it next."""
        for call in list(self._calls):
            call.cut()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: ARG002, FBT001, FBT002 - as grpc has it
        """Whether the agent is here."""
        return grpc.ChannelConnectivity.READY if self._sessions.of(self._ura) else grpc.ChannelConnectivity.TRANSIENT_FAILURE

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> Never:
        """Nobody here waits for it: presence is found out by a watch."""
        raise NotImplementedError(last_observed_state.name)

    async def channel_ready(self) -> Never:
        """As above."""
        raise NotImplementedError(_NOWHERE)

    def _begun(self, method: str, request: bytes, timeout: float | None) -> "tuple[Session | None, Work | WorkFailed]":
        session = self._sessions.of(self._ura)
        if session is None:
            return None, WorkFailed(grpc.StatusCode.UNAVAILABLE)
        until = anyio.current_time() + (_LONGEST_SECONDS if timeout is None else timeout)
        try:
            return session, session.put(method, request, until)
        except WorkFailed as failure:
            return None, failure

    def _kept(self, call: Callable[..., "_Call"]) -> Callable[..., "_Call"]:
        def begun(request: Any, *, timeout: float | None = None) -> _Call:
            made = call(request, timeout=timeout)
            self._calls.add(made)
            return made

        return begun


class _Call:
    """A call under way, as much of it as is used."""

    def __init__(self, session: Session | None, work: Work | WorkFailed, deserialise: Callable[[bytes], Any] | None) -> None:
        self._session = session
        self._work = work
        self._deserialise = deserialise

    def cancel(self) -> bool:
        """Withdraw the question."""
        if self._session is None or isinstance(self._work, WorkFailed):
            return False
        self._session.let_go(self._work)
        self._session = None
        return True

    def cut(self) -> None:
        """Withdraw the question; whoever reads the answer is told that it was cut."""
        work = self._work
        self.cancel()
        if isinstance(work, Work):
            work.lose()

    async def _next(self) -> bytes | None:
        """The next message; none at the end."""
        try:
            if isinstance(self._work, WorkFailed):
                raise self._work
            message = await self._work.next()
        except WorkFailed as failure:
            self.cancel()
            raise aio.AioRpcError(failure.code, aio.Metadata(), aio.Metadata(), details=failure.details) from None
        if message is None:
            self.cancel()
        return message

    def _read(self, message: bytes) -> Any:
        """What it says; none for what cannot be read, as grpc.aio has it."""
        try:
            return message if self._deserialise is None else self._deserialise(message)
        except DecodeError:
            return None


class _OneAnswer(_Call):
    def __await__(self) -> Generator[Any, Any, Any]:
        return self._answer().__await__()

    async def _answer(self) -> Any:
        try:
            message = await self._next()
            if message is None:
                raise aio.AioRpcError(grpc.StatusCode.INTERNAL, aio.Metadata(), aio.Metadata(), details="")
            # The status comes behind the message; a call that failed after it has failed.
            await self._next()
        finally:
            self.cancel()
        return self._read(message)


class _Answers(_Call):
    def __aiter__(self) -> AsyncIterator[Any]:
        return self._each()

    async def _each(self) -> AsyncIterator[Any]:
        while (message := await self.read()) is not aio.EOF:
            yield message

    async def read(self) -> Any:
        """The next message, or `grpc.aio.EOF`."""
        message = await self._next()
        return aio.EOF if message is None else self._read(message)
