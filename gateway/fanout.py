"""Everyone at once, each with a last word.

A slow or failing holder never delays or hides another: each holder runs in its own task, under one absolute
deadline for the whole question and a silence time-out of its own that stands still while our own reader is busy.
"""

import math
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final

import anyio
import structlog
from anyio.abc import ObjectSendStream

from accord.rules.leaving_out import LeftOut
from accord.terms.answers import Batch, Closed, Counts, Ending, Frame, Hint, Outcome, Progress
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import HolderName
from accord.terms.limits import ANSWER_BYTES, ANSWER_RECORDS, FIRST_BATCH_BYTES, IDLE_FRAMES, SMALL_BATCHES
from accord.terms.queries import DossierQuery, HolderQuery
from accord.terms.records import categories_of_type
from accord.terms.vocabulary import SECTION_OF, CareCategory, sections_fed_by
from accord.wire.hashing import StreamDigest, question_hash
from gateway.arrivals import Arrived
from gateway.last_line import AnswerLines, answer_lines, came_to
from gateway.ports import DossierEvent, HolderBatch, HolderClosed, HolderFailure, Holders, HolderStatus, RegisteredHolder
from gateway.presence import Presence
from gateway.recording import Lines
from gateway.screening import Screening

#: In seconds: who is silent for longer is shown as asked.
_SILENCE_TOLD_AFTER: Final = 0.1

_NOTHING: Final = Counts()

_log = structlog.get_logger("noaber.fanout")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for the locate answer, the first frame, and between frames.

    `margin` is what a hop keeps for itself of the time that is left.
    """

    locate: float = 1.0
    first_frame: float = 4.0
    between_frames: float = 3.0
    margin: float = 0.05


@dataclass(slots=True)
class Heard:
    """What one holder's answer came to. Filled in while it runs; complete once `closed` is set."""

    holder: RegisteredHolder
    closed: HolderClosed | None = None
    shown: Counter[CareCategory] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Asking:
    """Everything that the tasks of one question share. `deadline` is on the event loop's clock."""

    query: DossierQuery
    holders: Holders
    presence: Presence
    patience: Patience
    lines: Lines
    arrived: Arrived
    deadline: float
    sink_of: Callable[[HolderName], ObjectSendStream[DossierEvent]]
    status: ObjectSendStream[DossierEvent]
    #: Holders that were asked, of which nothing came yet.
    silent: set[HolderName] = field(default_factory=set)

    async def tell_who_is_silent(self) -> None:
        """After a while, say who was asked and is still silent: whoever answers at once is not kept from it by saying so."""
        await anyio.sleep(_SILENCE_TOLD_AFTER)
        while True:
            for name in list(self.silent):
                self.silent.discard(name)
                await self.status.send(HolderStatus(name, "asking"))
            await anyio.sleep(_SILENCE_TOLD_AFTER)

    @property
    def left(self) -> float:
        """Seconds that are left of the question."""
        return self.deadline - anyio.current_time()


async def ask_one(asking: Asking, heard: Heard) -> None:
    """Hear one holder out; whatever happens, `heard.closed` is set and told.

    When the reader leaves meanwhile, nobody is left to tell, and it raises on; the journal has its last line all the same.
    """
    sink = asking.sink_of(heard.holder.name)
    async with answer_lines(asking.lines, heard.holder.card.ura) as lines:
        closed = await _heard_out(_Answer(asking, heard, sink, lines))
    await _tell_the_end(sink, closed)


async def _heard_out(answer: "_Answer") -> HolderClosed:
    asking, heard, lines = answer.asking, answer.heard, answer.lines
    holder = heard.holder
    before_ms = asking.presence.of(holder.name).last_heard_ms
    try:
        with anyio.fail_after(max(0.0, asking.left)) as answer.in_time:
            ending, code = await answer.hear()
    except TimeoutError:
        ending, code = Ending.TOO_LATE, Fault.DEADLINE_PASSED
    except HolderFailure as failure:
        ending, code = failure.ending, failure.code
    except BadInput as failure:
        ending, code = Ending.REJECTED, failure.fault
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        raise  # the reader has left: that ends the whole question, and is nobody's fault
    except Exception as failure:  # noqa: BLE001 - whatever one holder made us do, the others must not suffer for it
        _log.error("holder's answer failed here", holder=holder.card.ura.value, failure=type(failure).__name__)
        ending, code = Ending.REJECTED, Fault.INTERNAL
    ending = came_to(ending, answer.shown)
    if ending.heard_out:
        asking.presence.heard(holder.name)
    heard.shown = Counter() if ending in (Ending.REJECTED, Ending.IDENTITY_UNVERIFIED) else answer.categories
    heard.closed = closed = answer.closed(ending, code, before_ms)
    # Nothing is released any more: when even this line cannot be written, the next question finds the door closed.
    with suppress(Unavailable):
        await lines.end(ending, code, replace(lines.counts, unfit=closed.counts.unfit, oversized=closed.counts.oversized))
    return closed


