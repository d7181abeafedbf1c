"""The gRPC face: opens dossiers for applications and tells every event as it happens."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from secrets import token_hex
from typing import Any, Final, Protocol

import anyio
import grpc
from anyio.abc import ObjectSendStream
from grpc.aio import ServicerContext

from accord.link.failures import Unreadable, answering, read
from accord.link.listening import Ears, Listening
from accord.link.options import MAXIMUM_CONCURRENT_RPCS
from accord.rules.places import Places
from accord.terms.answers import Chunk
from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import Bsn, HolderName, QueryId, RecordRef, record_ref
from accord.terms.limits import LIST_ITEMS
from accord.terms.queries import EVERYTHING, DossierQuery, Evidence, Order
from accord.terms.records import TYPE_BY_NAME
from accord.wire import answer_codec, question_codec
from accord.wire.relaying import batch_event
from accord.wire.v1 import dossier_service_pb2 as pb
from accord.wire.v1 import holder_service_pb2 as holder_pb
from gateway.api.dossier_messages import event_to_wire
from gateway.callers import NOT_LET_IN, Caller, Standing
from gateway.opening import Region, open_dossier
from gateway.ports import DossierEvent, HolderBatch
from gateway.reading import Reader, fetch_attachment_at

SERVICE: Final = pb.DESCRIPTOR.services_by_name["DossierService"].full_name

_Context = ServicerContext[Any, Any]

#: No question takes longer, and none may want to.
_LONGEST_SECONDS: Final = 300.0
#: Calls of one organisation at the same time, of those that are served at all.
_CALLS_OF_ONE: Final = 50
#: Events that wait for a slow application before its holders are slowed down: about 0.8 MB of batches (see `http_door`).
_EVENTS_AHEAD = 4


class GrpcCallers(Standing, Protocol):
    """Tells who asks over gRPC."""

    def who(self, context: _Context) -> str:
        """Who is on the channel, before it is known what they ask.

        Raises:
            Unavailable: Nobody who takes part.
        """

    def caller_of(self, context: _Context, evidence: Evidence) -> Caller:
        """Who asks, by the certificate of the connection and the evidence in the message.

        Raises:
            Faulted: As `gateway.callers.Callers`.
        """


class DossierService:
    """Serves `DossierService` for one region."""

    def __init__(self, region: Region, callers: GrpcCallers) -> None:
        self._region = region
        self._callers = callers

    async def Open(self, request: pb.OpenRequest | Unreadable, context: _Context) -> None:
        """Open a dossier; see the promises in the proto file."""
        async with answering(context, "Dossier.Open"):
            async with self._noting_refusals(context):
                caller, query = self._query(read(request), context)
            send, receive = anyio.create_memory_object_stream[DossierEvent](_EVENTS_AHEAD)
            async with self._callers.while_a_member(caller), anyio.create_task_group() as tasks, receive:
                tasks.start_soon(_open, query, self._region, send)
                async for event in receive:
                    # A batch goes out in the bytes it came in; everything else is small.
                    await context.write(_relayed(event) if isinstance(event, HolderBatch) else event_to_wire(event))

    async def FetchAttachment(self, request: pb.DossierServiceFetchAttachmentRequest | Unreadable, context: _Context) -> None:
        """Relay one attachment, checked as it passes."""
        async with answering(context, "Dossier.FetchAttachment"):
            request = read(request)
            holder, record = HolderName(request.holder), record_ref(request.record)
            async with self._noting_refusals(context):
                caller, query = self._query(request.about, context, attachment=(holder, request.url, record))
            reader = Reader(query.id, query.bsn, query.asked_by, query.purpose, query.seconds, EVERYTHING, query.evidence)
            async with (
                self._callers.while_a_member(caller),
                fetch_attachment_at(self._region, holder, request.url, record, reader) as (content_type, chunks),
            ):
                await context.write(_frame(holder_pb.FetchAttachmentResponse(content_type=content_type)))
                async for chunk in chunks:
                    await context.write(_frame(answer_codec.attachment_frame_to_wire(Chunk(chunk))))
                # The holder's own last word, as it signed it.
                if chunks.said is not None:
                    await context.write(_frame(answer_codec.attachment_frame_to_wire(chunks.said)))

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server serves: `Open` writes messages and, for batches, bytes that are already a message."""
        ears = Ears(Listening(Places(MAXIMUM_CONCURRENT_RPCS, of_one=_CALLS_OF_ONE)), self._callers.who, self._note_refusal, _LONGEST_SECONDS)
        fetched = pb.DossierServiceFetchAttachmentResponse.SerializeToString
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Open": ears.many_answers(self.Open, pb.OpenRequest, _serialise),
                "FetchAttachment": ears.many_answers(self.FetchAttachment, pb.DossierServiceFetchAttachmentRequest, fetched),
            },
        )

    async def _note_refusal(self, fault: Fault) -> None:
        await self._region.recorder().refused(Unavailable(fault))

    @asynccontextmanager
    async def _noting_refusals(self, context: _Context) -> AsyncIterator[None]:
        """Who is not let in has a line in the journal, too."""
        try:
            yield
        except Faulted as failure:
            if failure.fault in NOT_LET_IN:
                peer = ""
                with suppress(Faulted):
                    peer = self._callers.who(context)
                await self._region.recorder().refused(failure, peer)
            raise

    def _query(self, request: pb.OpenRequest, context: _Context, *, attachment: tuple[HolderName, str, RecordRef] | None = None) -> tuple[Caller, DossierQuery]:
        if len(request.holders) > LIST_ITEMS:
            raise BadInput(Fault.INVALID_QUESTION, "holders")
        selection = question_codec.selection_from_wire(request.selection) if request.HasField("selection") else EVERYTHING
        if not selection.types <= TYPE_BY_NAME.keys():
            # A type that nobody keeps would come back as "nothing" from everybody.
            raise BadInput(Fault.INVALID_QUESTION, "selection.types")
        if selection.order is not Order.ARRIVAL or selection.limit:
            raise BadInput(Fault.INVALID_QUESTION, "selection.order")
        caller = self._callers.caller_of(context, question_codec.evidence_from_wire(request.evidence))
        bsn, purpose = Bsn(request.bsn), question_codec.purpose_from_wire(request.purpose)
        if caller.purpose is not purpose:
            raise BadInput(Fault.QUESTION_WIDENED, "purpose")
        if attachment is None:
            asked = Asked(purpose, selection, frozenset(HolderName(name) for name in request.holders))
        else:
            holder, url, record = attachment
            asked = Asked(purpose, EVERYTHING, frozenset({holder}), url, str(record))
        return caller, DossierQuery(
            QueryId(token_hex(16)),
            bsn,
            question_codec.birth_date_from_wire(request.birth_date),
            replace(caller.asked_by, treats_the_patient=caller.asked_by.treats_the_patient and request.treats_the_patient),
            purpose,
            selection,
            asked.holders,
            _seconds(context, self._region.seconds),
            evidence=caller.evidence_for(bsn, asked),
        )


async def _open(query: DossierQuery, region: Region, send: ObjectSendStream[DossierEvent]) -> None:
    await open_dossier(query, region, send)


def _relayed(event: HolderBatch) -> bytes:
    return batch_event(event.holder.value, event.batch, event.mapping, patients=sorted(event.patients), bases=event.bases)


def _serialise(message: pb.OpenResponse | bytes) -> bytes:
    return message if isinstance(message, bytes) else message.SerializeToString()


def _frame(frame: holder_pb.FetchAttachmentResponse) -> pb.DossierServiceFetchAttachmentResponse:
    return pb.DossierServiceFetchAttachmentResponse(frame=frame)


def _seconds(context: _Context, longest: float) -> float:
    """The time for the whole question: what the application gives, less what the last hop needs, at most ours."""
    remaining = context.time_remaining()
    if remaining is None or math.isinf(remaining):
        return longest
    return max(0.05, min(longest, remaining - 0.1))
