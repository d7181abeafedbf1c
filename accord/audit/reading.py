"""Reading the journal for people: who looked at a patient, and what still has to be reviewed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from anyio import to_thread

from accord.audit.chain import Line
from accord.audit.content import AboutPatient, Asking, Event, Truth, Withheld
from accord.audit.events import Closing, Decision, GlassBroken, RefusedQuestion, Release, decode
from accord.audit.indexing import LineIndex
from accord.audit.recovering import Tail
from accord.audit.showing import Reader, shown
from accord.terms.answers import Ending
from accord.terms.evidence import TreatmentBasis
from accord.terms.faults import Fault
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

_DUTCH_TIME: Final = ZoneInfo("Europe/Amsterdam")
_E = TypeVar("_E", bound=Event)


class CameOfIt(StrEnum):
    """What came of a question, as it is told to the patient."""

    SHOWN = "shown"
    NOTHING_KNOWN = "nothing-known"
    WITHHELD = "withheld"
    REFUSED = "refused"
    BROKEN_OFF = "broken-off"
    """It ended before its end: nothing was shown, or part of it."""
    UNKNOWN = "unknown"
    """It is under way, or this system stopped before it could say."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who looked, as the patient may see it: a name and a role, no number. `responsible` is empty where they answer for themselves."""

    ura: str
    organisation: str
    kind: HolderKind | None
    professional: str
    role: str
    responsible: str
    purpose: PurposeOfUse
    treatment: TreatmentBasis | None


@dataclass(frozen=True, slots=True)
class Access:
    """One look at a patient's data, as the patient may see it: who, when, what, by which right, and what came of it.

    `action` is E for a question and R when something was shown. `who` is none when nobody knows who it was. `categories` are
    those that might be shown, `shown` those of which something was, and `in_emergency` those of the
    former that only the emergency opens.
    """

    moment: datetime
    query: str
    holder: str
    who: Who | None
    action: str
    categories: tuple[CareCategory, ...]
    withheld: tuple[Withheld, ...]
    basis: str
    evidence: tuple[str, ...]
    emergency: bool
    reason: str
    came_of_it: CameOfIt
    batches: int = 0
    fault: Fault | None = None
    shown: tuple[CareCategory, ...] = ()
    in_emergency: tuple[CareCategory, ...] = ()


@dataclass(frozen=True, slots=True)
class Looks:
    """Looks of one day that are alike: the same person of the same organisation, for the same purpose, with the same outcome."""

    day: date
    first: Access
    moments: tuple[datetime, ...]
    categories: tuple[CareCategory, ...]


_Told = Decision | Release | Closing | GlassBroken | RefusedQuestion


@dataclass(slots=True)
class _Story:
    """The lines of one question at one holder."""

    query: str
    holder: str
    moment: int
    lines: list[Event] = field(default_factory=list)
    decided: bool = False
    ended: bool = False

    def goes_on_with(self, event: _Told) -> bool:
        """Whether this can still be a line of it: it is decided once, and nothing comes after its end."""
        return not self.ended and not (self.decided and isinstance(event, Decision))

    def add(self, event: _Told) -> None:
        """Its next line."""
        self.lines.append(event)
        self.decided |= isinstance(event, Decision)
        self.ended |= isinstance(event, Closing)


class JournalReader:
    """Reads the journal in *folder* through an index at *index* (in memory when none).

    Raises:
        Unavailable: From every method: `journal-unavailable` or `journal-broken`.
    """

    def __init__(self, folder: Path, index: Path | None = None, durable: Callable[[], Tail] | None = None) -> None:
        self._index = LineIndex(folder, index, durable)

    async def accesses(self, patient: str, since: datetime, until: datetime) -> list[Access]:
        """Who looked at *patient* (a pseudonym) in [since, until), newest first."""
        events = [event for _, event in await self._about(patient, since, until)]
        return accesses_in(events)

    async def lines(self, patient: str, since: datetime, until: datetime, reader: Reader) -> list[dict[str, Any]]:
        """The lines about *patient* in [since, until), oldest first, with their number `n` and what *reader* may see of them."""
        about = await self._about(patient, since, until)
        return [{"n": n, **seen} for n, event in about if (seen := shown(event, reader)) is not None]

    async def events(self, patient: str, since: datetime, until: datetime) -> list[Event]:
        """The events about *patient* in [since, until), oldest first, as they stand: for who composes what a reader may see."""
        return [event for _, event in await self._about(patient, since, until)]

    async def review_queue(self) -> list[tuple[int, Event]]:
        """Alarms (broken glass, budgets, doubted heads) that nobody has reviewed yet, with their line numbers, oldest first."""
        return _events(await to_thread.run_sync(self._index.unreviewed))

    async def catch_up(self) -> None:
        """Read what is new in the journal, so that the next question is answered at once."""
        await to_thread.run_sync(self._index.catch_up)

    def close(self) -> None:
        """Let the index go."""
        self._index.close()

    async def _about(self, patient: str, since: datetime, until: datetime) -> list[tuple[int, Event]]:
        return _events(await to_thread.run_sync(self._index.about, patient, _ms(since), _ms(until)))


