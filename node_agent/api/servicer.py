"""A gRPC shell over the use cases: messages in, messages out, no decisions."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Protocol

import anyio
import grpc
from grpc import aio
from structlog.contextvars import bind_contextvars

from accord.audit.events import RefusedQuestion
from accord.audit.refusals import Refusals
from accord.link.failures import Unreadable, answering, read
from accord.link.listening import Ears, Listening
from accord.rules.leaving_out import Located
from accord.rules.places import Places
from accord.terms.answers import AttachmentFrame, Closed, Description, Frame, Standing
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import Pseudonym, QueryId, Ura, record_ref
from accord.terms.limits import FIELD_CHARACTERS
from accord.terms.members import Member
from accord.wire import answer_codec, holder_codec, question_codec
from accord.wire.v1 import holder_service_pb2 as pb
from node_agent.admitted import Admitted
from node_agent.answering import answer
from node_agent.api.answer_stream import AnswerStream
from node_agent.api.door import Door, ToLocate
from node_agent.attaching import fetch_attachment
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.outlet import Outlet
from node_agent.pausing import Pausing
from node_agent.ports import SourceFailure
from node_agent.shadowing import Shadow

SERVICE: Final = pb.DESCRIPTOR.services_by_name["HolderService"].full_name
CAPABILITIES: Final = frozenset({"locate", "query.arrival", "query.global", "attachment", "watch", "selection.v1"})

#: Of one gateway, each of its processes one.
_WATCHERS: Final = 8
_MOST_WATCHERS: Final = 64
_HEARTBEAT_SECONDS: Final = 5.0
#: No question takes longer, and none may want to.
_LONGEST_SECONDS: Final = 300.0
_LONGEST_WATCH_SECONDS: Final = 600.0
#: What is left of the time for the last word, so that it arrives before the deadline.
_MARGIN_SECONDS: Final = 0.2
_LONGEST_URL: Final = 8 * FIELD_CHARACTERS

_Context = aio.ServicerContext[Any, Any]


class Exchanging(Protocol):
    """What this party shares with a gateway, and takes from it."""

    async def exchange(self, gateway: Member, head: str, register: str, version: int) -> tuple[str, str, int]:
        """Keep their journal's head, take a newer register; give our head, a newer register than theirs, and our version."""


