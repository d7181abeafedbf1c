"""Who may come in at the door for agents: so many a second, and so many at the same time who have not said yet who they are.

Whoever shows a certificate of the region is counted as that organisation. Whoever shows none is a stranger until it has proven
who it is, and strangers have a part of everything that they cannot go beyond: however many they are, agents with a
certificate get in, and those that are in get their work.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import unquote

from accord.rules.places import Places
from accord.rules.rates import Rate, Rates
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Ura

#: So many may be about to say who they are, or what they claim: of one caller, and all together.
_UNPROVEN_OF_ONE: Final = 64
_UNPROVEN: Final = 512
#: The same of strangers. What each of them sends as its first word takes up to a message of memory.
_STRANGERS_OF_ONE: Final = 32
_STRANGERS: Final = 96
#: Of how many callers the rate of coming in is kept.
_CALLERS: Final = 5_000
#: Whoever has one address of these has them all.
_IPV6_PREFIX: Final = 64


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose places are counted. Without *certified* it is whoever comes from this host."""

    host: str
    certified: Ura | None = None

    @property
    def name(self) -> str:
        """What it is counted under."""
        return self.certified.value if self.certified is not None else self.host


class Gate:
    """In no second are more than *per_second* let in. *clock* never goes back."""

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._places = Places(_UNPROVEN, of_one=_UNPROVEN_OF_ONE)
        self._strangers = Places(_STRANGERS, of_one=_STRANGERS_OF_ONE)
        self._rates = Rates(Rate(2.0, 4.0), _within(per_second), most=_CALLERS, clock=clock)
        self._of_strangers = Rates(Rate(2.0, 4.0), _within(per_second / 2), most=_CALLERS, clock=clock)

    def seconds_until_let_in(self, caller: Caller) -> float:
        """Let it in: 0.0, or after how many seconds it may come back; then nothing was taken of anybody's."""
        if caller.certified is None and (seconds := self._of_strangers.take(caller.name)) > 0:
            return seconds
        return self._rates.take(caller.name)

    @contextmanager
    def place(self, caller: Caller) -> Iterator[None]:
        """A place, inside the block, for whoever has not proven anything yet.

        Raises:
            Unavailable: `door-busy`.
        """
        places = self._places if caller.certified is not None else self._strangers
        if not places.take(caller.name):
            raise Unavailable(Fault.DOOR_BUSY)
        try:
            yield
        finally:
            places.give_back(caller.name)


def host_of(peer: str) -> str:
    """The host in gRPC's word for whoever is at the other end; of IPv6 the network, since a host has as many addresses as it likes."""
    kind, _, rest = peer.partition(":")
    if kind != "ipv6":
        return peer.rpartition(":")[0]
    try:
        address = ip_address(unquote(rest).rpartition(":")[0].strip("[]").partition("%")[0])
    except ValueError:
        return kind
    if not isinstance(address, IPv6Address):
        return kind
    if address.ipv4_mapped is not None:
        return f"ipv4:{address.ipv4_mapped}"
    return f"{kind}:{int(address) >> _IPV6_PREFIX:x}"


def _within(per_second: float) -> Rate:
    """A rate of which no second sees more, its burst counted."""
    return Rate(per_second * 0.7, per_second * 0.3)
