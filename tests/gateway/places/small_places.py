"""A region for looking for places in: providers in memory, a way to them that does what ways do, and one asker with its store."""

import random
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from accord.audit.content import Event
from accord.letters import mailbox
from accord.letters.envelopes import Sender, address_on, opened, write
from accord.link.jose import thumbprint
from accord.rules.placing import provider as rules
from accord.rules.placing.provider import Leg
from accord.terms.answers import Ending
from accord.terms.capacity import CareKind, Certainty, Need, Opening, PlacesQuestion, Service, Statement, Wishes
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import BSN_SYSTEM, HolderName, Ura
from accord.terms.members import KeyUse, Member, MemberStatus, Part, RegionRegister, SigningKey
from accord.terms.parties import Professional
from accord.terms.placing import Asked, DeclineReason, Fit, FromAsker, FromProvider, Gist, Introduction, Terms
from accord.terms.policies import RegionPolicy, RoleMatrix
from accord.terms.vocabulary import HolderKind
from accord.wire.place_forms import from_form, to_form
from gateway.places import rows
from gateway.places.courier import Courier
from gateway.places.ports import Accounted, Brought, Draft, HolderSaid, PlaceChange, Provider, PutTo
from gateway.places.sealing import Seal
from gateway.places.searches import Searches
from gateway.places.store import Store
from gateway.places.writing import Own

NOW: Final = datetime(2026, 3, 2, 10, 15, tzinfo=UTC)
GERBEN: Final = Professional("900000044", "30.000", "G. Nieuwe Haarman")
DINA: Final = Introduction("999900006", "1941-05-02", "Dina Brinkhuis-Lansink", "Ria, dochter, 06 00000000")
NEED: Final = Need(CareKind.NURSING_HOME, date(2026, 3, 5))
GIST: Final = Gist(80, "revalidatie na een knieoperatie", ("woont alleen",), "Loopt met een rollator, heel gemotiveerd.")
ASKER: Final = Ura("00002001")
ASKER_KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)


def draft(**changes: Any) -> Draft:
    """A search as Gerben confirms it."""
    return replace(Draft(DINA, NEED, Wishes("7591"), GIST, NOW + timedelta(hours=4)), **changes)


def bundle_about(who: Introduction, words: str) -> bytes:
    """A handover of a person, in as few words as there can be."""
    number = [{"system": BSN_SYSTEM, "value": who.bsn}] if who.bsn else []
    patient = {"resourceType": "Patient", "identifier": number}
    return to_form({"resourceType": "Bundle", "id": words, "entry": [{"resource": patient}]})


