"""The way to whoever may have places over gRPC, on the same warm channels as every other question."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

from grpc import aio

from accord.letters.signing import QUESTION_CHARACTERS, STATEMENT_CHARACTERS
from accord.link.status import fault_of
from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, Ura
from accord.wire import checked
from accord.wire.v1 import places_service_pb2 as pb
from gateway.adapters.grpc_holders import GrpcHolders
from gateway.adapters.holder_calls import answer, holder_failure, streamed, understood
from gateway.places_asking import Account, Frame, Letters, Put, Said
from gateway.ports import HolderFailure, RegisteredHolder

PLACES: Final = pb.DESCRIPTOR.services_by_name["PlacesService"].full_name


@dataclass(frozen=True, slots=True)
class _Calls:
    """The calls on one channel, made once."""

    channel: aio.Channel
    offers: Any
    letters: Any


class GrpcPlaces:
    """`gateway.places_asking.PlacesWay`."""

    def __init__(self, holders: GrpcHolders) -> None:
        """*holders* has the channels, and closes them."""
        self._holders = holders
        self._made: dict[Ura, _Calls] = {}

    def offers(self, holder: RegisteredHolder, put: Put, *, seconds: float) -> AbstractAsyncContextManager[AsyncGenerator[Frame, None]]:
        """As the port promises."""
        request = pb.OffersRequest(question=put.question, hops=put.hops, patience_ms=put.patience_ms)
        call = self._calls(holder).offers
        return streamed(lambda: call(request, timeout=max(seconds, 0.001)), frame_from_wire)

    async def letters(self, holder: RegisteredHolder, brought: Letters, *, seconds: float) -> Letters:
        """As the port promises."""
        request = pb.LettersRequest(collect=brought.collect, letters=brought.letters)
        try:
            return letters_from_wire(understood(await answer(self._calls(holder).letters(request, timeout=max(seconds, 0.001)))))
        except aio.AioRpcError as failure:
            raise holder_failure(failure) from None
        except BadInput as failure:
            raise HolderFailure(Ending.REJECTED, failure.fault) from None

    def _calls(self, holder: RegisteredHolder) -> _Calls:
        channel = self._holders.channel(holder)
        calls = self._made.get(holder.card.ura)
        if calls is None or calls.channel is not channel:
            # One that calls out, or moved, has another channel now.
            calls = self._made[holder.card.ura] = _Calls(
                channel,
                channel.unary_stream(f"/{PLACES}/Offers", request_serializer=_written, response_deserializer=pb.OffersResponse.FromString),
                channel.unary_unary(f"/{PLACES}/Letters", request_serializer=_written, response_deserializer=pb.LettersResponse.FromString),
            )
        return calls


def _written(message: Any) -> bytes:
    written: bytes = message.SerializeToString()
    return written


def frame_from_wire(wire: pb.OffersResponse) -> Frame:
    """One frame.

    Raises:
        BadInput: `broken-batch`, `over-limit`.
    """
    match wire.WhichOneof("frame"):
        case "account":
            told = wire.account
            return Account(told.registered, told.asked, told.answered, told.register_version, told.register)
        case "holder":
            return _said(wire.holder)
        case _:
            raise BadInput(Fault.BROKEN_BATCH, "frame")


def _said(wire: pb.HolderOffers) -> Said:
    if len(wire.said) > STATEMENT_CHARACTERS or len(wire.vouched) > QUESTION_CHARACTERS:
        raise BadInput(Fault.OVER_LIMIT, "said")
    if not (wire.said.isascii() and wire.vouched.isascii()):
        raise BadInput(Fault.BROKEN_BATCH, "said")
    ending = checked.word(Ending, wire.ending, "ending", Fault.BROKEN_BATCH)
    # A holder's own frame need not name it; a code that we do not know is newer than we are.
    holder, region = (_name(text) for text in (wire.holder, wire.region))
    return Said(holder, ending, fault_of(wire.code), wire.said, region, wire.vouched, last_heard_ms=max(0, wire.last_heard_ms))


def _name(text: str) -> str:
    try:
        return HolderName(text).value if text else ""
    except BadInput:
        raise BadInput(Fault.BROKEN_BATCH, "holder") from None


def letters_from_wire(wire: pb.LettersResponse) -> Letters:
    """What a holder gives back.

    Raises:
        BadInput: `over-limit`.
    """
    given = Letters("", tuple(wire.letters), wire.receipt, wire.more)
    given.check()
    return given
