"""What the faces of a provider's places need: what can be offered, the requests, and what planners do about both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from accord.letters.collecting import Collected
from accord.letters.signing import AskedPlaces
from accord.rules.placing.provider import Leg
from accord.terms.capacity import Light, Opening, Service, Statement, Stop
from accord.terms.identifiers import Ura
from accord.terms.placing import DeclineReason, Introduced, Terms, WithdrawReason


@dataclass(frozen=True, slots=True)
class OpeningKept:
    """An opening as planners see it: `opening.places` is what the region is told; `counted` what was counted, less who arrived since, `held` and `promised` what is taken off it."""

    opening: Opening
    counted: int | None
    held: int
    promised: int
    source: str
    """Where the number is from: `planner`, or the name of an export or system."""


@dataclass(frozen=True, slots=True)
class ServiceKept:
    """A service with its openings, and whether it takes anybody."""

    service: Service
    stop: Stop | None
    openings: tuple[OpeningKept, ...]
    hold: timedelta
    """So long a place is held for whoever it is offered to, unless a planner says otherwise."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a system of the provider has free of one service, from a day on (none: now).

    Neither `places` nor a `light`: it is there, and nobody can tell how many; then `valid_until` is `observed_at`, and it is unknown.
    """

    service: str
    observed_at: datetime
    valid_until: datetime
    places: int | None = None
    light: Light | None = None
    since: date | None = None
    until: date | None = None
    stop: Stop | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """All that one system, or one export of it, says at a moment. `source` is its name in the settings; at most one for each service, `since` and `until`."""

    source: str
    seen: tuple[Seen, ...]


class Observed(Protocol):
    """Where it is taken in what systems and exports of the provider say."""

    async def observe(self, observation: Observation) -> None:
        """Take the place of what this source said before: what it does not say any more is not offered any more.

        Derived, never confirmed. What is older than what is kept of the same opening changes nothing. A stop that a person made stays.

        Raises:
            BadInput: `not-found`: a service that this provider has not; nothing of it was taken.
            Unavailable: `journal-unavailable`, `source-unavailable`: nothing of it was taken.
        """


@dataclass(frozen=True, slots=True)
class LegRef:
    """Which request: the ids of different askers may be the same."""

    asker: Ura
    request: str


@dataclass(frozen=True, slots=True)
class LettersFor:
    """What an asker gets: envelopes, how far we took in what it brought, and whether more waits."""

    envelopes: tuple[str, ...]
    heard: dict[str, int]
    more: bool


class PlacesDesk(Protocol):
    """What the region may ask of a provider about places."""

    async def stated(self, asked: AskedPlaces) -> Statement:
        """What it has, counted at this moment.

        Raises:
            Unavailable: `paused`, `shadow`, `journal-unavailable`, `source-unavailable`.
        """

    async def letters(self, collected: Collected, envelopes: Sequence[str]) -> LettersFor:
        """Take in what an asker brings, in order and once, and give what there is for it.

        Raises:
            Unavailable: `journal-unavailable`, `source-unavailable`: nothing of it was taken in.
        """


class Planning(Protocol):
    """What a provider's planners do. *by* is the planner. Every change is on disk and in the journal when it returns.

    All raise `BadInput` (`not-found`, `not-possible-now`, `no-place-left`, `invalid-parameter`) and `Unavailable`.
    """

    async def services(self) -> tuple[ServiceKept, ...]:
        """All services and their openings."""

    async def count(self, opening: str, places: int, by: str) -> None:
        """So many are free, as a person saw: confirmed, from this moment. What is held or promised is taken off it.

        The id of a service is that of its places from now on: that opening is there as soon as it is counted or shown.
        """

    async def confirm(self, opening: str, by: str) -> None:
        """It is still so: what is shown as free is free."""

    async def show(self, opening: str, light: Light, by: str) -> None:
        """A light instead of a number."""

    async def open_from(self, service: str, since: date, until: date | None, places: int, by: str) -> str:
        """Places from a day on; returns the id of the opening. A service has one opening for the same days: saying it again counts it anew."""

    async def close(self, opening: str, by: str) -> None:
        """It is not offered any more; what was promised of it stays promised."""

    async def stop(self, service: str, stop: Stop | None, by: str) -> None:
        """Take nobody (any more), or take people again."""

    async def legs(self) -> tuple[Leg, ...]:
        """All requests that are kept, those that nobody answered first; without the bytes of their handovers, and without who they are about."""

    async def leg(self, ref: LegRef) -> Leg:
        """One request, without the bytes of its handover. Of who it is about it says only whether that was told (see `who`)."""

    async def offer(self, ref: LegRef, terms: Terms, until: datetime, opening: str, by: str) -> None:
        """Hold a place until then, and offer it."""

    async def decline(self, ref: LegRef, reason: DeclineReason, words: str, by: str) -> None:
        """Say no."""

    async def ask(self, ref: LegRef, words: str, by: str) -> None:
        """Ask the asker something."""

    async def be_interested(self, ref: LegRef, by: str) -> None:
        """Want to know who it is."""

    async def withdraw(self, ref: LegRef, reason: WithdrawReason, words: str, by: str) -> None:
        """Take back what was offered or given."""

    async def arrive(self, ref: LegRef, by: str) -> None:
        """The person is here."""

    async def who(self, ref: LegRef, by: str) -> Introduced | None:
        """Who it is, with the token by which the dossier may be asked; none when nobody said so, or it is not kept any more.

        Looking at it is in the journal, once for a quarter of an hour. `leg` and `legs` are no looks at anybody: they do not have it.
        """

    async def handover(self, ref: LegRef, by: str) -> bytes:
        """The handover as it came (a FHIR Bundle, JSON); looking at it is in the journal."""

    async def take_in(self, ref: LegRef, by: str) -> None:
        """The handover is in our own record."""

    async def changed(self, since: int) -> int:
        """Wait until anything changed after *since* (0: from now); returns the mark to wait from next."""
