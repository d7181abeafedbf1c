"""The review queue over a journal: its alarms that nobody has reviewed, each marked by a line of the same journal."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from textwrap import wrap
from typing import Final, Protocol

import anyio

from accord.audit.content import Event
from accord.audit.events import BudgetAlarm, GlassBroken, HeadDoubted, JournalViewed, Release, ReviewDone
from accord.audit.reading import JournalReader
from accord.audit.spelling import without_numbers
from accord.review.queue import ItemId, ItemKind, Remark, Reviewer, ReviewItem, Waiting
from accord.rules.budgets import Level
from accord.rules.emergency import ReasonCode
from accord.terms.faults import BadInput
from accord.terms.identifiers import Ura

#: Pieces of a remark that fit in a field of a line.
_PIECE: Final = 200
#: So long after glass was broken it is looked at what was seen, where the line says no end.
_AN_EMERGENCY: Final = timedelta(hours=24)


class Ledger(Protocol):
    """Where lines become durable. `accord.audit.journal.Journal` is one."""

    async def append(self, event: Event) -> int:
        """Write a line, and return when it is durable.

        Raises:
            Unavailable: `journal-unavailable`.
        """


class JournalQueue:
    """`ReviewQueue` over the journal that this process writes. *name_of* gives the name of an organisation, empty where it is not known."""

    def __init__(self, reader: JournalReader, ledger: Ledger, name_of: Callable[[Ura], str]) -> None:
        self._reader = reader
        self._ledger = ledger
        self._name_of = name_of
        self._marking = anyio.Lock()

    async def waiting(self, reviewer: Reviewer, *, after: ItemId | None, most: int) -> Waiting:
        """As the port promises; that somebody looked has its line first."""
        alarms = await self._reader.review_queue()
        behind = _number(after) if after is not None else 0
        page = [(n, event) for n, event in alarms if n > behind][:most]
        if page:
            await self._ledger.append(JournalViewed(by=reviewer.identifier, lines=len(page)))
        return Waiting(tuple([await self._item(n, event) for n, event in page]), len(alarms))

    async def item(self, item: ItemId) -> ReviewItem | None:
        """As the port promises."""
        for n, event in await self._reader.review_queue():
            if n == _number(item):
                return await self._item(n, event)
        return None

    async def mark(self, item: ItemId, reviewer: Reviewer, remark: Remark, *, at: datetime) -> bool:
        """As the port promises."""
        number = _number(item)
        async with self._marking:  # of two reviewers at the same moment one is first
            if all(n != number for n, _ in await self._reader.review_queue()):
                return False
            pieces = tuple(map(without_numbers, wrap(remark.text, _PIECE)))
            done = ReviewDone(line=number, by=reviewer.identifier, verdict="reviewed", remark=pieces, moment=int(at.timestamp() * 1000))
            await self._ledger.append(done)
        return True

    async def _item(self, n: int, event: Event) -> ReviewItem:
        number, at = ItemId(str(n)), datetime.fromtimestamp(event.moment / 1000, UTC)
        if isinstance(event, GlassBroken):
            return await self._emergency(number, at, event)
        if isinstance(event, BudgetAlarm):
            ura = _ura(event.user or event.peer)
            kind = ItemKind.EMERGENCY_LIMIT if event.hours > 1 else ItemKind.BUDGET
            return ReviewItem(
                number, kind, at, self._name(ura), ura, identifier=event.professional, level=_level(event.of), count=event.patients, limit=event.limit
            )
        if isinstance(event, HeadDoubted):
            ura = _ura(event.party)
            return ReviewItem(number, ItemKind.JOURNAL, at, self._name(ura), ura, count=event.n, limit=event.kept_n)
        # An alarm of a kind that is newer than this page still waits for somebody.
        return ReviewItem(number, ItemKind.JOURNAL, at, "", None)

    async def _emergency(self, number: ItemId, at: datetime, glass: GlassBroken) -> ReviewItem:
        asking = glass.asking
        records, holders = await self._seen(at, glass)
        return ReviewItem(
            number,
            ItemKind.EMERGENCY,
            at,
            asking.user_name or self._name(_ura(asking.user)),
            _ura(asking.user),
            asking.professional_name,
            asking.professional,
            asking.role,
            reason=_reason(glass.reason),
            words=glass.words,
            records=records,
            holders=holders,
        )

    async def _seen(self, at: datetime, glass: GlassBroken) -> tuple[int, int]:
        """How many records this professional saw of this patient while the emergency lasted, and of how many holders."""
        until = datetime.fromtimestamp(glass.until / 1000, UTC) if glass.until else at + _AN_EMERGENCY
        who = (glass.asking.user, glass.asking.professional)
        releases = [
            event
            for event in await self._reader.events(glass.patient, at, until)
            if isinstance(event, Release) and event.emergency and (event.asking.user, event.asking.professional) == who
        ]
        return sum(event.count for event in releases), len({event.holder for event in releases})

    def _name(self, ura: Ura | None) -> str:
        return self._name_of(ura) if ura is not None else ""


def _number(item: ItemId) -> int:
    """The line of an item; 0, which no line has, for what is no number."""
    return int(item.value) if item.value.isascii() and item.value.isdecimal() and len(item.value) < 20 else 0


def _ura(text: str) -> Ura | None:
    try:
        return Ura(text)
    except BadInput:
        return None


def _level(text: str) -> Level | None:
    return Level(text) if text in Level.__members__.values() else None


def _reason(text: str) -> ReasonCode | None:
    """The reason of the region's set; a journal that is older or newer may have another."""
    return ReasonCode(text) if text in ReasonCode.__members__.values() else None