@dataclass
class Clock:
    """A time that a test sets forward."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """What it shows."""
        return self.now

    def pass_(self, **time: float) -> None:
        """Later."""
        self.now += timedelta(**time)


@dataclass
class MemoryLedger:
    """A journal in memory; `shut` makes it refuse."""

    lines: list[Event] = field(default_factory=list)
    shut: bool = False

    async def append_many(self, events: Sequence[Event]) -> tuple[int, ...]:
        """Keep them."""
        if self.shut and events:
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE)
        self.lines += events
        return tuple(range(len(events)))

    @property
    def steps(self) -> list[str]:
        """What the lines say, in order."""
        return [cast("Any", line).what for line in self.lines]


class SmallProvider:
    """A care provider that counts its places as the rules say, with its letters in SQLite in memory.

    What its planners do is done by whoever holds it; `answers` is done for every new request.
    """

    def __init__(self, number: int, places: int, clock: Callable[[], datetime], answers: Callable[["SmallProvider", str], None] | None = None) -> None:
        self.ura = Ura(f"0000300{number}")
        self.name = HolderName(f"home-{number}")
        self.counted = places
        self.clock = clock
        self.answers = answers
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([100 + number]) * 32)
        self.reads = X25519PrivateKey.generate()
        self.legs: dict[str, Leg] = {}
        self.granted: list[str] = []
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.connection.executescript(mailbox.TABLES)

    @property
    def put_to(self) -> PutTo:
        """As an asker puts its request to it."""
        return PutTo(self.name, f"Huis {self.name}", "afdeling", "opening", self.reads.public_key().public_bytes_raw())

    def free(self, request: str = "") -> int:
        """Places that nobody has, but for what this request takes itself."""
        return self.counted - sum(leg.takes(self.clock(), None) for leg in self.legs.values() if leg.request != request)

    def letters(self, register: RegionRegister, heard: Mapping[str, int], envelopes: Sequence[str]) -> Brought:
        """Take in, and give."""
        self.connection.execute("BEGIN")
        mailbox.let_go(self.connection, ASKER, heard)
        about = set()
        for envelope in envelopes:
            addressed = address_on(envelope, self.ura, register, self.clock(), KeyUse.MANDATE)
            about.add(addressed.request)
            if mailbox.is_next(self.connection, ASKER, addressed.request, addressed.seq):
                try:
                    content = opened(addressed, self.ura, self.reads)
                except BadInput:
                    continue  # the next of its request is not the next either
                mailbox.note_heard(self.connection, ASKER, addressed.request, addressed.seq)
                self._hear(addressed.request, cast("FromAsker", from_form(content, cast("Any", FromAsker))))
        receipt = mailbox.heard_of(self.connection, ASKER, frozenset(about))
        given, more = mailbox.waiting(self.connection, ASKER)
        self.connection.execute("COMMIT")
        return Brought(tuple(given), receipt, more)

    def do(self, request: str, act: Callable[[Leg], rules.Step]) -> None:
        """A planner does something."""
        self._keep(act(self.legs[request]))

    def offer(self, request: str, fit: Fit = Fit.FULL, amount: int = 1, minutes: float = 60) -> None:
        """Hold a place."""
        terms, now = Terms(fit, amount), self.clock()
        self.do(request, lambda leg: rules.offer(leg, terms, now + timedelta(minutes=minutes), now, self.free(request)))

    def _hear(self, request: str, said: FromAsker) -> None:
        leg = self.legs.get(request)
        if leg is None:
            if isinstance(said, Asked):
                self._keep(rules.begin(request, ASKER, said, self.clock()))
                if self.answers is not None:
                    self.answers(self, request)
            return
        self._keep(rules.hear(leg, said, self.clock(), self.free(request)))
        assert self.taken <= self.counted, "no place is given or held twice"

    @property
    def taken(self) -> int:
        """Places held or given."""
        return sum(leg.takes(self.clock(), None) for leg in self.legs.values())

    def _keep(self, step: rules.Step) -> None:
        leg = step.leg
        self.legs[leg.request] = leg
        for says in step.says:
            self.say(leg.request, says)

    def say(self, request: str, letter: FromProvider) -> None:
        """Write a letter."""
        content, reader = to_form(letter), self.legs[request].asked.answer_key
        mailbox.put(self.connection, ASKER, request, lambda seq: write(Sender(self.ura, self.key), ASKER, reader, request, seq, content, self.clock()))


def offers_at_once(provider: SmallProvider, request: str) -> None:
    """Whoever asks gets an offer, where there is a place."""
    try:
        provider.offer(request)
    except BadInput:
        provider.do(request, lambda leg: rules.decline(leg, DeclineReason.NO_PLACE, "", provider.clock()))


class SmallRegion:
    """The way to the providers. `gone`: nobody can be reached. *chance* makes it lose calls before or after they arrive."""

    def __init__(self, clock: Callable[[], datetime], *providers: SmallProvider, chance: random.Random | None = None) -> None:
        self.clock = clock
        self.providers = {provider.name: provider for provider in providers}
        self.chance = chance
        self.gone = False
        self.calls: list[HolderName] = []
        self.questions: list[tuple[PlacesQuestion, frozenset[HolderName]]] = []
        self.openings: dict[HolderName, tuple[Opening, ...]] = {}
        keys = [SigningKey(thumbprint(_public(ASKER_KEY)), _public(ASKER_KEY), frozenset({KeyUse.MANDATE}))]
        asker = Member(
            ASKER,
            HolderName("hospital"),
            "Ziekenhuis Dinkelhorst",
            HolderKind.HOSPITAL,
            "053 0000000",
            MemberStatus.ACTIVE,
            frozenset({Part.DATA_USER}),
            keys=(*keys,),
        )
        members = [asker]
        for provider in providers:
            public = _public(provider.key)
            key = SigningKey(thumbprint(public), public, frozenset({KeyUse.ANSWER}))
            parts = frozenset({Part.DATA_HOLDER})
            members.append(
                Member(provider.ura, provider.name, f"Huis {provider.name}", HolderKind.NURSING_HOME, "053 1111111", MemberStatus.ACTIVE, parts, keys=(key,))
            )
        self.register = RegionRegister("twente", 1, NOW - timedelta(days=1), NOW + timedelta(days=3000), tuple(members), (), RegionPolicy(RoleMatrix("1", {})))

    async def letters(self, provider: HolderName, heard: Mapping[str, int], envelopes: Sequence[str]) -> Brought:
        """See `TheRegion`."""
        self.calls.append(provider)
        luck = self.chance.random() if self.chance is not None else 1.0
        if self.gone or luck < 0.2:
            raise Unavailable(Fault.GATEWAY_UNREACHABLE)
        there = self.providers[provider]
        if self.chance is not None and luck < 0.4:
            there.letters(self.register, heard, envelopes)  # it arrives twice
        brought = there.letters(self.register, heard, envelopes)
        if self.chance is not None and luck < 0.6:
            raise Unavailable(Fault.STREAM_CUT)  # it arrived, and nobody heard of it
        if self.chance is not None and luck < 0.8:
            some = [*brought.envelopes, *brought.envelopes[:2]]
            self.chance.shuffle(some)
            return replace(brought, envelopes=tuple(some))
        return brought

    @asynccontextmanager
    async def offers(
        self, question: PlacesQuestion, holders: frozenset[HolderName], *, patience: float
    ) -> AsyncIterator[AsyncGenerator[HolderSaid | Accounted, None]]:
        """See `TheRegion`."""
        assert patience > 0
        if self.gone:
            raise Unavailable(Fault.GATEWAY_UNREACHABLE)
        self.questions.append((question, holders))
        async with aclosing(self._said(holders)) as said:
            yield said

    async def _said(self, holders: frozenset[HolderName]) -> AsyncGenerator[HolderSaid | Accounted, None]:
        some = [provider for name, provider in self.providers.items() if not holders or name in holders]
        for provider in some:
            who = Provider(provider.name, f"Huis {provider.name}", "053 1111111", HolderKind.NURSING_HOME, provider.ura)
            key = provider.reads.public_key().public_bytes_raw()
            statement = Statement(who.title, who.telephone, self.clock(), self.openings.get(provider.name, ()), key=key)
            yield HolderSaid(who, Ending.ANSWERED, statement=statement)
        yield Accounted(len(self.providers), len(some), len(some))

    def changes(self) -> AbstractAsyncContextManager[AsyncGenerator[PlaceChange, None]]:
        """See `TheRegion`."""
        raise NotImplementedError


@dataclass
class Around:
    """One asker with what it stands in."""

    clock: Clock
    region: SmallRegion
    ledger: MemoryLedger
    store: Store
    own: Own
    searches: Searches
    courier: Courier

    async def settle(self, rounds: int = 40) -> None:
        """Bring and fetch until nothing waits, or so often."""
        for _ in range(rounds):
            for ura in sorted(await self.store.read(rows.peers_to_call), key=str):
                try:
                    await self.courier.call(ura)
                except (Unavailable, BadInput):
                    continue


def at_home(folder: Path, clock: Clock, region: SmallRegion, ledger: MemoryLedger | None = None, **changes: Any) -> Around:
    """An asker whose searches are in *folder*."""
    ledger = ledger or MemoryLedger()
    store = Store(folder / "searches.db", Seal(bytes(32)), ledger)
    own = replace(Own(ASKER, ASKER_KEY, bytes(32), lambda _: region.register, clock), **changes)
    return Around(clock, region, ledger, store, own, Searches(store, own), Courier(store, own, region))


def opening(kind: CareKind = CareKind.NURSING_HOME, places: int | None = 1, *, at: datetime = NOW, **service: Any) -> Opening:
    """Some places, seen just now."""
    return Opening("opening", Service("afdeling", "Afdeling", kind, **service), at, at + timedelta(hours=4), Certainty.CONFIRMED, places)


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()
