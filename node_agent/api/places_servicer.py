"""A gRPC shell over a provider's places: signed texts in, signed texts out, no decisions."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc import aio

from accord.letters.collecting import Collected, read_collect, receipt
from accord.letters.envelopes import ENVELOPE_CHARACTERS
from accord.letters.mailbox import MOST_CHARACTERS, MOST_LETTERS
from accord.letters.signing import AskedPlaces, read_question, state_places
from accord.link.failures import Unreadable, answering, read
from accord.link.listening import Ears, Listening
from accord.terms.answers import Ending
from accord.terms.capacity import Statement
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import Ura
from accord.terms.members import Member, Part, RegionRegister
from accord.wire.v1 import places_service_pb2 as pb
from node_agent.api.answer_stream import AnswerStream

PLACES_SERVICE: Final = pb.DESCRIPTOR.services_by_name["PlacesService"].full_name

_LONGEST_SECONDS: Final = 30.0

_Context = aio.ServicerContext[Any, Any]
NoteRefusal = Callable[[Fault, str, str], Awaitable[None]]


class Peers(Protocol):
    """Who is on a channel. `node_agent.api.door.Door` is one."""

    def check_peer(self, context: _Context) -> Member:
        """Who it is; whoever is no gateway of the region is refused."""


class Given(Protocol):
    """What an asker gets. `node_agent.places.ports.LettersFor` is one."""

    @property
    def envelopes(self) -> Sequence[str]:
        """The oldest first."""

    @property
    def heard(self) -> Mapping[str, int]:
        """How far its own were taken in."""

    @property
    def more(self) -> bool:
        """Whether more waits."""


class PlacesDesk(Protocol):
    """See `node_agent.places.ports.PlacesDesk`."""

    async def stated(self, asked: AskedPlaces) -> Statement:
        """What it has."""

    async def letters(self, collected: Collected, envelopes: Sequence[str]) -> Given:
        """Take in, and give."""


class PlacesService:
    """Serves one provider's places. Without a *desk* it has none, and says so."""

    def __init__(
        self,
        desk: PlacesDesk | None,
        own: Ura,
        key: Ed25519PrivateKey,
        peers: Peers,
        register: Callable[[], RegionRegister],
        now: Callable[[], datetime],
        note_refusal: NoteRefusal,
    ) -> None:
        self._desk = desk
        self._own = own
        self._key = key
        self._peers = peers
        self._register = register
        self._now = now
        self._note = note_refusal

    def who(self, context: _Context) -> str:
        """The URA of whoever calls.

        Raises:
            Unavailable: They are no gateway of the region.
        """
        return self._peers.check_peer(context).ura.value

    async def note_refusal(self, fault: Fault) -> None:
        """Who was not let in at all has a line, too."""
        await self._note(fault, "", "")

    async def Offers(self, unchecked: pb.OffersRequest | Unreadable, context: _Context) -> None:
        """What it has, in one frame."""
        stream = AnswerStream(context)
        async with answering(context, "Offers"), stream.ended_in_time():
            request, desk, gateway = read(unchecked), self._there(), self.who(context)
            try:
                register = self._register()
                asked = _for_whom_it_is(read_question(request.question, register, self._now()), register)
            except Faulted as refused:
                await self._note(refused.fault, "", gateway)
                raise
            said = state_places(self._own, await desk.stated(asked), asked, self._key)
            await stream.write(pb.OffersResponse(holder=pb.HolderOffers(said=said, ending=Ending.ANSWERED.value)))

    async def Letters(self, unchecked: pb.LettersRequest | Unreadable, context: _Context) -> pb.LettersResponse:
        """Takes letters in, and gives those that wait."""
        async with answering(context, "Letters"):
            request, desk, gateway = read(unchecked), self._there(), self.who(context)
            try:
                _check_bounds(request.letters)
                now = self._now()
                collected = read_collect(request.collect, self._own, self._register(), now)
            except Faulted as refused:
                await self._note(refused.fault, "", gateway)
                raise
            given = await desk.letters(collected, request.letters)
            said = receipt(self._own, collected.asker, request.collect, given.heard, self._key, self._now())
            return pb.LettersResponse(letters=given.envelopes, receipt=said, more=given.more)
        raise AssertionError  # `answering` ends the call or lets the answer through

    def _there(self) -> PlacesDesk:
        if self._desk is None:
            raise Unavailable(Fault.MISSING_CAPABILITY)
        return self._desk


def places_calls(service: PlacesService, listening: Listening) -> dict[str, "grpc.RpcMethodHandler[Any, Any]"]:
    """What a server serves, by name. Who calls is looked at before the question is waited for."""
    ears = Ears(listening, service.who, service.note_refusal, _LONGEST_SECONDS)
    return {
        "Offers": ears.many_answers(service.Offers, pb.OffersRequest, pb.OffersResponse.SerializeToString),
        "Letters": ears.one_answer(service.Letters, pb.LettersRequest, pb.LettersResponse),
    }


def _check_bounds(letters: Sequence[str]) -> None:
    """Refuse what is too much (promise P7). One that alone is as large as an envelope may be comes alone."""
    if len(letters) > MOST_LETTERS or any(len(letter) > ENVELOPE_CHARACTERS for letter in letters):
        raise BadInput(Fault.TOO_LARGE, "letters")
    if len(letters) > 1 and sum(map(len, letters)) > MOST_CHARACTERS:
        raise BadInput(Fault.TOO_LARGE, "letters")


def _for_whom_it_is(asked: AskedPlaces, register: RegionRegister) -> AskedPlaces:
    """What is free is told to a neighbouring region too, which asks by its gateway; how much we are asked for is for our own."""
    member = register.by_ura.get(asked.asker)
    if member is not None and Part.DATA_USER in member.parts:
        return asked
    return replace(asked, question=replace(asked.question, tally=False))
