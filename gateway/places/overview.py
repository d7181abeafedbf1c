"""What a region's providers say of their places and of how much they are asked, put together; nothing of it is about a patient.

Numbers of requests are those that providers tell themselves, who keep back what is too few (`accord.rules.capacity.counting`).
They are added up and nothing is worked out from them: what was kept back is said to be so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

from accord.rules.capacity.standing import KNOWN_FREE, Stand, State, stand
from accord.terms.capacity import CareKind, Opening, Statement, Tally
from accord.terms.placing import DeclineReason
from gateway.pages.telling import Words
from gateway.places.ports import HolderSaid, Provider

#: Of a provider in more places than these, the others are counted.
_MOST_PLACES: Final = 3
_REASONS: Final = frozenset(one.value for one in DeclineReason)


@dataclass(frozen=True, slots=True)
class Sight:
    """An opening as it stands at a moment, and whose it is."""

    provider: Provider
    opening: Opening
    stands: Stand


@dataclass(slots=True)
class Capacity:
    """One kind of care in one place (of a neighbouring `region`, where one is named): what is free as far as it is known, how many openings are known, full or stopped, and unknown.

    `ages`: how long ago the known ones were looked at.
    """

    kind: CareKind
    area: str
    region: str = ""
    free: int = 0
    lights: int = 0
    known: int = 0
    taken: int = 0
    unknown: int = 0
    ages: list[timedelta] = field(default_factory=list)

    @property
    def oldest(self) -> timedelta | None:
        """Of the known ones."""
        return max(self.ages, default=None)


@dataclass(slots=True)
class Count:
    """A number added up over providers, and how many of them told none because it was too few."""

    told: int = 0
    kept_back: int = 0

    def add(self, number: int | None) -> None:
        """Add what one provider tells."""
        if number is None:
            self.kept_back += 1
        else:
            self.told += number


@dataclass(slots=True)
class Pressure:
    """How much was asked for one kind of care, in one place, in the last `days`, what was given, and why not; `medians` are of each provider, in minutes."""

    kind: CareKind
    area: str
    days: int
    providers: int = 0
    asked: Count = field(default_factory=Count)
    granted: Count = field(default_factory=Count)
    declined: dict[str, Count] = field(default_factory=dict)
    medians: list[int] = field(default_factory=list)


def sights(heard: Iterable[HolderSaid], at: datetime, today: date) -> list[Sight]:
    """Every opening that was told."""
    return [
        Sight(one.provider, opening, stand(opening, at, max(today, opening.since or today)))
        for one in heard
        if one.statement is not None and one.ending.heard_out
        for opening in one.statement.openings
    ]


def capacities(seen: Iterable[Sight]) -> list[Capacity]:
    """By kind of care, region (ours first) and place, in that order: what lies in another region is nowhere added to ours."""
    found: dict[tuple[CareKind, str, str], Capacity] = {}
    for one in seen:
        service, stands = one.opening.service, one.stands
        region = one.provider.region
        row = found.setdefault((service.kind, region, service.place), Capacity(service.kind, service.place, region))
        if stands.state is State.UNKNOWN:
            row.unknown += 1
            continue
        row.known += 1
        row.ages.append(stands.age)
        if stands.state in KNOWN_FREE:
            row.free += stands.places or 0
            row.lights += stands.places is None
        else:
            row.taken += 1
    order = list(CareKind)
    return sorted(found.values(), key=lambda one: (order.index(one.kind), one.region.casefold(), one.area.casefold()))


def pressures(heard: Iterable[HolderSaid]) -> list[Pressure]:
    """By kind of care, place and period; a neighbouring region's are its own and are not added."""
    found: dict[tuple[CareKind, str, int], Pressure] = {}
    for one in heard:
        if one.statement is None or not one.ending.heard_out or one.provider.region:
            continue
        for tally in one.statement.tallies:
            area = _area(one.statement, tally.kind)
            _add(found.setdefault((tally.kind, area, tally.days), Pressure(tally.kind, area, tally.days)), tally)
    order = list(CareKind)
    return sorted(found.values(), key=lambda one: (order.index(one.kind), one.area.casefold(), one.days))


