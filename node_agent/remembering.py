"""What this holder counted before it was started anew, from its own journal: a restart is no way around a budget.

Patients are counted by their marks, which is all that the journal has of them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from accord.audit.content import AboutPatient, Event
from accord.audit.events import GlassBroken, Located, RefusedQuestion
from accord.rules.budgets import Spender
from accord.rules.emergency import DAY
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Pseudonym, Ura
from node_agent.emergencies import PastEmergency
from node_agent.safeguards import Safeguards, as_counted

#: How far back one has to look.
REMEMBERED: Final = timedelta(seconds=DAY)
#: Refused for these, a question was not counted.
_NOT_COUNTED: Final = frozenset({Fault.BUDGET_SPENT})

_Spent = tuple[datetime, Spender, Pseudonym]


def remember(safeguards: Safeguards, events: Iterable[Event], *, now: datetime) -> None:
    """Take in the events of the last 24 hours (`REMEMBERED`). Begin with this: before the first question."""
    known = [event for event in events if isinstance(event, AboutPatient | RefusedQuestion)]
    safeguards.budgeting.restore(_spent(known), now=now)
    safeguards.recognising.restore(_recognised(known), now=now)
    safeguards.emergencies.restore(_broken(known), now=now)


def _spent(events: Iterable[AboutPatient | RefusedQuestion]) -> list[_Spent]:
    """Every question once, at the moment of its first line: later ones tell how it went on.

    Which lines are of one question, our own id says: that of the gateway may be twice the same.
    """
    first: dict[tuple[str, Spender, Pseudonym], _Spent] = {}
    for event in events:
        if event.asking is None or _is_recognition(event) or (isinstance(event, RefusedQuestion) and event.fault in _NOT_COUNTED):
            continue
        patient = _patient(event.patient)
        if patient is not None:
            spender = Spender(Ura(event.peer), Ura(event.asking.user), event.asking.professional)
            first.setdefault((event.answer or event.query, spender, patient), (_at(event.moment), spender, patient))
    return list(first.values())


def _recognised(events: Iterable[AboutPatient | RefusedQuestion]) -> list[_Spent]:
    """Whom a gateway asked for at the desk; one line each."""
    return [
        (_at(event.moment), Spender(Ura(event.peer)), patient)
        for event in events
        if _is_recognition(event) and (patient := _patient(event.patient)) is not None
    ]


def _is_recognition(event: AboutPatient | RefusedQuestion) -> bool:
    """Whether it is of the patient's pages: no data user asked, and every question of one has an id."""
    return isinstance(event, Located) and not event.query and not event.asking.professional


def _broken(events: Iterable[AboutPatient | RefusedQuestion]) -> list[PastEmergency]:
    return [
        PastEmergency(Ura(event.peer), Ura(event.asking.user), event.asking.professional, patient, _at(event.moment), _at(event.second_factor or event.moment))
        for event in events
        if isinstance(event, GlassBroken) and (patient := _patient(event.patient)) is not None
    ]


def _patient(mark: str) -> Pseudonym | None:
    """The patient as they are counted; none in a line of a question that was refused before it was counted."""
    try:
        return as_counted(mark)
    except (ValueError, BadInput):
        return None


def _at(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1000, UTC)
