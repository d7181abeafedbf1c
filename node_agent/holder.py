"""The holder that this agent answers for: who it is, what it answers with, and which questions it looks at."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from accord.rules.leaving_out import LeftOut
from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, Pseudonym, Ura
from accord.terms.limits import ANSWER_BYTES, ANSWER_RECORDS
from accord.terms.queries import HolderQuery
from accord.terms.records import INCLUDES
from accord.terms.vocabulary import CareCategory
from node_agent.admitted import Admitted, Asking
from node_agent.consenting import Consents, HoldersRegister
from node_agent.consents import LONGEST_LEASE, ConsentQuestion, ConsentRegister
from node_agent.deciding import Decisions, decide_case
from node_agent.finding import NOBODY, Person, bsn_about, find_person
from node_agent.last_words import IN_SHADOW, PAUSED, LastWord
from node_agent.left_out import left_out_of
from node_agent.pausing import Pausing
from node_agent.ports import ChoiceStore, Derives, Inquiry, Source
from node_agent.recording import Recording
from node_agent.safeguards import Safeguards

_MOST_BASES: Final = 4
_EVERY_CATEGORY: Final = frozenset(CareCategory)
_NO_CATEGORY: Final[frozenset[CareCategory]] = frozenset()


def _nobody_wants_to_know(_bsn: Bsn) -> None:
    """Where no register tells of changes by itself."""


@dataclass(frozen=True, slots=True)
class Decided:
    """Whom a question is about, what may be released, and for how many seconds that holds without asking again.

    `evidence` is what the registers that lead can name of what they said, piece by piece.
    """

    person: Person | None
    decisions: Decisions
    lease: float = LONGEST_LEASE
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holder:
    """What this holder answers with: who it is, its source, the choices of its patients, its standing, and its safeguards.

    `leading` are the consent registers that lead for what they speak of, beside the choices that the holder keeps. They are
    leased; the holder's own choices are read for every decision. `shows` is told of everybody of whom something may be shown.
    """

    ura: Ura
    source: Source
    choices: ChoiceStore
    pausing: Pausing
    safeguards: Safeguards
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    most_records: int = ANSWER_RECORDS
    most_bytes: int = ANSWER_BYTES
    leading: tuple[ConsentRegister, ...] = ()
    shows: Callable[[Bsn], None] = _nobody_wants_to_know
    #: For `node_agent.shadowing` alone: what is answered goes nowhere, so that it may be answered in shadow.
    is_trial: bool = False
    _consents: Consents = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_consents", Consents(HoldersRegister(self.choices, now=self.now), self.leading))

    @property
    def mapping(self) -> str:
        """How the source's derived records are made, by name and version; empty for a source that derives none."""
        return self.source.mapping if isinstance(self.source, Derives) else ""

    @property
    def bases(self) -> tuple[str, ...]:
        """The source's own base addresses, as few as an outcome tells: both ends must go by the same."""
        return tuple(base.rstrip("/") for base in self.source.bases)[:_MOST_BASES]

    async def left_out(self) -> LeftOut:
        """What the source is not asked for, whoever a question is about.

        Raises:
            SourceFailure: It could not be found out.
        """
        return await left_out_of(self.source)

    def refusal(self, query: HolderQuery) -> LastWord | None:
        """Why a question is not even looked at; none when it is.

        Raises:
            BadInput: `not-this-holder`.
        """
        if query.holder != self.ura:
            raise BadInput(Fault.NOT_THIS_HOLDER)
        if self.pausing.paused:
            return PAUSED
        if self.pausing.shadow and not self.is_trial:
            return IN_SHADOW
        if any(pair != "*" and pair not in INCLUDES for pair in query.selection.includes):
            return LastWord(Ending.INCOMPATIBLE, Fault.MISSING_CAPABILITY)
        return None

    async def decide(self, admitted: Admitted, recording: Recording, inquiry: Inquiry | None = None) -> Decided:
        """Whom the question is about, and what may be released: the same work for who is withheld and who is not known.

        The decision and its line in the journal come first: the source is not asked for somebody of whom nothing may be
        shown, but for nobody. Whoever goes on to ask for records gives the *inquiry* in which they will.

        Raises:
            BudgetSpent, GlassUnbroken: The question is refused, whoever it is about.
            SourceFailure: It could not be found out who it is.
            Unavailable: The choices could not be read, or the line not written.
        """
        query, asking = admitted.query, admitted.asking
        bsn = await bsn_about(self.source, query.about)
        try:
            asking.check_patient(bsn)
        except BadInput:
            # A record of somebody else, who plays no part: it looks as if it were not here, and nothing is booked on them.
            bsn = NOBODY
        pseudonym = asking.nobody if bsn == NOBODY else self.safeguards.pseudonym_of(bsn)
        await self.safeguards.let_in(asking, pseudonym, recording, self.now())
        decided = await self.decide_anew(asking, bsn, pseudonym)
        may_show = decided.decisions.may_show(query.selection)
        await recording.decided(decided.decisions, may_show=may_show, evidence=decided.evidence)
        # Nothing is read ahead about nobody.
        source = inquiry if inquiry is not None and may_show and bsn != NOBODY else self.source
        person = await find_person(source, bsn, may_show=may_show)
        if person is not None:
            self.shows(bsn)
        return replace(decided, person=person)

    async def decide_anew(self, asking: Asking, bsn: Bsn, pseudonym: Pseudonym | None = None) -> Decided:
        """What may be released about this person now, without looking whether they are known.

        *pseudonym* is the one under which was asked, where that is not this person's: of somebody who is not known here.

        Raises:
            Unavailable: The choices could not be read, or a register could not be asked or was not clear.
        """
        safeguards, at = self.safeguards, self.now()
        answer = await self._consents.ask(
            ConsentQuestion(
                bsn,
                self.ura,
                safeguards.kind,
                asking.asked_by,
                asking.purpose,
                # Words by category are for registers that lead; the choices that the holder keeps are read by the rules.
                _EVERY_CATEGORY if self.leading else _NO_CATEGORY,
                known_as=(pseudonym or safeguards.pseudonym_of(bsn)).value if self.leading else b"",
            )
        )
        decisions = decide_case(safeguards.question(asking, at), answer.choices, safeguards.region(), safeguards.policy)
        return Decided(None, decisions, answer.lease, tuple(answer.evidence.split("; ")) if self.leading else ())
