"""In which order openings are shown to whoever looks for one, and why each stands where it stands.

First what is known to be free and suits; then what nobody knows; then what is full or stopped; then what does not suit.
Within each: what the family wants most, what gives all that is needed, near enough, with the fewest questions left, said
by a person rather than a program, nearest, newest. Nothing is left out, least of all what the family does not want: that
stands last, and is marked. The same openings always stand in the same order, in whichever order they came.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from math import asin, cos, inf, radians, sin, sqrt
from typing import Final

from msgspec import json

from accord.rules.capacity.fitting import Fitting, Suits, fitting
from accord.rules.capacity.standing import KNOWN_FREE, Stand, State, stand
from accord.terms.capacity import AT_HOME, Certainty, Need, Opening, Spot, Wishes
from accord.terms.identifiers import HolderName

_EARTH_KM: Final = 6371.0


class Group(IntEnum):
    """What somebody can do with an opening, the most promising first."""

    FREE = 1
    """It is free, and suits at least in part."""
    UNKNOWN = 2
    """It would suit; whether it is free has to be asked."""
    TAKEN = 3
    """It would suit, and is full, stopped or over."""
    UNSUITABLE = 4
    REFUSED = 5
    """The family does not want this provider, however it stands."""


@dataclass(frozen=True, slots=True)
class Offering:
    """An opening, and whose it is."""

    provider: HolderName
    opening: Opening


@dataclass(frozen=True, slots=True)
class Ranked:
    """An opening in its place, with what put it there.

    `preferred`: 1 for the provider that is wanted most; none: no wish. `distance_km`: none where it is not known, or does
    not matter since the care comes to the person. `too_far`: beyond what was wished; none: not known, or nothing was wished.
    """

    provider: HolderName
    opening: Opening
    group: Group
    stand: Stand
    fitting: Fitting
    preferred: int | None = None
    distance_km: float | None = None
    too_far: bool | None = None


def rank(need: Need, wishes: Wishes, offerings: Iterable[Offering], at: datetime, near: Spot | None) -> tuple[Ranked, ...]:
    """All *offerings* in order. *near*: where the neighbourhood of `wishes.near` lies; none: not known. Who was not heard is not among them."""
    ranked = [_ranked(need, wishes, one, at, near) for one in offerings]
    return tuple(sorted(ranked, key=_order))


def distance_km(one: Spot, other: Spot) -> float:
    """As the crow flies (haversine)."""
    north, south = radians(one.latitude), radians(other.latitude)
    across = sin((south - north) / 2) ** 2 + cos(north) * cos(south) * sin(radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * _EARTH_KM * asin(min(1.0, sqrt(across)))


def _ranked(need: Need, wishes: Wishes, one: Offering, at: datetime, near: Spot | None) -> Ranked:
    opening = one.opening
    stands = stand(opening, at, need.since)
    fits = fitting(need, opening, stands)
    spot = opening.service.spot
    far = distance_km(near, spot) if near is not None and spot is not None and opening.service.kind not in AT_HOME else None
    return Ranked(
        one.provider,
        opening,
        Group.REFUSED if one.provider in wishes.refused else _group(stands, fits),
        stands,
        fits,
        wishes.preferred.index(one.provider) + 1 if one.provider in wishes.preferred else None,
        far,
        far > wishes.within_km if far is not None and wishes.within_km is not None else None,
    )


def _group(stands: Stand, fits: Fitting) -> Group:
    if stands.state is State.UNKNOWN:
        return Group.UNSUITABLE if fits.suits is Suits.NOT else Group.UNKNOWN
    if stands.state not in KNOWN_FREE:
        return Group.UNSUITABLE if fits.lacks_more_than_a_place else Group.TAKEN
    return Group.UNSUITABLE if fits.suits is Suits.NOT else Group.FREE


def _order(one: Ranked) -> tuple[object, ...]:
    """What is not known stands between near enough and too far; what is the same in all of it is told apart by its text."""
    return (
        one.group,
        inf if one.preferred is None else one.preferred,
        tuple(Suits).index(one.fitting.suits),
        {False: 0, None: 1, True: 2}[one.too_far],
        one.fitting.unstated,
        tuple(Certainty).index(one.opening.certainty),
        inf if one.distance_km is None else one.distance_km,
        one.stand.age,
        one.provider.value,
        json.encode(one.opening, order="deterministic"),
    )
