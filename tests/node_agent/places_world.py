"""A provider with places and those who ask it, without a gateway in between: what the tests of places stand on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from accord.audit.content import Event
from accord.audit.journal import Journal
from accord.audit.places_events import PlaceStep
from accord.audit.refusals import Refusals
from accord.audit.verifying import events_of
from accord.letters.collecting import Collected
from accord.letters.envelopes import Sender, address_on, opened, write
from accord.letters.signing import AskedPlaces
from accord.link.jose import thumbprint
from accord.terms.capacity import CareKind, Need, Opening, PlacesQuestion, Statement
from accord.terms.identifiers import Bsn, HolderName, Ura
from accord.terms.members import KeyUse, Member, MemberStatus, Part, RegionRegister, SigningKey
from accord.terms.placing import Asked, FromAsker, FromProvider, Gist, Introduction
from accord.terms.policies import ANY_ROLE, RegionPolicy, RoleMatrix
from accord.terms.vocabulary import CareCategory, HolderKind
from accord.wire.place_forms import from_form, to_form
from node_agent.pausing import Pausing
from node_agent.places.opening import OwnPlaces, Provider, open_places
from node_agent.places.ports import LegRef, LettersFor
from node_agent.places_settings import PlacesSettings

MONDAY: Final = datetime(2026, 10, 26, 9, 15, tzinfo=UTC)
PROVIDER: Final = Ura("90001009")
HOSPITAL: Final = Ura("90001001")
PRACTICE: Final = Ura("90001003")
DINA: Final = Introduction("999900006", "1942-03-05", "D. Voorbeeld", "053-5550100")
SERVICES: Final = """
[[service]]
id = "elv"
title = "Eerstelijnsverblijf"
kind = "short-stay-low"
valid_minutes = 240
hold_minutes = 60

