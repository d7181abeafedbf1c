"""The one message of a call, waited for with little patience and not for many at a time.

A server of one-message calls takes a place for a call as soon as its headers came, and waits for the message for ever:
two connections with a hundred calls each that never say a word would keep everybody else out. So calls are taken as
streams (the same on the wire), who calls is looked at first, and the message is waited for briefly.

Nor can a server take back the place of a call whose answer nobody reads: what ends it then is its deadline, or its
connection. So a service may want a deadline of every call, and one that is near.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import anyio
import grpc
from google.protobuf.message import Message
from grpc import aio

from accord.link.failures import answering, readable
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable

_M = TypeVar("_M")

#: In seconds: whoever calls has its question ready.
_FIRST_WORD_SECONDS: Final = 5.0
#: So many calls of one organisation may wait for their message at the same time.
_WAITING: Final = 32
#: A deadline of just so long as is allowed has travelled, and clocks differ.
_TRAVELLED_SECONDS: Final = 5.0


class Listening:
    """Hears the message of every call of one server."""

    def __init__(self, *, seconds: float = _FIRST_WORD_SECONDS, waiting: int = _WAITING) -> None:
        self._seconds = seconds
        self._most = waiting
        self._waiting: Counter[str] = Counter()

    async def hear(self, who: str, messages: AsyncIterator[_M]) -> _M:
        """The one message of a call of *who*.

        Raises:
            Unavailable: `too-many-questions`: too many calls of theirs have said nothing yet.
            BadInput: `deadline-passed`: it did not come; `invalid-question`: there is none.
        """
        if self._waiting[who] >= self._most:
            raise Unavailable(Fault.TOO_MANY_QUESTIONS)
        self._waiting[who] += 1
        try:
            with anyio.fail_after(self._seconds):
                return await anext(messages)
        except TimeoutError:
            raise BadInput(Fault.DEADLINE_PASSED) from None
        except StopAsyncIteration:
            raise BadInput(Fault.INVALID_QUESTION, "message") from None
        finally:
            self._waiting[who] -= 1
            if not self._waiting[who]:
                del self._waiting[who]


_Context = aio.ServicerContext[Any, Any]
_Behaviour = Callable[[Any, _Context], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Ears:
    """How the calls of one service are heard. *who* says who calls, and raises `Faulted` for whoever may not; that is `noted`.

    With *longest_seconds*, a call without a deadline, or with one that is further away, is refused as `deadline-missing`.
    """

    listening: Listening
    who: Callable[[_Context], str]
    noted: Callable[[Fault], Awaitable[None]]
    longest_seconds: float | None = None

    def one_answer(self, behaviour: _Behaviour, request: type[Message], response: type[Message]) -> "grpc.RpcMethodHandler[Any, Any]":
        """A call with one answer."""
        return grpc.stream_unary_rpc_method_handler(self._heard(behaviour), readable(request.FromString), response.SerializeToString)

    def many_answers(self, behaviour: _Behaviour, request: type[Message], serialise: Callable[[Any], bytes]) -> "grpc.RpcMethodHandler[Any, Any]":
        """A call with a stream of answers, which its behaviour writes itself."""
        return grpc.stream_stream_rpc_method_handler(self._heard(behaviour), readable(request.FromString), serialise)

    def _check_deadline(self, context: _Context) -> None:
        if self.longest_seconds is not None:
            remaining: float | None = context.time_remaining()
            if remaining is None or remaining > self.longest_seconds + _TRAVELLED_SECONDS:
                raise BadInput(Fault.DEADLINE_MISSING)

    async def _looked_at(self, context: _Context) -> str:
        try:
            return self.who(context)
        except Faulted as refused:
            await self.noted(refused.fault)
            raise

    def _heard(self, behaviour: _Behaviour) -> Callable[[AsyncIterator[Any], _Context], Awaitable[Any]]:
        async def heard(messages: AsyncIterator[Any], context: _Context) -> Any:
            message: Any = None
            async with answering(context, behaviour.__name__):
                who = await self._looked_at(context)
                self._check_deadline(context)
                message = await self.listening.hear(who, messages)
            return await behaviour(message, context)

        return heard
