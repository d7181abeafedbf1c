"""Regions for tests of free places: a register each, agents that say what a test wants, a gateway, and the way of an asker to it."""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import grpc
from grpc import aio

from accord.letters.signing import AskedPlaces, read_question, state_places
from accord.link.certificates import read_signing_key
from accord.link.credentials import ChannelKeys, TlsMaterial, server_credentials, to_member
from accord.link.live_register import LiveRegister
from accord.link.options import CHANNEL, SERVER
from accord.region.member_keys import signing_key_file, tls_files
from accord.region.office import Office
from accord.rules.rates import Rate
from accord.terms.capacity import CareKind, Certainty, Opening, Service, Statement
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import KeyUse, Member, MemberStatus, Part
from accord.terms.parties import Professional
from accord.terms.policies import ANY_ROLE, RegionPolicy, RoleMatrix
from accord.terms.vocabulary import CareCategory, HolderKind
from accord.wire.v1 import places_service_pb2 as pb
from gateway.adapters.grpc_holders import GrpcHolders
from gateway.adapters.grpc_places import GrpcPlaces
from gateway.api.grpc_places import PlacesParts, PlacesService
from gateway.connect.applications import Applications
from gateway.connect.grpc_relay import GatewayChannel
from gateway.connect.mandating import MandateBook, Organisation, OwnKey
from gateway.connect.patients import Patients
from gateway.connect.places_through_gateway import RegionThroughGateway
from gateway.connect.professionals import Professionals
from gateway.connect.proxy import Parts
from gateway.connect.upstream import Upstream, gateway_address
from gateway.neighbours import REGION, LivePlaces
from gateway.places_stacking import Signing
from gateway.ports import RegisteredHolder
from gateway.presence import Presence
from gateway.rates import QuestionRates
from gateway.recording import KEY_BYTES, Recorder
from testbed.plain import PlainLedger

POLICY: Final = RegionPolicy(RoleMatrix("1", {(None, ANY_ROLE): frozenset({CareCategory.CONDITION})}))
ASKER: Final = "dinkelhorst"
KIND: Final = CareKind.GERIATRIC_REHABILITATION
PLENTY: Final = Rate(1_000, 1_000)

#: What an agent does with a call for places: its own frames, by the question, or an end of another kind.
Says = Callable[["ScriptedAgent", pb.OffersRequest, Any], AsyncGenerator[pb.OffersResponse, None]]
Carries = Callable[["ScriptedAgent", pb.LettersRequest, Any], Awaitable[pb.LettersResponse]]


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def statement(title: str, places: int = 1) -> Statement:
    """So many places, seen a moment ago."""
    at = now()
    service = Service("grz", "Revalidatie", KIND, telephone="053-1")
    opening = Opening("grz-1", service, at - timedelta(minutes=4), at + timedelta(hours=2), Certainty.CONFIRMED, places, since=date(2026, 11, 26))
    return Statement(title, "053-1", at, (opening,), key=bytes(range(32)), places_mark=7)


async def honest(agent: "ScriptedAgent", request: pb.OffersRequest, _context: Any) -> AsyncGenerator[pb.OffersResponse, None]:
    """Say it, signed, to a question that is believed."""
    yield agent.answer(agent.believed(request))


async def silent(_agent: "ScriptedAgent", _request: pb.OffersRequest, _context: Any) -> AsyncGenerator[pb.OffersResponse, None]:
    """Never say a word."""
    await anyio.sleep_forever()
    yield pb.OffersResponse()


async def echo(agent: "ScriptedAgent", request: pb.LettersRequest, _context: Any) -> pb.LettersResponse:
    """Give back what was brought."""
    agent.brought.append(request)
    return pb.LettersResponse(letters=request.letters)