[[service]]
id = "snel"
title = "Revalidatie"
kind = "geriatric-rehabilitation"
conditions = ["wound-care"]
funding = ["Zvw"]
instant = true
valid_minutes = 240
hold_minutes = 30
"""
_POLICY: Final = RegionPolicy(RoleMatrix("2026.1", {(None, ANY_ROLE): frozenset({CareCategory.CONDITION})}))


@dataclass(slots=True)
class Clock:
    """A clock that goes on when a test says so."""

    at: datetime = MONDAY

    def __call__(self) -> datetime:
        """Now."""
        return self.at

    def later(self, **more: float) -> datetime:
        """So much later."""
        self.at += timedelta(**more)
        return self.at


@dataclass(slots=True)
class Asker:
    """An organisation that asks: it numbers what it writes, and keeps what it was told."""

    ura: Ura
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    sealing: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    sent: dict[str, int] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)
    told: dict[str, list[FromProvider]] = field(default_factory=dict)
    #: What the provider is known to know of it.
    said: dict[str, int] = field(default_factory=dict)
    provider: Ura = PROVIDER
    reply_by: datetime = MONDAY + timedelta(hours=4)

    def asked(self, service: str = "elv", opening: str = "", *, amount: int = 1, kind: CareKind = CareKind.SHORT_STAY_LOW, **more: object) -> Asked:
        """A request that says no more than a provider needs to know."""
        need = replace(Need(kind, date(2026, 10, 29), amount), **more)  # type: ignore[arg-type]  # members of a need
        public = self.sealing.public_key().public_bytes_raw()
        return Asked(service, opening, need, Gist(80, "na een operatie"), self.reply_by, "Ziekenhuis Dinkelhorst", "053-5550101", public)

    def envelope(self, provider: bytes, request: str, letter: FromAsker, at: datetime, *, seq: int | None = None) -> str:
        """A letter, sealed and signed; numbered as the next one, unless *seq* says otherwise."""
        if seq is None:
            seq = self.sent[request] = self.sent.get(request, 0) + 1
        return write(Sender(self.ura, self.key), self.provider, provider, request, seq, to_form(letter), at)

    def read(self, given: Sequence[str], register: RegionRegister, at: datetime) -> None:
        """Take in what is next of each request."""
        for envelope in given:
            addressed = address_on(envelope, self.ura, register, at, KeyUse.ANSWER)
            if addressed.seq == self.heard.get(addressed.request, 0) + 1:
                letter: FromProvider = from_form(opened(addressed, self.ura, self.sealing), FromProvider)  # type: ignore[arg-type]  # a union
                self.heard[addressed.request] = addressed.seq
                self.told.setdefault(addressed.request, []).append(letter)


@dataclass(slots=True)
class World:
    """One provider and two that ask it."""

    folder: Path
    key: Ed25519PrivateKey
    clock: Clock
    pausing: Pausing
    journal: Journal
    refusals: Refusals
    register: RegionRegister
    places: OwnPlaces
    hospital: Asker
    practice: Asker

    @property
    def public(self) -> bytes:
        """Under which letters to the provider are sealed."""
        return self.places.desk.reading.steps.key.public

    async def say(self, request: str, *letters: FromAsker, asker: Asker | None = None) -> list[FromProvider]:
        """Bring letters about one request; returns all that was ever told about it."""
        asker = asker or self.hospital
        await self.bring(asker, [asker.envelope(self.public, request, letter, self.clock()) for letter in letters])
        return asker.told.get(request, [])

    async def bring(self, asker: Asker, envelopes: Sequence[str], heard: Mapping[str, int] | None = None) -> LettersFor:
        """Bring envelopes, and read what comes back."""
        given = await self.places.desk.letters(Collected(asker.ura, asker.heard if heard is None else heard), envelopes)
        asker.read(given.envelopes, self.register, self.clock())
        return given

    async def stated(self, question: PlacesQuestion | None = None) -> Statement:
        """What the provider says to the region."""
        return await self.places.desk.stated(AskedPlaces(HOSPITAL, question or PlacesQuestion(), "digest"))

    async def free(self, opening: str) -> int | None:
        """What the region is told of one opening."""
        return next(one.places for one in (await self.stated()).openings if one.id == opening)

    def ref(self, request: str, asker: Ura = HOSPITAL) -> LegRef:
        """A request of the hospital."""
        return LegRef(asker, request)

    def lines(self) -> list[Event]:
        """The journal."""
        return [event for _, event in events_of(self.journal.folder)]

    def steps(self) -> list[tuple[str, str]]:
        """The steps that the journal has: of which request, and which letter."""
        return [(line.request, line.what) for line in self.lines() if isinstance(line, PlaceStep)]


def known(said: Statement) -> tuple[Opening, ...]:
    """The openings of which something is known: a number, a light or a stop."""
    return tuple(one for one in said.openings if one.places is not None or one.light is not None or one.stop is not None)


def member(ura: Ura, name: str, key: Ed25519PrivateKey, use: KeyUse, part: Part) -> Member:
    public = key.public_key().public_bytes_raw()
    signing = SigningKey(thumbprint(public), public, frozenset({use}))
    return Member(ura, HolderName(name), name.title(), HolderKind.HOSPITAL, "053-5550199", MemberStatus.ACTIVE, frozenset({part}), keys=(signing,))


@asynccontextmanager
async def provider_with_places(folder: Path, *, services: str = SERVICES, keep_days: int = 30, before: World | None = None) -> AsyncIterator[World]:
    """The world, inside the block. After a restart (*before*: what it was) everybody has what they had on disk, and nothing else."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - a test waits for nobody
    (folder / "services.toml").write_text(services, encoding="utf-8")
    pausing = Pausing()
    clock = before.clock if before is not None else Clock()
    key = before.key if before is not None else Ed25519PrivateKey.generate()
    hospital, practice = (before.hospital, before.practice) if before is not None else (Asker(HOSPITAL), Asker(PRACTICE))
    members = (
        member(PROVIDER, "weefgetouw", key, KeyUse.ANSWER, Part.DATA_HOLDER),
        member(HOSPITAL, "dinkelhorst", hospital.key, KeyUse.MANDATE, Part.DATA_USER),
        member(PRACTICE, "brinkhof", practice.key, KeyUse.MANDATE, Part.DATA_USER),
    )
    register = RegionRegister("noordmarke", 1, MONDAY - timedelta(days=1), MONDAY + timedelta(days=400), members, (), _POLICY)
    with Journal(folder / "journal", PROVIDER.value) as journal:
        refusals = Refusals(journal)
        provider = Provider(Sender(PROVIDER, key), "Zorghuis 't Weefgetouw", lambda: register, _mark_of)
        settings = PlacesSettings(services="services.toml", keep_days=keep_days)
        places = open_places(settings, folder, provider, pausing, journal, refusals, clock)
        try:
            yield World(folder, key, clock, pausing, journal, refusals, register, places, hospital, practice)
        finally:
            await places.close()


def _mark_of(bsn: Bsn) -> str:
    return f"mark-{bsn.value[-2:]}"
