"""A week in the region, by its seed: who needs a place and when, which places come free, who stops for a while, and who forgets to say so.

The same seed makes the same week, to the minute and to the last word. Nothing here asks anybody: `testbed.week_walking` walks
the week through the real parts. Time is counted from Monday 00:00.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

from accord.terms.capacity import AT_HOME, CareKind, Condition, Funding, Need, Service, StopReason, Wishes
from accord.terms.placing import Gist
from testbed.places import OPENINGS, SPOTS, FictionalOpening

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
DAYS: Final = 7
REQUESTS: Final = 60
#: What is asked for, out of a hundred, and the law that pays for it.
_KINDS: Final[Mapping[CareKind, tuple[int, Funding]]] = {
    CareKind.GERIATRIC_REHABILITATION: (30, Funding.ZVW),
    CareKind.NURSING_HOME: (15, Funding.WLZ),
    CareKind.SHORT_STAY_HIGH: (14, Funding.ZVW),
    CareKind.SHORT_STAY_LOW: (9, Funding.ZVW),
    CareKind.DISTRICT_NURSING: (22, Funding.ZVW),
    CareKind.HOSPICE: (6, Funding.ZVW),
    CareKind.MENTAL_HEALTH_BED: (4, Funding.ZVW),
}
#: Requests by the hour of the day, out of a hundred: the morning's visits of the wards, and crises at any hour.
_BY_HOUR: Final = (1, 1, 1, 1, 1, 1, 1, 2, 6, 11, 14, 13, 8, 8, 9, 8, 5, 3, 2, 1, 1, 1, 1, 1)
_NEEDS_WOUND_CARE: Final = 0.2
_COULD_CARE_FOR_WOUNDS: Final = frozenset({CareKind.GERIATRIC_REHABILITATION, CareKind.SHORT_STAY_HIGH, CareKind.DISTRICT_NURSING})
#: Of what changes in a house, so much nobody brings up to date in the system.
_FORGOTTEN: Final = 0.15
#: Of four changes that a day could bring to a team, so much comes to pass.
_CHANGES: Final = 0.4
_REASONS: Final[Mapping[CareKind, str]] = {
    CareKind.GERIATRIC_REHABILITATION: "na een operatie aan de heup",
    CareKind.NURSING_HOME: "kan niet meer alleen wonen",
    CareKind.SHORT_STAY_HIGH: "herstel na een opname",
    CareKind.SHORT_STAY_LOW: "aansterken na een griep",
    CareKind.DISTRICT_NURSING: "hulp thuis na een opname",
    CareKind.HOSPICE: "laatste levensfase",
    CareKind.MENTAL_HEALTH_BED: "crisis",
}


@dataclass(frozen=True, slots=True)
class Came:
    """Somebody needs a place; `number` counts them. After `patience` whoever looks for it gives up."""

    number: int
    need: Need
    wishes: Wishes
    gist: Gist
    patience: timedelta


@dataclass(frozen=True, slots=True)
class Freed:
    """Places came free in a house (fewer than none: were taken by somebody whom the region did not place). `told`: its planner says so."""

    opening: str
    places: int
    told: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """A team takes nobody, for so long."""

    service: str
    reason: StopReason
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Resumed:
    """It takes people again."""

    service: str


Event = Came | Freed | Stopped | Resumed


@dataclass(frozen=True, slots=True)
class Week:
    """What happens, in its order."""

    seed: int
    monday: date
    openings: Mapping[str, FictionalOpening] = field(repr=False)
    events: tuple[tuple[timedelta, Event], ...] = field(repr=False)

    @property
    def requests(self) -> int:
        """How many people need a place."""
        return sum(isinstance(event, Came) for _, event in self.events)

    def chance(self, *of: object) -> Random:
        """Chance that depends on the seed and on what it is of, and on nothing that was drawn before."""
        return Random("/".join(map(str, (self.seed, *of))))


def week(seed: int, monday: date, *, holders: frozenset[str] | None = None, requests: int = REQUESTS, days: int = DAYS) -> Week:
    """The week of a seed, among these holders (none: all that have places)."""
    openings = {each.id: each for name, of_one in OPENINGS.items() if holders is None or name in holders for each in of_one if each.places is not None}
    kinds = {each.service.kind for each in openings.values()} & set(_KINDS)
    chance = Random(seed)
    happens = [*_arrivals(chance, monday, kinds, requests, days), *_houses(chance, openings, days), *_stops(chance, openings, days)]
    # In one minute: first what makes room, so that the order does not hang on how the lists were made.
    return Week(seed, monday, openings, tuple(sorted(happens, key=lambda happening: (happening[0], type(happening[1]).__name__ == "Came", repr(happening[1])))))


def _arrivals(chance: Random, monday: date, kinds: set[CareKind], requests: int, days: int) -> Iterator[tuple[timedelta, Event]]:
    moments = sorted(_moment(chance, days) for _ in range(requests if kinds else 0))
    asked = sorted(kinds)
    for number, at in enumerate(moments, 1):
        kind = chance.choices(asked, [_KINDS[one][0] for one in asked])[0]
        yield at, _came(chance, number, kind, monday + timedelta(days=at.days))


def _came(chance: Random, number: int, kind: CareKind, today: date) -> Came:
    near = chance.choice(sorted(SPOTS))
    wound = kind in _COULD_CARE_FOR_WOUNDS and chance.random() < _NEEDS_WOUND_CARE
    at_home = kind in AT_HOME
    need = Need(
        kind,
        today + timedelta(days=chance.choice((0, 1, 1, 2, 3, 7))),
        amount=chance.randint(1, 4) if at_home else 1,
        conditions=frozenset({Condition.WOUND_CARE} if wound else ()),
        funding=_KINDS[kind][1],
        near=near if at_home else "",
    )
    gist = Gist(age=10 * chance.randint(6, 9), reason=_REASONS[kind], facts=("woont alleen",) if chance.random() < 0.5 else ())
    return Came(number, need, Wishes(near=near), gist, chance.choice((8, 24, 48)) * _HOUR)


def _moment(chance: Random, days: int) -> timedelta:
    hour = chance.choices(range(24), _BY_HOUR)[0]
    return chance.randrange(days) * _DAY + hour * _HOUR + timedelta(minutes=chance.randrange(60))


def _houses(chance: Random, openings: Mapping[str, FictionalOpening], days: int) -> Iterator[tuple[timedelta, Event]]:
    """People go home, and others come by another way."""
    for name in sorted(openings):
        for day in range(days):
            for change in (1, 1, 1, -1):
                if chance.random() < _CHANGES:
                    at = day * _DAY + chance.randint(8, 18) * _HOUR + timedelta(minutes=chance.randrange(60))
                    yield at, Freed(name, change, told=chance.random() >= _FORGOTTEN)


def _stops(chance: Random, openings: Mapping[str, FictionalOpening], days: int) -> Iterator[tuple[timedelta, Event]]:
    """About one team in five stops once in a week: an outbreak for days, too few hands for a night."""
    services: dict[str, Service] = {each.service.id: each.service for each in openings.values()}
    for name in sorted(services):
        if chance.random() < 0.2:
            reason = chance.choice((StopReason.OUTBREAK, StopReason.STAFF))
            lasts = chance.randint(30, 72) * _HOUR if reason is StopReason.OUTBREAK else chance.randint(6, 14) * _HOUR
            at = _moment(chance, days)
            yield at, Stopped(name, reason, lasts)
            if at + lasts < days * _DAY:
                yield at + lasts, Resumed(name)
