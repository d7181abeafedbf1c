"""One page in the global order, from the question to every holder's last word."""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Final

import anyio
from anyio.abc import ObjectReceiveStream

from accord.rules.reading import references
from accord.terms.answers import Counts, Ending
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable
from accord.terms.identifiers import HolderName
from accord.terms.queries import DossierQuery, Order, Selection
from accord.terms.records import categories_of_type
from accord.terms.vocabulary import CATEGORY_ORDER, SECTION_OF, Section
from gateway.api.fhir_account import SET_ASIDE
from gateway.api.http_door import EVENTS_AHEAD, Door
from gateway.cursor import Cursor, Missed
from gateway.dossier.completeness import account
from gateway.merging import Page, Piece, merge_page
from gateway.ports import Completeness, DossierEvent, HolderClosed, Planned

#: Batches of one holder that wait for their turn in the merge.
_BATCHES_AHEAD: Final = 2


@dataclass(frozen=True, slots=True)
class Opened:
    """A page with its account. `last` is the record after which the next page begins; none when this is the last."""

    records: tuple[Piece, ...]
    others: Mapping[HolderName, tuple[Piece, ...]]
    completeness: Completeness
    last: Piece | None
    missed: tuple[Missed, ...]


async def open_page(door: Door, query: DossierQuery, cursor: Cursor | None, *, count: int, first_frame_seconds: float) -> Opened:
    """Ask for the page after *cursor*. Who was missing before is not asked again and stays missing.

    Raises:
        Faulted: The dossier could not be opened.
    """
    gone = {} if cursor is None else {gap.holder: gap for gap in cursor.missed}
    everybody = query.holders or frozenset(holder.name for holder in door.holders)
    if not everybody - gone.keys():
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
    narrowed = replace(query, selection=selection, holders=everybody - gone.keys() if gone else query.holders)
    page, planned = await _merge(door, narrowed, count, after, first_frame_seconds)
    lines = {**_closed(page, planned, first_frame_seconds), **{gap.holder: _still(gap) for gap in gone.values()}}
    aside = {name for name, closed in lines.items() if closed.ending in SET_ASIDE}
    shown = tuple(piece for piece in page.records if piece.holder not in aside)
    others = {name: pieces for name, pieces in page.others.items() if name not in aside}
    missed = tuple(Missed(name, closed.ending, closed.code) for name, closed in lines.items() if closed.ending.leaves_a_gap)
    goes_on = bool(page.records) and bool(page.more - {gap.holder for gap in missed})
    completeness = account(
        query.id,
        [holder.card for holder in door.holders],
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
    )


async def _merge(
    door: Door, query: DossierQuery, count: int, after: tuple[tuple[int, int, int, str], HolderName] | None, seconds: float
) -> tuple[Page, Planned]:
    into, told = anyio.create_memory_object_stream[DossierEvent](EVENTS_AHEAD)
    lanes = {holder.name: anyio.create_memory_object_stream[DossierEvent](_BATCHES_AHEAD) for holder in door.holders}
    failures: list[Faulted] = []
    found: list[tuple[Page, Planned]] = []

    async def ask() -> None:
        try:
            await door.open(query, into, lanes={name: lane[0] for name, lane in lanes.items()})
        except Faulted as failure:
            failures.append(failure)
        finally:
            for stream in (into, *(lane[0] for lane in lanes.values())):
                stream.close()

    async with AsyncExitStack() as streams:
        for receiver in (told, *(lane[1] for lane in lanes.values())):
            await streams.enter_async_context(receiver)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            planned = await anext(told, None)
            if isinstance(planned, Planned):
                tasks.start_soon(_pass_over, told)
                asked = {holder.name: lanes[holder.name][1] for holder in planned.asked}
                found.append((await merge_page(asked, count=count, after=after, first_frame_seconds=seconds), planned))
            # Holders that missed their first frame are still being asked: this withdraws it.
            tasks.cancel_scope.cancel()
    if failures:
        raise failures[0]
    if not found:
        raise Unavailable(Fault.INTERNAL)
    return found[0]


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
