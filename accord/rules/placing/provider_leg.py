"""A leg of a request as its provider knows it: how it stands, what was offered, and how many places it takes."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from accord.terms.capacity import Need
from accord.terms.identifiers import Ura
from accord.terms.placing import Asked, DeclineReason, EndReason, FromProvider, Introduction, Offered, WithdrawReason


class At(StrEnum):
    """How a leg stands at the provider."""

    ASKED = "asked"
    """Nobody answered yet, or no more than a question."""
    OFFERED = "offered"
    """A place is held."""
    GRANTED = "granted"
    """The place is given."""
    ARRIVED = "arrived"
    DECLINED = "declined"
    LAPSED = "lapsed"
    GONE = "gone"
    ENDED = "ended"
    """The asker needs no answer any more."""
    WITHDRAWN = "withdrawn"


#: In these a provider can still offer something.
OPEN: Final = frozenset({At.ASKED, At.OFFERED, At.DECLINED, At.LAPSED, At.GONE, At.WITHDRAWN})


#: The place is this request's.
GIVEN: Final = frozenset({At.GRANTED, At.ARRIVED})
#: Nothing about a person is kept of these.
SHUT: Final = frozenset({At.DECLINED, At.ENDED})


#: So much of what was said is kept.
_LINES: Final = 100


@dataclass(frozen=True, slots=True)
class Line:
    """Something that one of the two said in words."""

    at: datetime
    ours: bool
    words: str


@dataclass(frozen=True, slots=True)
class Leg:
    """All that a provider knows of one request. `since` is when it came to stand as it does; `number` counts its offers, `opening` is of the last one."""

    request: str
    asker: Ura
    asked: Asked
    came: datetime
    at: At
    since: datetime
    number: int = 0
    offer: Offered | None = None
    opening: str = ""
    interested: bool = False
    reminded: bool = False
    declined: DeclineReason | None = None
    ended: EndReason | None = None
    withdrawn: WithdrawReason | None = None
    arrived: datetime | None = None
    who: Introduction | None = field(default=None, repr=False)
    referral: str = field(default="", repr=False)
    lines: tuple[Line, ...] = ()
    handover: bytes = field(default=b"", repr=False)
    handover_parts: int = 0
    handover_digest: bytes = b""
    handover_whole: bool = False
    taken_in: bool = False

    @property
    def need(self) -> Need:
        """What is asked for."""
        return self.asked.need

    def takes(self, now: datetime, observed: datetime | None) -> int:
        """How many places this leg takes of its opening: while they are held, and from the grant until an observation after the arrival counts them itself."""
        if self.offer is None:
            return 0
        held = self.at is At.OFFERED and now < self.offer.held_until
        given = self.at is At.GRANTED or (self.at is At.ARRIVED and (observed is None or self.arrived is None or observed < self.arrived))
        return self.offer.terms.amount if held or given else 0


@dataclass(frozen=True, slots=True)
class Step:
    """A leg after something happened, and what is said to the asker of it."""

    leg: Leg
    says: tuple[FromProvider, ...] = ()


def forgotten(leg: Leg) -> Leg:
    """Without who it was about."""
    return replace(leg, who=None, referral="", handover=b"", handover_parts=0, handover_digest=b"", handover_whole=False)


def with_line(leg: Leg, line: Line) -> Leg:
    """With what was said last; what was said long ago is not kept."""
    return replace(leg, lines=(*leg.lines, line)[-_LINES:])