def accesses_in(events: Iterable[Event]) -> list[Access]:
    """The looks that *events* about one patient tell of, newest first.

    The id of a question is the gateway's to choose: two looks under one id are two looks, each with who looked (attack on
    promise P12).
    """
    stories: list[_Story] = []
    under_way: dict[tuple[str, str, str, Asking | None], _Story] = {}
    for event in events:
        if not isinstance(event, _Told):
            continue
        key = event.answer, event.query, event.holder, event.asking
        story = under_way.get(key)
        if story is None or not story.goes_on_with(event):
            story = under_way[key] = _Story(event.query, event.holder, event.moment)
            stories.append(story)
        story.add(event)
    told = [_told(story) for story in stories]
    return sorted(told, key=lambda access: access.moment, reverse=True)


def by_day(accesses: Iterable[Access]) -> list[Looks]:
    """Group looks of the same (Dutch) day that are alike, in the order in which they come."""
    groups: dict[tuple[object, ...], list[Access]] = {}
    for access in accesses:
        key = (access.moment.astimezone(_DUTCH_TIME).date(), access.who, access.holder, access.emergency, access.came_of_it, access.basis)
        groups.setdefault(key, []).append(access)
    return [
        Looks(
            group[0].moment.astimezone(_DUTCH_TIME).date(),
            group[0],
            tuple(access.moment for access in group),
            tuple(dict.fromkeys(category for access in group for category in access.categories)),
        )
        for group in groups.values()
    ]


def _told(story: _Story) -> Access:
    decision = _last(story.lines, Decision)
    glass = _last(story.lines, GlassBroken)
    refusal = _last(story.lines, RefusedQuestion)
    closing = _last(story.lines, Closing)
    batches = sum(isinstance(line, Release) for line in story.lines)
    asking = next((line.asking for line in story.lines if isinstance(line, AboutPatient | RefusedQuestion) and line.asking), None)
    return Access(
        moment=datetime.fromtimestamp(story.moment / 1000, UTC),
        query=story.query,
        holder=story.holder,
        who=_who(asking) if asking else None,
        action="R" if batches else "E",
        categories=decision.released if decision else (),
        withheld=decision.withheld if decision else (),
        basis=decision.basis if decision else "",
        evidence=decision.evidence if decision else (),
        emergency=any(getattr(line, "emergency", False) for line in story.lines),
        reason=glass.reason if glass else "",
        came_of_it=_came_of_it(batches, closing, refusal),
        batches=batches,
        fault=closing.fault if closing else refusal.fault if refusal else None,
        shown=tuple(dict.fromkeys(category for line in story.lines if isinstance(line, Release) for category in line.categories)),
        in_emergency=decision.in_emergency if decision else (),
    )


def _who(asking: Asking) -> Who:
    return Who(
        asking.user,
        asking.user_name,
        asking.user_kind,
        asking.professional_name,
        asking.role,
        asking.responsible,
        asking.purpose,
        asking.treatment,
    )


def _came_of_it(batches: int, closing: Closing | None, refusal: RefusedQuestion | None) -> CameOfIt:
    if batches:
        return CameOfIt.SHOWN  # whatever came after it: this much has left
    if closing is None:
        return CameOfIt.REFUSED if refusal else CameOfIt.UNKNOWN
    if closing.ending in (Ending.REFUSED, Ending.INCOMPATIBLE):
        return CameOfIt.REFUSED
    if not closing.ending.heard_out:
        return CameOfIt.BROKEN_OFF
    return CameOfIt.WITHHELD if closing.truth is Truth.WITHHELD else CameOfIt.NOTHING_KNOWN


def _last(lines: list[Event], wanted: type[_E]) -> _E | None:
    return next((line for line in reversed(lines) if isinstance(line, wanted)), None)


def _events(lines: list[Line]) -> list[tuple[int, Event]]:
    return [(line.n, decode(content)) for line in lines if (content := line.content) is not None]


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
