"""The gRPC face by which programs of an organisation look for a place and ask for one."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import anyio
import grpc
from grpc.aio import ServicerContext

from accord.link.failures import Unreadable, answering, read, readable
from accord.terms.faults import Fault, Unavailable
from accord.terms.parties import Professional
from accord.terms.placing import WORDS_CHARACTERS, EndReason
from accord.wire.v1 import placing_service_pb2 as pb
from gateway.api.placing_messages import addressees_from_wire, draft_from_wire, found_to_wire, need_from_wire, search_to_wire, wishes_from_wire
from gateway.places.searching import Found
from gateway.places.seeking import Seeking
from gateway.places.wanting import provider, text, word

SERVICE: Final = pb.DESCRIPTOR.services_by_name["PlacingService"].full_name

_Context = ServicerContext[Any, Any]

_Calls = dict[str, tuple[Callable[..., Awaitable[Any]], Any, float]]

#: In seconds: how long a call lasts at most, and how often an unfinished round is told.
_LONGEST: Final = 60.0
_LONGEST_WATCHED: Final = 600.0
_SELDOM: Final = 0.05
_WATCHES: Final = 32
_LONGEST_LISTENED: Final = 50.0
#: A mark before all others: whoever waits for something after it need not wait.
_NOW: Final = -1


class Workers(Protocol):
    """Tells who is at work."""

    def at_work(self, context: _Context) -> Professional:
        """Who it is, by the metadata of a call.

        Raises:
            BadInput: `login-required`, `application-not-trusted`, `invalid-parameter`.
        """


class PlacingFace:
    """Serves `PlacingService`."""

    def __init__(self, seeking: Seeking, workers: Workers) -> None:
        self._seeking = seeking
        self._workers = workers
        self._watches = 0

    async def find(self, wish: pb.PlacingServiceFindRequest, _: Professional, context: _Context) -> None:
        """Ask the whole region."""
        need, wishes = need_from_wire(wish.need), wishes_from_wire(wish.wishes)

        async def tell(found: Found) -> None:
            await context.write(pb.PlacingServiceFindResponse(found=found_to_wire(found)))

        found = await self._seeking.find(need, wishes, _seldom(tell))
        await tell(found)

    async def watch(self, wish: pb.PlacingServiceWatchRequest, _: Professional, context: _Context) -> None:
        """Ask it again whenever something changed."""
        need, wishes = need_from_wire(wish.need), wishes_from_wire(wish.wishes)

        async def tell(found: Found) -> None:
            await context.write(pb.PlacingServiceWatchResponse(found=found_to_wire(found)))

        if self._watches >= _WATCHES:
            raise Unavailable(Fault.TOO_MANY_QUESTIONS)
        self._watches += 1
        try:
            await self._seeking.watch(need, wishes, tell)
        finally:
            self._watches -= 1

    async def begin(self, wish: pb.PlacingServiceBeginRequest, by: Professional, _: _Context) -> pb.PlacingServiceBeginResponse:
        """Keep a search."""
        return pb.PlacingServiceBeginResponse(id=await self._seeking.searches.begin(draft_from_wire(wish), by))

    async def put_to(self, wish: pb.PlacingServicePutToRequest, by: Professional, _: _Context) -> pb.PlacingServicePutToResponse:
        """Put it to providers."""
        searches = self._seeking.searches
        case = await searches.case(wish.id)
        await searches.put_to(wish.id, await self._seeking.addressed(case.request.need, addressees_from_wire(wish.providers)), by)
        return pb.PlacingServicePutToResponse()

    async def choose(self, wish: pb.PlacingServiceChooseRequest, by: Professional, _: _Context) -> pb.PlacingServiceChooseResponse:
        """Take up an offer."""
        await self._seeking.searches.choose(wish.id, provider(wish.provider), by)
        return pb.PlacingServiceChooseResponse()

    async def tell(self, wish: pb.PlacingServiceTellRequest, by: Professional, _: _Context) -> pb.PlacingServiceTellResponse:
        """Say something to a provider."""
        await self._seeking.searches.tell(wish.id, provider(wish.provider), text(wish.words, "words", WORDS_CHARACTERS), by)
        return pb.PlacingServiceTellResponse()

    async def cancel(self, wish: pb.PlacingServiceCancelRequest, by: Professional, _: _Context) -> pb.PlacingServiceCancelResponse:
        """End it."""
        await self._seeking.searches.cancel(wish.id, word(EndReason, wish.reason, "reason"), by)
        return pb.PlacingServiceCancelResponse()

    async def give_up(self, wish: pb.PlacingServiceGiveUpRequest, by: Professional, _: _Context) -> pb.PlacingServiceGiveUpResponse:
        """Wait no longer."""
        await self._seeking.searches.give_up(wish.id, provider(wish.provider), by)
        return pb.PlacingServiceGiveUpResponse()

    async def hand_over(self, wish: pb.PlacingServiceHandOverRequest, by: Professional, _: _Context) -> pb.PlacingServiceHandOverResponse:
        """Send the handover."""
        await self._seeking.searches.hand_over(wish.id, wish.bundle, by)
        return pb.PlacingServiceHandOverResponse()

    async def get(self, wish: pb.PlacingServiceGetRequest, _by: Professional, _: _Context) -> pb.PlacingServiceGetResponse:
        """One search."""
        return pb.PlacingServiceGetResponse(search=search_to_wire(await self._seeking.searches.case(wish.id)))

    async def list(self, wish: pb.PlacingServiceListRequest, _by: Professional, _: _Context) -> pb.PlacingServiceListResponse:
        """All of them, when something changed."""
        searches = self._seeking.searches
        if wish.after:
            with anyio.move_on_after(_LONGEST_LISTENED):
                await searches.changed(wish.after)
        # Read before the searches: what changes meanwhile is told by the next call.
        mark = await searches.changed(_NOW)
        return pb.PlacingServiceListResponse(searches=[search_to_wire(case) for case in await searches.cases()], mark=mark)

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server serves."""
        many: _Calls = {"Find": (self.find, pb.PlacingServiceFindRequest, _LONGEST), "Watch": (self.watch, pb.PlacingServiceWatchRequest, _LONGEST_WATCHED)}
        one: _Calls = {
            "Begin": (self.begin, pb.PlacingServiceBeginRequest, _LONGEST),
            "PutTo": (self.put_to, pb.PlacingServicePutToRequest, _LONGEST),
            "Choose": (self.choose, pb.PlacingServiceChooseRequest, _LONGEST),
            "Tell": (self.tell, pb.PlacingServiceTellRequest, _LONGEST),
            "Cancel": (self.cancel, pb.PlacingServiceCancelRequest, _LONGEST),
            "GiveUp": (self.give_up, pb.PlacingServiceGiveUpRequest, _LONGEST),
            "HandOver": (self.hand_over, pb.PlacingServiceHandOverRequest, _LONGEST),
            "Get": (self.get, pb.PlacingServiceGetRequest, _LONGEST),
            "List": (self.list, pb.PlacingServiceListRequest, _LONGEST),
        }
        handlers: dict[str, Any] = {
            name: grpc.unary_stream_rpc_method_handler(self._answered(name, answer, seconds), readable(request.FromString), _written)
            for name, (answer, request, seconds) in many.items()
        }
        handlers |= {
            name: grpc.unary_unary_rpc_method_handler(self._answered(name, answer, seconds), readable(request.FromString), _written)
            for name, (answer, request, seconds) in one.items()
        }
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    def _answered(self, name: str, answer: Callable[..., Awaitable[Any]], seconds: float) -> Callable[[Any, _Context], Awaitable[Any]]:
        """A call as it is served: who is at work is looked at first, and no call lasts for ever."""

        async def answered(request: Any | Unreadable, context: _Context) -> Any:
            async with answering(context, f"Placing.{name}"):
                wish = read(request)
                by = self._workers.at_work(context)
                try:
                    with anyio.fail_after(seconds):
                        return await answer(wish, by, context)
                except TimeoutError:
                    raise Unavailable(Fault.DEADLINE_PASSED) from None

        return answered


def _seldom(tell: Callable[[Found], Awaitable[None]]) -> Callable[[Found], Awaitable[None]]:
    """The same, for what another message follows soon: told now and then."""
    told = 0.0

    async def now_and_then(found: Found) -> None:
        nonlocal told
        if anyio.current_time() - told >= _SELDOM:
            told = anyio.current_time()
            await tell(found)

    return now_and_then


def _written(message: Any) -> bytes:
    written: bytes = message.SerializeToString()
    return written
