"""What one clinician is doing in the viewer, from coming in to going out."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from accord.terms.evidence import Emergency, TreatmentBasis, Who
from accord.terms.parties import Professional
from accord.terms.vocabulary import PurposeOfUse
from gateway.pages.sessions import Sessions
from gateway.viewer.ehr_login import Attempt

IDLE: Final = timedelta(minutes=15)
#: A working day: after it one comes in anew, however busy.
LONGEST: Final = timedelta(hours=10)
#: Somebody who is not in yet: long enough to log in at the electronic health record.
ANONYMOUS: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Who is at work, by which right they ask, when they last proved by two factors to be themselves, and who says so (empty: the demo)."""

    professional: Professional
    treatment: TreatmentBasis | None
    second_factor_at: datetime | None = None
    by: str = ""

    def treating(self) -> Who:
        """As they ask for treatment."""
        return Who(self.professional, PurposeOfUse.TREATMENT, self.treatment)

    def in_an_emergency(self, emergency: Emergency) -> Who:
        """As they ask with broken glass."""
        return Who(self.professional, PurposeOfUse.EMERGENCY_TREATMENT, self.treatment, emergency)

    def is_the_same(self, other: "LoggedIn | None") -> bool:
        """Whether it is the same person at the same electronic health record."""
        return other is not None and (self.by, self.professional) == (other.by, other.professional)


class Owner:
    """Whose dossiers are whose: one for each clinician that came in, whatever the id of their session becomes."""


@dataclass(slots=True, repr=False)
class Session:
    """What one browser is doing. Everything in it goes when it ends."""

    began: datetime
    seen: datetime
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    person: LoggedIn | None = None
    attempts: dict[str, Attempt] = field(default_factory=dict)
    owner: Owner = field(default_factory=Owner)
    misses: int = 0

    def ends(self) -> datetime:
        """When it ends if nothing more happens."""
        if self.person is None:
            return self.seen + ANONYMOUS
        return min(self.seen + IDLE, self.began + LONGEST)


def make_sessions(clock: Callable[[], datetime], most: int, ended: Callable[[Session], None]) -> Sessions[Session]:
    """The sessions of the viewer; *ended* is told of each that ends."""
    return Sessions(clock, lambda now: Session(now, now), most, ended=ended)
