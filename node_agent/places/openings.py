"""What is free: what was counted, less what is held or promised since. Nobody else counts a provider's places."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from accord.rules.placing.provider import At
from accord.terms.capacity import Certainty, Light, Opening, Service, Stop, StopReason
from node_agent.places.ports import LegRef, OpeningKept, ServiceKept
from node_agent.places.services_file import Offering
from node_agent.places.tables import day, micros, moment

#: Of one opening; nobody has more.
MOST_PLACES: Final = 10_000
_COLUMNS: Final = "id, service, counted, light, observed, valid, certainty, source, since, until"
_NOBODY: Final = ("", "")


@dataclass(frozen=True, slots=True)
class Counted:
    """An opening as it is kept. `places` is none where a light is shown."""

    id: str
    service: str
    places: int | None
    light: Light | None
    observed: datetime
    valid: datetime
    certainty: Certainty
    source: str
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken off a count: `held` for an offer, `granted` and not arrived, or `arrived` after the observation."""

    held: int
    granted: int
    arrived: int

    @property
    def all(self) -> int:
        """Together."""
        return self.held + self.granted + self.arrived


@dataclass(frozen=True, slots=True)
class Stopped:
    """A service that takes nobody: who says so, and since when."""

    stop: Stop
    source: str
    at: datetime


def counted(connection: sqlite3.Connection, opening: str) -> Counted | None:
    """An opening; none when there is none of this id (any more)."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM opening WHERE id = ?", (opening,)).fetchone()  # noqa: S608 - a constant
    return _counted(row) if row is not None else None


def all_counted(connection: sqlite3.Connection) -> Iterator[Counted]:
    """All openings, those that begin first before others."""
    for row in connection.execute(f"SELECT {_COLUMNS} FROM opening ORDER BY service, since IS NOT NULL, since, id"):  # noqa: S608 - a constant
        yield _counted(row)


def put(connection: sqlite3.Connection, one: Counted) -> None:
    """Keep an opening, in place of what was counted before."""
    connection.execute(
        f"INSERT OR REPLACE INTO opening ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
        (
            one.id,
            one.service,
            one.places,
            one.light,
            micros(one.observed),
            micros(one.valid),
            one.certainty,
            one.source,
            one.since.isoformat() if one.since is not None else None,
            one.until.isoformat() if one.until is not None else None,
        ),
    )
    connection.execute("DELETE FROM closed WHERE service = ?", (one.service,))


def remove(connection: sqlite3.Connection, opening: str) -> None:
    """Offer it no longer. Whoever was promised a place of it keeps that."""
    connection.execute("INSERT OR IGNORE INTO closed SELECT service FROM opening WHERE id = ?", (opening,))
    connection.execute("DELETE FROM opening WHERE id = ?", (opening,))


def past(connection: sqlite3.Connection, source: str, today: date, most: int) -> list[Counted]:
    """Openings of a source whose last day is over."""
    query = f"SELECT {_COLUMNS} FROM opening WHERE source = ? AND until < ? LIMIT ?"  # noqa: S608 - a constant
    return [_counted(row) for row in connection.execute(query, (source, today.isoformat(), most))]


def let_go(connection: sqlite3.Connection, opening: str) -> None:
    """An opening whose days are over is not kept; that says nothing about what is free now."""
    connection.execute("DELETE FROM opening WHERE id = ?", (opening,))


def closed(connection: sqlite3.Connection) -> frozenset[str]:
    """Services of which something was taken away, and nothing was counted since: what has no opening of these has no places."""
    return frozenset(service for (service,) in connection.execute("SELECT service FROM closed"))


def taken(connection: sqlite3.Connection, one: Counted, now: datetime, without: LegRef | None = None) -> Taken:
    """What is taken off a count, as `accord.rules.placing.provider.Leg.takes` has it of each leg; *without* is left out."""
    asker, request = (without.asker.value, without.request) if without is not None else _NOBODY
    held, granted, arrived = connection.execute(
        """SELECT coalesce(sum(CASE WHEN state = ? AND held_until > ? THEN amount END), 0), coalesce(sum(CASE WHEN state = ? THEN amount END), 0),
        coalesce(sum(CASE WHEN state = ? AND arrived > ? THEN amount END), 0) FROM leg WHERE opening = ? AND NOT (asker = ? AND request = ?)""",
        (At.OFFERED, micros(now), At.GRANTED, At.ARRIVED, micros(one.observed), one.id, asker, request),
    ).fetchone()
    return Taken(held, granted, arrived)


def free(connection: sqlite3.Connection, opening: str, now: datetime, without: LegRef | None = None) -> int | None:
    """How many places are left for *without*; none where they are not counted, and 0 of what is not offered any more."""
    one = counted(connection, opening)
    if one is None:
        return 0
    return max(0, one.places - taken(connection, one, now, without).all) if one.places is not None else None


def stops(connection: sqlite3.Connection) -> dict[str, Stopped]:
    """By service: that it takes nobody. A stop whose expected end is over stays until somebody says so."""
    rows = connection.execute("SELECT service, reason, expected_end, source, at FROM stop")
    return {
        service: Stopped(Stop(StopReason(reason), moment(end) if end is not None else None), source, moment(at)) for service, reason, end, source, at in rows
    }


def put_stop(connection: sqlite3.Connection, service: str, stop: Stop | None, source: str, now: datetime) -> None:
    """Take nobody, or take people again."""
    if stop is None:
        connection.execute("DELETE FROM stop WHERE service = ?", (service,))
        return
    end = micros(stop.expected_end) if stop.expected_end is not None else None
    connection.execute("INSERT OR REPLACE INTO stop VALUES (?, ?, ?, ?, ?)", (service, stop.reason, end, source, micros(now)))


def kept(connection: sqlite3.Connection, offerings: Mapping[str, Offering], now: datetime) -> tuple[ServiceKept, ...]:
    """All services with their openings. What was counted of a service that is not in the file any more is not there."""
    stopped = stops(connection)
    of: dict[str, list[OpeningKept]] = {service: [] for service in offerings}
    for one in all_counted(connection):
        if one.service in offerings:
            stop = stopped.get(one.service)
            of[one.service].append(_kept(connection, one, offerings[one.service].service, stop.stop if stop is not None else None, now))
    told = []
    for name, offering in offerings.items():
        stop = stopped.get(name)
        told.append(ServiceKept(offering.service, stop.stop if stop is not None else None, tuple(of[name]), offering.hold))
    return tuple(told)


def _kept(connection: sqlite3.Connection, one: Counted, service: Service, stop: Stop | None, now: datetime) -> OpeningKept:
    off = taken(connection, one, now)
    opening = Opening(
        id=one.id,
        service=service,
        observed_at=one.observed,
        valid_until=one.valid,
        certainty=one.certainty,
        places=max(0, one.places - off.all) if one.places is not None else None,
        light=one.light,
        since=one.since,
        until=one.until,
        stop=stop,
    )
    # Whoever arrived since stands in no empty place: a planner who sees the number, and adds one, means the places that are empty now.
    seen = max(0, one.places - off.arrived) if one.places is not None else None
    return OpeningKept(opening, seen, off.held, off.granted, one.source)


def _counted(row: tuple[str, str, int | None, str | None, int, int, str, str, str | None, str | None]) -> Counted:
    name, service, places, light, observed, valid, certainty, source, since, until = row
    return Counted(
        name,
        service,
        places,
        Light(light) if light is not None else None,
        moment(observed),
        moment(valid),
        Certainty(certainty),
        source,
        day(since),
        day(until),
    )
