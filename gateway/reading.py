"""One record or one attachment at one holder: the questions that are about a record and not about a person.

Who the record is about is learned from the holder: it sends the Patient record(s) first, with exactly one BSN, and
everything else is screened against that.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from accord.rules.reading import bsns_of, read_record
from accord.terms.answers import Batch, Chunk, Closed, ContentType, Ending, Frame, Outcome
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Bsn, HolderName, QueryId, RecordRef
from accord.terms.limits import ATTACHMENT_BYTES, IDLE_FRAMES
from accord.terms.parties import Asker
from accord.terms.queries import HolderQuery, Selection
from accord.terms.vocabulary import PurposeOfUse
from accord.wire.columns import ROW, ROW_BYTES
from accord.wire.hashing import StreamDigest, question_hash
from gateway.opening import Region
from gateway.ports import HolderBatch, HolderFailure, RegisteredHolder
from gateway.screening import Screening


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, why, and within how many seconds."""

    id: QueryId
    asked_by: Asker
    purpose: PurposeOfUse
    seconds: float


async def read_at(region: Region, holder: HolderName, ref: RecordRef, reader: Reader) -> HolderBatch:
    """The record and the Patient record(s) of the person it is about, in one screened batch.

    Raises:
        BadInput: `unknown-holder`.
        Unavailable: `not-found` (nothing there, or not shared: nobody can tell), or the code of what failed.
    """
    registered = region.register.by_name(holder)
    query = _query(registered, ref, reader, Selection(types=frozenset({ref.type}), ids=(ref.id,), includes=()))
    answer = _Reading(query)
    try:
        with anyio.fail_after(reader.seconds):
            async with region.holders.ask(registered, query, seconds=reader.seconds) as frames:
                async for frame in frames:
                    answer.take(frame)
                    if isinstance(frame, Closed):
                        break
    except TimeoutError:
        raise Unavailable(Fault.HOLDER_SILENT) from None
    except HolderFailure as failure:
        raise Unavailable(_told(failure)) from None
    region.presence.heard(holder)
    return HolderBatch(holder, answer.joined(), answer.patients)


@asynccontextmanager
async def fetch_attachment_at(
    region: Region, holder: HolderName, about: Bsn | RecordRef, url: str, record: RecordRef, reader: Reader
) -> AsyncIterator[tuple[str, AsyncGenerator[bytes, None]]]:
    """The media type and bytes of an attachment that *record* refers to; the bytes are checked at their end.

    Raises:
        BadInput: `unknown-holder`.
        Unavailable: `not-found`, or the code of what failed, also while the bytes are read.
    """
    registered = region.register.by_name(holder)
    query = _query(registered, about, reader, Selection())
    try:
        async with region.holders.fetch(registered, query, url, str(record), seconds=reader.seconds) as frames:
            first = await anext(frames, None)
            if not isinstance(first, ContentType):
                raise Unavailable(_cause(first))
            yield first.value, _checked(frames, query)
    except HolderFailure as failure:
        raise Unavailable(failure.code) from None


async def _checked(frames: AsyncGenerator[object, None], query: HolderQuery) -> AsyncGenerator[bytes, None]:
    digest = StreamDigest()
    size = 0
    try:
        async for frame in frames:
            if isinstance(frame, Chunk):
                size += len(frame.content)
                if size > ATTACHMENT_BYTES:
                    raise Unavailable(Fault.OVER_LIMIT)
                digest.add_chunk(frame.content)
                yield frame.content
            elif isinstance(frame, Closed):
                if frame.question_hash != question_hash(query):
                    raise Unavailable(Fault.WRONG_QUESTION)
                if frame.digest != digest.value():
                    raise Unavailable(Fault.WRONG_DIGEST)
                if frame.ending is not Ending.ANSWERED:
                    raise Unavailable(_cause(frame))
                return
    except HolderFailure as failure:
        raise Unavailable(failure.code) from None
    raise Unavailable(Fault.STREAM_CUT)


def _query(holder: RegisteredHolder, about: Bsn | RecordRef, reader: Reader, selection: Selection) -> HolderQuery:
    if reader.purpose is PurposeOfUse.EMERGENCY_TREATMENT:
        raise Unavailable(Fault.EMERGENCY_NOT_OFFERED)
    return HolderQuery(reader.id, holder.card.ura, about, None, reader.asked_by, reader.purpose, selection)


def _told(failure: HolderFailure) -> Fault:
    """What a reader of one record is told: a holder's bad record is not the reader's mistake."""
    if failure.ending is Ending.REJECTED and failure.code is not Fault.OTHER_PATIENT:
        return Fault.SOURCE_ANSWER_INVALID
    return failure.code


def _cause(frame: object) -> Fault:
    return frame.code if isinstance(frame, Closed) and frame.code is not None else Fault.NOT_FOUND


class _Reading:
    """The answer to a question about one record, under way."""

    def __init__(self, query: HolderQuery) -> None:
        self._query = query
        self._screening: Screening | None = None
        self._outcomes: list[Outcome] = []
        self._batches: list[Batch] = []
        self._digest = StreamDigest()
        self._said: Closed | None = None

    @property
    def patients(self) -> frozenset[str]:
        """Logical ids of the person's Patient records at the holder."""
        return self._screening.patients if self._screening is not None else frozenset()

    def take(self, frame: Frame) -> None:
        """Take in a frame.

        Raises:
            HolderFailure: It does not pass screening.
        """
        match frame:
            case Outcome():
                if len(self._outcomes) >= IDLE_FRAMES:
                    raise HolderFailure(Ending.OVER_LIMIT, Fault.OVER_LIMIT)
                self._outcomes.append(frame)
                if self._screening is not None:
                    self._screening.decided(frame)
            case Batch():
                if self._screening is None:
                    self._screening = self._begin(frame)
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

    def _begin(self, batch: Batch) -> Screening:
        """Learn from the first Patient record whom the answer is about.

        Raises:
            HolderFailure: `identity-unverified` or `rejected`.
        """
        try:
            end = next(ROW.iter_unpack(batch.columns))[4]
            bsns = bsns_of(read_record(batch.blob[:end]))
            if len(bsns) != 1:
                raise HolderFailure(Ending.IDENTITY_UNVERIFIED, Fault.IDENTITY_UNVERIFIED)
            screening = Screening(Bsn(bsns.pop()), None, self._query.selection)
        except (BadInput, StopIteration):
            raise HolderFailure(Ending.REJECTED, Fault.BROKEN_BATCH) from None
        for outcome in self._outcomes:
            screening.decided(outcome)
        return screening
