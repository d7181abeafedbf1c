"""How many different patients one professional, one organisation and one gateway may ask about in any hour.

Counted in different patients, because that is what tells care from curiosity: a hundred questions about one patient are
an ordinary afternoon. The count is exact: no period as long as the window, wherever it begins, holds more different
patients than the limit. Whether a patient is known here plays no part, so being refused tells nothing about anybody.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Generic, Self, TypeVar

from accord.terms.identifiers import Ura
from accord.terms.policies import Budget

K = TypeVar("K", bound=Hashable)

HOUR: Final = 3_600.0

#: How often, on average, one patient of an organisation may count for another professional of it. An organisation names
#: its professionals itself; without this bound it could fill the memory of a holder with names that it made up.
_PROFESSIONALS_OF_A_PATIENT: Final = 8
#: With more than this the oldest may alarm again: many alarms are better than endless memory.
_MOST_ALARMS: Final = 10_000


class Level(StrEnum):
    """Whose patients are counted."""

    PROFESSIONAL = "professional"
    ORGANISATION = "organisation"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Spender:
    """Who asks, as far as it is known: of a localisation perhaps the gateway alone.

    A professional is known by organisation and identifier: nobody can spend for a professional of somebody else.
    """

    gateway: Ura
    organisation: Ura | None = None
    professional: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many different patients in one window. None: no limit, and nothing is counted."""

    professional: int | None
    organisation: int | None
    gateway: int | None

    @classmethod
    def of(cls, budget: Budget) -> Self:
        """The region's budget."""
        return cls(budget.per_professional, budget.per_organisation, budget.per_gateway)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Somebody asked about more different patients than the limit in so many hours: for the journal and the review."""

    level: Level
    gateway: Ura
    organisation: Ura | None
    professional: str
    limit: int
    hours: int = 1


@dataclass(frozen=True, slots=True)
class Overspent:
    """The question is over a limit. `alarm` is none when this window's alarm was already given."""

    level: Level
    alarm: Alarm | None


@dataclass(frozen=True, slots=True)
class Spent:
    """A question of the past: *age* seconds ago. What a journal gives back after a restart."""

    age: float
    spender: Spender
    patient: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Count:
    """One count that a question takes part in: under which key, of what, against which limit."""

    key: Hashable
    what: Hashable
    level: Level
    limit: int


class Window(Generic[K]):
    """The different things seen in the last so many seconds, the longest unseen first. Both ends of the window count."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: OrderedDict[K, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def forget_before(self, moment: float) -> None:
        """Forget what was last seen earlier than *moment*."""
        while self._seen and next(iter(self._seen.values())) < moment:
            self._seen.popitem(last=False)

    def has_room(self, thing: K, limit: int) -> bool:
        """Whether *thing* is among those seen, or may still join them."""
        return thing in self._seen or len(self._seen) < limit

    def see(self, thing: K, moment: float) -> None:
        """Note it. Moments never go back."""
        self._seen[thing] = moment
        self._seen.move_to_end(thing)


class Spending:
    """What everybody spent in the last *seconds*. Bounded by the limits; all moments are seconds of one clock that never goes back."""

    def __init__(self, seconds: float = HOUR) -> None:
        self._seconds = seconds
        self._windows: OrderedDict[Hashable, Window[Hashable]] = OrderedDict()
        self._used: dict[Hashable, float] = {}
        self._alarmed: OrderedDict[Hashable, float] = OrderedDict()
        self._latest = float("-inf")

    @property
    def entries(self) -> int:
        """How many moments are kept, for whoever bounds memory."""
        return sum(map(len, self._windows.values()))

    def spend(self, spender: Spender, patient: bytes, limits: Limits, at: float) -> Overspent | None:
        """Count this question against every limit, or against none when one of them has no room.

        Asking again about a patient of this window costs nothing.
        """
        at = self._advance(at)
        counts = _counts(spender, patient, limits)
        for count in counts:
            if not self._has_room(count):
                return Overspent(count.level, self._alarm(spender, count, at))
        self._see(counts, at)
        return None

    def restore(self, past: Iterable[Spent], limits: Limits, at: float) -> None:
        """Take in what was spent before this process began, in any order. Begin with this.

        Where the past has more than a limit that was lowered since, nothing is admitted until it is below. A moment of the
        future counts as now.
        """
        for spent in sorted(past, key=lambda spent: -spent.age):
            if spent.age <= self._seconds:
                self._see(_counts(spent.spender, spent.patient, limits), self._advance(at - max(spent.age, 0.0)))

    def give_back(self, alarm: Alarm) -> None:
        """This alarm reached nobody: whoever is over the same limit next gives it again."""
        self._alarmed.pop((alarm.level, *_who(Spender(alarm.gateway, alarm.organisation, alarm.professional), alarm.level)), None)

    def _advance(self, at: float) -> float:
        """Forget what the window has left behind."""
        self._latest = at = max(at, self._latest)
        before = at - self._seconds
        while self._windows and self._used[next(iter(self._windows))] < before:
            key, _ = self._windows.popitem(last=False)
            del self._used[key]
        while self._alarmed and next(iter(self._alarmed.values())) < before:
            self._alarmed.popitem(last=False)
        return at

    def _has_room(self, count: _Count) -> bool:
        window = self._windows.get(count.key)
        if window is None:
            return count.limit > 0
        window.forget_before(self._latest - self._seconds)
        return window.has_room(count.what, count.limit)

    def _see(self, counts: Iterable[_Count], at: float) -> None:
        for count in counts:
            window = self._windows.setdefault(count.key, Window())
            window.see(count.what, at)
            self._windows.move_to_end(count.key)
            self._used[count.key] = at

    def _alarm(self, spender: Spender, count: _Count, at: float) -> Alarm | None:
        key = (count.level, *_who(spender, count.level))
        if key in self._alarmed:
            return None
        self._alarmed[key] = at
        if len(self._alarmed) > _MOST_ALARMS:
            self._alarmed.popitem(last=False)
        organisation = spender.organisation if count.level is not Level.GATEWAY else None
        professional = spender.professional if count.level is Level.PROFESSIONAL else ""
        hours = max(1, round(self._seconds / HOUR))
        return Alarm(count.level, spender.gateway, organisation, professional, count.limit, hours)


def _who(spender: Spender, level: Level) -> tuple[str, ...]:
    """Plain text: it is hashed many times for each question."""
    organisation = spender.organisation.value if spender.organisation is not None else ""
    match level:
        case Level.PROFESSIONAL:
            return organisation, spender.professional
        case Level.ORGANISATION:
            return (organisation,)
        case Level.GATEWAY:
            return (spender.gateway.value,)


def _counts(spender: Spender, patient: bytes, limits: Limits) -> tuple[_Count, ...]:
    """The counts of one question, the narrowest first; pairs of professional and patient are bounded too."""
    found: list[_Count] = []
    is_named = spender.organisation is not None and bool(spender.professional)
    if is_named and limits.professional is not None:
        found.append(_Count((Level.PROFESSIONAL, *_who(spender, Level.PROFESSIONAL)), patient, Level.PROFESSIONAL, limits.professional))
    for level, limit in ((Level.ORGANISATION, limits.organisation), (Level.GATEWAY, limits.gateway)):
        if limit is None or (level is Level.ORGANISATION and spender.organisation is None):
            continue
        who = _who(spender, level)
        found.append(_Count((level, *who), patient, level, limit))
        if is_named:
            pair = (*_who(spender, Level.PROFESSIONAL), patient)
            found.append(_Count((level, "pairs", *who), pair, level, limit * _PROFESSIONALS_OF_A_PATIENT))
    return tuple(found)