class HolderService:
    """Serves one holder."""

    def __init__(
        self,
        holder: Holder,
        name: str,
        locating: Locating,
        door: Door,
        exchanging: Exchanging,
        *,
        heartbeat_seconds: float = _HEARTBEAT_SECONDS,
        refusals: Refusals | None = None,
        shadow: Shadow | None = None,
    ) -> None:
        self._holder = holder
        self._shadow = shadow
        self._refusals = refusals or Refusals(holder.safeguards.ledger)
        self._door = door
        self._exchanging = exchanging
        self._name = name
        self._locating = locating
        self._heartbeat_seconds = heartbeat_seconds
        self._watchers = Places(_MOST_WATCHERS, of_one=_WATCHERS)

    def who(self, context: _Context) -> str:
        """The URA of whoever calls.

        Raises:
            Unavailable: They are no gateway of the region.
        """
        return self._door.check_peer(context).ura.value

    async def Describe(self, request: pb.DescribeRequest | Unreadable, context: _Context) -> pb.DescribeResponse:
        """What this holder can do."""
        async with answering(context, "Describe"):
            read(request)
            self._door.check_peer(context)
            source = self._holder.source
            return holder_codec.description_to_wire(
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
            asked_by = question_codec.asker_from_wire(request.data_user, request.professional, treats_the_patient=request.treats_the_patient)
            asked = ToLocate(
                Pseudonym(request.pseudonym),
                asked_by,
                question_codec.purpose_from_wire(request.purpose),
                QueryId(request.query_id),
                question_codec.evidence_from_wire(request.evidence),
            )
            async with self._noting_refusals(context, asked.query_id):
                asking = self._door.let_locate(context, asked)
            if self._shadow is not None:
                await self._shadow.note_located(asked.pseudonym, asking)
            elif self._holder.pausing.paused:
                # How much was asked meanwhile is for our own people to know; a closed journal makes it no less paused.
                with suppress(Unavailable):
                    await self.note_refusal(Fault.PAUSED, asked.query_id.value, asking.gateway.value)
            located = await self._locating.locate(asked.pseudonym, asking, seconds=context.time_remaining())
            # For everybody alike: else it would tell who is known here (promise P9).
            return answer_codec.located_to_wire(Located(located, await self._holder.left_out()))
        raise AssertionError

    async def Query(self, request: pb.QueryRequest | Unreadable, context: _Context) -> None:
        """The records of one person that this holder decides to release."""

        async def emit(frame: Frame) -> None:
            await stream.write(answer_codec.frame_to_wire(self._door.sign(frame) if isinstance(frame, Closed) else frame))

        stream = AnswerStream(context)
        async with answering(context, "Query"), stream.ended_in_time():
            message = read(request)
            query = question_codec.holder_query_from_wire(message.query, message.evidence)
            async with self._noting_refusals(context, query.id):
                admitted = self._door.let_query(context, query, "query")
            if self._shadow is not None:
                await self._shadow.note(admitted)
            async with self._door.while_a_member(context, _issuer(admitted)):
                bind_contextvars(query=query.id.value)
                await answer(self._holder, admitted, emit, seconds=_seconds(context))

    async def FetchAttachment(self, unchecked: pb.FetchAttachmentRequest | Unreadable, context: _Context) -> None:
        """The bytes of one attachment that a released record refers to."""

        async def emit(frame: AttachmentFrame) -> None:
            await stream.write(answer_codec.attachment_frame_to_wire(self._door.sign(frame) if isinstance(frame, Closed) else frame))

        stream = AnswerStream(context)
        async with answering(context, "FetchAttachment"), stream.ended_in_time():
            request = read(unchecked)
            if not 0 < len(request.url) <= _LONGEST_URL:
                raise BadInput(Fault.INVALID_QUESTION, "url")
            query, record = question_codec.holder_query_from_wire(request.query, request.evidence), record_ref(request.record)
            async with self._noting_refusals(context, query.id):
                admitted = self._door.let_query(context, query, "attachment", url=request.url, record=str(record))
            async with self._door.while_a_member(context, _issuer(admitted)):
                await fetch_attachment(self._holder, admitted, request.url, record, emit, seconds=_seconds(context))

    async def Exchange(self, unchecked: pb.ExchangeRequest | Unreadable, context: _Context) -> pb.ExchangeResponse:
        """Keep the head of the gateway's journal and take a newer register; give our own."""
        async with answering(context, "Exchange"):
            request = read(unchecked)
            gateway = self._door.check_peer(context)
            head, register, version = await self._exchanging.exchange(gateway, request.head, request.register, request.register_version)
            return pb.ExchangeResponse(head=head, register=register, register_version=version)
        raise AssertionError

    async def Watch(self, request: pb.WatchRequest | Unreadable, context: _Context) -> None:
        """The holder's standing: now, at every change, and a heartbeat in between."""
        stream = AnswerStream(context)
        async with answering(context, "Watch"), stream.ended_in_time():
            read(request)
            gateway = self._door.check_peer(context).ura.value
            if not self._watchers.take(gateway):
                raise Unavailable(Fault.TOO_MANY_QUESTIONS)
            try:
                async with self._door.while_a_member(context):
                    await self._watch(stream)
            finally:
                self._watchers.give_back(gateway)

    async def note_refusal(self, fault: Fault, query: str = "", peer: str = "") -> None:
        """What is refused at the door has a line, too: failed authentication is an event (NEN 7513). *peer* is who is on the channel.

        Raises:
            Unavailable: `journal-unavailable`.
        """
        await self._refusals.note(RefusedQuestion(query=query, holder=self._holder.ura.value, peer=peer, fault=fault))

    @asynccontextmanager
    async def _noting_refusals(self, context: _Context, query_id: QueryId) -> AsyncGenerator[None, None]:
        try:
            yield
        except Faulted as refused:
            peer = ""
            with suppress(Faulted):
                peer = self.who(context)
            await self.note_refusal(refused.fault, query_id.value, peer)
            raise

    async def _watch(self, stream: AnswerStream) -> None:
        pausing = self._holder.pausing
        as_of_ms = sequence = 0
        outlet = Outlet(stream.write)
        while not pausing.stopping:
            with suppress(SourceFailure):  # then the moment that was told last stands
                as_of_ms = await self._holder.source.data_as_of_ms()
            sequence += 1
            change = pausing.next_change
            await outlet.put([holder_codec.standing_to_wire(_standing(sequence, pausing, as_of_ms))])
            with anyio.move_on_after(self._heartbeat_seconds):
                await change.wait()


def holder_calls(service: HolderService, listening: Listening) -> dict[str, "grpc.RpcMethodHandler[Any, Any]"]:
    """What a server serves, by name. Who calls is looked at before the question is waited for."""
    ears = Ears(listening, service.who, service.note_refusal, _LONGEST_SECONDS)
    watching = replace(ears, longest_seconds=_LONGEST_WATCH_SECONDS)
    return {
        "Describe": ears.one_answer(service.Describe, pb.DescribeRequest, pb.DescribeResponse),
        "Locate": ears.one_answer(service.Locate, pb.LocateRequest, pb.LocateResponse),
        "Query": ears.many_answers(service.Query, pb.QueryRequest, pb.QueryResponse.SerializeToString),
        "FetchAttachment": ears.many_answers(service.FetchAttachment, pb.FetchAttachmentRequest, pb.FetchAttachmentResponse.SerializeToString),
        "Exchange": ears.one_answer(service.Exchange, pb.ExchangeRequest, pb.ExchangeResponse),
        "Watch": watching.many_answers(service.Watch, pb.WatchRequest, pb.WatchResponse.SerializeToString),
    }


def _standing(sequence: int, pausing: Pausing, as_of_ms: int) -> Standing:
    return Standing(sequence, pausing.serving, pausing.code, pausing.since_ms, as_of_ms, pausing.places_mark, pausing.letters_mark)


def _issuer(admitted: Admitted) -> Ura:
    """The organisation on whose behalf it is asked: when it is blocked, its answers under way end."""
    return admitted.asking.asked_by.data_user.ura


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
