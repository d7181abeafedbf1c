"""What the journal says of a period, counted: who asked what for, how it ended, what stayed in and why. Nobody's identity is in it."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from accord.audit.content import AboutPatient, Asking, Event
from accord.audit.events import Closing, Decision, GlassBroken, RefusedQuestion, Release
from accord.audit.shadow_events import ShadowClosing, ShadowDecision
from accord.rules.moments import AMSTERDAM

#: A longer period than this many lines is counted in part, and the page says so.
MOST_LINES: Final = 250_000
_BY_THE_HOUR: Final = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment up to another."""

    since: datetime
    until: datetime

    @property
    def by_the_hour(self) -> bool:
        """Whether it is short enough to be told by the hour; else it is by the day."""
        return self.until - self.since <= _BY_THE_HOUR

    @property
    def milliseconds(self) -> tuple[float, float]:
        """From and until, as the journal has moments."""
        return self.since.timestamp() * 1000, self.until.timestamp() * 1000


@dataclass(slots=True)
class Asked:
    """What one organisation asked for one purpose."""

    organisation: str
    ura: str
    purpose: str
    questions: int = 0
    emergencies: int = 0


@dataclass(slots=True)
class Gathered:
    """The counts of a period.

    `by_category` are answers with records of a category, `withheld` decisions that kept one in, by reason and category. Of the
    shadow: `tried` questions, records that `would_leave`, decisions by which they `would_stay`.
    """

    period: Period
    lines: int = 0
    is_whole: bool = True
    asked: dict[tuple[str, str], Asked] = field(default_factory=dict)
    moments: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    by_category: Counter[str] = field(default_factory=Counter)
    records: int = 0
    bytes: int = 0
    withheld: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    tried: int = 0
    would_end: Counter[str] = field(default_factory=Counter)
    would_leave: Counter[str] = field(default_factory=Counter)
    would_stay: Counter[tuple[str, str]] = field(default_factory=Counter)


def gather(events: Iterable[Event], period: Period, *, most: int = MOST_LINES) -> Gathered:
    """Count the events of a period.

    Raises:
        Unavailable: From *events*: the journal cannot be read.
    """
    gathering = _Gathering(Gathered(period))
    first, last = period.milliseconds
    for event in events:
        if not first <= event.moment < last:
            continue
        if gathering.gathered.lines >= most:
            gathering.gathered.is_whole = False
            break
        gathering.take(event)
    return gathering.gathered


class _Gathering:
    def __init__(self, gathered: Gathered) -> None:
        self.gathered = gathered
        self._questions: set[tuple[str, str]] = set()
        self._categories: set[tuple[str, str]] = set()
        self._counting: dict[type[Event], Callable[..., None]] = {
            Decision: self._decision,
            Release: self._release,
            Closing: self._closing,
            RefusedQuestion: self._refused,
            GlassBroken: self._glass,
            ShadowDecision: self._shadow_decision,
            ShadowClosing: self._shadow_closing,
        }

    def take(self, event: Event) -> None:
        self.gathered.lines += 1
        asking = event.asking if isinstance(event, AboutPatient | RefusedQuestion) else None
        if asking is not None and isinstance(event, AboutPatient | RefusedQuestion) and event.query:
            self._question(event.query, asking, event.moment)
        count = self._counting.get(type(event))
        if count is not None:
            count(event)

    def _asked(self, asking: Asking) -> Asked:
        key = asking.user, asking.purpose.value
        return self.gathered.asked.setdefault(key, Asked(asking.user_name, asking.user, asking.purpose.value))

    def _question(self, query: str, asking: Asking, moment: int) -> None:
        """Each question once, however many lines it has, and at the moment of its first."""
        if (query, asking.user) in self._questions:
            return
        self._questions.add((query, asking.user))
        self._asked(asking).questions += 1
        here = datetime.fromtimestamp(moment / 1000, UTC).astimezone(AMSTERDAM)
        self.gathered.moments[f"{here:%Y-%m-%d %H:00}" if self.gathered.period.by_the_hour else f"{here:%Y-%m-%d}"] += 1

    def _decision(self, event: Decision) -> None:
        self.gathered.withheld.update((one.refusal, one.category.value) for one in event.withheld)

    def _release(self, event: Release) -> None:
        self.gathered.records += event.count
        self.gathered.bytes += event.bytes
        for category in event.categories:
            if (event.answer, category.value) not in self._categories:
                self._categories.add((event.answer, category.value))
                self.gathered.by_category[category.value] += 1

    def _closing(self, event: Closing) -> None:
        self.gathered.endings[event.ending.value] += 1

    def _refused(self, event: RefusedQuestion) -> None:
        self.gathered.refused[event.fault.value] += event.count

    def _glass(self, event: GlassBroken) -> None:
        self._asked(event.asking).emergencies += 1

    def _shadow_decision(self, event: ShadowDecision) -> None:
        self.gathered.would_stay.update((one.refusal, one.category.value) for one in event.withheld)

    def _shadow_closing(self, event: ShadowClosing) -> None:
        self.gathered.tried += 1
        self.gathered.would_end[event.ending.value] += 1
        for one in event.counted:
            self.gathered.would_leave[one.category.value] += one.count
