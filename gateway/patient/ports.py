"""What the pages need of the region, and nothing more: who knows the patient, what was chosen, who looked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from accord.rules.data_kinds import DataKind
from accord.rules.stated import KeptLine
from accord.rules.statements import ConfirmedStatement
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn, HolderName
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse


@dataclass(frozen=True, slots=True)
class KnownHolder:
    """A care provider that knows the patient, or that could not be asked whether it does."""

    name: HolderName
    title: str
    kind: HolderKind
    telephone: str


@dataclass(frozen=True, slots=True)
class HolderChoices:
    """The choices on record at one holder. `code` is set when it could not say; then `lines` says nothing.

    `others`: choices are on record there that came another way (on paper, from the national register); they are not in `lines`.
    """

    holder: KnownHolder
    lines: tuple[KeptLine, ...] = field(default=(), repr=False)
    code: Fault | None = None
    others: bool = False


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A holder verified the statement, keeps it, and acts on it since this moment."""

    holder: KnownHolder
    at: datetime


@dataclass(frozen=True, slots=True)
class NotConfirmed:
    """A holder did not say that it keeps the statement. It may be tried again; there is a telephone."""

    holder: KnownHolder
    code: Fault


@dataclass(frozen=True, slots=True)
class AccessLine:
    """One time that somebody looked at what one holder keeps, from that holder's own journal.

    `basis` is the code of the ground (`patient-consented`, `emergency`); empty when nothing was shown. `reason` is given when
    glass was broken. `role` is a RoleCodeNL code. `place` is of `accord.terms.looks.OF_PLACES` where nobody looked, and a place
    was asked for, say.
    """

    at: datetime
    professional: str = field(repr=False)
    role: str
    organisation: str
    kind: HolderKind
    purpose: PurposeOfUse
    basis: str
    data: frozenset[DataKind]
    reason: str = field(default="", repr=False)
    place: str = ""

    @property
    def is_emergency(self) -> bool:
        """Whether glass was broken."""
        return self.purpose is PurposeOfUse.EMERGENCY_TREATMENT


@dataclass(frozen=True, slots=True)
class HolderAccesses:
    """Who looked at one holder. `code` is set when it could not say; then `lines` says nothing."""

    holder: KnownHolder
    lines: tuple[AccessLine, ...] = field(default=(), repr=False)
    code: Fault | None = None


@dataclass(frozen=True, slots=True)
class RegionInfo:
    """The region as its patients see it. `name` is what statements carry.

    `emergency`: whether glass can be broken in this region. `shown_to`: what professionals of a kind may see at all, whatever
    the patient chooses; a kind that is not in it may see every category. `emergency_lasts`: how long one does, from its first use
    at a holder.
    """

    name: str
    title: str
    telephone: str
    emergency: bool
    fictional: bool = False
    shown_to: Mapping[HolderKind, frozenset[CareCategory]] = field(default_factory=dict)
    emergency_lasts: timedelta = timedelta(minutes=60)


class PatientDoor(Protocol):
    """The way to the holders. They believe nothing but the signed tokens that they are given.

    Each method names every holder that it tried: one that failed is in the answer with its code, never left out.

    Raises:
        Unavailable: From each: the region as a whole could not be asked. `login-required`: the token is too old.
        BadInput: From each: `token-invalid`.
    """

    async def holders_of(self, patient: Bsn) -> Sequence[KnownHolder]:
        """The holders that know this patient."""

    async def choices(self, patient: Bsn, token: str) -> Sequence[HolderChoices]:
        """What each holder that knows the patient has on record."""

    async def choose(self, confirmed: ConfirmedStatement) -> Sequence[Confirmed | NotConfirmed]:
        """Deliver a confirmed statement to every holder that it concerns. Delivering it twice changes nothing."""

    async def accesses(self, patient: Bsn, token: str, since: datetime, until: datetime) -> Sequence[HolderAccesses]:
        """Who looked from *since* up to *until*, at each holder that knows the patient."""

    async def region_info(self) -> RegionInfo:
        """The region; never fails."""
