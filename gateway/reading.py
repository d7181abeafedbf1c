"""One record or one attachment at one holder. Whoever asks names the person; another person's record is not found."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import anyio

from accord.terms.answers import Batch, Chunk, Closed, ContentType, Counts, Ending, Frame, Outcome
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, HolderName, QueryId, RecordRef
from accord.terms.limits import ATTACHMENT_BYTES, IDLE_FRAMES, KIB
from accord.terms.parties import Asker
from accord.terms.queries import EVERYTHING, NO_EVIDENCE, DossierQuery, Evidence, HolderQuery, Selection
from accord.terms.vocabulary import PurposeOfUse
from accord.wire.columns import ROW, ROW_BYTES
from accord.wire.hashing import StreamDigest, question_hash
from gateway.last_line import AnswerLines, answer_lines, came_to
from gateway.opening import Region
from gateway.ports import HolderBatch, HolderFailure, RegisteredHolder
from gateway.recording import About, Lines
from gateway.screening import Screening

#: Chunks may be smaller than this now and then.
_SMALL_CHUNK: Final = 16 * KIB
#: The last word is about something else than what came.
_OTHERWISE: Final = frozenset({Fault.WRONG_QUESTION, Fault.WRONG_DIGEST})


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads what about whom, why, within how many seconds, and on which evidence."""

    id: QueryId
    bsn: Bsn
    asked_by: Asker
    purpose: PurposeOfUse
    seconds: float
    selection: Selection = EVERYTHING
    evidence: Evidence = NO_EVIDENCE


def selection_of(ref: RecordRef) -> Selection:
    """What is asked of a holder to read one record."""
    return Selection(types=frozenset({ref.type}), ids=(ref.id,), includes=())


async def read_at(region: Region, holder: HolderName, reader: Reader) -> HolderBatch:
    """The record and the Patient record(s) of the person it is about, in one screened batch.

    Raises:
        BadInput: `unknown-holder`.
        Unavailable: `not-found` (nothing there, or not shared: nobody can tell), or the code of what failed.
    """
    registered = region.register.by_name(holder)
    query = _query(registered, reader, reader.selection)
    answer, lines = _Reading(query), _lines(region, reader)
    await lines.asked()
    async with answer_lines(lines, query.holder) as account:
        try:
            await _locate(region, registered, reader)
            with anyio.fail_after(reader.seconds):
                async with region.holders.ask(registered, query, seconds=reader.seconds) as frames:
                    async for frame in frames:
                        answer.take(frame)
                        if isinstance(frame, Closed):
                            break
            batch = answer.joined()
        except TimeoutError:
            await account.end(Ending.TOO_LATE, Fault.HOLDER_SILENT)
            raise Unavailable(Fault.HOLDER_SILENT) from None
        except HolderFailure as failure:
            await account.end(failure.ending, failure.code)
            raise Unavailable(_told(failure)) from None
        except BadInput as failure:
            await account.end(Ending.REJECTED, failure.fault)
            raise Unavailable(Fault.SOURCE_ANSWER_INVALID) from None
        except Unavailable as failure:
            await account.end(Ending.REJECTED if failure.fault in _OTHERWISE else answer.ending, failure.fault)
            raise
        region.presence.heard(holder)
        for part in answer.batches:
            await account.releasing(part)
        await account.end(Ending.ANSWERED, None, answer.counts)
    return HolderBatch(holder, batch, answer.patients, answer.mapping)


async def _locate(region: Region, holder: RegisteredHolder, reader: Reader) -> None:
    """Ask by pseudonym first: the BSN goes only to a holder that says it knows the person.

    Raises:
        HolderFailure: It did not say.
        Unavailable: `not-found`: it does not know them, or does not tell.
    """
    about = DossierQuery(
        reader.id, reader.bsn, None, reader.asked_by, reader.purpose, reader.selection, frozenset({holder.name}), reader.seconds, reader.evidence
    )
    if not (await region.holders.locate(holder, about, seconds=min(region.patience.locate, reader.seconds))).located:
        raise Unavailable(Fault.NOT_FOUND)


