"""What planners do about requests: offer, decline, ask, want to know who it is, take back, say that somebody is here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from accord.audit.places_events import PlaceHandover
from accord.rules.placing import provider
from accord.rules.placing.provider import Leg, Step
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import DeclineReason, Introduced, Terms, WithdrawReason
from accord.wire.place_forms import is_readable
from node_agent.places import legs, openings
from node_agent.places.openings import MOST_PLACES
from node_agent.places.ports import LegRef
from node_agent.places.seeing import Seeing
from node_agent.places.steps import Steps
from node_agent.places.store import Lines, Store, Turn

_Moved = Callable[[Turn, Leg], Step]
_LONGEST_HOLD: Final = timedelta(days=31)


@dataclass(frozen=True)
class Answering:
    """The part of `Planning` that is about requests."""

    store: Store
    steps: Steps
    lines: Lines
    seeing: Seeing

    async def legs(self) -> tuple[Leg, ...]:
        """All requests that are kept, those that nobody answered first."""
        kept = await self.store.read(lambda connection: legs.all_legs(connection, self.steps.key))
        return tuple(map(legs.of_somebody, kept))

    async def leg(self, ref: LegRef) -> Leg:
        """One request."""
        return legs.of_somebody(await self._kept(ref))

    async def offer(self, ref: LegRef, terms: Terms, until: datetime, opening: str, by: str) -> None:
        """Hold a place until then, and offer it."""
        _check_words(terms.words)
        if until.tzinfo is None or terms.amount > MOST_PLACES:
            raise BadInput(Fault.INVALID_PARAMETER, "terms")

        def moved(turn: Turn, leg: Leg) -> Step:
            of = opening or leg.asked.opening
            if until > turn.now + _LONGEST_HOLD:
                raise BadInput(Fault.INVALID_PARAMETER, "until")
            if openings.counted(turn.connection, of) is None:
                raise BadInput(Fault.NOT_FOUND)
            return provider.offer(leg, terms, until, turn.now, openings.free(turn.connection, of, turn.now, ref), opening=of)

        await self._move(ref, moved, by)

    async def decline(self, ref: LegRef, reason: DeclineReason, words: str, by: str) -> None:
        """Say no."""
        _check_words(words)
        await self._move(ref, lambda turn, leg: provider.decline(leg, reason, words, turn.now), by)

    async def ask(self, ref: LegRef, words: str, by: str) -> None:
        """Ask the asker something."""
        _check_words(words)
        if not words.strip():
            raise BadInput(Fault.INVALID_PARAMETER, "words")
        await self._move(ref, lambda turn, leg: provider.ask(leg, words, turn.now), by)

    async def be_interested(self, ref: LegRef, by: str) -> None:
        """Want to know who it is."""
        await self._move(ref, lambda _, leg: provider.be_interested(leg), by)

    async def withdraw(self, ref: LegRef, reason: WithdrawReason, words: str, by: str) -> None:
        """Take back what was offered or given."""
        _check_words(words)
        await self._move(ref, lambda turn, leg: provider.withdraw(leg, reason, words, turn.now), by)

    async def arrive(self, ref: LegRef, by: str) -> None:
        """The person is here."""
        await self._move(ref, lambda turn, leg: provider.arrive(leg, turn.now), by)

    async def handover(self, ref: LegRef, by: str) -> bytes:
        """The handover as it came (a FHIR Bundle, JSON); looking at it is in the journal."""
        leg = _there(await self.store.read(lambda connection: legs.leg_of(connection, self.steps.key, ref, whole=True)))
        if not leg.handover_whole:
            raise BadInput(Fault.NOT_FOUND)
        own = self.steps.sender.ura.value
        await self.lines.append_many([
            PlaceHandover(patient=self.steps.patient_of(leg), holder=own, peer=leg.asker.value, request=leg.request, by=by),
        ])  # fmt: skip
        return leg.handover

    async def who(self, ref: LegRef, by: str) -> Introduced | None:
        """Who it is, where that is known; looking at it is in the journal."""
        return await self.seeing.shown(await self._kept(ref), by, self.store.now())

    async def take_in(self, ref: LegRef, by: str) -> None:
        """The handover is in our own record."""
        await self._move(ref, lambda _, leg: provider.take_in(leg), by)

    async def _kept(self, ref: LegRef) -> Leg:
        return _there(await self.store.read(lambda connection: legs.leg_of(connection, self.steps.key, ref)))

    async def _move(self, ref: LegRef, moved: _Moved, by: str) -> None:
        """One step of one request.

        Raises:
            BadInput: `not-found`, or as the step says.
            Unavailable: It is not on disk, or not in the journal.
        """

        def work(turn: Turn) -> None:
            before = _there(legs.leg_of(turn.connection, self.steps.key, ref))
            step = moved(turn, before)
            if step.says or step.leg != before:
                self.steps.take(turn, before, step, by=by)

        await self.store.change(work)


def _there(leg: Leg | None) -> Leg:
    if leg is None:
        raise BadInput(Fault.NOT_FOUND)
    return leg


def _check_words(words: str) -> None:
    """What the other side would refuse to read is not written to it."""
    if not is_readable(words):
        raise BadInput(Fault.INVALID_PARAMETER, "words")
