"""The holder that this agent answers for: who it is, what it answers with, and which questions it looks at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Ura
from accord.terms.limits import ANSWER_BYTES, ANSWER_RECORDS
from accord.terms.queries import HolderQuery
from accord.terms.records import INCLUDES
from accord.terms.vocabulary import PurposeOfUse
from node_agent.deciding import Decisions, decide_all
from node_agent.finding import NOBODY, Person, bsn_about, find_person
from node_agent.pausing import Pausing
from node_agent.ports import ChoiceStore, Inquiry, Source

_MOST_BASES: Final = 4


@dataclass(frozen=True, slots=True)
class LastWord:
    """How an answer ends, and the cause where it may be told."""

    ending: Ending
    code: Fault | None = None
    more: bool = False


NOTHING: Final = LastWord(Ending.NOTHING_SHOWN)
TOO_LATE: Final = LastWord(Ending.TOO_LATE, Fault.DEADLINE_PASSED)


@dataclass(frozen=True, slots=True)
class Holder:
    """What this holder answers with: who it is, its source, the choices of its patients, and its standing."""

    ura: Ura
    source: Source
    choices: ChoiceStore
    pausing: Pausing
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    most_records: int = ANSWER_RECORDS
    most_bytes: int = ANSWER_BYTES

    @property
    def bases(self) -> tuple[str, ...]:
        """The source's own base addresses, as few as an outcome tells: both ends must go by the same."""
        return tuple(base.rstrip("/") for base in self.source.bases)[:_MOST_BASES]

    def refusal(self, query: HolderQuery) -> LastWord | None:
        """Why a question is not even looked at; none when it is.

        Raises:
            BadInput: `not-this-holder`.
        """
        if query.holder != self.ura:
            raise BadInput(Fault.NOT_THIS_HOLDER)
        if self.pausing.paused:
            return LastWord(Ending.PAUSED, Fault.PAUSED)
        if query.purpose is PurposeOfUse.EMERGENCY_TREATMENT:
            # Break-the-glass must be loud (P12), and the journal that makes it so is not there yet.
            return LastWord(Ending.REFUSED, Fault.EMERGENCY_NOT_OFFERED)
        if any(pair != "*" and pair not in INCLUDES for pair in query.selection.includes):
            return LastWord(Ending.INCOMPATIBLE, Fault.MISSING_CAPABILITY)
        return None

    async def decide(self, query: HolderQuery, inquiry: Inquiry | None = None) -> tuple[Person | None, Decisions]:
        """Whom the question is about, and what may be released: the same work for who is withheld and who is not known.

        The choices come first: the source is not asked for somebody of whom nothing may be shown, but for nobody.
        Whoever goes on to ask for records gives the *inquiry* in which they will.

        Raises:
            SourceFailure: It could not be found out who it is.
            Unavailable: The choices could not be read.
        """
        bsn = await bsn_about(self.source, query.about)
        decisions = decide_all(query.asked_by, query.purpose, await self.choices.choices_of(bsn), self.now())
        may_show = decisions.may_show(query.selection)
        # Nothing is read ahead about nobody.
        source = inquiry if inquiry is not None and may_show and bsn != NOBODY else self.source
        return await find_person(source, bsn, may_show=may_show), decisions
