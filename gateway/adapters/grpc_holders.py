"""The way to every holder over gRPC; every foreign failure becomes a `HolderFailure`."""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from grpc import aio

from accord.link.salts import seal_salt
from accord.rules.leaving_out import Located
from accord.terms.answers import AttachmentFrame, Closed, Description, Ending, Frame, Standing
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, RecordRef, Ura
from accord.terms.queries import DossierQuery, Evidence, HolderQuery
from accord.wire import answer_codec, holder_codec, question_codec
from accord.wire.relaying import frame_from_bytes
from accord.wire.v1 import holder_service_pb2 as pb
from accord.wire.v1 import terms_pb2
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceStub
from gateway.adapters.holder_calls import answer, holder_failure, streamed, understood
from gateway.ports import HolderFailure, RegisteredHolder, Shared

if TYPE_CHECKING:
    # Exists in the stubs only.
    from accord.wire.v1.holder_service_pb2_grpc import HolderServiceAsyncStub

_T = TypeVar("_T")

Connect = Callable[[RegisteredHolder], aio.Channel]

_QUERY = "/accord.wire.v1.HolderService/Query"

#: A watch is renewed now and then, so that a half-open connection is found out.
_WATCH_SECONDS = 600.0


class GrpcHolders:
    """`gateway.ports.Holders` over one warm channel per holder."""

    def __init__(self, connect: Connect, is_signed: Callable[[Closed], bool]) -> None:
        """*connect* makes the channel to a holder; *is_signed* tells a last word that the holder itself signed."""
        self._connect = connect
        self._is_signed = is_signed
        self._ways: dict[tuple[Ura, str], _Way] = {}

    async def close(self) -> None:
        """Close all channels; calls under way are cut off."""
        ways, self._ways = self._ways, {}
        for way in ways.values():
            await way.channel.close()

    async def reconnect(self, holders: Iterable[RegisteredHolder]) -> None:
        """Close the channels to everybody but these: whoever is blocked or moved is not asked on an open channel."""
        kept = {(holder.card.ura, holder.address.target) for holder in holders}
        for key in [key for key in self._ways if key not in kept]:
            await self._ways.pop(key).channel.close()

    async def describe(self, holder: RegisteredHolder, *, seconds: float) -> Description:
        """As the port promises."""
        try:
            return holder_codec.description_from_wire(understood(await answer(self._stub(holder).Describe(pb.DescribeRequest(), timeout=seconds))))
        except aio.AioRpcError as failure:
            raise holder_failure(failure) from None
        except BadInput as failure:
            raise HolderFailure(Ending.INCOMPATIBLE, failure.fault) from None

    async def locate(self, holder: RegisteredHolder, query: DossierQuery, *, seconds: float) -> Located:
        """As the port promises."""
        request = pb.LocateRequest(
            pseudonym=holder.key.pseudonym(query.bsn).value,
            data_user=question_codec.data_user_to_wire(query.asked_by.data_user),
            purpose=question_codec.purpose_to_wire(query.purpose),
            query_id=query.id.value,
            treats_the_patient=query.asked_by.treats_the_patient,
            professional=question_codec.professional_to_wire(query.asked_by.professional),
            key_check=holder.key.check,
            evidence=_sealed(query.evidence, query.bsn),
        )
        try:
            return answer_codec.located_from_wire(understood(await answer(self._stub(holder).Locate(request, timeout=seconds))))
        except aio.AioRpcError as failure:
            raise holder_failure(failure) from None
        except BadInput as failure:
            raise HolderFailure(Ending.REJECTED, failure.fault) from None

    def ask(self, holder: RegisteredHolder, query: HolderQuery, *, seconds: float) -> AbstractAsyncContextManager[AsyncGenerator[Frame, None]]:
        """As the port promises."""
        request = pb.QueryRequest(query=question_codec.holder_query_to_wire(query), evidence=_sealed(query.evidence, query.about))
        call = self._way(holder).query
        return streamed(lambda: call(request, timeout=max(seconds, 0.001)), lambda message: self._checked(frame_from_bytes(message)))

    def fetch(
        self, holder: RegisteredHolder, query: HolderQuery, url: str, record: str, *, seconds: float
    ) -> AbstractAsyncContextManager[AsyncGenerator[AttachmentFrame, None]]:
        """As the port promises."""
        request = pb.FetchAttachmentRequest(
            query=question_codec.holder_query_to_wire(query), url=url, record=record, evidence=_sealed(query.evidence, query.about)
        )
        return streamed(
            lambda: self._stub(holder).FetchAttachment(request, timeout=max(seconds, 0.001)),
            lambda message: self._checked(answer_codec.attachment_frame_from_wire(message)),
        )

    def watch(self, holder: RegisteredHolder) -> AbstractAsyncContextManager[AsyncGenerator[Standing, None]]:
        """As the port promises."""
        return streamed(lambda: self._stub(holder).Watch(pb.WatchRequest(), timeout=_WATCH_SECONDS), holder_codec.standing_from_wire)

    async def exchange(self, holder: RegisteredHolder, shared: Shared, *, seconds: float) -> Shared:
        """As the port promises."""
        request = pb.ExchangeRequest(head=shared.head, register=shared.register, register_version=shared.version)
        try:
            given = understood(await answer(self._stub(holder).Exchange(request, timeout=seconds)))
        except aio.AioRpcError as failure:
            raise holder_failure(failure) from None
        except BadInput as failure:
            raise HolderFailure(Ending.REJECTED, failure.fault) from None
        return Shared(given.head, given.register, given.register_version)

    def channel(self, holder: RegisteredHolder) -> aio.Channel:
        """The channel to this holder, warm where it was asked before."""
        return self._way(holder).channel

    def _checked(self, frame: _T) -> _T:
        if isinstance(frame, Closed) and not self._is_signed(frame):
            raise HolderFailure(Ending.REJECTED, Fault.SIGNATURE_INVALID)
        return frame

    def _way(self, holder: RegisteredHolder) -> "_Way":
        key = holder.card.ura, holder.address.target
        way = self._ways.get(key)
        if way is None:
            way = self._ways[key] = _way_over(self._connect(holder))
        return way

    def _stub(self, holder: RegisteredHolder) -> "HolderServiceAsyncStub":
        return self._way(holder).stub


@dataclass(frozen=True, slots=True)
class _Way:
    """A channel and its calls, made once: making a stub takes as long as a call."""

    channel: aio.Channel
    stub: "HolderServiceAsyncStub"
    query: "aio.UnaryStreamMultiCallable[pb.QueryRequest, bytes]"


def _sealed(evidence: Evidence, about: Bsn | RecordRef) -> "terms_pb2.Evidence":
    """The evidence as a holder gets it: who does not know the person cannot open the salt."""
    if not evidence.mandate or not isinstance(about, Bsn):
        return question_codec.evidence_to_wire(evidence)
    digest = sha256(evidence.mandate.encode("ascii")).digest()
    return question_codec.evidence_to_wire(replace(evidence, salt=seal_salt(evidence.salt, about, digest)))


def _way_over(channel: aio.Channel) -> _Way:
    query: aio.UnaryStreamMultiCallable[pb.QueryRequest, bytes] = channel.unary_stream(
        _QUERY, request_serializer=pb.QueryRequest.SerializeToString, response_deserializer=None
    )
    return _Way(channel, HolderServiceStub(channel), query)
