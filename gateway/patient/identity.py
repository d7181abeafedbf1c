"""Who is at the door, for whom they speak, and until when: judged at the moment of every request, never once at login."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from accord.terms.identifiers import Bsn
from gateway.patient.meaning import CHILD_DECIDES_AT, CHILD_SPEAKS_AT, age
from gateway.patient.statements import Voice
from gateway.patient.telling import AMSTERDAM


class Denied(StrEnum):
    """Why somebody who logged in may not (or no longer) be here."""

    MANDATE_ENDED = "mandate-ended"
    CHILD_OF_SIXTEEN = "child-of-sixteen"
    TOO_YOUNG = "too-young"


@dataclass(frozen=True, slots=True)
class Represented:
    """The patient for whom somebody else speaks. `until` is the last day of it; `choosing`: not only looking."""

    bsn: Bsn
    name: str = field(repr=False)
    until: date
    choosing: bool
    parental: bool = False
    born: date | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """What the login provider signed about who logged in. `token` is its ID token, `expires` when that ends."""

    subject: str = field(repr=False)
    name: str = field(repr=False)
    bsn: Bsn | None
    born: date | None = field(repr=False)
    represents: Represented | None
    authenticated: datetime
    expires: datetime
    token: str = field(repr=False)

    @property
    def patient(self) -> Bsn | None:
        """Whose data it is about."""
        return self.represents.bsn if self.represents else self.bsn


@dataclass(frozen=True, slots=True)
class Acting:
    """Somebody who may be here now: for which patient, in which voice, and whether they may choose."""

    patient: Bsn
    patient_name: str = field(repr=False)
    name: str = field(repr=False)
    voice: Voice
    choosing: bool
    until: date | None = None
    born: date | None = field(default=None, repr=False)
    needs_both: bool = False
    """The patient is 12 to 16: a yes needs the child and a parent."""


def acting(identity: Identity, at: datetime) -> Acting | Denied:
    """For whom this person acts at this moment, or why not (SAFETY B14)."""
    today = at.astimezone(AMSTERDAM).date()
    represented = identity.represents
    if represented is not None:
        return _for_another(identity, represented, today)
    if identity.bsn is None:  # login refuses this; and nobody comes in without a patient
        return Denied.MANDATE_ENDED
    years = None if identity.born is None else age(identity.born, today)
    if years is not None and years < CHILD_SPEAKS_AT:
        return Denied.TOO_YOUNG
    both = years is not None and years < CHILD_DECIDES_AT
    return Acting(identity.bsn, identity.name, identity.name, Voice.SELF, choosing=True, born=identity.born, needs_both=both)


def _for_another(identity: Identity, represented: Represented, today: date) -> Acting | Denied:
    if today > represented.until:
        return Denied.MANDATE_ENDED
    years = None if represented.born is None else age(represented.born, today)
    if represented.parental and (years is None or years >= CHILD_DECIDES_AT):
        return Denied.CHILD_OF_SIXTEEN
    return Acting(
        represented.bsn,
        represented.name,
        identity.name,
        Voice.PARENT if represented.parental else Voice.REPRESENTATIVE,
        choosing=represented.choosing,
        until=represented.until,
        born=represented.born,
        needs_both=represented.parental and years is not None and years >= CHILD_SPEAKS_AT,
    )
