"""Letters that an asker brings: believed, opened, and taken in once and in order. One that is bad holds up its own request and no other."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from msgspec import structs

from accord.letters import mailbox
from accord.letters.envelopes import address_on, opened
from accord.rules.capacity.fitting import Verdict, fitting
from accord.rules.capacity.standing import stand
from accord.rules.placing import provider
from accord.rules.placing.provider import At, Step
from accord.terms.capacity import Need, Opening
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Ura
from accord.terms.members import KeyUse, RegionRegister
from accord.terms.placing import Asked, Chosen, Fit, FromAsker, HandedOver, Terms
from accord.wire.place_forms import from_form
from node_agent.places import legs, openings
from node_agent.places.bounds import check_bytes, check_room, hears_us
from node_agent.places.ports import LegRef
from node_agent.places.services_file import Offering
from node_agent.places.steps import Steps
from node_agent.places.store import Turn

_KEY_BYTES: Final = 32
#: What is numbered higher was never sent by anybody.
_MOST_NUMBER: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class Brought:
    """A letter with its number; `letter` is none when it could not be opened or read, and `fault` says why."""

    request: str
    seq: int
    letter: FromAsker | None = field(repr=False)
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What is needed to believe and open letters. Does no more than that, so that no transaction waits for it."""

    steps: Steps
    register: Callable[[], RegionRegister]

    def brought(self, asker: Ura, envelopes: Sequence[str], now: datetime) -> tuple[list[Brought], list[Fault]]:
        """The letters of *asker*, and why others are none of its letters.

        Raises:
            Unavailable: `organisation-blocked`, `register-outdated`.
        """
        letters: list[Brought] = []
        refused: list[Fault] = []
        own, register = self.steps.sender.ura, self.register()
        for envelope in envelopes:
            try:
                addressed = address_on(envelope, own, register, now, KeyUse.MANDATE)
            except BadInput as failure:
                refused.append(failure.fault)
                continue
            if addressed.sender != asker or addressed.seq >= _MOST_NUMBER:
                refused.append(Fault.TOKEN_INVALID)
                continue
            try:
                letter: FromAsker = from_form(opened(addressed, own, self.steps.key.letters), FromAsker)  # type: ignore[arg-type]  # a union of letters
                letters.append(Brought(addressed.request, addressed.seq, _named(letter, register, asker)))
            except BadInput as failure:
                refused.append(failure.fault)
                letters.append(Brought(addressed.request, addressed.seq, None, failure.fault))
        return letters, refused


def _named(letter: FromAsker, register: RegionRegister, asker: Ura) -> FromAsker:
    """Who asks is called as the register calls whoever signed: a letter may say that it is of somebody else."""
    return structs.replace(letter, asker=register.by_ura[asker].title) if isinstance(letter, Asked) else letter


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a letter brings about."""

    steps: Steps
    offerings: dict[str, Offering]

    def take_in(self, turn: Turn, asker: Ura, letters: Sequence[Brought]) -> list[Fault]:
        """Take in what is next of each request; returns why some were not. Behind one that cannot be, nothing of its request is."""
        if letters and not hears_us(turn.connection, asker):
            return [Fault.OVER_LIMIT]
        stuck: set[str] = set()
        refused: list[Fault] = []
        for brought in letters:
            if brought.request in stuck or not mailbox.is_next(turn.connection, asker, brought.request, brought.seq):
                continue
            fault = self._tried(turn, asker, brought)
            if fault is not None:
                stuck.add(brought.request)
                refused.append(fault)
        return refused

    def _tried(self, turn: Turn, asker: Ura, brought: Brought) -> Fault | None:
        """Take one in, or leave everything as it was."""
        if brought.letter is None:
            return brought.fault
        lines, before = len(turn.lines), (turn.places_changed, turn.letters_written)
        turn.connection.execute("SAVEPOINT letter")
        try:
            self._hear(turn, LegRef(asker, brought.request), brought.seq, brought.letter)
        except Faulted as failure:
            turn.connection.execute("ROLLBACK TO letter")
            turn.connection.execute("RELEASE letter")
            del turn.lines[lines:]
            turn.places_changed, turn.letters_written = before
            return failure.fault
        mailbox.note_heard(turn.connection, asker, brought.request, brought.seq)
        turn.connection.execute("RELEASE letter")
        return None

    def _hear(self, turn: Turn, ref: LegRef, seq: int, letter: FromAsker) -> None:
        check_bytes(turn.connection, ref.asker, letter)
        before = legs.leg_of(turn.connection, self.steps.key, ref, whole=isinstance(letter, HandedOver))
        if before is None:
            if isinstance(letter, Asked):
                self._begin(turn, ref, seq, letter)
            elif seq == 1:
                raise BadInput(Fault.INVALID_QUESTION, "letter")
            # Else it is about what was over long ago, and is not kept any more: it is heard, and nothing follows.
            return
        free = openings.free(turn.connection, before.opening, turn.now, ref) if isinstance(letter, Chosen) else None
        step = provider.hear(before, letter, turn.now, free)
        if isinstance(letter, Asked) and step.leg.at is At.ASKED:
            step = self._answered_at_once(turn.connection, step, turn.now)
        self.steps.take(turn, before, step, heard=letter, letter=seq)

    def _begin(self, turn: Turn, ref: LegRef, seq: int, asked: Asked) -> None:
        if len(asked.answer_key) != _KEY_BYTES:
            raise BadInput(Fault.INVALID_QUESTION, "answer key")
        check_room(turn.connection, ref.asker)
        step = provider.begin(ref.request, ref.asker, asked, turn.now)
        self.steps.take(turn, None, self._answered_at_once(turn.connection, step, turn.now), heard=asked, letter=seq)

    def _answered_at_once(self, connection: sqlite3.Connection, step: Step, now: datetime) -> Step:
        """With an offer, where the service gives places without anybody answering first; else as it was."""
        leg = step.leg
        offering = self.offerings.get(leg.asked.service)
        if offering is None or not offering.service.instant:
            return step
        (service,) = openings.kept(connection, {offering.service.id: offering}, now)
        for one in (each.opening for each in service.openings if leg.asked.opening in ("", each.opening.id)):
            if leg.need.amount >= 1 and _leaves_nothing_to_ask(leg.need, one, now):
                terms = Terms(Fit.FULL, leg.need.amount)
                offered = provider.offer(leg, terms, now + offering.hold, now, one.places, opening=one.id)
                return replace(offered, says=(*step.says, *offered.says))
        return step


def _leaves_nothing_to_ask(need: Need, opening: Opening, now: datetime) -> bool:
    """Whether it is free, as far as anybody can know, and a plain yes about every point of the need."""
    stands = stand(opening, now, need.since)
    return stands.places is not None and all(reason.verdict is Verdict.YES for reason in fitting(need, opening, stands).reasons)
