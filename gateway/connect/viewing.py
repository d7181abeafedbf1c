"""How the viewer asks the region: by the gateway's gRPC face in order of arrival, with mandate and proof as for any application."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError
from grpc import aio

from accord.terms.answers import AttachmentFrame, Chunk, Closed, ContentType
from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import HolderName, RecordRef
from accord.terms.queries import EVERYTHING
from accord.wire import answer_codec, question_codec
from accord.wire.v1 import dossier_service_pb2 as pb
from gateway.connect.dossier_events import EventReader
from gateway.connect.grpc_relay import SERVICE, GatewayChannel, failed
from gateway.connect.proxy import Parts
from gateway.ports import DossierEvent
from gateway.viewer.ports import Attached, Question

_T = TypeVar("_T")

#: How long a dossier may take altogether; the gateway has its own bound, which is shorter.
_SECONDS: Final = 60.0


class AskedThroughGateway:
    """`gateway.viewer.ports.Asking` by the channel that every application of this data user is relayed on."""

    def __init__(self, parts: Parts, channel: GatewayChannel, *, seconds: float = _SECONDS) -> None:
        self._parts = parts
        self._channel = channel
        self._seconds = seconds

    @asynccontextmanager
    async def open(self, question: Question) -> AsyncIterator[AsyncIterator[DossierEvent]]:
        """See `Asking`."""
        asked = Asked(question.who.purpose, EVERYTHING)
        call, reader = self._call("Open", await self._about(question, asked)), EventReader()
        try:
            async with aclosing(_read(call, lambda answer: reader.read(pb.OpenResponse.FromString(answer)))) as events:
                yield events
        finally:
            call.cancel()

    @asynccontextmanager
    async def fetch(self, question: Question, holder: HolderName, record: RecordRef, url: str) -> AsyncIterator[Attached]:
        """See `Asking`."""
        asked = Asked(question.who.purpose, EVERYTHING, frozenset({holder}), url, str(record))
        about = await self._about(question, asked)
        call = self._call("FetchAttachment", pb.DossierServiceFetchAttachmentRequest(about=about, holder=holder.value, url=url, record=str(record)))
        try:
            async with aclosing(_read(call, _frame)) as frames:
                first = await anext(frames, None)
                if not isinstance(first, ContentType):
                    raise Unavailable(Fault.NOT_FOUND, "attachment")
                async with aclosing(_chunks(frames)) as chunks:
                    yield Attached(first.value, chunks)
        finally:
            call.cancel()

    async def _about(self, question: Question, asked: Asked) -> pb.OpenRequest:
        parts, who = self._parts, question.who
        at = parts.clock()
        held = await parts.book.mandate(question.bsn, who, at)
        return pb.OpenRequest(
            bsn=question.bsn.value,
            birth_date=question.birth_date.isoformat() if question.birth_date else "",
            treats_the_patient=who.treatment is not None,
            purpose=question_codec.purpose_to_wire(who.purpose),
            selection=question_codec.selection_to_wire(asked.selection),
            evidence=question_codec.evidence_to_wire(held.evidence([asked], parts.book.organisation.gateway, at)),
        )

    def _call(self, method: str, request: Any) -> Any:
        self._parts.upstream.check_standing()
        ask: Any = self._channel.current().unary_stream(f"/{SERVICE}/{method}", request_serializer=type(request).SerializeToString, response_deserializer=None)
        return ask(request, timeout=self._seconds)


async def _chunks(frames: AsyncGenerator[AttachmentFrame, None]) -> AsyncGenerator[bytes, None]:
    """The bytes of an attachment; whoever reads them to the end has had all of it.

    Raises:
        Unavailable: The holder did not end by saying that it was all.
    """
    last: Closed | None = None
    async for frame in frames:
        if last is not None or isinstance(frame, ContentType):
            raise BadInput(Fault.BROKEN_BATCH, "frame")
        if isinstance(frame, Chunk):
            yield frame.content
        else:
            last = frame
    if last is None or not last.ending.heard_out:
        raise Unavailable(Fault.STREAM_CUT if last is None or last.code is None else last.code, "attachment")


async def _read(call: Any, parse: Callable[[bytes], _T]) -> AsyncGenerator[_T, None]:
    try:
        async for answer in call:
            yield parse(answer)
    except aio.AioRpcError as failure:
        raise failed(failure) from None
    except DecodeError:
        raise BadInput(Fault.BROKEN_BATCH, "message") from None


def _frame(answer: bytes) -> AttachmentFrame:
    return answer_codec.attachment_frame_from_wire(pb.DossierServiceFetchAttachmentResponse.FromString(answer).frame)
