"""How the agent stands at this moment, and what it cost its source: what no journal holds."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from accord.link.live_register import LiveRegister
from accord.ops.standing import Party
from node_agent.holder import Holder
from node_agent.it.gathering import Period
from node_agent.locating import Locating
from node_agent.pacing import Pace, Paced


@dataclass(frozen=True, slots=True)
class KindOfWork:
    """Requests of one kind (a type of record): how many, how long they took together, and the slowest."""

    kind: str
    requests: int
    seconds: float
    slowest: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What the source was asked in a period; `since` is the first hour of which anything is known."""

    requests: int
    seconds: float
    slow: int
    busy: int
    kinds: tuple[KindOfWork, ...]
    most_at_once: int
    at_once: int
    per_second: float
    share: float


@dataclass(frozen=True, slots=True)
class Situation:
    """The standing: moments in milliseconds since 1970, 0 where there is none. `cost` is none where no system is asked.

    `reasons` are the codes for which no question can be answered now, beside a pause or shadow; `warnings` those for which soon none can be.
    """

    title: str
    ura: str
    paused: bool
    shadow: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    since_ms: int
    reason: str
    source: str
    source_trouble: str
    source_is_copy: bool
    people: int
    certificate_days: int | None
    register_version: int
    register_days: int
    cost: Cost | None


@dataclass(frozen=True, slots=True)
class Watched:
    """The parts that are looked at."""

    title: str
    holder: Holder
    locating: Locating
    live: LiveRegister
    party: Party

    def situation(self, period: Period, now: datetime) -> Situation:
        """As it is now; the cost is that of the period."""
        pausing, source, register = self.holder.pausing, self.holder.source, self.live.newest
        pause, standing = pausing.pause_in_force, self.party.standing()
        return Situation(
            title=self.title,
            ura=self.holder.ura.value,
            paused=pausing.paused,
            shadow=pausing.shadow,
            # As /readyz tells it: the two never differ.
            reasons=tuple(code.value for code in standing.reasons),
            warnings=tuple(code.value for code in standing.warnings if code is not pausing.withholds),
            since_ms=pause.since_ms if pause is not None else pausing.since_ms,
            reason=pause.reason if pause is not None else "",
            source=source.name,
            source_trouble=pausing.trouble.value if pausing.trouble is not None else "",
            source_is_copy=source.is_copy,
            people=self.locating.people,
            certificate_days=(expires - now).days if (expires := self.party.certificate_expires()) is not None else None,
            register_version=register.version,
            register_days=(register.expires - now).days,
            cost=_cost(source.pace, period) if isinstance(source, Paced) else None,
        )


def _cost(pace: Pace, period: Period) -> Cost:
    first, last = (int(moment.timestamp()) // 3_600 for moment in (period.since, period.until))
    hours = [hour for hour in pace.work.hours if first <= hour.hour <= last]
    requests: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    slowest: dict[str, float] = {}
    for hour in hours:
        requests.update(hour.by_kind)
        for kind, took in hour.seconds_by_kind.items():
            seconds[kind] = seconds.get(kind, 0.0) + took
            slowest[kind] = max(slowest.get(kind, 0.0), hour.slowest[kind])
    kinds = sorted((KindOfWork(kind, number, seconds[kind], slowest[kind]) for kind, number in requests.items()), key=lambda one: -one.slowest)
    return Cost(
        sum(requests.values()),
        sum(seconds.values()),
        sum(hour.slow for hour in hours),
        sum(hour.busy for hour in hours),
        tuple(kinds),
        pace.work.most_at_once,
        pace.at_once,
        pace.per_second,
        pace.share,
    )
