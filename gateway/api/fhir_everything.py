"""`$everything` in order of arrival: the Bundle grows while holders answer, and nothing of it is kept."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from accord.terms.faults import Fault, Faulted, Unavailable
from accord.terms.records import TYPE_NAME
from accord.wire.columns import COMPANION, rows
from gateway.api.bundles import BundleParts
from gateway.api.fhir_account import SET_ASIDE, Before, check_heard, header_of, with_unfit
from gateway.api.fhir_answers import BundleAnswer, is_shown_anyway
from gateway.api.fhir_calls import Call
from gateway.api.fhir_search import Search
from gateway.api.http_door import hear
from gateway.api.http_exchange import ClientLeft
from gateway.api.http_turns import Turn
from gateway.dossier.alike import Placed, Step
from gateway.dossier.folding import Folding
from gateway.patient_ids import Person
from gateway.ports import Completeness, DossierEvent, HolderBatch, HolderClosed, Planned

_PATH: Final = "Patient/{}/$everything"


async def stream_everything(call: Call, person: Person, search: Search) -> None:
    """Answer with all that the region's holders show of one person.

    Nothing is sent before the first record or the first holder that is heard out, so that a region in which everybody
    failed can still answer with an error.

    Raises:
        Faulted: The dossier could not be opened.
        NotHeard: Nobody was heard, or the client takes no part and not everybody was.
    """
    url = call.view.search_url(_PATH.format(call.id_of(person)), list(search.applied))
    streamed = _Streamed(call, search, BundleParts.opening({"self": url}))
    try:
        await hear(call.door, call.query(person, search.selection), streamed.take)
        await streamed.finish()
    except ClientLeft:
        raise
    except Exception as failure:
        await streamed.break_off(failure if isinstance(failure, Faulted) else Unavailable(Fault.INTERNAL))
        raise


@dataclass(slots=True)
class _Streamed:
    """One answer, under way."""

    call: Call
    search: Search
    opening: bytes
    answer: BundleAnswer = field(init=False)
    folding: Folding | None = field(init=False)
    completeness: Completeness | None = None
    shown: int = 0
    held: list[bytes] = field(default_factory=list)
    held_bytes: int = 0

    def __post_init__(self) -> None:
        self.answer = BundleAnswer(self.call)
        self.folding = Folding(shown_anyway=is_shown_anyway) if self.call.view.folds else None

    async def take(self, event: DossierEvent) -> None:
        """Take in what happened, and send what can be sent."""
        match event:
            case Planned():
                self.answer.cards = {card.name: card for card in event.asked}
            case HolderBatch():
                self.answer.mappings[event.holder] = event.mapping
                await self._place(self.folding.folding(event) if self.folding is not None else _as_they_came(event))
            case HolderClosed():
                await self._close(event)
            case Completeness():
                self.completeness = event
            case _:
                pass

    async def finish(self) -> None:
        """Send the rest, with the account, and close the Bundle.

        Raises:
            NotHeard: See `stream_everything`.
        """
        if self.completeness is None:
            raise Unavailable(Fault.INTERNAL)
        unfit = Counter(self.answer.unfit)
        if self.folding is not None:
            await self._place(self.folding.finishing())
            unfit = Counter(self.answer.unfit) + self.folding.lost
        exchange = self.call.exchange
        completeness = with_unfit(self.completeness, unfit)
        # What has begun to be sent is an answer, whatever it came to.
        check_heard(completeness, shown=self.shown > 0 or exchange.started, refuses_partial=self._holds_back)
        total = {"total": self.shown} if completeness.complete else {}
        rest = self.answer.finish(completeness, self.search.ignored, total, before=Before.RECORDS if exchange.started else Before.NOTHING)
        if exchange.started:
            await exchange.end(rest)
        else:
            await exchange.answer(200, b"".join((self.opening, *self.held, rest)), header_of(completeness))

    async def break_off(self, failure: Faulted) -> None:
        """Close a Bundle that has begun and cannot be finished, with what failed: its JSON is whole in any case."""
        if self.call.exchange.started and not self.call.exchange.ended:
            await self.call.exchange.end(self.answer.break_off(failure))

    async def _close(self, event: HolderClosed) -> None:
        """Show what waited for this holder, or after all what was shown as it had it and may not be used now."""
        if self.folding is not None and event.ending in SET_ASIDE:
            self.answer.withdraw(event.holder)
            await self._place(self.folding.withdrawing(event.holder))
        elif self.folding is not None:
            await self._place(self.folding.settling(event.holder))
        if event.ending.heard_out and not self._holds_back:
            await self._start()

    async def _place(self, steps: Iterable[Step]) -> None:
        """Send the records that have their place. Others have their turn meanwhile; nothing else of this answer does."""
        entries: list[bytes] = []
        turn = Turn()
        for placed in steps:
            if placed is not None:
                entries.append(self._entry(placed))
            if turn.is_over:
                await turn.pass_on()
        if self.folding is not None:
            self.folding.folded.clear()
        await self._put(b"".join(entries))

    @property
    def _holds_back(self) -> bool:
        """Whether nothing may be sent before it is known to be whole."""
        return self.call.refuses_partial

    def _entry(self, placed: Placed) -> bytes:
        kind = TYPE_NAME[placed.row.type_code] if placed.row.type_code < len(TYPE_NAME) else ""
        if self.search.selection.types and kind not in self.search.selection.types:
            return b""
        match = not placed.row.flags & COMPANION
        entry = self.answer.record(placed.holder, placed.row, placed.content, match=match, fold=placed.fold)
        self.shown += match and bool(entry) and placed.fold is None
        return entry

    async def _put(self, entries: bytes) -> None:
        if not entries:
            return
        if self._holds_back:
            self.held_bytes += len(entries)
            if self.held_bytes > self.call.settings.held_bytes:
                raise Unavailable(Fault.OVER_LIMIT)
            self.held.append(entries)
            return
        await self._start()
        await self.call.exchange.write(entries)

    async def _start(self) -> None:
        if not self.call.exchange.started:
            await self.call.exchange.start(200)
            await self.call.exchange.write(self.opening)


def _as_they_came(event: HolderBatch) -> Iterable[Step]:
    start = 0
    for row in rows(event.batch.columns):
        yield Placed(event.holder, row, event.batch.blob[start : row.end], None)
        start = row.end
