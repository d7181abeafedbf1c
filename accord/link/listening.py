"""The one message of a call, waited for with little patience and not for many at a time.

A server of one-message calls takes a place for a call as soon as its headers came, and waits for the message for ever:
two connections with a hundred calls each that never say a word would keep everybody else out. So calls are taken as
streams (the same on the wire), who calls is looked at first, and the message is waited for briefly.

Nor can a server take back the place of a call whose answer nobody reads: what ends it then is its deadline, or its
connection. So a service wants a deadline of every call, and one that is near; and no organisation has all the places.
"""

import inspect
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import anyio
import grpc
from google.protobuf.message import Message
from grpc import aio

from accord.link.failures import answering, readable
from accord.link.status import code_of
from accord.rules.places import Places
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable

_M = TypeVar("_M")

#: In seconds: whoever calls has its question ready.
_FIRST_WORD_SECONDS: Final = 5.0
#: So many calls of one organisation may wait for their message at the same time.
_WAITING: Final = 32
#: So many calls of other services at the same time.
_BYSTANDERS: Final = 20
_OURS: Final = "/accord."
_WAYS: Final = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
#: A deadline of just so long as is allowed has travelled, and clocks differ.
_TRAVELLED_SECONDS: Final = 5.0


_Context = aio.ServicerContext[Any, Any]


class Listening:
    """Hears the message of every call of one server."""

    def __init__(self, places: Places, *, seconds: float = _FIRST_WORD_SECONDS, waiting: int = _WAITING) -> None:
        self._places = places
        self._seconds = seconds
        self._most = waiting
        self._waiting: Counter[str] = Counter()

    def seat(self, who: str, context: _Context) -> None:
        """Give a call of *who* a place, until it is over.

        Raises:
            Unavailable: `too-many-questions`: they have their part of the places.
        """
        if not _seated(self._places, who, context):
            raise Unavailable(Fault.TOO_MANY_QUESTIONS)

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


class Bystanders(aio.ServerInterceptor):
    """Calls of other services of the same server (health, reflection), which nobody is asked for evidence of: few at a time.

    Whoever keeps all of their places open keeps nobody from asking.
    """

    def __init__(self, most: int = _BYSTANDERS) -> None:
        self._places = Places(most, of_one=most)

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Any, Any] | None"]], details: grpc.HandlerCallDetails
    ) -> Any:
        """As grpc wants it."""
        handler: Any = await continuation(details)
        if handler is None or details.method.startswith(_OURS):
            return handler
        return handler._replace(**{way: self._few(getattr(handler, way)) for way in _WAYS if getattr(handler, way) is not None})

    def _few(self, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        # grpc looks at the function to see how it answers: what takes its place must be of the same sort.
        if inspect.isasyncgenfunction(behaviour):

            async def streams(said: Any, context: _Context) -> AsyncIterator[Any]:
                await self._seat(context)
                async for answer in behaviour(said, context):
                    yield answer

            return streams

        async def answers(said: Any, context: _Context) -> Any:
            await self._seat(context)
            return await behaviour(said, context)

        return answers

    async def _seat(self, context: _Context) -> None:
        if not _seated(self._places, "", context):
            await context.abort(code_of(Fault.TOO_MANY_QUESTIONS), Fault.TOO_MANY_QUESTIONS.value)


def _seated(places: Places, who: str, context: _Context) -> bool:
    """Whether there was a place for this call; it is given back when grpc is through with the call."""
    if not places.take(who):
        return False

    def over(_: object) -> None:
        places.give_back(who)

    context.add_done_callback(over)  # type: ignore[arg-type]  # the stubs have a class where any function is taken
    return True


_Behaviour = Callable[[Any, _Context], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Ears:
    """How the calls of one service are heard. *who* says who calls, and raises `Faulted` for whoever may not; that is `noted`.

    A call without a deadline, or with one further away than *longest_seconds*, is refused as `deadline-missing`; one too
    many of an organisation as `too-many-questions`. Each has a place until grpc is through with it.
    """

    listening: Listening
    who: Callable[[_Context], str]
    noted: Callable[[Fault], Awaitable[None]]
    longest_seconds: float

    def one_answer(self, behaviour: _Behaviour, request: type[Message], response: type[Message]) -> "grpc.RpcMethodHandler[Any, Any]":
        """A call with one answer."""
        return grpc.stream_unary_rpc_method_handler(self._heard(behaviour), readable(request.FromString), response.SerializeToString)

    def many_answers(self, behaviour: _Behaviour, request: type[Message], serialise: Callable[[Any], bytes]) -> "grpc.RpcMethodHandler[Any, Any]":
        """A call with a stream of answers, which its behaviour writes itself."""
        return grpc.stream_stream_rpc_method_handler(self._heard(behaviour), readable(request.FromString), serialise)

    def _check_deadline(self, context: _Context) -> None:
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
                self.listening.seat(who, context)
                message = await self.listening.hear(who, messages)
            return await behaviour(message, context)

        return heard
