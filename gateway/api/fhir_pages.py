"""One page in the global order, from the question to every holder's last word."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, ValuesView
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from accord.rules.reading import references
from accord.terms.answers import Counts, Ending
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import HolderName
from accord.terms.queries import DossierQuery, Order, Selection
from accord.terms.records import categories_of_type
from accord.terms.vocabulary import CATEGORY_ORDER, SECTION_OF, Section
from gateway.api.fhir_account import SET_ASIDE
from gateway.api.http_door import EVENTS_AHEAD, Door
from gateway.cursor import Cursor, Missed, marks_of
from gateway.dossier.completeness import account
from gateway.merging import Page, Piece, merge_page
from gateway.ports import Completeness, DossierEvent, HolderClosed, NotAsked, Planned

#: Batches of one holder that wait for their turn in the merge.
_BATCHES_AHEAD: Final = 2
#: Whoever has such a line shows nothing, whatever it has.
_TAKES_NO_PART: Final = frozenset({Fault.NOT_ACTIVE, Fault.JOINED_LATER, Fault.PLACES_ONLY})


@dataclass(frozen=True, slots=True)
class Opened:
    """A page with its account. `mappings` are how derived records were made. `last` is the record after which the next page begins; none when this is the last.

    `took_part` are marks of who took part on this page and on all before it.
    """

    records: tuple[Piece, ...]
    others: Mapping[HolderName, tuple[Piece, ...]]
    completeness: Completeness
    last: Piece | None
    missed: tuple[Missed, ...]
    took_part: bytes
    mappings: Mapping[HolderName, str]


async def open_page(door: Door, query: DossierQuery, cursor: Cursor | None, *, count: int, first_frame_seconds: float) -> Opened:
    """Ask for the page after *cursor*. Who was missing before is not asked again and stays missing; who joined since then stays out.

    Raises:
        Faulted: The dossier could not be opened.
    """
    # Read once: the register may change at any time, and the page is answered by the one of its beginning.
    holders = door.holders
    order = {holder.name: place for place, holder in enumerate(holders)}
    gone = {} if cursor is None else {gap.holder: gap for gap in cursor.missed}
    left_out = gone.keys() | {holder.name for holder in holders if holder.active and _is_new(holder.name, cursor, gone)}
    everybody = query.holders or frozenset(order)
    if not everybody - left_out:
        raise BadInput(Fault.CURSOR_INVALID)
    after = None if cursor is None else (cursor.last.rank, cursor.holder)
    # One more than fits, and inclusive: the record that the cursor stands on is dropped by its place, here.
    selection = replace(
        query.selection,
        order=Order.GLOBAL,
        limit=count + (cursor is not None),
        after=None if cursor is None else cursor.last,
        after_inclusive=cursor is not None,
    )
    narrowed = replace(query, selection=selection, holders=everybody - left_out if left_out else query.holders)
    page, planned = await _merge(door, narrowed, count, after, first_frame_seconds, lambda name: not _is_new(name, cursor, gone))
    planned = _without_new(planned, cursor, gone)
    everyone = [*planned.asked, *(line.holder for line in planned.not_asked)]
    there = {holder.name for holder in everyone}
    # Who was missing before and is no member any more has no line: the account is of the register.
    still = {name: gap for name, gap in gone.items() if name in there}
    lines = {**_closed(page, planned, first_frame_seconds), **{name: _still(gap) for name, gap in still.items()}}
    aside = {name for name, closed in lines.items() if closed.ending in SET_ASIDE}
    shown = tuple(piece for piece in page.records if piece.holder not in aside)
    others = {name: pieces for name, pieces in page.others.items() if name not in aside}
    missed = tuple(Missed(name, closed.ending, closed.code) for name, closed in lines.items() if closed.ending.leaves_a_gap)
    # Should it be a member again for the next page, it missed this one all the same.
    missed += tuple(gap for name, gap in gone.items() if name not in there)
    goes_on = bool(page.records) and bool(page.more - {gap.holder for gap in missed})
    completeness = account(
        query.id,
        sorted(everyone, key=lambda holder: order.get(holder.name, len(order))),
        [line for line in planned.not_asked if line.holder.name not in gone],
        list(lines.values()),
        Counter(CATEGORY_ORDER[piece.row.category_code] for pieces in (shown, *others.values()) for piece in pieces),
        sections_asked(query.selection),
    )
    return Opened(
        shown,
        others,
        replace(completeness, emergency_offered=planned.emergency_offered),
        page.records[-1] if goes_on else None,
        missed,
        marks_of(there - {line.holder.name for line in planned.not_asked if line.code in _TAKES_NO_PART}),
        page.mappings,
    )


def _is_new(name: HolderName, cursor: Cursor | None, gone: Mapping[HolderName, Missed]) -> bool:
    """Whether this holder did not take part on each page before: what it has that belongs there was never shown."""
    return cursor is not None and name not in gone and not cursor.knows(name)


def _without_new(planned: Planned, cursor: Cursor | None, gone: Mapping[HolderName, Missed]) -> Planned:
    """The plan with a word of their own for those who joined later; the register may have changed since it was looked at."""
    came = [holder for holder in planned.asked if _is_new(holder.name, cursor, gone)]
    not_asked = [
        NotAsked(line.holder, Fault.JOINED_LATER)
        if line.code not in (Fault.NOT_ACTIVE, Fault.PLACES_ONLY) and _is_new(line.holder.name, cursor, gone)
        else line
        for line in planned.not_asked
    ]
    asked = tuple(holder for holder in planned.asked if holder not in came)
    return replace(planned, asked=asked, not_asked=(*not_asked, *(NotAsked(holder, Fault.JOINED_LATER) for holder in came)))


async def _merge(
    door: Door,
    query: DossierQuery,
    count: int,
    after: tuple[tuple[int, int, int, str], HolderName] | None,
    seconds: float,
    takes: Callable[[HolderName], bool],
) -> tuple[Page, Planned]:
    into, told = anyio.create_memory_object_stream[DossierEvent](EVENTS_AHEAD)
    lanes = _Lanes()
    failures: list[Faulted] = []
    found: list[tuple[Page, Planned]] = []

    async def ask() -> None:
        try:
            await door.open(query, into, lanes=lanes)
        except Faulted as failure:
            failures.append(failure)
        finally:
            for stream in (into, *lanes.values()):
                stream.close()

    async with told, lanes.heard(), anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        planned = await anext(told, None)
        if isinstance(planned, Planned):
            tasks.start_soon(_pass_over, told)
            asked = {holder.name: lanes.out(holder.name) for holder in planned.asked if takes(holder.name)}
            found.append((await merge_page(asked, count=count, after=after, first_frame_seconds=seconds), planned))
        # Holders that missed their first frame are still being asked: this withdraws it.
        tasks.cancel_scope.cancel()
    if failures:
        raise failures[0]
    if not found:
        raise Unavailable(Fault.INTERNAL)
    return found[0]


class _Lanes(Mapping[HolderName, ObjectSendStream[DossierEvent]]):
    """A lane for each holder, made when it is asked for: who is asked, the plan says, by a register that may be newer than ours."""

    def __init__(self) -> None:
        self._made: dict[HolderName, tuple[MemoryObjectSendStream[DossierEvent], MemoryObjectReceiveStream[DossierEvent]]] = {}

    def __getitem__(self, name: HolderName) -> MemoryObjectSendStream[DossierEvent]:
        return self._lane(name)[0]

    def __iter__(self) -> Iterator[HolderName]:
        return iter(tuple(self._made))

    def __len__(self) -> int:
        return len(self._made)

    def values(self) -> ValuesView[MemoryObjectSendStream[DossierEvent]]:
        """Those that were made."""
        return {name: lane[0] for name, lane in self._made.items()}.values()

    def out(self, name: HolderName) -> MemoryObjectReceiveStream[DossierEvent]:
        """Where a holder's events come out."""
        return self._lane(name)[1]

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[None]:
        """At the end of the block nobody listens any more."""
        try:
            yield
        finally:
            for send, receive in self._made.values():
                send.close()
                receive.close()

    def _lane(self, name: HolderName) -> tuple[MemoryObjectSendStream[DossierEvent], MemoryObjectReceiveStream[DossierEvent]]:
        if name not in self._made:
            self._made[name] = anyio.create_memory_object_stream[DossierEvent](_BATCHES_AHEAD)
        return self._made[name]


