"""A search as it is kept: the request with its legs, the wishes, and the keys of its letters; all of it sealed in one row."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import msgspec

from accord.rules.placing.asker import Alarm, At, Request, Standing
from accord.terms.capacity import Wishes
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import HolderName, Ura
from gateway.places.history import Happened
from gateway.places.ports import Case, Heeds

#: Nothing new can be expected of these: we said that it is over.
SETTLED: Final = frozenset({At.ENDED, At.GIVEN_UP})


@dataclass(frozen=True, slots=True)
class Peer:
    """A provider that was asked: its URA, and the key (X25519) under which letters to it are sealed."""

    ura: Ura
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """All of one search.

    `owner` is who began it, `looked` when a person last had to do with it, `over` since when nothing more is to come of it.
    `answer_key` (X25519, private) opens what is written back. `watched`: since when we want to be told what opens; `free` are
    the providers that had something that fits when they were last heard (none: not looked yet), `opened` those that came
    since. `unread` are providers of which a letter cannot be read, `unheard` those that do not take in ours. `once` is what an
    application calls it. `history`: what happened, in order.
    """

    request: Request
    wishes: Wishes
    owner: str
    looked: datetime
    answer_key: bytes = field(repr=False)
    peers: dict[str, Peer] = field(default_factory=dict)
    watched: datetime | None = None
    free: tuple[HolderName, ...] | None = None
    opened: tuple[HolderName, ...] = ()
    handed_over: bool = False
    over: datetime | None = None
    unread: tuple[HolderName, ...] = ()
    once: str = field(default="", repr=False)
    unheard: tuple[HolderName, ...] = ()
    history: tuple[Happened, ...] = ()

    @property
    def case(self) -> Case:
        """As pages and other faces see it."""
        request = self.request
        if (self.unread or self.unheard) and request.alarm is None:
            request = replace(request, alarm=Alarm.UNREADABLE if self.unread else Alarm.UNHEARD)
        heeds, is_watched = _heeds(request, self.opened), self.watched is not None
        return Case(request, self.wishes, self.owner, request.made, heeds, is_watched, self.opened, self.handed_over, self.once, self.history)

    def whose(self, ura: Ura) -> HolderName | None:
        """Which of those that were asked is this organisation; none when it was not."""
        return next((HolderName(name) for name, peer in self.peers.items() if peer.ura == ura), None)


def form_of(kept: Kept) -> bytes:
    """JSON, to be sealed."""
    return msgspec.json.encode(kept)


def read_kept(content: bytes) -> Kept:
    """It again.

    Raises:
        Unavailable: `source-unavailable`: another version of this program wrote it, and this one cannot read it.
    """
    try:
        return msgspec.json.decode(content, type=Kept)
    except (msgspec.DecodeError, BadInput, ValueError):
        raise Unavailable(Fault.SOURCE_UNAVAILABLE, "places: a search cannot be read") from None


def _heeds(request: Request, opened: tuple[HolderName, ...]) -> Heeds:
    if request.alarm is not None:
        return Heeds.ALARM
    offered = request.standing is Standing.OPEN and any(leg.at is At.OFFERED for leg in request.legs)
    asked = any(leg.questioned and leg.at not in SETTLED for leg in request.legs)
    if request.standing is not Standing.CANCELLED and (offered or asked):
        return Heeds.ANSWER
    return Heeds.OPENED if opened else Heeds.NOTHING