async def _tell_the_end(sink: ObjectSendStream[DossierEvent], closed: HolderClosed) -> None:
    # The reader may have left; the account is kept all the same.
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await sink.send(closed)


@contextmanager
def _standing_still(scope: anyio.CancelScope) -> Iterator[None]:
    """The deadline does not pass inside: of what is taken at that very moment, nobody could tell whether it was.

    Whoever does not take it at all is given up with the whole question.
    """
    deadline, scope.deadline = scope.deadline, math.inf
    try:
        yield
    finally:
        scope.deadline = deadline


@dataclass(slots=True)
class _Answer:
    """One holder's answer, under way."""

    asking: Asking
    heard: Heard
    sink: ObjectSendStream[DossierEvent]
    lines: AnswerLines
    #: What the reader was given, and of which categories. A batch may have its line and come too late to be given.
    shown: Counts = _NOTHING
    categories: Counter[CareCategory] = field(default_factory=Counter)
    in_time: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    small_batches: int = 0
    idle_frames: int = 0
    #: Categories in which it lacks something, and whether it said so before it was asked.
    lacking: frozenset[CareCategory] = frozenset()
    said_ahead: bool = False
    said: Closed | None = None
    screening: Screening = field(init=False)
    digest: StreamDigest = field(default_factory=StreamDigest)

    def __post_init__(self) -> None:
        query = self.asking.query
        self.screening = Screening(query.bsn, query.birth_date, query.selection)

    async def hear(self) -> tuple[Ending, Fault | None]:
        """Locate, ask and listen; returns how it ended.

        Raises:
            HolderFailure: It ended otherwise than by the holder's last word.
        """
        asking, holder = self.asking, self.heard.holder
        if asking.presence.is_known_down(holder.name):
            return Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE
        try:
            located = await asking.holders.locate(holder, asking.query, seconds=min(asking.patience.locate, asking.left))
        except HolderFailure as failure:
            if failure.ending is Ending.TOO_LATE:
                raise HolderFailure(Ending.TOO_LATE, Fault.HOLDER_SILENT) from None
            raise
        asking.presence.heard(holder.name)
        self._note_left_out(located.left_out)
        if not located.located:
            # As it would end for somebody who is known, and of whom nothing is shown (promise P9).
            if located.left_out.holds_all_of(asking.query.selection):
                return Ending.INCOMPATIBLE, Fault.MISSING_CAPABILITY
            return self._or_lacking(Ending.NOTHING_SHOWN, None)
        query = HolderQuery(
            asking.query.id,
            holder.card.ura,
            asking.query.bsn,
            asking.query.birth_date,
            asking.query.asked_by,
            asking.query.purpose,
            asking.query.selection,
            asking.query.evidence,
        )
        await asking.arrived.give_way()
        seconds = asking.left - asking.patience.margin
        async with asking.holders.ask(holder, query, seconds=seconds) as frames:
            asking.silent.add(holder.name)
            try:
                await self._listen(frames)
            finally:
                asking.silent.discard(holder.name)
        return self._settle(query)

    async def _listen(self, frames: AsyncGenerator[Frame, None]) -> None:
        patience = self.asking.patience.first_frame
        while self.said is None:
            # The time limit surrounds only the wait for the holder: a slow reader is not the holder's fault.
            try:
                with anyio.fail_after(patience):
                    frame = await anext(frames, None)
            except TimeoutError:
                raise HolderFailure(Ending.TOO_LATE, Fault.HOLDER_SILENT) from None
            patience = self.asking.patience.between_frames
            self.asking.silent.discard(self.heard.holder.name)
            await self._take(frame)

    async def _take(self, frame: Frame | None) -> None:
        holder = self.heard.holder.name
        match frame:
            case Batch():
                await self._take_batch(frame)
            case Outcome():
                self._count_idle()
                self.screening.decided(frame)
            case Closed():
                self.said = frame
            case Progress() | Hint():
                self._count_idle()
                if isinstance(frame, Hint) and frame.code is Fault.MISSING_CAPABILITY:
                    # Told with its last word, and no sooner: whoever is not known here has no other words (promise P9).
                    self._note_hint()
                    return
                await self.asking.status.send(HolderStatus(holder, "receiving", frame.code if isinstance(frame, Hint) else None, self.shown.records))
            case None:
                raise HolderFailure(Ending.CUT_OFF, Fault.STREAM_CUT)

    def _count_idle(self) -> None:
        self.idle_frames += 1
        if self.idle_frames > IDLE_FRAMES:
            raise HolderFailure(Ending.OVER_LIMIT, Fault.OVER_LIMIT)

    async def _take_batch(self, batch: Batch) -> None:
        await self.asking.arrived.give_way()
        number = self.screening.check(batch)
        if self.shown.records + number > ANSWER_RECORDS or self.shown.bytes + len(batch.blob) > ANSWER_BYTES:
            raise HolderFailure(Ending.OVER_LIMIT, Fault.OVER_LIMIT)
        self.small_batches += len(batch.blob) < FIRST_BATCH_BYTES
        if self.small_batches > SMALL_BATCHES:
            # Each has its line: an evil holder could fill our journal with what it cuts to pieces (promise P7).
            raise HolderFailure(Ending.OVER_LIMIT, Fault.OVER_LIMIT)
        # The line is durable before anything of the batch goes on (promise P2).
        await self._line(batch)
        before = self.shown
        with _standing_still(self.in_time):
            await self.sink.send(HolderBatch(self.heard.holder.name, batch, self.screening.patients, self.screening.mapping, self.screening.bases))
        self.shown = Counts(before.records + number, before.bytes + len(batch.blob), before.batches + 1)
        self.categories = self.screening.shown()

    async def _line(self, batch: Batch) -> None:
        try:
            await self.lines.releasing(batch)
        except Unavailable as failure:
            raise HolderFailure(Ending.CUT_OFF if self.shown.records else Ending.UNREACHABLE, failure.fault) from None
        self.digest.add(batch)

    def _settle(self, query: HolderQuery) -> tuple[Ending, Fault | None]:
        """Weigh the holder's last word against what arrived.

        Raises:
            HolderFailure: `rejected`, when they do not agree.
        """
        said = self.said
        if said is None:
            raise HolderFailure(Ending.CUT_OFF, Fault.STREAM_CUT)
        if said.holder != query.holder or said.question_hash != question_hash(query):
            raise HolderFailure(Ending.REJECTED, Fault.WRONG_QUESTION)
        counts, shown = said.counts, self.shown
        if said.digest != self.digest.value() or (counts.records, counts.bytes, counts.batches) != (shown.records, shown.bytes, shown.batches):
            raise HolderFailure(Ending.REJECTED, Fault.WRONG_DIGEST)
        if said.ending in (Ending.NOT_ASKED, Ending.REJECTED) or (said.ending is Ending.ANSWERED) != bool(shown.records and said.ending.heard_out):
            raise HolderFailure(Ending.REJECTED, Fault.BROKEN_BATCH)
        return self._or_lacking(said.ending, said.code)

    def _note_left_out(self, left_out: LeftOut) -> None:
        """What it said ahead; of sections that its kind does not feed, nobody expects anything."""
        fed = sections_fed_by(self.heard.holder.card.kind)
        within = left_out.within(self.asking.query.selection)
        self.said_ahead = bool(within)
        self.lacking = frozenset(category for category in within if SECTION_OF[category] in fed)

    def _note_hint(self) -> None:
        """An agent that said nothing ahead does not say what is lacking: it may be all that was asked for."""
        if not self.said_ahead:
            selection = self.asking.query.selection
            named = frozenset(category for name in selection.types for category in categories_of_type(name)) or frozenset(CareCategory)
            self.lacking = named & selection.categories if selection.categories else named

    def _or_lacking(self, ending: Ending, code: Fault | None) -> tuple[Ending, Fault | None]:
        """Heard out, but not about everything: some of what it keeps or may keep is not asked for at its systems."""
        return (ending, Fault.MISSING_CAPABILITY) if self.lacking and ending.heard_out else (ending, code)

    def closed(self, ending: Ending, code: Fault | None, before_ms: int) -> HolderClosed:
        """The holder's last word as it stands for the dossier."""
        asking, seen = self.asking, self.asking.presence.of(self.heard.holder.name)
        return HolderClosed(
            self.heard.holder.name,
            ending,
            self._counts(ending),
            code,
            self.said,
            round((anyio.current_time() - asking.arrived.moment) * 1000),
            before_ms,
            copy=seen.description is not None and seen.description.copy,
            data_as_of_ms=seen.data_as_of_ms,
            more=self.said is not None and self.said.more,
            lacking=self.lacking if ending.heard_out else frozenset(),
            paused_since_ms=seen.since_ms if code is Fault.PAUSED and seen.code is Fault.PAUSED else 0,
        )

    def _counts(self, ending: Ending) -> Counts:
        counts = self.shown
        if self.said is None or ending is Ending.REJECTED:
            return counts
        return replace(counts, unfit=self.said.counts.unfit, oversized=self.said.counts.oversized)