@asynccontextmanager
async def fetch_attachment_at(region: Region, holder: HolderName, url: str, record: RecordRef, reader: Reader) -> AsyncIterator[tuple[str, "CheckedChunks"]]:
    """The media type and bytes of an attachment that *record* refers to; the bytes are checked at their end.

    Raises:
        BadInput: `unknown-holder`.
        Unavailable: `not-found`, or the code of what failed, also while the bytes are read.
    """
    registered = region.register.by_name(holder)
    query, lines = _query(registered, reader, EVERYTHING), _lines(region, reader)
    await lines.asked()
    async with answer_lines(lines, query.holder) as account:
        is_there = False
        try:
            await _locate(region, registered, reader)
            async with region.holders.fetch(registered, query, url, str(record), seconds=reader.seconds) as frames:
                first = await anext(frames, None)
                if not isinstance(first, ContentType):
                    raise HolderFailure(_ending(first), _cause(first))
                is_there = True
                yield first.value, CheckedChunks(frames, query, account, str(record))
        except HolderFailure as failure:
            await account.end(failure.ending, failure.code)
            raise Unavailable(failure.code) from None
        except Unavailable as failure:
            await account.end(Ending.CUT_OFF if is_there else Ending.NOTHING_SHOWN, failure.fault)
            raise


def _lines(region: Region, reader: Reader) -> Lines:
    return Lines(region.recorder(), About(reader.id, reader.bsn, reader.asked_by, reader.purpose, reader.evidence))


class CheckedChunks:
    """The bytes of an attachment, each chunk behind its line, checked at their end. `said` is the holder's own last word."""

    def __init__(self, frames: AsyncGenerator[object, None], query: HolderQuery, account: AnswerLines, record: str) -> None:
        self._frames = frames
        self._query = query
        self._account = account
        self._record = record
        self._digest = StreamDigest()
        self._others = 0
        self.said: Closed | None = None

    def __aiter__(self) -> "CheckedChunks":
        return self

    async def __anext__(self) -> bytes:
        """The next chunk.

        Raises:
            Unavailable: The code of what failed; what came is not the whole.
        """
        try:
            async for frame in self._frames:
                if isinstance(frame, Chunk):
                    return await self._taken(frame.content)
                if isinstance(frame, Closed):
                    await self._end(frame)
                    raise StopAsyncIteration
                self._others += 1
                if self._others > IDLE_FRAMES:
                    raise HolderFailure(Ending.OVER_LIMIT, Fault.OVER_LIMIT)
            raise HolderFailure(Ending.CUT_OFF, Fault.STREAM_CUT)
        except HolderFailure as failure:
            await self._account.end(came_to(failure.ending, self._account.counts), failure.code)
            raise Unavailable(failure.code) from None

    async def _taken(self, content: bytes) -> bytes:
        size, number = self._account.counts.bytes + len(content), self._account.counts.batches
        # Small chunks, each with its line, would fill the journal of whoever reads an evil holder.
        if size > ATTACHMENT_BYTES or number > size // _SMALL_CHUNK + IDLE_FRAMES:
            raise HolderFailure(Ending.OVER_LIMIT, Fault.OVER_LIMIT)
        await self._account.releasing_chunk(self._record, content)
        self._digest.add_chunk(content)
        return content

    async def _end(self, said: Closed) -> None:
        if said.holder != self._query.holder or said.question_hash != question_hash(self._query):
            raise HolderFailure(Ending.REJECTED, Fault.WRONG_QUESTION)
        if said.digest != self._digest.value() or (said.counts.bytes, said.counts.batches) != (self._account.counts.bytes, self._account.counts.batches):
            raise HolderFailure(Ending.REJECTED, Fault.WRONG_DIGEST)
        self.said = said
        await self._account.end(said.ending, said.code, said.counts)
        if said.ending is not Ending.ANSWERED:
            raise Unavailable(_cause(said))


def _query(holder: RegisteredHolder, reader: Reader, selection: Selection) -> HolderQuery:
    return HolderQuery(reader.id, holder.card.ura, reader.bsn, None, reader.asked_by, reader.purpose, selection, reader.evidence)


