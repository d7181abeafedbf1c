"""The way of whoever looks for a place to its region, through a gateway that is believed in nothing (promises P1 and P8).

What we ask is signed by our mandate key, and what a provider says counts when its own signature is right by the register
here. Who is registered, may have such places and was not told of by the gateway is told of as that, too.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import DecodeError
from grpc import StatusCode, aio

from accord.letters import collecting, signing
from accord.letters.believing import digest_of
from accord.link.certificates import read_signing_key
from accord.link.live_register import LiveRegister
from accord.terms.capacity import PlacesQuestion
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import HolderName
from accord.terms.members import Member, RegionRegister
from accord.terms.next_steps import WHOLE
from accord.wire.v1 import places_service_pb2 as pb
from gateway.adapters.grpc_places import PLACES, frame_from_wire, letters_from_wire
from gateway.connect.grpc_relay import GatewayChannel, failed
from gateway.connect.mandating import MandateSource, OwnKey
from gateway.connect.places_told import Round
from gateway.connect.proxy import Parts
from gateway.connect.upstream import UNREACHABLE
from gateway.places.ports import Accounted, Brought, HolderSaid, PlaceChange
from gateway.places_asking import Account, Frame

_HOPS: Final = 1
#: In seconds: what a gateway may take longer than it is patient.
_MARGIN: Final = 5.0
_LETTERS_SECONDS: Final = 12.0
_FOLLOWED_SECONDS: Final = 590.0
#: A gateway that follows for us gives a sign of life every 5 s.
_SILENT_SECONDS: Final = 15.0


class RegionThroughGateway:
    """`gateway.places.ports.TheRegion` on the channel of every other question. *key* is a mandate key of ours in the register."""

    def __init__(self, parts: Parts, channel: GatewayChannel, key: Ed25519PrivateKey) -> None:
        self._parts = parts
        self._channel = channel
        self._key = key
        #: Through how many gateways behind ours a question goes: neighbouring regions are asked, and none behind them.
        self.hops = _HOPS

    @asynccontextmanager
    async def offers(
        self, question: PlacesQuestion, holders: frozenset[HolderName], *, patience: float
    ) -> AsyncIterator[AsyncGenerator[HolderSaid | Accounted, None]]:
        """As the port promises. A provider of a neighbouring region has a name of ours here, which is nobody's in the register."""
        at, register = self._now()
        signed = signing.ask_places(self._ura, question, register.region, self._key, at)
        names = sorted(holder.value for holder in holders)
        request = pb.OffersRequest(question=signed, holders=names, patience_ms=int(patience * 1000), hops=self.hops, register_version=register.version)
        call = self._call("Offers", request, pb.OffersResponse)(request, timeout=patience + _MARGIN)
        told = Round(question, holders, digest_of(signed), register, self._ura, self._parts.clock)
        try:
            async with aclosing(_frames(call)) as frames, aclosing(_heard(frames, told, self._parts.upstream.live)) as heard:
                yield heard
        finally:
            call.cancel()

    async def letters(self, provider: HolderName, heard: Mapping[str, int], envelopes: Sequence[str]) -> Brought:
        """As the port promises."""
        at, register = self._now()
        member = _holder(register, provider)
        collect = collecting.collect(self._ura, member.ura, heard, self._key, at)
        request = pb.LettersRequest(holder=provider.value, collect=collect, letters=envelopes)
        call = self._call("Letters", request, pb.LettersResponse, answers=False)
        try:
            given: pb.LettersResponse | None = await call(request, timeout=_LETTERS_SECONDS)
        except aio.AioRpcError as failure:
            raise failed(failure) from None
        if given is None:
            raise BadInput(Fault.BROKEN_BATCH, "letters")
        read = letters_from_wire(given)
        at, register = self._now()
        return Brought(read.letters, collecting.read_receipt(read.receipt, member.ura, collect, register, at), read.more)

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncGenerator[PlaceChange, None]]:
        """As the port promises."""
        self._now()
        request = pb.ChangesRequest()
        call = self._call("Changes", request, pb.ChangesResponse)(request, timeout=_FOLLOWED_SECONDS)
        try:
            async with aclosing(_followed(call)) as changes:
                yield changes
        finally:
            call.cancel()

    @property
    def _ura(self) -> Any:
        return self._parts.book.organisation.ura

    def _now(self) -> tuple[Any, RegionRegister]:
        """The time and the register, when the gateway takes part.

        Raises:
            Unavailable: `not-a-member`, `organisation-blocked`, `register-outdated`.
        """
        self._parts.upstream.check_standing()
        at = self._parts.clock()
        return at, self._parts.upstream.live.current(at)

    def _call(self, method: str, request: Any, answer: Any, *, answers: bool = True) -> Any:
        channel: Any = self._channel.current()
        make = channel.unary_stream if answers else channel.unary_unary
        return make(f"/{PLACES}/{method}", request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString)


