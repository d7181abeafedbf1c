"""Breaks the glass, or does not: each emergency at this holder has a beginning, an end, and a place in the day's count.

Ask before anything is read; it says whether the emergency begins now, which is a journal event of its own (promise P12).
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from accord.rules.budgets import Alarm, Level, Limits, Spender, Spending, Spent
from accord.rules.emergency import DAY, FAULT_OF, Begun, Lacking, ReasonCode, ends_of, lacking, limits_of
from accord.terms.evidence import Mandate
from accord.terms.faults import Unavailable
from accord.terms.identifiers import Pseudonym, Ura
from accord.terms.policies import EmergencyPolicy


class GlassUnbroken(Unavailable):
    """No emergency access. `lacking` says why, for the journal; `alarm` is one to review, once in 24 hours for each."""

    def __init__(self, reason: Lacking, alarm: Alarm | None = None) -> None:
        super().__init__(FAULT_OF[reason])
        self.lacking = reason
        self.alarm = alarm


def _nothing() -> None:
    """There is nothing to take back."""


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """An emergency that may go on. `begins` says that this is its first use, and needs its own line: `take_back` it when it gets none."""

    reason: ReasonCode
    ends: datetime
    begins: bool
    take_back: Callable[[], None] = field(default=_nothing, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PastEmergency:
    """A first use as the journal tells it."""

    gateway: Ura
    organisation: Ura
    professional: str
    patient: Pseudonym
    began: datetime
    second_factor_at: datetime


_Key = tuple[Ura, str, bytes]

#: What counts after a restart: the numbers play no part in it.
_COUNTED: Final = Limits(0, 0, None)


def _nobody(_organisation: Ura, _professional: str) -> Pseudonym | None:
    """A holder that knows no professional's own pseudonym."""
    return None


class Emergencies:
    """The emergencies of this holder. *policy* gives the region's at this moment; *clock* never goes back.

    An emergency lasts on *clock*, so that setting the time back makes none longer. *pseudonym_of* gives a professional's own
    pseudonym where this holder happens to know it. One loop uses it, and nothing in it waits.
    """

    def __init__(
        self,
        policy: Callable[[], EmergencyPolicy | None],
        *,
        clock: Callable[[], float] = time.monotonic,
        pseudonym_of: Callable[[Ura, str], Pseudonym | None] = _nobody,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._pseudonym_of = pseudonym_of
        self._spending = Spending(DAY)
        self._begun: OrderedDict[_Key, tuple[float, Begun]] = OrderedDict()

    def __len__(self) -> int:
        """How many emergencies of the last 24 hours are kept."""
        return len(self._begun)

    def use(self, mandate: Mandate, patient: Pseudonym, *, gateway: Ura, at: datetime) -> BrokenGlass:
        """Use an emergency of this verified mandate, or begin one.

        Raises:
            GlassUnbroken: `emergency-not-offered`, `emergency-incomplete`, `emergency-spent` or `mandate-expired`.
        """
        policy, clock = self._policy(), self._clock()
        self._forget_before(clock - DAY)
        key = (mandate.issuer, mandate.professional.identifier, patient.value)
        themselves = self._pseudonym_of(mandate.issuer, mandate.professional.identifier)
        earlier = self._earlier(key, policy, clock, at)
        reason = lacking(policy, mandate, at=at, earlier=earlier, themselves=themselves.value if themselves else None, patient=patient.value)
        if reason is not None or policy is None or mandate.emergency is None:
            raise GlassUnbroken(reason or Lacking.NOT_OFFERED)
        code = ReasonCode(mandate.emergency.reason)
        if earlier is not None and at < earlier.ends:
            return BrokenGlass(code, earlier.ends, begins=False)
        over = self._spending.spend(Spender(gateway, mandate.issuer, mandate.professional.identifier), patient.value, limits_of(policy), clock)
        if over is not None:
            raise GlassUnbroken(Lacking.PROFESSIONAL_SPENT if over.level is Level.PROFESSIONAL else Lacking.ORGANISATION_SPENT, over.alarm)
        begun, before = Begun(mandate.emergency.second_factor_at, ends_of(policy, first_used=at)), self._begun.get(key)
        self._note(key, clock, begun)
        return BrokenGlass(code, begun.ends, begins=True, take_back=partial(self._take_back, key, before))

    def give_back(self, alarm: Alarm) -> None:
        """This alarm has no line: the next one is given again."""
        self._spending.give_back(alarm)

    def restore(self, past: Iterable[PastEmergency], *, now: datetime) -> None:
        """Take in what the journal tells of the last 24 hours, in any order. Begin with this.

        Where no emergency is offered at this moment, the past ones count as over, and still count.
        """
        policy, clock = self._policy(), self._clock()
        spent = []
        for event in sorted(past, key=lambda event: event.began):
            age = max((now - event.began).total_seconds(), 0.0)
            if age <= DAY:
                spent.append(Spent(age, Spender(event.gateway, event.organisation, event.professional), event.patient.value))
                ends = ends_of(policy, first_used=min(event.began, now)) if policy is not None else event.began
                self._note((event.organisation, event.professional, event.patient.value), clock - age, Begun(event.second_factor_at, ends))
        self._spending.restore(spent, _COUNTED, clock)

    def _earlier(self, key: _Key, policy: EmergencyPolicy | None, clock: float, at: datetime) -> Begun | None:
        """The last emergency of these two, with its end as the clock that never goes back tells it."""
        if policy is None or key not in self._begun:
            return None
        began, begun = self._begun[key]
        left = timedelta(seconds=began + policy.minutes * 60 - clock)
        return Begun(begun.second_factor_at, min(at + left, begun.ends))

    def _note(self, key: _Key, clock: float, begun: Begun) -> None:
        self._begun[key] = (clock, begun)
        self._begun.move_to_end(key)

    def _take_back(self, key: _Key, before: tuple[float, Begun] | None) -> None:
        """As if it had not begun; it still counts, as its patient would when it begins again."""
        del self._begun[key]
        if before is not None:
            self._begun[key] = before
            self._begun.move_to_end(key, last=False)

    def _forget_before(self, moment: float) -> None:
        while self._begun and next(iter(self._begun.values()))[0] < moment:
            self._begun.popitem(last=False)
