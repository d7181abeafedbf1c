"""What stands around every answer of a holder: its journal, the region's policy and its own, budgets, emergencies, revocations."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from weakref import WeakValueDictionary

import anyio

from accord.audit.finishing import finish
from accord.rules.budgets import Alarm, Spender
from accord.rules.question import Question
from accord.terms.identifiers import Bsn, Pseudonym, Ura
from accord.terms.policies import HolderPolicy, RegionPolicy
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from node_agent.admitted import Asking
from node_agent.budgeting import RECOGNISED, Budgeting, BudgetSpent
from node_agent.emergencies import BrokenGlass, Emergencies, GlassUnbroken
from node_agent.recording import Ledger, Recording
from node_agent.revoking import Revocations


@dataclass(frozen=True, slots=True)
class Safeguards:
    """The parts.

    `pseudonym_of` is how this holder is asked about a person, `mark` what stands for that pseudonym in its journal and
    nowhere else. Budgets and emergencies are counted by the mark, so that they can be restored from the journal.
    `budgeting` counts questions, `recognising` whom a gateway asks for at the patient's desk.
    """

    ura: Ura
    kind: HolderKind | None
    ledger: Ledger
    pseudonym_of: Callable[[Bsn], Pseudonym]
    mark: Callable[[Pseudonym], str]
    region: Callable[[], RegionPolicy]
    policy: HolderPolicy
    budgeting: Budgeting
    emergencies: Emergencies
    revocations: Revocations
    recognising: Budgeting = field(default_factory=lambda: Budgeting(lambda: RECOGNISED))
    #: Of emergencies that are being used at this moment; a lock is gone with the last who holds it or waits.
    _glass: WeakValueDictionary[tuple[Ura, str, Pseudonym], anyio.Lock] = field(default_factory=WeakValueDictionary, init=False, repr=False)

    def recording(self, asking: Asking) -> Recording:
        """The journal lines of one question."""
        return Recording(self.ledger, self.ura, asking)

    def question(self, asking: Asking, at: datetime) -> Question:
        """What is decided about."""
        mandate = asking.mandate
        if mandate is None:
            return Question(asking.asked_by, asking.purpose, at, holder=self.ura, holder_kind=self.kind)
        return Question(asking.asked_by, asking.purpose, at, mandate.treatment, mandate.categories, mandate.emergency, self.ura, self.kind)

    async def let_in(self, asking: Asking, pseudonym: Pseudonym, recording: Recording, at: datetime) -> None:
        """Count the patient, and break the glass where that is asked. Whether they are known here makes no difference.

        Raises:
            BudgetSpent: `budget-spent`.
            GlassUnbroken: No emergency access.
            Unavailable: `journal-unavailable`.
        """
        user, professional = asking.asked_by.data_user, asking.asked_by.professional
        recording.about = self.mark(pseudonym)
        counted = as_counted(recording.about)
        try:
            self.budgeting.spend(Spender(asking.gateway, user.ura, professional.identifier), counted)
            if asking.purpose is PurposeOfUse.EMERGENCY_TREATMENT and asking.mandate is not None:
                # One at a time of one emergency: nobody goes on in an emergency of which the line is still under way.
                async with self._glass.setdefault((asking.mandate.issuer, asking.mandate.professional.identifier, counted), anyio.Lock()):
                    glass = self.emergencies.use(asking.mandate, counted, gateway=asking.gateway, at=at)
                    if glass.begins:
                        await finish(partial(_broken, recording, glass))
        except (BudgetSpent, GlassUnbroken) as refused:
            counter = self.budgeting if isinstance(refused, BudgetSpent) else self.emergencies
            if refused.alarm is not None:
                await finish(partial(tell, refused.alarm, counter, partial(recording.alarm, refused.alarm)))
            await recording.refused(refused.fault)
            raise


async def _broken(recording: Recording, glass: BrokenGlass) -> None:
    """Write that glass is broken. What has no line has not begun (promise P12): the next question begins it."""
    try:
        await recording.broken(glass)
    except BaseException:
        glass.take_back()
        raise


async def tell(alarm: Alarm, counter: Budgeting | Emergencies, write: Callable[[], Awaitable[None]]) -> None:
    """Write down an alarm. One that has no line is given again next time."""
    try:
        await write()
    except BaseException:
        counter.give_back(alarm)
        raise


def as_counted(mark: str) -> Pseudonym:
    """The patient as budgets count them: what a restart finds again."""
    return Pseudonym(bytes.fromhex(mark))
