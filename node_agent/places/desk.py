"""What the region may ask of a provider about places: what it has, and what it says to requests."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from accord.audit.events import RefusedQuestion
from accord.audit.refusals import Refusals
from accord.letters import mailbox
from accord.letters.collecting import Collected
from accord.letters.envelopes import signed_now
from accord.letters.signing import AskedPlaces
from accord.terms.capacity import Opening, PlacesQuestion, Statement, Tally
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Ura
from node_agent.pausing import Pausing
from node_agent.places.hearing import Brought, Hearing, Reading
from node_agent.places.ports import LettersFor
from node_agent.places.services_file import Offering
from node_agent.places.stated import openings_for
from node_agent.places.store import Store, Turn
from node_agent.places.tallying import Tallying

#: What is numbered higher was never said by anybody; nor can SQLite keep every number.
_MOST_NUMBER: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class Desk:
    """A `PlacesDesk`. A paused agent says nothing and hears nothing; what it promised stays promised."""

    title: str
    telephone: Callable[[], str]
    store: Store
    offerings: Mapping[str, Offering]
    reading: Reading
    hearing: Hearing
    pausing: Pausing
    refusals: Refusals
    now: Callable[[], datetime]
    keep_days: int
    tallying: Tallying = field(default_factory=Tallying)

    async def stated(self, asked: AskedPlaces) -> Statement:
        """What it has, counted at this moment.

        Raises:
            Unavailable: `paused`, `shadow`, `source-unavailable`.
        """
        self._check_open()
        now = self.now()
        # Taken first: what changes meanwhile has a later mark, and is asked for again.
        mark = self.pausing.places_mark
        stated, tallies = await self.store.read(partial(self._stated, asked.question, now))
        return Statement(self.title, self.telephone(), now, stated, tallies, self.reading.steps.key.public, mark)

    async def letters(self, collected: Collected, envelopes: Sequence[str]) -> LettersFor:
        """Take in what an asker brings, in order and once, and give what there is for it.

        Raises:
            Unavailable: `paused`, `shadow`, `journal-unavailable`, `source-unavailable`: nothing of it was taken in.
        """
        self._check_open()
        asker = collected.asker
        letters, refused = self.reading.brought(asker, envelopes, self.now())
        heard = {request: seq for request, seq in collected.heard.items() if 0 < seq < _MOST_NUMBER}
        waiting = None if letters else await self.store.read(partial(_unchanged, asker, heard))
        given, not_heard = (waiting, []) if waiting is not None else await self.store.change(partial(self._exchanged, asker, heard, letters))
        refused += not_heard
        given = replace(given, envelopes=tuple(signed_now(envelope, self.reading.steps.sender) for envelope in given.envelopes))
        for fault in dict.fromkeys(refused):
            await self.refusals.note(RefusedQuestion(holder=self.reading.steps.sender.ura.value, peer=asker.value, fault=fault))
        return given

    def _stated(self, question: PlacesQuestion, now: datetime, connection: sqlite3.Connection) -> tuple[tuple[Opening, ...], tuple[Tally, ...]]:
        kinds = frozenset(offering.service.kind for offering in self.offerings.values())
        return openings_for(connection, self.offerings, question, now), self.tallying.tallies(connection, kinds, question, self.keep_days, now)

    def _check_open(self) -> None:
        if (why := self.pausing.withholds) is not None:
            raise Unavailable(why)

    def _exchanged(self, asker: Ura, heard: Mapping[str, int], letters: Sequence[Brought], turn: Turn) -> tuple[LettersFor, list[Fault]]:
        mailbox.let_go(turn.connection, asker, heard)
        refused = self.hearing.take_in(turn, asker, letters)
        envelopes, more = mailbox.waiting(turn.connection, asker)
        requests = frozenset(brought.request for brought in letters)
        return LettersFor(tuple(envelopes), mailbox.heard_of(turn.connection, asker, requests), more), refused


def _unchanged(asker: Ura, heard: Mapping[str, int], connection: sqlite3.Connection) -> LettersFor | None:
    """What there is for an asker that brings nothing, and has taken in nothing that still waits; else none."""
    for request, seq in heard.items():
        if connection.execute("SELECT 1 FROM letter_out WHERE peer = ? AND request = ? AND seq <= ? LIMIT 1", (asker.value, request, seq)).fetchone():
            return None
    envelopes, more = mailbox.waiting(connection, asker)
    return LettersFor(tuple(envelopes), {}, more)
