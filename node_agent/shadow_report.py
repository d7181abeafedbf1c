"""What an agent in shadow would have released and refused, question by question, without anything about the patient."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from accord.audit.content import Asking, Event
from accord.audit.shadow_events import ShadowClosing, ShadowDecision
from accord.rules.moments import local_moment


@dataclass(frozen=True, slots=True)
class Tried:
    """One question: when, by which organisation in which role, and why it asked; then what would have left and stayed in.

    `ending` is how it would have ended; `code` why, where there is a cause.
    """

    at: datetime
    organisation: str
    ura: str
    role: str
    purpose: str
    treatment: str
    ending: str
    code: str
    would_leave: dict[str, int]
    would_refuse: dict[str, str]


def tried(events: Iterable[Event]) -> Iterator[Tried]:
    """The questions of *events*, as they ended."""
    decisions: dict[str, ShadowDecision] = {}
    for event in events:
        if isinstance(event, ShadowDecision):
            decisions[event.answer] = event
        elif isinstance(event, ShadowClosing):
            yield _tried(event, decisions.pop(event.answer, None))


def as_json(one: Tried) -> dict[str, Any]:
    """For a program."""
    return {
        "at": one.at.isoformat(timespec="seconds"),
        "organisation": {"name": one.organisation, "ura": one.ura},
        "role": one.role,
        "purpose": one.purpose,
        "treatment": one.treatment,
        "ending": one.ending,
        "code": one.code,
        "would_leave": one.would_leave,
        "would_refuse": one.would_refuse,
    }


def as_row(one: Tried) -> tuple[str, ...]:
    """For a table: when, who, why, what would have left, what would have been refused and why."""
    why = " ".join(filter(None, (one.purpose, one.treatment)))
    leaving = ", ".join(f"{category} {count}" for category, count in one.would_leave.items()) or "nothing"
    by_reason: dict[str, list[str]] = {}
    for category, refusal in one.would_refuse.items():
        by_reason.setdefault(refusal, []).append(category)
    refusing = "; ".join(f"{refusal}: {_few(categories)}" for refusal, categories in by_reason.items()) or "nothing"
    ending = f"{one.ending} ({one.code})" if one.code else one.ending
    return local_moment(one.at, seconds=True), f"{one.organisation or one.ura}, role {one.role}", why, leaving, refusing, ending


def _few(categories: list[str]) -> str:
    return ", ".join(categories) if len(categories) <= 4 else f"{len(categories)} categories"


def _tried(closing: ShadowClosing, decision: ShadowDecision | None) -> Tried:
    asking: Asking = closing.asking
    return Tried(
        datetime.fromtimestamp(closing.moment / 1000, UTC),
        asking.user_name,
        asking.user,
        asking.role,
        asking.purpose.value,
        asking.treatment.value if asking.treatment else "",
        closing.ending.value,
        closing.fault.value if closing.fault else "",
        {one.category.value: one.count for one in closing.counted},
        {one.category.value: one.refusal for one in decision.withheld} if decision is not None else {},
    )
