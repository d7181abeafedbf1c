"""As many providers with places as anybody wants, all alike: for benches, and for whoever tries to give one place twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from accord.terms.capacity import CareKind, Certainty, Funding, Service
from accord.terms.identifiers import HolderName, Ura
from accord.terms.vocabulary import HolderKind
from testbed.holders import FictionalHolder
from testbed.places import SPOTS, FictionalOpening

KIND: Final = CareKind.GERIATRIC_REHABILITATION
_FIRST: Final = 90_010_000
_PLACES: Final = ("Marksveen", "Dinkelhorst", "Reggerbrug", "Losserveld", "Holterloo", "Haarveld")


@dataclass(frozen=True, slots=True)
class Crowd:
    """Providers, and what each has."""

    holders: tuple[FictionalHolder, ...]
    places: Mapping[str, tuple[FictionalOpening, ...]]

    @property
    def counted(self) -> dict[str, int]:
        """How many places there are, by opening: the number that no side is asked for."""
        return {each.id: each.places or 0 for of_one in self.places.values() for each in of_one}


def crowd(number: int, *, places: int = 1, instant: bool = False) -> Crowd:
    """So many providers with so many places of one kind each. *instant*: who fits gets an offer at once."""
    holders, openings = [], {}
    for index in range(number):
        name, where = f"huis-{index:02}", _PLACES[index % len(_PLACES)]
        holder = FictionalHolder(HolderName(name), Ura(f"{_FIRST + index}"), f"Huis {index:02}", HolderKind.NURSING_HOME, f"053-556{index:04}", where)
        holders.append(holder)
        service = Service(
            id=f"{name}-grz",
            title=f"Revalidatie {index:02}",
            kind=KIND,
            funding=frozenset({Funding.ZVW}),
            spot=SPOTS[f"759{index % len(SPOTS) + 1}"],
            place=where,
            telephone=holder.telephone,
            instant=instant,
        )
        openings[name] = (FictionalOpening(f"{name}-grz-1", service, places, age=timedelta(minutes=5), certainty=Certainty.CONFIRMED),)
    return Crowd(tuple(holders), openings)
