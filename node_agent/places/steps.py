"""A step of a request is kept, said and written down in one turn: the leg, the letters to its asker, and the lines of the journal."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from accord.audit.places_events import PlaceStep
from accord.letters import mailbox
from accord.letters.envelopes import Sender, write
from accord.rules.placing.provider import At, Leg, Step
from accord.terms.faults import BadInput
from accord.terms.identifiers import Bsn
from accord.terms.placing import FromAsker, FromProvider
from accord.wire.place_forms import to_form
from node_agent.places import legs
from node_agent.places.keys import PlacesKey
from node_agent.places.ports import LegRef
from node_agent.places.store import Turn

#: What is in no letter, and has a line all the same.
ERASED: Final = "erased"
_TAKES: Final = frozenset({At.OFFERED, At.GRANTED, At.ARRIVED})


@dataclass(frozen=True, slots=True)
class Steps:
    """How this provider takes steps. *mark_of* gives what stands for a person in its journal."""

    sender: Sender
    key: PlacesKey
    mark_of: Callable[[Bsn], str]

    def take(self, turn: Turn, before: Leg | None, step: Step, *, heard: FromAsker | None = None, letter: int = 0, by: str = "") -> Leg:
        """Keep a leg after a step, and say what follows. *heard* is the letter that brought it (number *letter*), *by* the planner who did.

        Raises:
            BadInput: The asker's key is none.
            sqlite3.Error: It could not be kept.
        """
        kept = legs.keep(turn.connection, self.key, before, step.leg, step.says, turn.now)
        if heard is not None:
            turn.lines.append(self.line(before, step.leg, tag_of(heard), letter=letter))
        for said in step.says:
            number = self._say(turn, step.leg, said)
            turn.lines.append(self.line(before, step.leg, tag_of(said), by, letter=number))
        if _takes(before) != _takes(kept):
            turn.places_changed = True
        return kept

    def line(self, before: Leg | None, leg: Leg, what: str, by: str = "", *, letter: int = 0) -> PlaceStep:
        """The line about a step."""
        patient = self.patient_of(leg) or (self.patient_of(before) if before is not None else "")
        return PlaceStep(patient=patient, holder=self.sender.ura.value, peer=leg.asker.value, request=leg.request, by=by, what=what, letter=letter)

    def patient_of(self, leg: Leg) -> str:
        """What stands in the journal for the person; empty before one was told who it is, or when that is no number."""
        if leg.who is not None:
            with suppress(BadInput):
                return self.mark_of(Bsn(leg.who.bsn))
        return ""

    def erase(self, turn: Turn, leg: Leg) -> None:
        """The end: nothing of it is kept but that line, and how far its letters were."""
        legs.erase(turn.connection, legs.ref_of(leg))
        mailbox.forget(turn.connection, leg.asker, leg.request)
        turn.lines.append(self.line(None, leg, ERASED))

    def erase_unopened(self, turn: Turn, ref: LegRef) -> None:
        """The same of one that cannot be opened: of whom it was, nobody knows any more."""
        legs.erase(turn.connection, ref)
        mailbox.forget(turn.connection, ref.asker, ref.request)
        turn.lines.append(PlaceStep(holder=self.sender.ura.value, peer=ref.asker.value, request=ref.request, what=ERASED))

    def _say(self, turn: Turn, leg: Leg, said: FromProvider) -> int:
        key = leg.asked.answer_key

        def envelope(seq: int) -> str:
            return write(self.sender, leg.asker, key, leg.request, seq, to_form(said), turn.now)

        turn.letters_written = True
        return mailbox.put(turn.connection, leg.asker, leg.request, envelope)


def _takes(leg: Leg | None) -> object:
    """By what it shows whether a leg takes something else than before."""
    return (leg.at, leg.opening, leg.offer) if leg is not None and leg.at in _TAKES else None


def tag_of(letter: FromAsker | FromProvider) -> str:
    """What kind of letter it is."""
    return str(letter.__struct_config__.tag)
