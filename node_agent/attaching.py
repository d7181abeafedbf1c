"""Attachments: the bytes that a released record points to, decided anew and sent in chunks."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Final

import anyio

from accord.audit.finishing import finish
from accord.rules.strictness import Json, strict_json
from accord.terms.answers import AttachmentFrame, Chunk, Closed, ContentType, Counts, Ending
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import RecordRef
from accord.terms.limits import ATTACHMENT_BYTES, CHUNK_BYTES
from accord.terms.queries import EVERYTHING, ORIGINAL, HolderQuery
from accord.wire.hashing import StreamDigest, question_hash
from node_agent.admitted import Admitted
from node_agent.budgeting import BudgetSpent
from node_agent.disclosure import Gate
from node_agent.emergencies import GlassUnbroken
from node_agent.finding import Person
from node_agent.holder import Decided, Holder
from node_agent.last_line import last_line
from node_agent.last_words import CHANGED, NOTHING, PAUSED, TOO_LATE, LastWord, word_of_line
from node_agent.outlet import Outlet, ReaderLost
from node_agent.ports import Attachment, Derives, Original, SourceFailure
from node_agent.recording import Recording
from node_agent.revoking import shows_less
from node_agent.right_patient import IdentityInDoubt

EmitAttachment = Callable[[AttachmentFrame], Awaitable[None]]

#: The members of a record that point to an attachment.
_POINTERS: Final = frozenset({"url", "reference", "valueUrl", "valueUri"})


async def fetch_attachment(holder: Holder, admitted: Admitted, url: str, record: RecordRef, emit: EmitAttachment, *, seconds: float | None = None) -> None:
    """Send one attachment; the last frame is always `Closed`. What is withheld looks like what does not exist.

    Raises:
        BadInput: `not-this-holder`.
        Unavailable: `budget-spent`, no emergency access, or `journal-unavailable`.
        ReaderLost: Nobody took the last word, or what was sent before it. The journal has its line all the same.
    """
    at_large = replace(admitted, query=replace(admitted.query, selection=EVERYTHING))
    recording = holder.safeguards.recording(admitted.asking)
    sending = Sending(emit, recording, str(record))
    word = holder.refusal(at_large.query)
    async with last_line(recording, lambda: sending.counts_of_lines, changed=lambda: sending.is_cut) as line:
        if word is None:
            word = TOO_LATE
            async with holder.pausing.while_not_paused(sending.pause):
                with anyio.move_on_after(seconds):
                    word = await _send(holder, at_large, url, record, sending)
        if sending.is_paused:
            word = PAUSED
        closed = Closed(holder.ura, word.ending, sending.counts, sending.digest.value(), question_hash(admitted.received), word.code)
        await line.write(word_of_line(word, cut=sending.is_cut, lines=sending.counts_of_lines), sending.counts_of_lines)
        if word in (TOO_LATE, CHANGED):
            sending.outlet.hurry()
        await sending.outlet.put([closed])


class Sending:
    """One attachment under way, with the count and digest of what was sent."""

    def __init__(self, emit: EmitAttachment, recording: Recording, record: str) -> None:
        self.outlet = Outlet[AttachmentFrame](emit)
        self.recording = recording
        self._record = record
        self.counts = Counts()
        #: As the lines in the journal have it: with the chunk that was kept in behind its line, where there is one.
        self.counts_of_lines = Counts()
        self.digest = StreamDigest()
        self._ahead: list[ContentType] = []
        #: Less may be shown than when it was decided.
        self.is_cut = False
        self.is_paused = False

    def pause(self) -> None:
        """The holder paused its agent: nothing more may leave from this moment on."""
        self.is_paused = True
        self.cut()

    def cut(self) -> None:
        """Nothing more may leave from this moment on; what is being written gets the time of grace."""
        self.is_cut = True
        self.outlet.hurry()

    def content_type(self, value: str) -> None:
        """The media type goes ahead of the first chunk, and no sooner: by itself it tells that there is something. One that is none is told as mere bytes."""
        fine = value.isascii() and value.isprintable() and 0 < len(value) <= 128
        self._ahead = [ContentType(value if fine else "application/octet-stream")]

    async def nothing_more(self) -> None:
        """All was sent; of an empty attachment that is its media type.

        Raises:
            ReaderLost: It was given up half-way.
        """
        if self._ahead and not self.is_cut:
            await self.outlet.put(self._ahead)

    async def chunk(self, content: bytes) -> None:
        """Send a chunk, behind its line in the journal; it counts as sent once sending begins.

        Raises:
            Unavailable: `journal-unavailable`: it was not sent.
            ReaderLost: It was given up half-way.
        """
        self.outlet.check()
        if self.is_cut:
            return  # what may not leave has no line either
        told = self.counts
        await finish(lambda: self._line(content))
        if self.counts is not told:
            ahead, self._ahead = self._ahead, []
            await self.outlet.put([*ahead, Chunk(content)])

    async def _line(self, content: bytes) -> None:
        await self.recording.releasing_chunk(self._record, content)
        lined = self.counts_of_lines
        self.counts_of_lines = replace(lined, bytes=lined.bytes + len(content), batches=lined.batches + 1)
        if self.is_cut:
            return  # a choice changed while the line was written
        self.counts = self.counts_of_lines
        self.digest.add_chunk(content)


async def _send(holder: Holder, admitted: Admitted, url: str, record: RecordRef, sending: Sending) -> LastWord:
    since = holder.safeguards.revocations.mark
    try:
        decided = await holder.decide(admitted, sending.recording)
        if decided.person is None or not decided.decisions.may_show(admitted.query.selection):
            return NOTHING
        original = await holder.source.original(record) if url == ORIGINAL and isinstance(holder.source, Derives) else None
        # Of a record without an original the source is asked as much as of one that is withheld.
        if not await _may_be_fetched(holder, admitted.query, decided, url, record, original) or (url == ORIGINAL and original is None):
            return NOTHING
        attachment = await holder.source.attachment(url) if original is None else Attachment(original.content_type, _sliced(original.content))
        if attachment is None:
            return NOTHING
        return await _send_while_it_may(holder, admitted, decided, decided.person, attachment, sending, since)
    except (BudgetSpent, GlassUnbroken, ReaderLost):
        raise
    except IdentityInDoubt as doubt:
        return LastWord(doubt.ending, doubt.fault)
    except Unavailable as failure:
        fault = failure.fault if isinstance(failure, SourceFailure) or failure.fault is Fault.JOURNAL_UNAVAILABLE else Fault.SOURCE_UNAVAILABLE
        holder.pausing.suspect(fault)
        return LastWord(Ending.CUT_OFF if sending.counts.bytes else Ending.UNREACHABLE, fault)


async def _sliced(content: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


async def _send_while_it_may(
    holder: Holder, admitted: Admitted, decided: Decided, person: Person, attachment: Attachment, sending: Sending, since: int
) -> LastWord:
    """Send, and stop as soon as less may be shown than when it was decided (promise P11)."""
    word = NOTHING

    async def recheck() -> float | None:
        anew = await holder.decide_anew(admitted.asking, person[0])
        return None if shows_less(decided.decisions, anew.decisions) else anew.lease

    async with holder.safeguards.revocations.watching(person[0], recheck, lease=decided.lease, since=since, at_cut=sending.cut) as watch:
        word = await _send_chunks(attachment, sending)
    if not watch.cut:
        return word
    return CHANGED if sending.counts.bytes else NOTHING


async def _may_be_fetched(holder: Holder, query: HolderQuery, decided: Decided, url: str, record: RecordRef, original: Original | None) -> bool:
    """Whether the record may be released now, and points there. An original is decided on by the record that it makes, and by what it says itself."""
    person = decided.person
    if person is None:
        return False
    gate = Gate(query, person, decided.decisions)
    patients = gate.admit([given async for some in holder.source.patients(person[1]) for given in some], holder.bases)
    if not patients:
        return False
    found = {record: original.record} if original is not None else {} if url == ORIGINAL else await holder.source.read([record])
    released = await gate.disclose(list(found.values()), holder.source, by_name=1)
    # A Patient record may show a photograph.
    candidates = [*released, *(patient for patient in patients if record == RecordRef("Patient", patient.id) and gate.asks_for(patient))]
    if original is None:
        return any(points_to(candidate.fhir_json, url, holder.bases) for candidate in candidates)
    # Of a Patient that changed while it was read, this is the original of another version than the one that was decided on.
    those = [candidate for candidate in candidates if candidate.fhir_json == original.record.fhir_json]
    return bool(those) and (not original.is_fhir or all(gate.covers(candidate, original.content) for candidate in those))


def points_to(text: bytes, url: str, bases: tuple[str, ...]) -> bool:
    """Whether a record holds *url* where it points to an attachment, as it stands there or below the holder's own base."""
    as_written = {url, *(f"{base.rstrip('/')}/{url}" for base in bases if url.startswith("Binary/"))}
    try:
        pending: list[Json] = [strict_json(text)]
    except BadInput:
        return False
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if any(name in _POINTERS and isinstance(value, str) and value in as_written for name, value in item.items()):
                return True
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return False


async def _send_chunks(attachment: Attachment, sending: Sending) -> LastWord:
    async with aclosing(attachment.chunks) as chunks:
        sending.content_type(attachment.content_type)
        async for chunk in chunks:
            if sending.counts.bytes + len(chunk) > ATTACHMENT_BYTES:
                return LastWord(Ending.OVER_LIMIT, Fault.OVER_LIMIT)
            if chunk:  # an empty one is no chunk
                await sending.chunk(chunk)
    await sending.nothing_more()
    return LastWord(Ending.ANSWERED)
