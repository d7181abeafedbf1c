"""A gRPC shell over the use cases: messages in, messages out, no decisions."""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import anyio
import grpc
from grpc import aio

from accord.link.failures import Unreadable, answering, read, readable
from accord.terms.answers import AttachmentFrame, Description, Frame, Standing
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Pseudonym, QueryId, record_ref
from accord.terms.limits import FIELD_CHARACTERS
from accord.wire import codec
from accord.wire.v1 import holder_service_pb2 as pb
from node_agent.answering import answer
from node_agent.attaching import fetch_attachment
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.ports import SourceFailure

SERVICE: Final = pb.DESCRIPTOR.services_by_name["HolderService"].full_name
CAPABILITIES: Final = frozenset({"locate", "query.arrival", "query.global", "attachment", "watch", "selection.v1"})

_WATCHERS: Final = 20
_HEARTBEAT_SECONDS: Final = 5.0
#: No question takes longer, whatever the deadline says.
_LONGEST_SECONDS: Final = 300.0
#: What is left of the time for the last word, so that it arrives before the deadline.
_MARGIN_SECONDS: Final = 0.2
_LONGEST_URL: Final = 8 * FIELD_CHARACTERS

_Context = aio.ServicerContext[Any, Any]


class HolderService:
    """Serves one holder."""

    def __init__(self, holder: Holder, name: str, locating: Locating, *, heartbeat_seconds: float = _HEARTBEAT_SECONDS) -> None:
        self._holder = holder
        self._name = name
        self._locating = locating
        self._heartbeat_seconds = heartbeat_seconds
        self._watchers = 0

    async def Describe(self, request: pb.DescribeRequest | Unreadable, context: _Context) -> pb.DescribeResponse:
        """What this holder can do."""
        async with answering(context, "Describe"):
            read(request)
            source = self._holder.source
            return codec.description_to_wire(
                Description(
                    ura=self._holder.ura,
                    name=self._name,
                    capabilities=CAPABILITIES,
                    types=source.types,
                    copy=source.is_copy,
                    data_as_of_ms=await source.data_as_of_ms(),
                    software=_software(),
                )
            )
        raise AssertionError  # `answering` ends the call or lets the answer through

    async def Locate(self, unchecked: pb.LocateRequest | Unreadable, context: _Context) -> pb.LocateResponse:
        """Whether this holder may say that it keeps something about a person."""
        async with answering(context, "Locate"):
            request = read(unchecked)
            self._locating.check_key(request.key_check)
            asked_by = codec.asker_from_wire(request.data_user, request.professional, treats_the_patient=request.treats_the_patient)
            purpose, query_id = codec.purpose_from_wire(request.purpose), QueryId(request.query_id)
            located = await self._locating.locate(Pseudonym(request.pseudonym), asked_by, purpose, query_id, seconds=context.time_remaining())
            return pb.LocateResponse(located=located)
        raise AssertionError

    async def Query(self, request: pb.QueryRequest | Unreadable, context: _Context) -> None:
        """The records of one person that this holder decides to release."""

        async def emit(frame: Frame) -> None:
            await context.write(codec.frame_to_wire(frame))

        async with answering(context, "Query"):
            await answer(self._holder, codec.holder_query_from_wire(read(request).query), emit, seconds=_seconds(context))

    async def FetchAttachment(self, unchecked: pb.FetchAttachmentRequest | Unreadable, context: _Context) -> None:
        """The bytes of one attachment that a released record refers to."""

        async def emit(frame: AttachmentFrame) -> None:
            await context.write(codec.attachment_frame_to_wire(frame))

        async with answering(context, "FetchAttachment"):
            request = read(unchecked)
            if not 0 < len(request.url) <= _LONGEST_URL:
                raise BadInput(Fault.INVALID_QUESTION, "url")
            query = codec.holder_query_from_wire(request.query)
            await fetch_attachment(self._holder, query, request.url, record_ref(request.record), emit, seconds=_seconds(context))

    async def Watch(self, request: pb.WatchRequest | Unreadable, context: _Context) -> None:
        """The holder's standing: now, at every change, and a heartbeat in between."""
        async with answering(context, "Watch"):
            read(request)
            if self._watchers >= _WATCHERS:
                raise Unavailable(Fault.TOO_MANY_QUESTIONS)
            self._watchers += 1
            try:
                await self._watch(context)
            finally:
                self._watchers -= 1

    async def _watch(self, context: _Context) -> None:
        pausing = self._holder.pausing
        as_of_ms = sequence = 0
        while not pausing.stopping:
            with suppress(SourceFailure):  # then the moment that was told last stands
                as_of_ms = await self._holder.source.data_as_of_ms()
            sequence += 1
            await context.write(codec.standing_to_wire(Standing(sequence, pausing.serving, pausing.code, pausing.since_ms, as_of_ms)))
            with anyio.move_on_after(self._heartbeat_seconds):
                await pausing.change()


def add_holder_service(service: HolderService, server: aio.Server) -> None:
    """Let *server* serve it."""
    answers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Describe": grpc.unary_unary_rpc_method_handler(service.Describe, readable(pb.DescribeRequest.FromString), pb.DescribeResponse.SerializeToString),
        "Locate": grpc.unary_unary_rpc_method_handler(service.Locate, readable(pb.LocateRequest.FromString), pb.LocateResponse.SerializeToString),
        "Query": grpc.unary_stream_rpc_method_handler(service.Query, readable(pb.QueryRequest.FromString), pb.QueryResponse.SerializeToString),
        "FetchAttachment": grpc.unary_stream_rpc_method_handler(
            service.FetchAttachment, readable(pb.FetchAttachmentRequest.FromString), pb.FetchAttachmentResponse.SerializeToString
        ),
        "Watch": grpc.unary_stream_rpc_method_handler(service.Watch, readable(pb.WatchRequest.FromString), pb.WatchResponse.SerializeToString),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, answers),))


def _seconds(context: _Context) -> float:
    """How long an answer may take and still say its last word before the deadline."""
    remaining: float | None = context.time_remaining()
    if remaining is None:
        return _LONGEST_SECONDS
    return min(_LONGEST_SECONDS, max(0.0, remaining - min(_MARGIN_SECONDS, remaining / 10)))


def _software() -> str:
    try:
        return f"noaber {version('noaber')}"
    except PackageNotFoundError:
        return "noaber"
