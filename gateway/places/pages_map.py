"""A simple map of the openings: where each lies among the others, without roads or anything of others. The list says the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, radians
from typing import Final

from accord.terms.capacity import Spot
from gateway.places.pages_found import Spotted

_WIDTH: Final = 600
_HEIGHT: Final = 360
_MARGIN: Final = 36
#: One degree of latitude.
_KM: Final = 111.2
_SCALES: Final = (1, 2, 5, 10, 20, 50, 100)
_LEAST_DEGREES: Final = 0.02


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark on the map: its number in the list, what it is (`free`, `unknown`, ...) and where it stands, in units of the drawing."""

    number: int
    group: str
    title: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """The map. `home`: where the family wants it to be near. `scale_km` is `scale` long."""

    width: int
    height: int
    marks: tuple[Mark, ...]
    home: tuple[float, float] | None
    scale_km: int
    scale: float


def draw(spotted: Iterable[Spotted], near: Spot | None) -> Drawing | None:
    """The map; none where fewer than two points are known."""
    known = [(one, one.spot) for one in spotted if one.spot is not None]
    points = [spot for _, spot in known] + ([near] if near is not None else [])
    if len(points) < 2:
        return None
    south, north = min(one.latitude for one in points), max(one.latitude for one in points)
    west, east = min(one.longitude for one in points), max(one.longitude for one in points)
    shrink = max(cos(radians((south + north) / 2)), 0.01)
    tall, wide = max(north - south, _LEAST_DEGREES), max((east - west) * shrink, _LEAST_DEGREES)
    unit = min((_WIDTH - 2 * _MARGIN) / wide, (_HEIGHT - 2 * _MARGIN) / tall)
    middle = ((west + east) / 2, (south + north) / 2)

    def place(spot: Spot) -> tuple[float, float]:
        across, up = (spot.longitude - middle[0]) * shrink * unit, (spot.latitude - middle[1]) * unit
        return round(_WIDTH / 2 + across, 1), round(_HEIGHT / 2 - up, 1)

    marks = tuple(Mark(one.number, one.group, one.title, *place(spot)) for one, spot in known)
    scale_km = next((km for km in _SCALES if km / _KM * unit >= 50), _SCALES[-1])
    return Drawing(_WIDTH, _HEIGHT, _apart(marks), None if near is None else place(near), scale_km, round(scale_km / _KM * unit, 1))


def _apart(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    """Two at one address stand beside each other."""
    seen: dict[tuple[int, int], int] = {}
    moved = []
    for mark in marks:
        cell = (round(mark.x / 22), round(mark.y / 22))
        beside = seen.get(cell, 0)
        seen[cell] = beside + 1
        moved.append(Mark(mark.number, mark.group, mark.title, min(mark.x + 22 * beside, _WIDTH - 14), mark.y))
    return tuple(moved)
