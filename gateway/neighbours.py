"""Who may have places: the holders of the register, and the gateways of neighbouring regions, each of which stands for all of its own.

A neighbouring region stands in the register as the organisation that runs its gateway: part `gateway`, the address where it
answers, and the capability `places.region.<name of its region>`. It is no holder of dossiers, so it is in no dossier's account.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from accord.link.addresses import address
from accord.link.introducing import is_outbound
from accord.link.pseudonyms import PseudonymKey
from accord.terms.faults import BadInput
from accord.terms.identifiers import HolderName, Ura
from accord.terms.members import Member, MemberStatus, Part, RegionRegister
from gateway.ports import RegisteredHolder

#: A capability that begins so names the region for which a gateway stands.
REGION: Final = "places.region."
#: Nobody is asked about a patient here, so no pseudonym is made.
_NO_KEY: Final = PseudonymKey(bytes(32))
_NOWHERE: Final = "127.0.0.1:0"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The gateway of a neighbouring region, and the name of that region."""

    way: RegisteredHolder
    region: str

    @property
    def name(self) -> HolderName:
        """Its name in the register here."""
        return self.way.name


@dataclass(frozen=True, slots=True)
class PlacesRegister:
    """Who may be asked for places, in the order of the register. A holder is `active` here also without a pseudonym key."""

    holders: tuple[RegisteredHolder, ...]
    neighbours: tuple[Neighbour, ...]


def region_of(member: Member) -> str:
    """The region for which this organisation's gateway stands; empty for everybody else."""
    if Part.GATEWAY not in member.parts:
        return ""
    return next((capability.removeprefix(REGION) for capability in sorted(member.capabilities) if capability.startswith(REGION)), "")


class LivePlaces:
    """The same of whatever is the newest register. *ours* is never its own neighbour."""

    def __init__(self, current: Callable[[], RegionRegister], ours: Ura) -> None:
        self._current = current
        self._ours = ours
        self._made: tuple[RegionRegister, PlacesRegister] | None = None

    def register(self) -> PlacesRegister:
        """Who may be asked now.

        Raises:
            Unavailable: `register-outdated`.
        """
        current = self._current()
        if self._made is None or self._made[0] is not current:
            neighbours = tuple(
                Neighbour(_registered(member), region) for member in current.members if member.ura != self._ours and (region := region_of(member))
            )
            self._made = current, PlacesRegister(tuple(map(_registered, current.holders)), neighbours)
        return self._made[1]


def all_ways(holders: Iterable[RegisteredHolder], places: PlacesRegister) -> list[RegisteredHolder]:
    """Everybody who may be asked anything now: to whom a channel may stay open."""
    everyone = (*holders, *places.holders, *(neighbour.way for neighbour in places.neighbours))
    return [one for one in everyone if one.active]


def _registered(member: Member) -> RegisteredHolder:
    outbound = is_outbound(member)
    try:
        at, can_be_asked = address(member.address), True
    except BadInput:
        # None, or one of another kind of face: its line is there, and nobody calls it.
        at, can_be_asked = address(_NOWHERE), outbound
    return RegisteredHolder(member.holder, at, _NO_KEY, can_be_asked and member.status is MemberStatus.ACTIVE, outbound)