async def _pass_over(told: ObjectReceiveStream[DossierEvent]) -> None:
    async for _ in told:
        pass


def _closed(page: Page, planned: Planned, first_frame_seconds: float) -> dict[HolderName, HolderClosed]:
    """How each asked holder ended, as far as this page goes."""
    found: dict[HolderName, HolderClosed] = {}
    for holder in planned.asked:
        name = holder.name
        closed = page.closed.get(name)
        if name in page.missed:
            closed = _gap(name, Ending.TOO_LATE, Fault.HOLDER_SILENT, round(first_frame_seconds * 1000))
        elif closed is None:
            closed = _gap(name, Ending.CUT_OFF, Fault.STREAM_CUT)
        elif name in page.broken and closed.ending.heard_out:
            closed = replace(closed, ending=Ending.REJECTED, code=page.broken[name])
        found[name] = closed
    return found


def _still(gap: Missed) -> HolderClosed:
    return _gap(gap.holder, gap.ending, gap.code)


def _gap(name: HolderName, ending: Ending, code: Fault | None, elapsed_ms: int = 0) -> HolderClosed:
    return HolderClosed(name, ending, Counts(), code, None, elapsed_ms, 0)


def sections_asked(selection: Selection) -> frozenset[Section]:
    """The sections that a question is about, by the types that it names."""
    return frozenset(SECTION_OF[category] for name in selection.types for category in categories_of_type(name)) or frozenset(Section)


def companions_of(opened: Opened) -> list[Piece]:
    """The companions that the records of a page refer to, or that those refer to, each once."""
    found: dict[tuple[HolderName, str], Piece] = {}
    for holder, others in opened.others.items():
        waiting = {f"{piece.type}/{piece.id}": piece for piece in others if piece.is_companion}
        named = _named(piece.text for piece in opened.records if piece.holder == holder)
        while reached := [name for name in waiting if name in named]:
            for name in reached:
                found[holder, name] = waiting.pop(name)
            named = _named(found[holder, name].text for name in reached)
    return list(found.values())


def _named(texts: Iterable[bytes]) -> set[str]:
    """The references in records, cut to `Type/id`: a holder's own address before it does not matter here."""
    found: set[str] = set()
    for text in texts:
        for reference in references(text):
            parts = reference.decode("utf-8", "replace").replace("\\/", "/").split("/_history/")[0].rsplit("/", 2)
            found.add("/".join(parts[-2:]))
    return found