@dataclass
class ScriptedAgent:
    """An agent of a holder, with the real keys of that holder. `asked` are the questions that it was put."""

    region: "World"
    member: Member
    says: Says | None = honest
    carries: Carries = echo
    asked: list[AskedPlaces] = field(default_factory=list)
    brought: list[pb.LettersRequest] = field(default_factory=list)
    withdrawn: anyio.Event = field(default_factory=anyio.Event)

    def believed(self, request: pb.OffersRequest) -> AskedPlaces:
        """The question, as an agent reads it."""
        asked = read_question(request.question, self.region.live(self.member.name.value).newest, now())
        self.asked.append(asked)
        return asked

    def answer(self, asked: AskedPlaces, said: Statement | None = None) -> pb.OffersResponse:
        """One frame with a signed statement."""
        key = read_signing_key(signing_key_file(self.region.folder / self.member.name.value, KeyUse.ANSWER))
        signed = state_places(self.member.ura, said or statement(self.member.title), asked, key)
        return pb.OffersResponse(holder=pb.HolderOffers(said=signed, ending="answered"))

    async def offers(self, request: pb.OffersRequest, context: Any) -> AsyncIterator[pb.OffersResponse]:
        """Say what the script says."""
        context.add_done_callback(lambda _: self.withdrawn.set())
        assert self.says is not None
        async for frame in self.says(self, request, context):
            yield frame

    async def letters(self, request: pb.LettersRequest, context: Any) -> pb.LettersResponse:
        """Take letters."""
        return await self.carries(self, request, context)

    def handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        """What its server serves: nothing of places when it is of before them."""
        if self.says is None:
            return ()
        return (
            grpc.method_handlers_generic_handler(
                "accord.wire.v1.PlacesService",
                {
                    "Offers": grpc.unary_stream_rpc_method_handler(self.offers, pb.OffersRequest.FromString, pb.OffersResponse.SerializeToString),
                    "Letters": grpc.unary_unary_rpc_method_handler(self.letters, pb.LettersRequest.FromString, pb.LettersResponse.SerializeToString),
                },
            ),
        )