def places_key(source: MandateSource, file: str, folder: Path) -> Ed25519PrivateKey:
    """The key by which questions and letters about places are signed: our mandate key; *file* where that is held elsewhere.

    Raises:
        BadInput: `invalid-setting`.
    """
    if file:
        return read_signing_key(folder / file)
    if isinstance(source, OwnKey):
        return source.key
    raise BadInput(Fault.INVALID_SETTING, "places.key: mandates come from elsewhere, and letters need a mandate key of their own", then=WHOLE)


async def _heard(frames: AsyncGenerator[Frame, None], told: Round, live: LiveRegister) -> AsyncGenerator[HolderSaid | Accounted, None]:
    """What each says, then those of whom nothing was said, then the count; whatever the gateway does, everybody has one end.

    Where the gateway has a newer register, it gives it with its account; it is taken as from anybody, and what is told here is by it.
    """
    reason: Faulted | None = Unavailable(Fault.STREAM_CUT, "gateway")
    theirs = 0
    try:
        async for frame in frames:
            if isinstance(frame, Account):
                reason, theirs = None, frame.version
                if frame.register:
                    live.offer(frame.register, told.clock())
                break
            if (said := told.take(frame)) is not None:
                yield said
    except Faulted as failure:
        reason = failure
    for said in told.settle(live.newest):
        yield said
    for missing in told.unaccounted(reason):
        yield missing
    if reason is not None:
        raise reason
    yield told.account(theirs)


async def _frames(call: Any) -> AsyncGenerator[Frame, None]:
    try:
        async for message in call:
            if message is None:
                raise BadInput(Fault.BROKEN_BATCH, "message")
            yield frame_from_wire(message)
    except aio.AioRpcError as failure:
        raise failed(failure) from None
    except DecodeError:
        raise BadInput(Fault.BROKEN_BATCH, "message") from None


async def _followed(call: Any) -> AsyncGenerator[PlaceChange, None]:
    """Every change, until the call has lasted as long as one may: that is its ordinary end, and it is followed anew."""
    was_heard = False
    while True:
        try:
            with anyio.fail_after(_SILENT_SECONDS):
                message = await call.read()
        except TimeoutError:
            raise Unavailable(UNREACHABLE, "gateway") from None
        except aio.AioRpcError as failure:
            if was_heard and failure.code() is StatusCode.DEADLINE_EXCEEDED:
                return
            raise failed(failure) from None
        if message is aio.EOF:
            return
        was_heard = True
        if message is None:
            raise BadInput(Fault.BROKEN_BATCH, "message")
        if message.holder:
            yield PlaceChange(HolderName(message.holder), message.places_mark, message.letters_mark, message.reachable)


def _holder(register: RegionRegister, name: HolderName) -> Member:
    member = next((one for one in register.holders if one.name == name), None)
    if member is None:
        raise BadInput(Fault.UNKNOWN_HOLDER)
    return member