def _bsn(query: HolderQuery) -> Bsn:
    if not isinstance(query.about, Bsn):
        raise BadInput(Fault.NO_PATIENT)
    return query.about


def _told(failure: HolderFailure) -> Fault:
    """What a reader of one record is told: a holder's bad record is not the reader's mistake."""
    if failure.ending is Ending.REJECTED and failure.code is not Fault.OTHER_PATIENT:
        return Fault.SOURCE_ANSWER_INVALID
    return failure.code


def _ending(frame: object) -> Ending:
    """How an answer ended in which nothing came before this frame, or the end of the stream."""
    if isinstance(frame, Closed):
        return frame.ending if frame.ending is not Ending.ANSWERED else Ending.NOTHING_SHOWN
    return Ending.CUT_OFF if frame is None else Ending.REJECTED


def _cause(frame: object) -> Fault:
    if isinstance(frame, Closed):
        return frame.code or Fault.NOT_FOUND
    return Fault.STREAM_CUT if frame is None else Fault.BROKEN_BATCH


class _Reading:
    """The answer to a question about one record, under way."""

    def __init__(self, query: HolderQuery) -> None:
        self._query = query
        self._screening = Screening(_bsn(query), None, query.selection)
        self._outcomes = 0
        self._batches: list[Batch] = []
        self._digest = StreamDigest()
        self._said: Closed | None = None

    @property
    def batches(self) -> tuple[Batch, ...]:
        """What came, as it came."""
        return tuple(self._batches)

    @property
    def ending(self) -> Ending:
        """How it ended without anything to show, as the holder said; cut off, when it did not say."""
        return _ending(self._said)

    @property
    def counts(self) -> Counts:
        """How much came, as the holder said."""
        return self._said.counts if self._said is not None else Counts()

    @property
    def mapping(self) -> str:
        """How the holder's derived records were made; empty where none are."""
        return self._screening.mapping

    @property
    def patients(self) -> frozenset[str]:
        """Logical ids of the person's Patient records at the holder."""
        return self._screening.patients

    def take(self, frame: Frame) -> None:
        """Take in a frame.

        Raises:
            HolderFailure: It does not pass screening.
        """
        match frame:
            case Outcome():
                self._outcomes += 1
                if self._outcomes > IDLE_FRAMES:
                    raise HolderFailure(Ending.OVER_LIMIT, Fault.OVER_LIMIT)
                self._screening.decided(frame)
            case Batch():
                if len(self._batches) > 4:
                    raise HolderFailure(Ending.OVER_LIMIT, Fault.OVER_LIMIT)
                self._screening.check(frame)
                self._digest.add(frame)
                self._batches.append(frame)
            case Closed():
                self._said = frame
            case _:
                pass

    def joined(self) -> Batch:
        """All that was released, as one batch.

        Raises:
            Unavailable: `not-found` when there is nothing, or the code of what failed.
        """
        said = self._said
        if said is None:
            raise Unavailable(Fault.STREAM_CUT)
        if said.holder != self._query.holder or said.question_hash != question_hash(self._query):
            raise Unavailable(Fault.WRONG_QUESTION)
        sent = (sum(len(batch.columns) for batch in self._batches) // ROW_BYTES, sum(len(batch.blob) for batch in self._batches), len(self._batches))
        if said.digest != self._digest.value() or (said.counts.records, said.counts.bytes, said.counts.batches) != sent:
            raise Unavailable(Fault.WRONG_DIGEST)
        if said.ending is not Ending.ANSWERED or not self._batches:
            raise Unavailable(said.code or Fault.NOT_FOUND)
        columns, shift = bytearray(), 0
        for batch in self._batches:
            for *head, end, type_code, category in ROW.iter_unpack(batch.columns):
                columns += ROW.pack(*head, end + shift, type_code, category)
            shift += len(batch.blob)
        categories = 0
        for batch in self._batches:
            categories |= batch.categories
        return Batch(bytes(columns), b"".join(batch.blob for batch in self._batches), categories)
