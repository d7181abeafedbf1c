"""The gRPC face of free places: puts a question to the whole region, carries letters unopened, and tells what changed.

It keeps nothing. Of a question it reads for which kinds of care it is and who asks; of what is said, and of letters, nothing.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import anyio
import grpc
from grpc.aio import ServicerContext

from accord.audit.places_events import PlacesAsked
from accord.letters.signing import AskedPlaces, read_question
from accord.link.failures import Unreadable, answering, read
from accord.link.listening import Ears, Listening
from accord.link.live_register import LiveRegister
from accord.link.peers import peer_digest, peer_of, still_a_member
from accord.rules.places import Places
from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import HolderName
from accord.terms.limits import LIST_ITEMS, MESSAGE_BYTES
from accord.terms.members import Member, Part
from accord.wire.v1 import places_service_pb2 as pb
from gateway.api.place_messages import change_to_wire, frame_to_wire, letters_to_wire
from gateway.callers import NOT_LET_IN
from gateway.neighbours import PlacesRegister, region_of
from gateway.places_asking import Asking, Frame, Letters, PlacesWay, Said, Wanted, ask_holders
from gateway.places_changes import Change, follow_changes
from gateway.places_stacking import MOST_HOPS, Signing, ask_neighbour, to_be_asked, vouched_for
from gateway.ports import HolderFailure
from gateway.presence import Presence
from gateway.rates import QuestionRates
from gateway.recording import Recorder

SERVICE: Final = pb.DESCRIPTOR.services_by_name["PlacesService"].full_name

_Context = ServicerContext[Any, Any]

_LONGEST_SECONDS: Final = 30.0
_LONGEST_FOLLOWED: Final = 600.0
#: How long anybody is waited for at most, in seconds.
_LONGEST_PATIENCE: Final = 5.0
_LETTERS_SECONDS: Final = 10.0
#: Calls at the same time: of all organisations, and of one; and how many of them may follow what changes. While one holder
#: is frozen, twenty questions a second that wait two seconds for it are forty calls; for dossiers it is fifty, too.
_CALLS: Final = 120
_CALLS_OF_ONE: Final = 50
_FOLLOWERS: Final = 80
_FOLLOWERS_OF_ONE: Final = 4
#: Frames that wait for a slow reader.
_FRAMES_AHEAD: Final = 4


@dataclass(frozen=True, slots=True)
class PlacesParts:
    """What the face works with. `patience` is in seconds, where whoever asks does not say."""

    live: LiveRegister
    register: Callable[[], PlacesRegister]
    way: PlacesWay
    presence: Presence
    signing: Signing
    recorder: Callable[[], Recorder]
    questions: QuestionRates
    letters: QuestionRates
    patience: float = 0.4


class PlacesService:
    """Serves `PlacesService` of one region."""

    def __init__(self, parts: PlacesParts) -> None:
        self._parts = parts
        self._followers = Places(_FOLLOWERS, of_one=_FOLLOWERS_OF_ONE)

    async def offers(self, request: pb.OffersRequest | Unreadable, context: _Context) -> None:
        """Ask everybody; see the promises in the proto file."""
        async with answering(context, "Places.Offers"):
            wish = read(request)
            async with self._noting_refusals(context):
                member, asked = self._asked(wish, context)
            wanted = Wanted(asked.question.kinds, _holders(wish))
            hops = min(wish.hops, MOST_HOPS - bool(region_of(member)))
            send, receive = anyio.create_memory_object_stream[Frame](_FRAMES_AHEAD)
            asking = Asking(self._parts.way, self._parts.presence, wish.question, self._patience(wish), send)
            async with self._while_a_member(context), anyio.create_task_group() as tasks, receive:
                tasks.start_soon(self._ask, asking, asked, wanted, hops)
                async for frame in receive:
                    await context.write(frame_to_wire(self._as_told(frame, wish, member, asked)))

    async def letters(self, request: pb.LettersRequest | Unreadable, context: _Context) -> pb.LettersResponse:
        """Carry letters to one holder, and back what it has."""
        async with answering(context, "Places.Letters"):
            brought = read(request)
            async with self._noting_refusals(context):
                member = self._member(context, Part.DATA_USER)
                self._parts.letters.take(member.ura)
            name, carried = HolderName(brought.holder), Letters(brought.collect, tuple(brought.letters))
            carried.check()
            async with self._while_a_member(context):
                given = await self._carried(name, carried, _left(context, _LETTERS_SECONDS))
            return letters_to_wire(given)

    async def changes(self, request: pb.ChangesRequest | Unreadable, context: _Context) -> None:
        """Tell the marks of everybody, then each that changes."""
        async with answering(context, "Places.Changes"):
            read(request)
            async with self._noting_refusals(context):
                member = self._member(context, Part.DATA_USER)
                if not self._followers.take(member.ura.value):
                    raise Unavailable(Fault.TOO_MANY_QUESTIONS)

            async def tell(change: Change | None) -> None:
                await context.write(change_to_wire(change))

            try:
                async with self._while_a_member(context):
                    await follow_changes(self._parts.presence, self._names, tell)
            finally:
                self._followers.give_back(member.ura.value)

    def handler(self) -> grpc.GenericRpcHandler:
        """What a server serves."""
        listening = Listening(Places(_CALLS, of_one=_CALLS_OF_ONE))
        short = Ears(listening, self._who, self._note_refusal, _LONGEST_SECONDS)
        long = Ears(listening, self._who, self._note_refusal, _LONGEST_FOLLOWED)
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Offers": short.many_answers(self.offers, pb.OffersRequest, pb.OffersResponse.SerializeToString),
                "Letters": short.one_answer(self.letters, pb.LettersRequest, pb.LettersResponse),
                "Changes": long.many_answers(self.changes, pb.ChangesRequest, pb.ChangesResponse.SerializeToString),
            },
        )

    async def _ask(self, asking: Asking, asked: AskedPlaces, wanted: Wanted, hops: int) -> None:
        parts, register = self._parts, self._parts.register()
        neighbours = [one for one in to_be_asked(register, hops, asked.asker) if not wanted.holders or one.name in wanted.holders]
        kinds = tuple(sorted(kind.value for kind in asked.question.kinds))
        meant = sum(map(wanted.is_for, register.holders)) + len(neighbours)
        await parts.recorder().ledger.append(PlacesAsked(peer=asked.asker.value, kinds=kinds, count=meant))
        async with asking.into:
            async with anyio.create_task_group() as tasks:
                for neighbour in neighbours:
                    tasks.start_soon(ask_neighbour, asking, neighbour, asked.question, hops, parts.signing)
                account = await ask_holders(asking, wanted, register)
            await asking.into.send(account)

    async def _carried(self, name: HolderName, brought: Letters, seconds: float) -> Letters:
        holder = next((one for one in self._parts.register().holders if one.name == name), None)
        if holder is None:
            raise BadInput(Fault.UNKNOWN_HOLDER)
        if not holder.active or self._parts.presence.is_known_down(name):
            raise Unavailable(Fault.HOLDER_UNREACHABLE)
        try:
            return await self._parts.way.letters(holder, brought, seconds=seconds)
        except HolderFailure as failure:
            late = failure.ending is Ending.TOO_LATE
            raise Unavailable(Fault.HOLDER_SILENT if late else failure.code) from None

    def _asked(self, wish: pb.OffersRequest, context: _Context) -> tuple[Member, AskedPlaces]:
        """Who is on the channel, and the question, which must be their own."""
        member = self._member(context, Part.DATA_USER, Part.GATEWAY)
        self._parts.questions.take(member.ura)
        signing = self._parts.signing
        asked = read_question(wish.question, signing.register(), signing.now())
        if asked.asker != member.ura:
            raise BadInput(Fault.TOKEN_INVALID)
        return member, asked

    def _member(self, context: _Context, *parts: Part) -> Member:
        member = peer_of(context, self._parts.live, self._parts.signing.now())
        # A gateway asks only where the register says for which region it stands.
        if member.parts.isdisjoint(parts) or (Part.DATA_USER not in member.parts and not region_of(member)):
            raise Unavailable(Fault.NOT_A_MEMBER)
        return member

    def _as_told(self, frame: Frame, wish: pb.OffersRequest, member: Member, asked: AskedPlaces) -> Frame:
        """A frame for who asked: another gateway gets our word for it, and whose register is older gets ours with the account, as holders do."""
        if isinstance(frame, Said):
            return vouched_for(frame, asked, self._parts.signing) if region_of(member) else frame
        live = self._parts.live
        is_news = 0 < wish.register_version < live.newest.version and len(live.text) <= MESSAGE_BYTES
        return replace(frame, version=live.newest.version, register=live.text if is_news else "")

    def _patience(self, wish: pb.OffersRequest) -> float:
        return min(wish.patience_ms / 1000, _LONGEST_PATIENCE) if wish.patience_ms else self._parts.patience

    def _names(self) -> tuple[HolderName, ...]:
        with suppress(Unavailable):
            return tuple(holder.name for holder in self._parts.register().holders if holder.active)
        return ()

    def _while_a_member(self, context: _Context) -> Any:
        now = self._parts.signing.now
        return still_a_member(self._parts.live, peer_digest(context, now()), clock=now)

    def _who(self, context: _Context) -> str:
        return peer_of(context, self._parts.live, self._parts.signing.now()).ura.value

    async def _note_refusal(self, fault: Fault) -> None:
        await self._parts.recorder().refused(Unavailable(fault))

    @asynccontextmanager
    async def _noting_refusals(self, context: _Context) -> AsyncIterator[None]:
        """Who is not let in has a line in the journal, too."""
        try:
            yield
        except Faulted as failure:
            if failure.fault in NOT_LET_IN:
                await self._parts.recorder().refused(failure, self._who(context))
            raise


def _holders(wish: pb.OffersRequest) -> frozenset[HolderName]:
    if len(wish.holders) > LIST_ITEMS:
        raise BadInput(Fault.INVALID_QUESTION, "holders")
    return frozenset(HolderName(name) for name in wish.holders)


def _left(context: _Context, most: float) -> float:
    remaining: float | None = context.time_remaining()
    return most if remaining is None else max(0.05, min(most, remaining - 0.1))
