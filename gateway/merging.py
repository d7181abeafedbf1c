"""One page in the global order: a lazy merge by key over the answers of all holders.

The order is the rank of the key, then the holder's name. Equal statements of several holders have equal time,
type and content hint, so they come out next to each other. A page holds no more than was asked for; what is left
in the lanes is counted out (to know that there is more, and how each answer ended) and let go.
"""

import heapq
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import anyio
import msgspec
from anyio.abc import ObjectReceiveStream

from accord.terms.answers import Batch
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName, is_logical_id
from accord.terms.queries import SortKey
from accord.terms.records import TYPE_CODE, TYPE_NAME
from accord.wire.columns import COMPANION, Row, rows
from gateway.ports import DossierEvent, HolderBatch, HolderClosed

Place = tuple[tuple[int, int, int, str], HolderName]
_PATIENT: Final = TYPE_CODE["Patient"]


class _Head(msgspec.Struct, gc=False):
    resourceType: str = ""
    id: str = ""


_decode_head = msgspec.json.Decoder(_Head).decode


@dataclass(frozen=True, slots=True)
class Piece:
    """One record of a batch, cut out: its bytes as they came, and where it stands at its holder."""

    holder: HolderName
    text: bytes
    type: str
    id: str
    row: Row

    @property
    def is_companion(self) -> bool:
        """Whether it belongs to no patient and is here because another record refers to it."""
        return bool(self.row.flags & COMPANION)

    @property
    def key(self) -> SortKey:
        """Its place in the global order."""
        return SortKey(self.row.time_ms, self.row.type_code, self.row.content_hint, self.id)

    @property
    def place(self) -> Place:
        """Its place among the records of all holders."""
        return self.key.rank, self.holder


def pieces(holder: HolderName, batch: Batch) -> Iterator[Piece]:
    """The records of a batch.

    Raises:
        BadInput: `broken-batch`, `malformed-json`, `invalid-id`: this holder's answer cannot be used further.
    """
    start = 0
    for row in rows(batch.columns):
        yield piece_of(holder, row, batch.blob[start : row.end])
        start = row.end


def piece_of(holder: HolderName, row: Row, text: bytes) -> Piece:
    """One record with its type and id.

    Raises:
        BadInput: As `pieces`.
    """
    try:
        head = _decode_head(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BadInput(Fault.MALFORMED_JSON) from None
    if not is_logical_id(head.id):
        raise BadInput(Fault.INVALID_ID)
    if row.type_code >= len(TYPE_NAME) or TYPE_NAME[row.type_code] not in ("", head.resourceType):
        raise BadInput(Fault.BROKEN_BATCH)
    return Piece(holder, text, head.resourceType, head.id, row)


@dataclass(frozen=True, slots=True)
class Page:
    """What a page came to.

    `others` are the companions and Patient records that came along, by holder. `closed` has the last word of each
    holder that gave one, `missed` the holders without a first frame in time, `broken` those whose answer could not
    be used to the end, with the cause. `more` are the holders that have records after this page. `mappings` are how
    derived records were made.
    """

    records: tuple[Piece, ...]
    others: Mapping[HolderName, tuple[Piece, ...]]
    closed: Mapping[HolderName, HolderClosed]
    missed: frozenset[HolderName]
    broken: Mapping[HolderName, Fault]
    more: frozenset[HolderName]
    mappings: Mapping[HolderName, str] = field(default_factory=dict)


async def merge_page(lanes: Mapping[HolderName, ObjectReceiveStream[DossierEvent]], *, count: int, after: Place | None, first_frame_seconds: float) -> Page:
    """The first *count* records after the place *after*, over all lanes.

    Waits for each holder's first frame, or until *first_frame_seconds* have passed for all of them. Patient records
    and companions have no place in the order: they come along.
    """
    runs = {name: _Lane(name, lane, after) for name, lane in lanes.items()}
    with anyio.move_on_after(first_frame_seconds):
        async with anyio.create_task_group() as tasks:
            for run in runs.values():
                tasks.start_soon(run.hear)
    missed = frozenset(name for name, run in runs.items() if not run.heard)
    present = [run for name, run in runs.items() if name not in missed]
    taken = await _take(present, count)
    async with anyio.create_task_group() as tasks:
        for run in present:
            tasks.start_soon(run.let_go)
    return Page(
        records=tuple(taken),
        others={run.name: tuple(run.others) for run in present},
        closed={run.name: run.closed for run in present if run.closed is not None},
        missed=missed,
        broken={run.name: run.broken for run in present if run.broken is not None},
        more=frozenset(run.name for run in present if run.left or (run.closed is not None and run.closed.more)),
        mappings={run.name: run.mapping for run in present if run.mapping},
    )


async def _take(present: list["_Lane"], count: int) -> list[Piece]:
    heads: list[tuple[Place, int]] = []
    for index, run in enumerate(present):
        await _put_head(heads, index, run)
    taken: list[Piece] = []
    while heads and len(taken) < count:
        _, index = heapq.heappop(heads)
        taken.append(present[index].waiting.popleft())
        await _put_head(heads, index, present[index])
    return taken


async def _put_head(heads: list[tuple[Place, int]], index: int, run: "_Lane") -> None:
    while not run.waiting and run.open:
        await run.hear()
    if run.waiting:
        heapq.heappush(heads, (run.waiting[0].place, index))


@dataclass(slots=True)
class _Lane:
    """One holder's answer: what it sent and was not yet taken."""

    name: HolderName
    stream: ObjectReceiveStream[DossierEvent]
    after: Place | None
    heard: bool = False
    open: bool = True
    letting_go: bool = False
    left: bool = False
    waiting: deque[Piece] = field(default_factory=deque)
    others: list[Piece] = field(default_factory=list)
    closed: HolderClosed | None = None
    broken: Fault | None = None
    mapping: str = ""
    _last: Place | None = None

    async def hear(self) -> None:
        """Wait for the next frame and take it in."""
        try:
            event = await self.stream.receive()
        except anyio.EndOfStream:
            self.heard, self.open = True, False
            return
        self.heard = True
        if isinstance(event, HolderClosed):
            self.closed, self.open = event, False
        elif isinstance(event, HolderBatch) and self.broken is None:
            try:
                self._take_in(event)
            except BadInput as failure:
                # What came before it stands; the lane is still heard to the end, for its last word.
                self.broken = failure.fault

    def _take_in(self, event: HolderBatch) -> None:
        self.mapping = event.mapping
        for piece in pieces(self.name, event.batch):
            if piece.is_companion or piece.row.type_code == _PATIENT:
                self.others += () if self.letting_go else (piece,)
                continue
            place = piece.place
            if self._last is not None and place <= self._last:
                raise BadInput(Fault.BROKEN_BATCH)
            self._last = place
            if self.after is not None and place <= self.after:
                continue
            if self.letting_go:
                self.left = True
            else:
                self.waiting.append(piece)

    async def let_go(self) -> None:
        """Hear the rest without keeping it."""
        self.left = self.left or bool(self.waiting)
        self.waiting.clear()
        self.letting_go = True
        while self.open:
            await self.hear()
