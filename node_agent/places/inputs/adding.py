"""Rows about the same service and days: one of them, or several that are added up, and then only as far as all of them are known."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from accord.terms.capacity import Light, Stop
from accord.terms.faults import BadInput
from node_agent.places.inputs.cells import MOST_PLACES

_WORST_FIRST: Final = (Light.RED, Light.AMBER, Light.GREEN)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an export, understood. Neither `places` nor a `light`: nobody knows."""

    line: int
    service: str
    places: int | None
    light: Light | None
    since: date | None
    until: date | None
    stop: Stop | None
    observed: datetime


def added(rows: Iterable[Row], wrong: Callable[[int], BadInput], *, add_up: bool) -> tuple[Row, ...]:
    """At most one row for each service and its days.

    Raises:
        BadInput: What *wrong* makes of a line: it is a second one about the same, or the sum is no count of places.
    """
    kept: dict[tuple[str, date | None, date | None], Row] = {}
    for row in rows:
        # A ward that takes nobody adds nothing to a team of wards; that its number is unknown does not matter either.
        one = replace(row, places=0, light=None) if add_up and row.stop is not None else row
        key = row.service, row.since, row.until
        before = kept.get(key)
        if before is None:
            kept[key] = one
            continue
        if not add_up:
            raise wrong(row.line)
        kept[key] = _together(before, one)
        if (kept[key].places or 0) > MOST_PLACES:
            raise wrong(row.line)
    return tuple(kept.values())


def _together(one: Row, other: Row) -> Row:
    """As old as the older, as busy as the busier, and stopped only where both are."""
    places = one.places + other.places if one.places is not None and other.places is not None else None
    lights = [row.light for row in (one, other)]
    light = next((light for light in _WORST_FIRST if light in lights), None) if None not in lights else None
    stop = one.stop if one.stop is not None and other.stop is not None else None
    return replace(one, places=places, light=light, stop=stop, observed=min(one.observed, other.observed))
