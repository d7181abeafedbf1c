"""Shadow: the agent decides, reads and writes down what it would have released, and releases nothing.

Outside, every question has ended as `paused` with the code `shadow` before any of this begins: what is found out here can
show in nothing that is told, not even in time (promise P9). The very code that answers is used, with two things exchanged:
frames go nowhere, and no line is one of a disclosure.
"""

from collections import Counter, deque
from dataclasses import replace
from typing import Any, Final

import anyio
import structlog
from msgspec import structs

from accord.audit.content import AboutPatient, Counted, Event, Truth
from accord.audit.events import BudgetAlarm, Closing, Decision, RefusedQuestion, Release
from accord.audit.shadow_events import ShadowClosing, ShadowDecision, ShadowRelease
from accord.terms.answers import Batch, Counts, Ending, Frame
from accord.terms.faults import Fault, Faulted, Unavailable
from accord.terms.identifiers import Bsn, Pseudonym
from accord.terms.queries import HolderQuery
from accord.terms.vocabulary import CATEGORY_ORDER, CareCategory
from accord.wire.columns import rows
from node_agent.admitted import Admitted, Asking
from node_agent.answering import answer
from node_agent.emergencies import Emergencies
from node_agent.finding import NOBODY
from node_agent.holder import Holder
from node_agent.last_words import LastWord
from node_agent.locating import Locating
from node_agent.recording import Ledger

_log = structlog.get_logger("noaber.agent")

_AT_ONCE: Final = 2
_MOST_WAITING: Final = 200
#: Nobody waits for it, but it must end.
_SECONDS: Final = 120.0
_NOT_TRIED: Final = LastWord(Ending.NOT_ASKED, Fault.TOO_MANY_QUESTIONS)


class Shadow:
    """Tries out, behind their ending, the questions that a holder in shadow is asked. `keep` must run for that."""

    def __init__(self, holder: Holder, locating: Locating, *, most_waiting: int = _MOST_WAITING) -> None:
        safeguards = holder.safeguards
        # Emergencies that nobody was shown anything in begin nothing that outlasts the shadow.
        safeguards = replace(safeguards, emergencies=Emergencies(lambda: safeguards.region().emergency))
        self._holder = replace(holder, is_trial=True, safeguards=safeguards, shows=_nobody_wants_to_know)
        self._locating = locating
        self._most_waiting = most_waiting
        self._waiting: deque[Admitted] = deque()
        self._more = anyio.Semaphore(0)

    async def note(self, admitted: Admitted) -> None:
        """A question that was asked. It is tried out later; when too many wait, that it was not has its line.

        Raises:
            Unavailable: `journal-unavailable`.
        """
        if self._holder.pausing.paused:
            return
        if len(self._waiting) < self._most_waiting:
            self._waiting.append(admitted)
            self._more.release()
        else:
            safeguards = self._holder.safeguards
            trial = Trial(safeguards.ledger)
            await replace(safeguards, ledger=trial).recording(admitted.asking).closing(_NOT_TRIED, Counts())

    async def note_located(self, pseudonym: Pseudonym, asking: Asking) -> None:
        """It was asked whether somebody is known here: what would follow is tried out, as if all was asked that the mandate is about.

        Raises:
            Unavailable: `journal-unavailable`.
        """
        try:
            bsn: Bsn | None = self._locating.whom(pseudonym, asking)
        except Unavailable:
            bsn = None
        query = HolderQuery(asking.query_id, self._holder.ura, bsn or NOBODY, None, asking.asked_by, asking.purpose)
        await self.note(Admitted(asking, query, query))

    async def keep(self) -> None:
        """Until cancelled: try out what waits, few at a time."""
        async with anyio.create_task_group() as tasks:
            for _ in range(_AT_ONCE):
                tasks.start_soon(self._try_one_by_one)

    async def _try_one_by_one(self) -> None:
        while True:
            await self._more.acquire()
            try:
                await try_out(self._holder, self._waiting.popleft())
            except Exception as failure:  # noqa: BLE001 - whatever one question does here, the next is tried
                _log.warning("a question in shadow could not be tried", failure=type(failure).__name__)


async def try_out(holder: Holder, admitted: Admitted) -> None:
    """Answer a question to nobody. *holder* is one for trials."""
    trial = Trial(holder.safeguards.ledger)
    trying = replace(holder, safeguards=replace(holder.safeguards, ledger=trial))
    try:
        await answer(trying, admitted, trial.emit, seconds=_SECONDS)
    except Faulted as failure:
        _log.info("a question in shadow would have been refused", code=failure.fault.value)


class Trial:
    """What one question meets in shadow: a reader that passes nothing on, and a ledger that writes of no disclosure."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._counted: Counter[CareCategory] = Counter()

    async def emit(self, frame: Frame) -> None:
        """Count what would have left, and drop it."""
        if isinstance(frame, Batch):
            self._counted.update(CATEGORY_ORDER[row.category_code] for row in rows(frame.columns))

    async def append(self, event: Event) -> int:
        """Write what would have been; whatever has no such line is not written at all.

        Raises:
            Unavailable: `journal-unavailable`.
        """
        line = self._instead_of(event)
        return await self._ledger.append(line) if line is not None else 0

    def _instead_of(self, event: Event) -> Event | None:
        match event:
            case Decision():
                return ShadowDecision(**_of(event))
            case Release():
                return ShadowRelease(**_of(event) | {"action": "E"})
            case Closing():
                counted = tuple(Counted(category=one, count=self._counted[one]) for one in CATEGORY_ORDER if self._counted[one])
                return ShadowClosing(**_of(event), counted=counted)
            case RefusedQuestion() if event.asking is not None:
                of_all = {name: value for name, value in _of(event).items() if name in AboutPatient.__struct_fields__}
                return ShadowClosing(**of_all, ending=Ending.REFUSED, truth=Truth.WITHHELD, batches=0, count=0, bytes=0, fault=event.fault)
            case BudgetAlarm():
                return event  # who asks too much does so in shadow, too
        # No glass is broken where nothing can be seen.
        return None


def _of(event: Event) -> dict[str, Any]:
    return {name: value for name, value in structs.asdict(event).items() if name != "code"}


def _nobody_wants_to_know(_bsn: Bsn) -> None:
    """No register need tell of changes for somebody of whom nothing is shown."""
