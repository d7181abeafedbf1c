"""Takes up what a gateway has waiting: each piece of work by a call of its own, so that none holds up another."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import anyio
import grpc
import structlog
from anyio.abc import TaskGroup
from google.protobuf.message import DecodeError
from grpc import aio

from accord.link.introducing import Introduced
from accord.link.session_seals import WorkSeals
from accord.link.withdrawing import withdrawable
from accord.terms.faults import BadInput
from accord.wire.v1 import agent_door_service_pb2 as pb
from node_agent.api.ordered import OrderContext, carry_out
from node_agent.outlet import ReaderGone

if TYPE_CHECKING:
    # Exists in the stubs only.
    from accord.wire.v1.agent_door_service_pb2_grpc import AgentDoorServiceAsyncStub

_MESSAGE: Final = b"message"
_END: Final = b"end"
_CLAIM: Final = "noaber-claim-bin"
#: So much at the same time. What comes on top is not taken up, and the gateway gives it up at its deadline.
_MOST: Final = 512
#: In seconds. The longest call is a watch, of 600.
_LONGEST: Final = 660.0
#: How long the gateway may take to read the end of an answer after its last message.
_END_SECONDS: Final = 10.0
#: What grpc.aio raises on a call that is over.
_BROKEN: Final = (aio.AioRpcError, aio.UsageError, aio.BaseError, asyncio.InvalidStateError)

_log = structlog.get_logger("noaber.outbound")


class Working:
    """The work of one session. *name* is the session's id; a gateway has *order_seconds* to give an order that it announced."""

    def __init__(
        self,
        stub: "AgentDoorServiceAsyncStub",
        introduced: Introduced,
        name: bytes,
        calls: Mapping[str, "grpc.RpcMethodHandler[Any, Any]"],
        *,
        order_seconds: float,
    ) -> None:
        self._stub = stub
        self._introduced = introduced
        self._name = name
        self._calls = calls
        self._order_seconds = order_seconds
        self._under_way: dict[int, anyio.CancelScope] = {}
        self._idle = anyio.Event()

    def take_up(self, number: int, tasks: TaskGroup) -> None:
        """Begin with this work."""
        if len(self._under_way) < _MOST:
            self._under_way[number] = anyio.CancelScope()
            tasks.start_soon(self._do, number, self._under_way[number])

    def give_up(self, number: int) -> None:
        """Nobody waits for it any more."""
        scope = self._under_way.get(number)
        if scope is not None:
            scope.cancel()

    async def until_idle(self) -> None:
        """Return when nothing is under way."""
        while self._under_way:
            self._idle = anyio.Event()
            await self._idle.wait()

    async def _do(self, number: int, scope: anyio.CancelScope) -> None:
        try:
            with scope:
                await self._claim_and_answer(number, scope)
        except (*_BROKEN, BadInput, DecodeError, TimeoutError, ReaderGone) as failure:
            # It ends with its stream, which tells the gateway all that it can know.
            _log.info("work ended", failure=type(failure).__name__)
        except Exception as failure:  # noqa: BLE001 - whatever one piece of work came to, the others of this session go on
            _log.error("work failed", failure=type(failure).__name__)
        finally:
            del self._under_way[number]
            if not self._under_way:
                self._idle.set()

    async def _claim_and_answer(self, number: int, scope: anyio.CancelScope) -> None:
        seals = self._introduced.key.work(number)
        claim = pb.WorkClaim(session=self._name, number=number, token=seals.token)
        # Beside the first message, so that the gateway knows at once that it waits for this call.
        call: Any = self._stub.Work(timeout=_LONGEST, metadata=((_CLAIM, claim.SerializeToString()),))
        try:
            with anyio.fail_after(self._order_seconds):
                await call.write(pb.WorkRequest(claim=claim))
                async with withdrawable():
                    ordered = await call.read()
            if ordered is aio.EOF or ordered is None:
                return
            order = pb.WorkOrder.FromString(seals.order.open(ordered.order))
            # Whoever asked may leave: then the gateway ends the call, and what is under way for it ends, too.
            call.add_done_callback(lambda _: scope.cancel())
            context = await self._answered(order, seals, call)
            if not call.done():
                end = pb.WorkEnd(code=context.status.value[0], details=context.said)
                await call.write(pb.WorkRequest(end=seals.reply.seal(end.SerializeToString(), _END)))
                await call.done_writing()
                with anyio.move_on_after(_END_SECONDS):
                    async with withdrawable():
                        await call.read()
        finally:
            call.cancel()

    async def _answered(self, order: pb.WorkOrder, seals: WorkSeals, call: Any) -> OrderContext:
        async def send(message: bytes) -> None:
            try:
                await call.write(pb.WorkRequest(message=seals.reply.seal(message, _MESSAGE)))
            except _BROKEN:
                raise aio.InternalError from None  # as a server says that the reader is gone

        handler: Any = self._calls.get(order.method)
        context = OrderContext(self._introduced.certificate, order.left_ms / 1000, send, handler.response_serializer if handler is not None else bytes)
        if handler is None:
            context.status = grpc.StatusCode.UNIMPLEMENTED
            return context
        with suppress(aio.InternalError):
            await carry_out(handler, order.request, context)
        return context
