"""The nightly review of a journal: misuse that no single question shows (attack D7), found by `accord.rules.reviewing`.

It reads, and writes nothing: whoever runs it has the findings on their screen, and the journal has nothing of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from accord.audit.content import AboutPatient, Asking, Event
from accord.audit.events import BudgetAlarm, RefusedQuestion
from accord.rules.budgets import Alarm, Level
from accord.rules.reviewing import Access, Finding, ReviewLimits, review
from accord.terms.faults import BadInput
from accord.terms.identifiers import Ura


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was looked at in the period, and what was found."""

    accesses: int
    alarms: int
    findings: tuple[Finding, ...]


def review_events(events: Iterable[Event], *, since: datetime, until: datetime, limits: ReviewLimits | None = None) -> Reviewed:
    """Look the events of [since, until) through: each question about a patient once, however many lines it has."""
    accesses: dict[tuple[str, str, Asking], Access] = {}
    alarms: list[tuple[datetime, Alarm]] = []
    for event in events:
        at = datetime.fromtimestamp(event.moment / 1000, UTC)
        if not since <= at < until:
            continue
        if isinstance(event, BudgetAlarm):
            alarm = _alarm(event)
            if alarm is not None:
                alarms.append((at, alarm))
        elif isinstance(event, AboutPatient | RefusedQuestion) and event.asking is not None and event.patient:
            access = _access(at, event.patient, event.asking)
            if access is not None:
                accesses.setdefault((event.query, event.patient, event.asking), access)
    return Reviewed(len(accesses), len(alarms), review(accesses.values(), alarms, limits))


def as_json(finding: Finding) -> dict[str, str | int | None]:
    """A finding for a program. `patient` is the pseudonym of the journal that was reviewed, empty where it is about nobody in particular."""
    return {
        "kind": finding.kind.value,
        "count": finding.count,
        "limit": finding.limit,
        "organisation": finding.organisation.value if finding.organisation is not None else "",
        "professional": finding.professional,
        "patient": finding.patient.hex(),
        "day": _day(finding.day),
    }


def as_text(finding: Finding) -> str:
    """A finding on one line."""
    told = as_json(finding)
    about = " ".join(f"{name}={told[name]}" for name in ("organisation", "professional", "patient", "day") if told[name])
    return f"{finding.kind.value}: {finding.count} (limit {finding.limit}) {about}"


def _access(at: datetime, patient: str, asking: Asking) -> Access | None:
    try:
        return Access(at, Ura(asking.user), asking.professional, asking.role, bytes.fromhex(patient), asking.purpose, asking.treatment)
    except (BadInput, ValueError):
        return None  # who it was or about whom was never known


def _alarm(event: BudgetAlarm) -> Alarm | None:
    try:
        organisation = Ura(event.user) if event.user else None
        return Alarm(Level(event.of), Ura(event.peer), organisation, event.professional, event.limit, event.hours)
    except (BadInput, ValueError):
        return None


def _day(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None