class World:
    """A region: its register, with an asker, a gateway, and holders by name. Numbers of organisations begin at *first*."""

    def __init__(self, folder: Path, name: str, holders: dict[str, HolderKind], *, first: int = 91_000_000) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.name = name
        self.office = Office.found(folder / "office", name, POLICY, at=now() - timedelta(minutes=2))
        self.presence = Presence()
        self.ledger = PlainLedger()
        self.patience = 2.0
        #: How often its gateway may be asked.
        self.questions = QuestionRates(PLENTY, PLENTY)
        members = [self._member(first, "gateway", HolderKind.HOSPITAL, {Part.GATEWAY}), self._member(first + 1, ASKER, HolderKind.HOSPITAL, {Part.DATA_USER})]
        members += [self._member(first + 2 + number, one, kind, {Part.DATA_HOLDER}) for number, (one, kind) in enumerate(holders.items())]
        with self.office.change(now() - timedelta(minutes=2)) as draft:
            for member in members:
                draft.add_with_keys(member, folder / member.name.value, ["localhost"])
        self.agents = {name: ScriptedAgent(self, self.member(name)) for name in holders}

    def _member(self, number: int, name: str, kind: HolderKind, parts: set[Part]) -> Member:
        # The path of a unix socket is short by law.
        address = f"unix:/tmp/noaber-{secrets.token_hex(6)}.sock"
        return Member(Ura(f"{number:08}"), HolderName(name), f"{name} {self.name}", kind, "053-1", MemberStatus.ACTIVE, frozenset(parts), address)

    def member(self, name: str) -> Member:
        """An organisation as the register has it."""
        return next(member for member in self.live(f"look-{secrets.token_hex(4)}").newest.members if member.name.value == name)

    def live(self, name: str) -> LiveRegister:
        """The register of a process of this name."""
        return LiveRegister(self.office.register_path, [self.office.public_key], known=self.folder / f"known-{name}")

    def change(self, name: str, **changes: Any) -> None:
        """Change an organisation in the register."""
        ura = self.member(name).ura
        with self.office.change(now() - timedelta(minutes=1)) as draft:
            draft.change_member(ura, lambda member: replace(member, **changes))

    def know(self, other: "World", name: str) -> None:
        """Let the gateway of another region stand in this register, for its region."""
        theirs = other.member("gateway")
        with self.office.change(now() - timedelta(minutes=1)) as draft:
            draft.trust((other.folder / "office" / "authority.pem").read_text(encoding="ascii"))
            draft.add(replace(theirs, name=HolderName(name), title=f"Regio {other.name}", capabilities=frozenset({f"{REGION}{other.name}"})))

    def material(self, name: str) -> TlsMaterial:
        """What an organisation shows on its channels."""
        return TlsMaterial(tls_files(self.folder / name), self.live(f"tls-{name}-{secrets.token_hex(4)}"))

    def parts(self, holders: GrpcHolders) -> PlacesParts:
        """The parts of its gateway."""
        live = self.live("gateway")
        key = read_signing_key(signing_key_file(self.folder / "gateway", KeyUse.ANSWER))
        ours = self.member("gateway").ura
        letters = QuestionRates(PLENTY, PLENTY)
        recorder = Recorder(self.ledger, bytes(KEY_BYTES), POLICY)
        register = LivePlaces(lambda: live.newest, ours).register
        signing = Signing(ours, key, lambda: live.newest, now)
        return PlacesParts(live, register, GrpcPlaces(holders), self.presence, signing, lambda: recorder, self.questions, letters, self.patience)

    @asynccontextmanager
    async def running(self, service: Callable[[PlacesParts], Any] = PlacesService) -> AsyncIterator["World"]:
        """Its agents and its gateway serve."""
        async with AsyncExitStack() as stack:
            for name, agent in self.agents.items():
                await stack.enter_async_context(serving(self.member(name).address, self.material(name), *agent.handlers()))
            keys = ChannelKeys(self.material("gateway"))

            def connect(holder: RegisteredHolder) -> aio.Channel:
                return aio.secure_channel(holder.address.target, keys.current(), options=(*CHANNEL, *to_member(holder.card.ura)))

            holders = GrpcHolders(connect, lambda _: True)
            stack.push_async_callback(holders.close)
            await stack.enter_async_context(serving(self.member("gateway").address, self.material("gateway"), service(self.parts(holders)).handler()))
            yield self

    @asynccontextmanager
    async def channel(self, name: str = ASKER) -> AsyncIterator[GatewayChannel]:
        """A channel of an organisation to the gateway."""
        gateway, keys = self.member("gateway"), ChannelKeys(self.material(name))
        channel = GatewayChannel(gateway.address, to_member(gateway.ura), lambda: (keys.current(), keys.generation))
        try:
            yield channel
        finally:
            await channel.close()

    @asynccontextmanager
    async def asker(self, name: str = ASKER) -> AsyncIterator[RegionThroughGateway]:
        """The way of an asker to its region."""
        live, gateway = self.live(f"asker-{name}"), self.member("gateway").ura
        key = read_signing_key(signing_key_file(self.folder / name, KeyUse.MANDATE))
        book = MandateBook(OwnKey(key), Organisation(self.member(name).ura, live.newest.region, gateway))
        upstream = Upstream(gateway_address(f"unix:{self.folder}/http"), gateway, live)
        who = Professionals(Professional("900000001", "01.015", "J. de Vries"), None)
        async with self.channel(name) as channel:
            yield RegionThroughGateway(Parts(upstream, book, Patients(), Applications(), who), channel, key)
        await upstream.close()


@asynccontextmanager
async def serving(address: str, material: TlsMaterial, *handlers: grpc.GenericRpcHandler) -> AsyncIterator[None]:
    """A server at this address."""
    server = aio.server(options=SERVER)
    server.add_generic_rpc_handlers(handlers)
    server.add_secure_port(address, server_credentials(material))
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)
        await anyio.Path(address.removeprefix("unix:")).unlink(missing_ok=True)
