"""The use case: a question comes in, the holder decides, and only then are records read and told."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, nullcontext, suppress
from typing import Final

import anyio

from accord.rules.leaving_out import is_by_name
from accord.terms.answers import Closed, Counts, Ending, Hint
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import RecordRef
from accord.terms.limits import MESSAGE_BYTES
from accord.terms.queries import Order, Selection
from accord.wire.hashing import question_hash
from node_agent.admitted import Admitted
from node_agent.budgeting import BudgetSpent
from node_agent.companions import Companions
from node_agent.deciding import Decisions
from node_agent.disclosure import Gate
from node_agent.emergencies import GlassUnbroken
from node_agent.finding import Person
from node_agent.holder import Decided, Holder
from node_agent.last_line import LastLine, last_line
from node_agent.last_words import CHANGED, NOTHING, PAUSED, TOO_LATE, LastWord, word_of_line
from node_agent.ordering import Collection
from node_agent.outlet import ReaderGone, ReaderLost
from node_agent.packing import ReleasedRecord
from node_agent.ports import Inquiry, ReadsAhead, SourceFailure, SourceIncapable, SourceRecord
from node_agent.recording import Recording
from node_agent.revoking import shows_less
from node_agent.right_patient import IdentityInDoubt
from node_agent.telling import AnswerTooLarge, Emit, Teller

_RELEASED_AT_ONCE: Final = 100
#: So long a source that failed is asked for what waits for something.
_FAILED_SECONDS: Final = 2.0
#: So many records can be asked for in the global order: a page, and the one that it goes on from.
MOST_IN_ORDER: Final = 1_001

#: Causes that are not the source's and are told as they are.
_TOLD: Final = frozenset({Fault.JOURNAL_UNAVAILABLE})

_Lists = AsyncGenerator[list[SourceRecord], None]


async def answer(holder: Holder, admitted: Admitted, emit: Emit, *, seconds: float | None = None) -> None:
    """Answer one question; the last frame is always `Closed`.

    With *seconds* it ends by itself when they are over, so that what was told is still counted and signed off.

    Raises:
        BadInput: `not-this-holder`, or `invalid-question`: a page in the global order without a sensible limit.
        Unavailable: `budget-spent`, no emergency access, or `journal-unavailable`: then there is no answer.
        ReaderLost: Nobody took the last word, or what was told before it. The journal has its line all the same.
    """
    query = admitted.query
    if query.selection.order is Order.GLOBAL and not 1 <= query.selection.limit <= MOST_IN_ORDER:
        raise BadInput(Fault.INVALID_QUESTION, "selection.limit")
    recording = holder.safeguards.recording(admitted.asking)
    # Asked when the first records are told: a store may have been fed since it was opened.
    most = {"most_records": holder.most_records, "most_bytes": holder.most_bytes}
    teller = Teller(emit, holder.bases, recording.releasing, **most, mapping=lambda: holder.mapping)
    answering = Answering(holder, admitted, teller, recording)
    word = holder.refusal(query)
    async with last_line(recording, answering.counts_of_lines, changed=lambda: answering.cut) as line:
        if word is None:
            word = TOO_LATE
            async with holder.pausing.while_not_paused(answering.pause), _kept_alive(teller):
                with anyio.move_on_after(seconds):
                    word = await answering.run()
        if answering.paused:
            word = PAUSED
        if word is TOO_LATE:
            teller.hurry()
        await answering.close(word, line)


@asynccontextmanager
async def _kept_alive(teller: Teller) -> AsyncGenerator[None, None]:
    """Signs of life while the block runs. A failure leaves as itself, and not as a group of one."""
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(teller.keep_alive)
            yield
            tasks.cancel_scope.cancel()
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


class Answering:
    """One answer under way."""

    def __init__(self, holder: Holder, admitted: Admitted, teller: Teller, recording: Recording) -> None:
        self._holder = holder
        self._admitted = admitted
        self._query = admitted.query
        self._teller = teller
        self._recording = recording
        self.cut = False
        #: The holder paused its agent: whatever was under way is over.
        self.paused = False
        self._gate: Gate | None = None
        self._patients: list[ReleasedRecord] = []
        #: Whether an answer to this question may lack something, whoever it is about.
        self._lacking = False

    async def run(self) -> LastWord:
        """Decide, then read and tell. Whatever the source or the choices do ends in a last word."""
        since = self._holder.safeguards.revocations.mark
        try:
            # Before it is looked who the question is about: it must not tell who is known (promise P9).
            left_out = await self._holder.left_out()
            self._lacking = bool(left_out.within(self._query.selection))
            if left_out.holds_all_of(self._query.selection):
                return LastWord(Ending.INCOMPATIBLE, Fault.MISSING_CAPABILITY)
            async with self._inquiry() as inquiry:
                decided = await self._holder.decide(self._admitted, self._recording, inquiry)
                if decided.person is None or not decided.decisions.may_show(self._query.selection):
                    return NOTHING
                return await self._release_while_it_may(inquiry, decided, decided.person, since)
        except (BudgetSpent, GlassUnbroken, ReaderLost):
            raise
        except IdentityInDoubt as doubt:
            return LastWord(doubt.ending, doubt.fault)
        except AnswerTooLarge as met:
            return LastWord(Ending.OVER_LIMIT, met.fault)
        except Unavailable as failure:
            fault = failure.fault if isinstance(failure, SourceFailure) or failure.fault in _TOLD else Fault.SOURCE_UNAVAILABLE
            self._holder.pausing.suspect(fault)
            return LastWord(Ending.CUT_OFF if self._teller.records else Ending.UNREACHABLE, fault)

    def pause(self) -> None:
        """Nothing more may leave from this moment on."""
        self.paused = True
        self._teller.cut()

    def counts(self) -> Counts:
        """What was told, beside what could not be."""
        return self._teller.counts(self._gate.shortfall.unfit if self._gate else 0, self._gate.shortfall.oversized if self._gate else 0)

    def counts_of_lines(self) -> Counts:
        """The same as the journal has it."""
        counts = self.counts()
        return self._teller.counts_of_lines(counts.unfit, counts.oversized)

    async def close(self, word: LastWord, line: LastLine) -> None:
        """Tell what waits, the remarks, and the last word behind its line.

        Raises:
            Unavailable: `journal-unavailable`, when not even the last line could be written.
            ReaderLost: The line is written, and more is not told.
        """
        if self.paused:
            await self._teller.drop()
        elif not self.cut:
            word = await self._flushed(word)
        lines = self.counts_of_lines()
        await line.write(word_of_line(word, cut=self.cut, lines=lines), lines)
        # What is to look as if nothing was there has nothing that did not fit, either (promise P9).
        counts = Counts() if self.cut and word is NOTHING else self.counts()
        if counts.unfit:
            await self._teller.say(Hint(Fault.RECORDS_UNFIT))
        if counts.oversized:
            await self._teller.say(Hint(Fault.RECORDS_OVERSIZED))
        if self._lacking and word.ending.heard_out:
            await self._teller.say(Hint(Fault.MISSING_CAPABILITY))
        received = question_hash(self._admitted.received)
        closed = Closed(self._holder.ura, word.ending, counts, self._teller.digest, received, word.code, word.more)
        await self._teller.say(closed)

    async def _flushed(self, word: LastWord) -> LastWord:
        try:
            await self._teller.flush()
        except Unavailable as failure:
            if word is TOO_LATE and isinstance(failure, ReaderGone):
                return word  # they did not wait any longer, either
            # What waited is lost: without its line it may not leave.
            return LastWord(Ending.CUT_OFF if self._teller.records else Ending.UNREACHABLE, failure.fault)
        return word

    async def _release_while_it_may(self, inquiry: Inquiry, decided: Decided, person: Person, since: int) -> LastWord:
        """Release, and stop as soon as less may be shown than when it was decided (promise P11)."""
        safeguards = self._holder.safeguards
        word = NOTHING

        async def recheck() -> float | None:
            anew = await self._holder.decide_anew(self._admitted.asking, person[0])
            return None if shows_less(decided.decisions, anew.decisions) else anew.lease

        async with safeguards.revocations.watching(person[0], recheck, lease=decided.lease, since=since, at_cut=self._teller.cut) as watch:
            # What waits is told while it is watched, too: a reader may keep it waiting for long.
            word = await self._flushed(await self._release(inquiry, person, decided.decisions))
        if not watch.cut:
            return word
        self.cut = True
        await self._teller.drop()
        # Where nothing was told yet, nobody is told that there was something (promise P9).
        return CHANGED if self._teller.told else NOTHING

    async def _release(self, inquiry: Inquiry, person: Person, decisions: Decisions) -> LastWord:
        source, selection = self._holder.source, self._query.selection
        gate = self._gate = Gate(self._query, person, decisions)
        found = [given async for some in source.patients(person[1]) for given in some]
        self._patients = gate.admit(found, self._holder.bases)
        if not self._patients:
            return NOTHING
        companions = Companions(gate, source)
        if selection.order is Order.GLOBAL:
            word = await self._release_in_order(gate, companions, self._records(inquiry, person))
        else:
            word = await self._release_as_it_comes(gate, companions, self._records(inquiry, person))
        if word.ending is Ending.ANSWERED and any(gate.asks_for(patient) for patient in self._patients):
            await self._tell([], companions)
        if word.ending is Ending.ANSWERED and not self._teller.records:
            return NOTHING
        return word

    async def _release_as_it_comes(self, gate: Gate, companions: Companions, records: _Lists) -> LastWord:
        try:
            with suppress(SourceIncapable):  # it told all the rest
                async with aclosing(records) as lists:
                    async for given in lists:
                        await self._tell_some(await self._released(gate, given), companions)
        except SourceFailure:
            await self._tell_some(await self._waited(gate), companions)
            raise
        await self._tell_some(await gate.rest(self._holder.source), companions)
        await self._tell_some(gate.provenance(), companions)
        return LastWord(Ending.ANSWERED)

    async def _release_in_order(self, gate: Gate, companions: Companions, records: _Lists) -> LastWord:
        collection = Collection(self._query.selection, most_records=self._holder.most_records, most_bytes=self._holder.most_bytes)
        word = LastWord(Ending.ANSWERED)
        try:
            with suppress(SourceIncapable):  # as above
                async with aclosing(records) as lists:
                    async for given in lists:
                        collection.add(await self._released(gate, given))
            collection.add(await gate.rest(self._holder.source))
            collection.add(gate.provenance())
        except AnswerTooLarge as met:
            word = LastWord(Ending.OVER_LIMIT, met.fault)
        except SourceFailure as failure:
            self._holder.pausing.suspect(failure.fault)
            word = LastWord(Ending.CUT_OFF, failure.fault)
            with suppress(AnswerTooLarge):
                collection.add(await self._waited(gate))
        ordered = collection.in_order()
        for begin in range(0, len(ordered), _RELEASED_AT_ONCE):
            await self._tell_some(ordered[begin : begin + _RELEASED_AT_ONCE], companions)
        if word.ending is Ending.CUT_OFF and not ordered:
            return LastWord(Ending.UNREACHABLE, word.code)
        return LastWord(word.ending, word.code, collection.more)

    def _inquiry(self) -> AbstractAsyncContextManager[Inquiry]:
        """The source, for this question: one that reads ahead does so where all that is kept about somebody is looked at."""
        source, selection = self._holder.source, self._query.selection
        if isinstance(source, ReadsAhead) and not _patients_only(selection) and _named(selection) is None:
            return source.inquiry(selection)
        return nullcontext(source)

    def _records(self, inquiry: Inquiry, person: Person) -> _Lists:
        """The records to look at: by name where names are given, else all that is kept about this person."""
        selection = self._query.selection
        if _patients_only(selection):
            return _nothing()
        named = _named(selection)
        return inquiry.records_of(person[1], selection) if named is None else self._read(named)

    async def _read(self, refs: list[RecordRef]) -> _Lists:
        found = await self._holder.source.read(refs)
        yield list(found.values())

    async def _released(self, gate: Gate, given: list[SourceRecord]) -> list[ReleasedRecord]:
        names = _named(self._query.selection)
        return await gate.disclose(given, self._holder.source, by_name=len(names or ()), more=names is None)

    async def _waited(self, gate: Gate) -> list[ReleasedRecord]:
        """What still waits when a source failed, as far as that soon lets it be decided on."""
        with suppress(SourceFailure), anyio.move_on_after(_FAILED_SECONDS):
            return await gate.rest(self._holder.source)
        return []

    async def _tell_some(self, records: list[ReleasedRecord], companions: Companions) -> None:
        if records:
            await self._tell(records, companions)

    async def _tell(self, records: list[ReleasedRecord], companions: Companions) -> None:
        """Tell *records* behind their companions; ahead of the first of them, whom the answer is about."""
        patients, self._patients = self._patients, []
        await companions.fetch([*patients, *records])
        if patients:
            await self._teller.tell_together([*patients, *self._that_fit(companions.before(patients), patients)])
        await self._teller.tell(companions.among(records))

    def _that_fit(self, companions: list[ReleasedRecord], patients: list[ReleasedRecord]) -> list[ReleasedRecord]:
        """Those that fit in one message with the Patient records, as they must."""
        room = MESSAGE_BYTES - sum(len(patient.fhir_json) for patient in patients)
        fitting = []
        for companion in companions:
            room -= len(companion.fhir_json)
            if room >= 0:
                fitting.append(companion)
            elif self._gate:
                self._gate.shortfall.oversized += 1
        return fitting


def _named(selection: Selection) -> list[RecordRef] | None:
    """The records that are asked for by name, when these are few enough to read each; none when they are not."""
    names = sorted(selection.types - {"Patient"})
    if not is_by_name(selection):
        return None
    try:
        return [RecordRef(name, logical_id) for name in names for logical_id in selection.ids]
    except BadInput:
        return None


def _patients_only(selection: Selection) -> bool:
    return bool(selection.types) and not selection.types - {"Patient"}


async def _nothing() -> _Lists:
    some: tuple[list[SourceRecord], ...] = ()
    for records in some:
        yield records
