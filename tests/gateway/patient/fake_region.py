"""A region in memory behind the patient's pages: holders that verify what they are given, as real ones do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from accord.link.logins import login_of
from accord.rules.data_kinds import DAILY, DataKind
from accord.rules.stated import KeptLine, with_statement
from accord.rules.statements import Answer, Cell, ChoiceLine, ConfirmedStatement, Side, Voice, nonce_of, read_statement
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Bsn, HolderName
from accord.terms.members import LoginProvider
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from gateway.patient.ports import AccessLine, Confirmed, HolderAccesses, HolderChoices, KnownHolder, NotConfirmed, RegionInfo
from testbed.people import BENNIE, DINA

#: Saturday 21 November 2026, 11:15 in Twente.
NOON = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


class Clock:
    """The time as a test wants it; *running* lets it go on by itself, for browsers."""

    def __init__(self, at: datetime = NOON, *, running: bool = False) -> None:
        self.at = at
        self._began = datetime.now(UTC) if running else None

    def __call__(self) -> datetime:
        """What time it is."""
        return self.at if self._began is None else self.at + (datetime.now(UTC) - self._began)

    def pass_by(self, **time: float) -> None:
        """Let time pass."""
        self.at += timedelta(**time)


@dataclass
class FakeHolder:
    """One holder: what it keeps of whom, who looked, and what is the matter with it."""

    card: KnownHolder
    kept: dict[Bsn, tuple[KeptLine, ...]] = field(default_factory=dict)
    looked: dict[Bsn, tuple[AccessLine, ...]] = field(default_factory=dict)
    fails: Fault | None = None


@dataclass
class FakeRegion:
    """All of them. It counts what it was asked, so that a test can say that nothing was."""

    login: LoginProvider
    clock: Clock
    holders: tuple[FakeHolder, ...]
    info: RegionInfo
    asked: list[Bsn] = field(default_factory=list)
    delivered: list[ConfirmedStatement] = field(default_factory=list)
    breaks: Exception | None = None

    async def region_info(self) -> RegionInfo:
        """The region."""
        return self.info

    async def holders_of(self, patient: Bsn) -> Sequence[KnownHolder]:
        """Who knows them."""
        self._note(patient)
        return [holder.card for holder in self.holders if patient in holder.kept]

    async def choices(self, patient: Bsn, token: str) -> Sequence[HolderChoices]:
        """What each keeps."""
        assert token.count(".") == 2
        self._note(patient)
        return [
            HolderChoices(holder.card, code=holder.fails) if holder.fails else HolderChoices(holder.card, holder.kept[patient])
            for holder in self.holders
            if patient in holder.kept
        ]

    async def choose(self, confirmed: ConfirmedStatement) -> Sequence[Confirmed | NotConfirmed]:
        """Each verifies for itself."""
        self._note(confirmed.statement.patient)
        self.delivered.append(confirmed)
        return [self._keep(holder, confirmed) for holder in self.holders if confirmed.statement.patient in holder.kept]

    async def accesses(self, patient: Bsn, token: str, since: datetime, until: datetime) -> Sequence[HolderAccesses]:
        """Who looked."""
        assert token.count(".") == 2
        self._note(patient)
        return [
            HolderAccesses(holder.card, code=holder.fails)
            if holder.fails
            else HolderAccesses(holder.card, tuple(line for line in holder.looked.get(patient, ()) if since <= line.at < until))
            for holder in self.holders
            if patient in holder.kept
        ]

    def _note(self, patient: Bsn) -> None:
        self.asked.append(patient)
        if self.breaks:
            raise self.breaks

    def _keep(self, holder: FakeHolder, confirmed: ConfirmedStatement) -> Confirmed | NotConfirmed:
        if holder.fails:
            return NotConfirmed(holder.card, holder.fails)
        statement = read_statement(confirmed.statement.canonical)
        who = login_of(confirmed.token, [self.login], nonce_of(statement, confirmed.salt), self.clock())
        assert who.patient == statement.patient
        holder.kept[statement.patient] = with_statement(holder.kept[statement.patient], statement.lines, statement.voice, statement.moment)
        return Confirmed(holder.card, self.clock())


def card(name: str, title: str, kind: HolderKind, telephone: str) -> KnownHolder:
    return KnownHolder(HolderName(name), title, kind, telephone)


BRINKHOF = card("brinkhof", "Huisartsen De Brinkhof", HolderKind.GP_PRACTICE, "0541-555 0102")
DINKELHORST = card("dinkelhorst", "Ziekenhuis Dinkelhorst", HolderKind.HOSPITAL, "053-555 0101")
ESCHRAND = card("eschrand", "GGZ De Eschrand", HolderKind.MENTAL_HEALTH, "074-555 0107")
WIEKE = card("wieke", "Thuiszorg De Wieke", HolderKind.HOME_CARE, "0546-555 0108")
MARKSVEEN = card("marksveen", "Huisartsenpost Marksveen", HolderKind.OUT_OF_HOURS_POST, "0541-555 0104")


def dinas_region(login: LoginProvider, clock: Clock) -> FakeRegion:
    """Five holders that know Dina, of which the out-of-hours post is dead; two know Bennie, who never chose."""
    dina, bennie = Bsn(DINA.bsn), Bsn(BENNIE.bsn)
    known = before(clock)
    holders = tuple(FakeHolder(one, {dina: known}) for one in (BRINKHOF, DINKELHORST, ESCHRAND, WIEKE, MARKSVEEN))
    for holder in holders[:2]:
        holder.kept[bennie] = ()
        holder.looked = {dina: looked(holder.card, clock), bennie: emergency(clock)}
    holders[-1].fails = Fault.HOLDER_UNREACHABLE
    info = RegionInfo("twente-demo", "Regio Twente (demo)", "053-555 0199", emergency=True, fictional=True)
    return FakeRegion(login, clock, holders, info)


def before(clock: Clock) -> tuple[KeptLine, ...]:
    """What Dina said two weeks ago: the hospital, the GP and home care may look, mental health shares nothing, all may see her wishes."""
    since = clock() - timedelta(days=14)
    since = since.replace(microsecond=0)
    cells = [(Cell(Side.LOOKS, kind, data), Answer.PERMITS) for kind in (HolderKind.HOSPITAL, HolderKind.GP_PRACTICE, HolderKind.HOME_CARE) for data in DAILY]
    cells += [(Cell(Side.KEEPS, HolderKind.MENTAL_HEALTH, data), Answer.OBJECTS) for data in DAILY]
    cells += [(Cell(Side.LOOKS, None, DataKind.WISHES), Answer.PERMITS)]
    cells += [
        (Cell(Side.LOOKS, HolderKind.PHARMACY, DataKind.MEDICATION), Answer.PERMITS),
        (Cell(Side.LOOKS, HolderKind.PHARMACY, DataKind.PAPERS), Answer.OBJECTS),
    ]
    return tuple(KeptLine(ChoiceLine(cell, answer), Voice.SELF, since) for cell, answer in cells)


def looked(holder: KnownHolder, clock: Clock) -> tuple[AccessLine, ...]:
    night = clock().replace(hour=1, minute=41, second=12)  # 02:41 in Twente
    seen = frozenset({DataKind.WISHES}) if holder is BRINKHOF else frozenset({DataKind.MEDICATION})
    doctor = ("Sanne ten Esker", "01.015", "Ziekenhuis Reggerbrug", HolderKind.HOSPITAL, PurposeOfUse.TREATMENT)
    nurse = ("Joke Bolscher", "30.000", "Thuiszorg De Wieke", HolderKind.HOME_CARE, PurposeOfUse.TREATMENT)
    lines = [AccessLine(night, *doctor, "patient-consented", seen)]
    if holder is BRINKHOF:
        day_before = night - timedelta(days=1)
        lines += [AccessLine(day_before + timedelta(hours=hours), *nurse, "patient-consented", frozenset({DataKind.CARE})) for hours in (7, 9, 12)]
        lines += [AccessLine(day_before, "M. Haarman", "00.000", "Verpleeghuis Hoeseken", HolderKind.NURSING_HOME, PurposeOfUse.TREATMENT, "", frozenset())]
    return tuple(lines)


def emergency(clock: Clock) -> tuple[AccessLine, ...]:
    doctor = ("Sanne ten Esker", "01.015", "Ziekenhuis Reggerbrug", HolderKind.HOSPITAL, PurposeOfUse.EMERGENCY_TREATMENT)
    return (AccessLine(clock() - timedelta(hours=7), *doctor, "emergency", frozenset({DataKind.ALERTS, DataKind.MEDICATION}), "Kan zelf niets zeggen."),)


def gone() -> Unavailable:
    return Unavailable(Fault.HOLDER_UNREACHABLE)
