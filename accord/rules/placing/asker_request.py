"""A request as its asker knows it: who was asked, how each stands, and whether a person has to look."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from accord.terms.capacity import Need
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.placing import Asked, DeclineReason, EndReason, FromAsker, Gist, Introduction, Offered, WithdrawReason


class At(StrEnum):
    """How a leg stands at the asker."""

    SENT = "sent"
    """Not known to have arrived."""
    WAITING = "waiting"
    """In the provider's list."""
    OFFERED = "offered"
    CHOSEN = "chosen"
    """We take it up, and wait for the provider's word."""
    GRANTED = "granted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    GONE = "gone"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"
    """We need no answer any more."""
    GIVEN_UP = "given-up"
    """Somebody decided not to wait for its word; whatever it gave meanwhile is given back as soon as it hears."""


#: Nothing is to be expected of these before the provider says something new.
SILENT: Final = frozenset({At.DECLINED, At.LAPSED, At.GONE, At.WITHDRAWN, At.ENDED, At.GIVEN_UP})
#: We need nothing of these any more, and told them so.
OVER: Final = frozenset({At.ENDED, At.GIVEN_UP})
#: The request has this one's place, or may have: no other offer is taken up beside it.
TAKING: Final = frozenset({At.CHOSEN, At.GRANTED})


#: Of what is said in words, so many lines are kept.
LINES: Final = 100


class Standing(StrEnum):
    """How a request stands."""

    OPEN = "open"
    SETTLING = "settling"
    """An offer is taken up; the provider has the word."""
    PLACED = "placed"
    CANCELLED = "cancelled"


class Choosing(StrEnum):
    """Who takes up an offer."""

    FIRST = "first"
    """The first one that gives all that was asked, at once."""
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Line:
    """Something that one of the two said in words."""

    at: datetime
    ours: bool
    words: str


@dataclass(frozen=True, slots=True)
class Leg:
    """One provider that was asked. `rank`: how many offers came before its own, by which the first is known.

    `again`: it was asked before, and has not said that it has this; what it says before that is about the time before.
    `chosen`: the offer of it that we took up, whatever it offered since: its word on that one is what counts.
    """

    provider: HolderName
    title: str
    service: str
    asked: Asked
    at: At
    since: datetime
    offer: Offered | None = None
    chosen: Offered | None = None
    rank: int = 0
    again: bool = False
    interested: bool = False
    introduced: bool = False
    questioned: bool = False
    reminded: bool = False
    declined: DeclineReason | None = None
    withdrawn: WithdrawReason | None = None
    words: str = ""
    lines: tuple[Line, ...] = ()
    taken_in: bool = False
    arrived: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One request for a place. `alarm`: a person has to look at it (nobody is left, it takes too long, or a promise was withdrawn)."""

    id: str
    need: Need
    gist: Gist
    choosing: Choosing
    made: datetime
    reply_by: datetime
    who: Introduction = field(repr=False)
    referral: str = field(default="", repr=False)
    legs: tuple[Leg, ...] = ()
    offers: int = 0
    cancelled: EndReason | None = None
    alarm: "Alarm | None" = None
    placed_at: datetime | None = None

    @property
    def standing(self) -> Standing:
        """Follows from the legs, and from nothing else."""
        if self.cancelled is not None:
            return Standing.CANCELLED
        states = {leg.at for leg in self.legs}
        if At.GRANTED in states:
            return Standing.PLACED
        return Standing.SETTLING if At.CHOSEN in states else Standing.OPEN

    @property
    def winner(self) -> Leg | None:
        """Whose place it has."""
        return next((leg for leg in self.legs if leg.at is At.GRANTED), None)

    def leg(self, provider: HolderName) -> Leg:
        """The leg of a provider.

        Raises:
            BadInput: `not-found`: it was not asked.
        """
        for leg in self.legs:
            if leg.provider == provider:
                return leg
        raise BadInput(Fault.NOT_FOUND)

    def with_leg(self, leg: Leg) -> "Request":
        """It with this leg in place of that of the same provider."""
        return replace(self, legs=tuple(leg if leg.provider == other.provider else other for other in self.legs))


class Alarm(StrEnum):
    """Why a person has to look."""

    NOBODY_LEFT = "nobody-left"
    TOO_LONG = "too-long"
    WITHDRAWN = "withdrawn"
    SILENT = "silent"
    """Whose offer we took up says nothing."""
    UNREADABLE = "unreadable"
    """Something that a provider wrote cannot be read: it is to be telephoned."""
    UNHEARD = "unheard"
    """A provider does not take in what we wrote: it cannot read it any more, or lost what it had."""
    ARRIVED_ELSEWHERE = "arrived-elsewhere"
    """The person is at a provider whom we had told that its place is not needed."""


@dataclass(frozen=True, slots=True)
class Says:
    """A letter to one provider."""

    to: HolderName
    what: FromAsker


@dataclass(frozen=True, slots=True)
class Step:
    """A request after something happened, and what is said because of it."""

    request: Request
    says: tuple[Says, ...] = ()