def _area(statement: Statement, kind: CareKind) -> str:
    """Where a provider has care of this kind: it counts what it is asked for all of it together."""
    places = sorted({one.service.place for one in statement.openings if one.service.kind is kind and one.service.place})
    more = len(places) - _MOST_PLACES
    return ", ".join(places[:_MOST_PLACES]) + (f" +{more}" if more > 0 else "")


def _add(row: Pressure, tally: Tally) -> None:
    row.providers += 1
    row.asked.add(tally.asked)
    row.granted.add(tally.granted)
    for reason, number in tally.declined:
        row.declined.setdefault(reason, Count()).add(number)
    if tally.median_minutes is not None:
        row.medians.append(tally.median_minutes)


def capacity_table(seen: Iterable[Sight], words: Words) -> list[list[str]]:
    """One line for each opening, with when it was observed: what is old is seen to be so in a spreadsheet too. Codes as in `pressure_table`."""
    head = "region provider service kind kind_in_words place state places light observed_at valid_until certainty from until stop stop_until telephone".split()
    return [head, *(_capacity_line(one, words) for one in seen)]


def _capacity_line(one: Sight, words: Words) -> list[str]:
    opening, service, stands = one.opening, one.opening.service, one.stands
    return [
        one.provider.region,
        one.provider.title,
        service.title,
        service.kind.value,
        words(f"places.kind.{service.kind.value}"),
        service.place,
        stands.state.value,
        "" if stands.places is None else str(stands.places),
        "" if stands.light is None else stands.light.value,
        _iso(opening.observed_at),
        _iso(opening.valid_until),
        opening.certainty.value,
        "" if opening.since is None else opening.since.isoformat(),
        "" if opening.until is None else opening.until.isoformat(),
        "" if opening.stop is None else opening.stop.reason.value,
        "" if opening.stop is None or opening.stop.expected_end is None else _iso(opening.stop.expected_end),
        service.telephone,
    ]


def pressure_table(rows: Iterable[Pressure], words: Words, at: datetime) -> list[list[str]]:
    """One line for each number. Columns and codes are English; `kind_in_words` and `reason_in_words` are in the reader's language.

    `kept_back` says of how many providers nothing is told, because it was too few. Then there is no `number`, which would be read as
    the whole: `number_at_least` has what the others told, and is empty where nobody told any.
    """
    head = "kind kind_in_words place days what reason reason_in_words number number_at_least kept_back providers observed_at".split()
    return [head, *(line for row in rows for line in _pressure_lines(row, words, at))]


def _pressure_lines(row: Pressure, words: Words, at: datetime) -> Iterator[list[str]]:
    of = [row.kind.value, words(f"places.kind.{row.kind.value}"), row.area, str(row.days)]
    end = [str(row.providers), _iso(at)]
    yield [*of, "asked", "", "", *_numbers(row.asked), *end]
    yield [*of, "granted", "", "", *_numbers(row.granted), *end]
    for reason, count in row.declined.items():
        code = reason if reason in _REASONS else DeclineReason.OTHER.value
        yield [*of, "declined", code, words.one_of("places.decline", code).rstrip("."), *_numbers(count), *end]
    for median in sorted(row.medians):
        yield [*of, "median-minutes-of-one-provider", "", "", str(median), "", "", "1", _iso(at)]


def _numbers(count: Count) -> list[str]:
    if not count.kept_back:
        return [str(count.told), "", "0"]
    return ["", str(count.told) if count.told else "", str(count.kept_back)]


def written(table: Sequence[Sequence[str]]) -> bytes:
    """A table for spreadsheets: UTF-8 with a mark by which they know it, `;` between the columns, and nothing in it is a formula."""
    lines = (";".join(_cell(cell) for cell in row) for row in table)
    return "\ufeff".encode() + "".join(f"{line}\r\n" for line in lines).encode()


def _cell(words: str) -> str:
    """Providers write these texts: one that begins as a formula does is told to be text (OWASP, CSV injection)."""
    flat = " ".join(words.split())
    if words[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") or flat[:1] in ("=", "+", "-", "@"):
        flat = f"'{flat}"
    return f'"{flat.replace(chr(34), chr(34) * 2)}"'


def _iso(at: datetime) -> str:
    try:
        return at.astimezone(UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError):
        return ""
