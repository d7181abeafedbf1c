"""The local gRPC face: the gateway's own service for applications, with mandate and proof added to each question.

Answers are relayed in the bytes they came in.
"""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

import grpc
from grpc import aio
from grpc.aio import ServicerContext

from accord.link.failures import Unreadable, answering, read, readable
from accord.link.options import CHANNEL, Options
from accord.terms.evidence import Asked
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, HolderName, record_ref
from accord.terms.limits import LIST_ITEMS
from accord.terms.queries import EVERYTHING
from accord.wire import question_codec
from accord.wire.v1 import dossier_service_pb2 as pb
from gateway.connect.proxy import Parts
from gateway.connect.replaced import Replaced
from gateway.connect.upstream import UNREACHABLE

SERVICE: Final = pb.DESCRIPTOR.services_by_name["DossierService"].full_name

_Context = ServicerContext[Any, Any]

#: The longest that a gateway serves; an application on this machine need not say how long it waits.
_LONGEST_SECONDS: Final = 300.0


class GatewayChannel:
    """A channel to the gateway.

    *credentials* gives those of the moment and a number that changes with them; none: plain. *seconds* is how long a question may take.
    """

    def __init__(
        self,
        target: str,
        options: Options = (),
        credentials: Callable[[], tuple[grpc.ChannelCredentials, int]] | None = None,
        *,
        seconds: float = _LONGEST_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = target
        self._options = (*CHANNEL, *options)
        self._credentials = credentials
        self._open: tuple[aio.Channel, int] | None = None
        self._earlier = Replaced(seconds, now)

    def current(self) -> aio.Channel:
        """The channel, opened anew when the credentials changed. Answers on the earlier one are read to their end."""
        credentials, generation = (None, 0) if self._credentials is None else self._credentials()
        if self._open is not None and self._open[1] == generation:
            return self._open[0]
        if self._open is not None:
            self._earlier.put(self._open[0].close)
        if credentials is None:
            channel = aio.insecure_channel(self._target, options=self._options)
        else:
            channel = aio.secure_channel(self._target, credentials, options=self._options)
        self._open = channel, generation
        return channel

    async def close_over(self) -> None:
        """Close the earlier channels on which nothing can be under way any more."""
        await self._earlier.close_over()

    async def close(self) -> None:
        """Close every channel."""
        await self._earlier.close_all()
        if self._open is not None:
            await self._open[0].close()


class DossierRelay:
    """Serves `DossierService` to the applications of this data user."""

    def __init__(self, parts: Parts, gateway: GatewayChannel) -> None:
        self._parts = parts
        self._gateway = gateway

    async def open(self, request: pb.OpenRequest | Unreadable, context: _Context) -> None:
        """Open a dossier at the gateway."""
        async with answering(context, "Connect.Open"):
            opening = read(request)
            await self._add_evidence(opening, context, None)
            await self._relay("Open", opening, context)

    async def fetch(self, request: pb.DossierServiceFetchAttachmentRequest | Unreadable, context: _Context) -> None:
        """Fetch an attachment through the gateway."""
        async with answering(context, "Connect.FetchAttachment"):
            fetching = read(request)
            await self._add_evidence(fetching.about, context, fetching)
            await self._relay("FetchAttachment", fetching, context)

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server serves."""
        requests: dict[str, tuple[Any, Any]] = {
            "Open": (self.open, pb.OpenRequest.FromString),
            "FetchAttachment": (self.fetch, pb.DossierServiceFetchAttachmentRequest.FromString),
        }
        return grpc.method_handlers_generic_handler(
            SERVICE, {name: grpc.unary_stream_rpc_method_handler(answer, readable(parse), None) for name, (answer, parse) in requests.items()}
        )

    async def _add_evidence(self, about: pb.OpenRequest, context: _Context, attachment: pb.DossierServiceFetchAttachmentRequest | None) -> None:
        parts, said = self._parts, said_in(context)
        application = parts.applications.named_by(said.get("authorization", ""))
        purpose = question_codec.purpose_from_wire(about.purpose)
        if said.setdefault("noaber-purpose", purpose.value) != purpose.value:
            raise BadInput(Fault.INVALID_QUESTION, "purpose")
        who = parts.professionals.at_work(said, application, treats=about.treats_the_patient)
        if attachment is None:
            if len(about.holders) > LIST_ITEMS:
                raise BadInput(Fault.INVALID_QUESTION, "holders")
            selection = question_codec.selection_from_wire(about.selection) if about.HasField("selection") else EVERYTHING
            asked = Asked(purpose, selection, frozenset(HolderName(name) for name in about.holders))
        else:
            record = str(record_ref(attachment.record))
            asked = Asked(purpose, EVERYTHING, frozenset({HolderName(attachment.holder)}), attachment.url, record)
        at = parts.clock()
        held = await parts.book.mandate(Bsn(about.bsn), who, at)
        about.evidence.CopyFrom(question_codec.evidence_to_wire(held.evidence([asked], parts.book.organisation.gateway, at)))

    async def _relay(self, method: str, request: Any, context: _Context) -> None:
        parts = self._parts
        parts.upstream.check_standing()
        ask: Any = self._gateway.current().unary_stream(f"/{SERVICE}/{method}", request_serializer=type(request).SerializeToString, response_deserializer=None)
        remaining = context.time_remaining()
        call = ask(request, timeout=_LONGEST_SECONDS if remaining is None else min(remaining, _LONGEST_SECONDS))
        try:
            async with aclosing(_answers(call)) as answers:
                async for answer in answers:
                    await context.write(answer)
        finally:
            call.cancel()


async def _answers(call: Any) -> AsyncGenerator[bytes, None]:
    try:
        async for answer in call:
            yield answer
    except aio.AioRpcError as failure:
        raise failed(failure) from None


def failed(failure: aio.AioRpcError) -> Unavailable:
    """A code of the catalogue comes through as it is; anything else of gRPC is that the gateway cannot be had."""
    try:
        return Unavailable(Fault(failure.details() or ""))
    except ValueError:
        pass
    late = failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    return Unavailable(Fault.DEADLINE_PASSED if late else UNREACHABLE, "gateway")


def said_in(context: _Context) -> dict[str, str]:
    """The metadata of a call that are texts. One that stands twice does not count as either."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    metadata: Any = context.invocation_metadata() or ()
    for name, value in metadata:
        if name in found:
            twice.add(name)
        if isinstance(value, str):
            found[name] = value
    said: Mapping[str, str] = {name: value for name, value in found.items() if name not in twice}
    return dict(said)
