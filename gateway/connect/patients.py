"""Whom the gateway's opaque ids stand for: kept in memory only, not too many, and not for long."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn

#: How many of the patients that a professional asked about last are tried for a record that does not say whose it is: the last
#: one and nobody else, for who is tried is told to a holder, and has a line there.
RECENT: Final = 1
_HALF_A_DAY: Final = 12 * 60 * 60.0


@dataclass(frozen=True, slots=True)
class Asker:
    """A professional at an application: several may work with one, each with patients of their own."""

    application: str
    professional: str


@dataclass(slots=True)
class _Known:
    bsn: Bsn = field(repr=False)
    used: float


@dataclass(frozen=True, slots=True)
class _Recent:
    patient_ids: tuple[str, ...]
    used: float


class Patients:
    """BSNs by opaque id, and which patients each professional asked about last, at each application."""

    def __init__(self, *, most: int = 1_000, idle_seconds: float = _HALF_A_DAY, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._idle = idle_seconds
        self._now = now
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._recent: OrderedDict[Asker, _Recent] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def knows(self, patient_id: str) -> bool:
        """Whether this id was seen, not too long ago."""
        self.forget_idle()
        return patient_id in self._known

    def remember(self, patient_id: str, bsn: Bsn, asker: Asker) -> None:
        """The gateway said that this id stands for this person.

        Raises:
            Unavailable: `other-patient`: it stood for somebody else a moment ago. Who gives one id to two people would have
                one asked about in the other's place.
        """
        known = self._known.get(patient_id)
        if known is not None and known.bsn != bsn:
            raise Unavailable(Fault.OTHER_PATIENT)
        self._known[patient_id] = _Known(bsn, self._now())
        self.used(patient_id, asker)
        while len(self._known) > self._most:
            self._known.popitem(last=False)

    def bsn_of(self, patient_id: str) -> Bsn:
        """Whom an id stands for.

        Raises:
            BadInput: `unknown-patient-id`: never seen, or forgotten.
        """
        if not self.knows(patient_id):
            raise BadInput(Fault.UNKNOWN_PATIENT_ID)
        return self._known[patient_id].bsn

    def used(self, patient_id: str, asker: Asker) -> None:
        """A professional asked about this patient just now."""
        known = self._known.get(patient_id)
        if known is None:
            return
        known.used = self._now()
        self._known.move_to_end(patient_id)
        earlier = [other for other in self.recent(asker) if other != patient_id]
        self._recent[asker] = _Recent((patient_id, *earlier)[:RECENT], known.used)
        self._recent.move_to_end(asker)
        while len(self._recent) > self._most:
            self._recent.popitem(last=False)

    def recent(self, asker: Asker) -> tuple[str, ...]:
        """The patients that a professional asked about last at this application, the latest first."""
        self.forget_idle()
        recent = self._recent.get(asker)
        return () if recent is None else tuple(patient_id for patient_id in recent.patient_ids if patient_id in self._known)

    def forget_idle(self) -> None:
        """Let go of whom nobody asked about for long, and of who asked nothing for long."""
        oldest = self._now() - self._idle
        # The order of both is that of last use.
        while self._known and next(iter(self._known.values())).used < oldest:
            self._known.popitem(last=False)
        while self._recent and next(iter(self._recent.values())).used < oldest:
            self._recent.popitem(last=False)
