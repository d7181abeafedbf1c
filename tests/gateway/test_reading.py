"""One record or one attachment at one holder: whatever happens, the journal has one last line that counts those before it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from accord.audit.content import Event
from accord.audit.events import Closing, Release
from accord.link.pseudonyms import PseudonymKey
from accord.terms.answers import AttachmentFrame, Chunk, Closed, ContentType, Counts, Ending, Frame, Progress
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import BSN_SYSTEM, Bsn, HolderName, QueryId, RecordRef, Ura
from accord.terms.parties import Asker, DataHolder, DataUser, Professional
from accord.terms.queries import HolderQuery
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from accord.wire.hashing import StreamDigest, question_hash
from gateway import last_line, reading
from gateway.fanout import Patience
from gateway.opening import Region
from gateway.ports import RegisteredHolder
from gateway.presence import Presence
from gateway.reading import Reader, fetch_attachment_at, read_at, selection_of
from gateway.register import Register
from testbed.plain import PlainLedger, plain_holders, plain_recorder
from testbed.scripted_holder import ALL_CATEGORIES, FetchScript, Script, ScriptedHolder, batches_of, closed_of, honest

pytestmark = pytest.mark.anyio

BSN = Bsn("999984056")
PATIENT = b'{"resourceType":"Patient","id":"1","birthDate":"1942-03-01","identifier":[{"system":"%b","value":"%b"}]}' % (
    BSN_SYSTEM.encode(),
    BSN.value.encode(),
)
LETTER = b'{"resourceType":"DocumentReference","id":"d","subject":{"reference":"Patient/1"},"content":[{"attachment":{"url":"Binary/9"}}]}'
RECORD = RecordRef("DocumentReference", "d")
CHUNKS = (b"a" * 30_000, b"b" * 20_000)
ASKER = Asker(DataUser(Ura("90000001"), "Ziekenhuis", HolderKind.HOSPITAL), Professional("1", "01.015", "Dr"), treats_the_patient=True)
NAME, URA = HolderName("esdoorn"), Ura("90000002")


class Waiting(PlainLedger):
    """Lines of one kind are in it before they are durable: `written` tells when the first is, and they wait for `go_on`."""

    def __init__(self, slow: type[Event] | None = None) -> None:
        super().__init__()
        self.slow = slow
        self.written, self.go_on = anyio.Event(), anyio.Event()

    async def append(self, event: Event) -> int:
        """As the port promises."""
        number = await super().append(event)
        if self.slow is not None and isinstance(event, self.slow):
            self.written.set()
            await self.go_on.wait()
        return number

    def last_line(self) -> Closing:
        """The one last line; it adds up what was released."""
        (closing,) = [line for line in self.lines if isinstance(line, Closing)]
        released = [line for line in self.lines if isinstance(line, Release)]
        assert (closing.batches, closing.count, closing.bytes) == (len(released), sum(line.count for line in released), sum(line.bytes for line in released))
        return closing


@asynccontextmanager
async def region_of(folder: Path, ledger: PlainLedger, script: Script | None = None, fetch: FetchScript | None = None) -> AsyncGenerator[Region, None]:
    """A region of one holder that plays these."""
    recorder = replace(plain_recorder(), ledger=ledger)
    grpc = plain_holders()
    async with ScriptedHolder(URA, script or honest([PATIENT, LETTER]), socket=folder / "esdoorn.sock", fetch=fetch) as holder:
        card = DataHolder(NAME, URA, "Esdoorn", HolderKind.HOSPITAL, "")
        registered = RegisteredHolder(card, holder.address, PseudonymKey(bytes(32)))
        yield Region(Register((registered,)), grpc, Presence(), lambda: recorder, Patience(locate=60.0, first_frame=60.0, between_frames=60.0), seconds=60.0)
        await grpc.close()


def reader(seconds: float = 60.0) -> Reader:
    """Who reads the letter."""
    return Reader(QueryId("q"), BSN, ASKER, PurposeOfUse.TREATMENT, seconds, selection_of(RECORD))


def last_word(query: HolderQuery, *chunks: bytes, ending: Ending = Ending.ANSWERED) -> Closed:
    """The last word that fits these chunks."""
    digest = StreamDigest()
    for chunk in chunks:
        digest.add_chunk(chunk)
    return Closed(query.holder, ending, Counts(bytes=sum(map(len, chunks)), batches=len(chunks)), digest.value(), question_hash(query))


async def whole(query: HolderQuery) -> AsyncGenerator[AttachmentFrame, None]:
    """An attachment, honestly told."""
    yield ContentType("application/pdf")
    for chunk in CHUNKS:
        yield Chunk(chunk)
    yield last_word(query, *CHUNKS)


async def read_wholly(region: Region) -> bytes:
    """All bytes of the attachment."""
    async with fetch_attachment_at(region, NAME, "Binary/9", RECORD, reader()) as (_, chunks):
        return b"".join([chunk async for chunk in chunks])


async def test_p2_a_record_that_is_read_has_its_lines(tmp_path: Path) -> None:
    ledger = Waiting()
    async with region_of(tmp_path, ledger) as region:
        await read_at(region, NAME, reader())

    assert ledger.last_line().ending is Ending.ANSWERED


async def test_p2_an_attachment_that_is_read_has_its_lines(tmp_path: Path) -> None:
    ledger = Waiting()
    async with region_of(tmp_path, ledger, fetch=whole) as region:
        assert await read_wholly(region) == b"".join(CHUNKS)

    assert (ledger.last_line().ending, ledger.last_line().bytes) == (Ending.ANSWERED, 50_000)


async def silent(_: HolderQuery) -> AsyncGenerator[Frame, None]:
    """Say nothing at all."""
    await anyio.sleep_forever()
    yield Progress(0)


async def stops(_: HolderQuery) -> AsyncGenerator[AttachmentFrame, None]:
    """Tell half, and no more."""
    yield ContentType("application/pdf")
    yield Chunk(CHUNKS[0])
    await anyio.sleep_forever()


async def until(there: Callable[[], bool]) -> None:
    """Wait until it is so."""
    with anyio.fail_after(60):
        while not there():  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(0.01)


async def test_p8_whoever_hangs_up_while_a_record_is_read_leaves_one_last_line(tmp_path: Path) -> None:
    ledger = Waiting()
    async with region_of(tmp_path, ledger, silent) as region, anyio.create_task_group() as tasks:
        tasks.start_soon(read_at, region, NAME, reader())
        await until(lambda: bool(ledger.lines))
        tasks.cancel_scope.cancel()

    assert (ledger.last_line().ending, ledger.last_line().fault) == (Ending.CUT_OFF, Fault.STREAM_CUT)


@pytest.mark.parametrize("slow", [Release, Closing])
async def test_p2_whoever_hangs_up_while_a_line_is_written_has_it_counted(tmp_path: Path, slow: type[Event]) -> None:
    ledger = Waiting(slow)
    async with region_of(tmp_path, ledger) as region, anyio.create_task_group() as tasks:
        tasks.start_soon(read_at, region, NAME, reader())
        await until(ledger.written.is_set)
        tasks.cancel_scope.cancel()
        ledger.go_on.set()

    assert ledger.last_line().count == 2


@pytest.mark.parametrize("how", ["a scope", "the task itself"])
async def test_p8_whoever_hangs_up_half_way_an_attachment_leaves_one_last_line(tmp_path: Path, how: str) -> None:
    ledger, reading_it = Waiting(), list[asyncio.Task[None] | None]()

    async def read(region: Region) -> None:
        reading_it.append(asyncio.current_task())
        await read_wholly(region)

    async with region_of(tmp_path, ledger, fetch=stops) as region, anyio.create_task_group() as tasks:
        tasks.start_soon(read, region)
        await until(lambda: any(isinstance(line, Release) for line in ledger.lines))
        (task,) = reading_it
        # When a client hangs up, grpc.aio cancels the very task of its call.
        if how == "a scope" or task is None:
            tasks.cancel_scope.cancel()
        else:
            task.cancel()

    assert (ledger.last_line().ending, ledger.last_line().bytes) == (Ending.CUT_OFF, 30_000)


async def test_p8_an_attachment_that_nobody_reads_has_its_last_line(tmp_path: Path) -> None:
    ledger = Waiting()
    async with region_of(tmp_path, ledger, fetch=whole) as region, fetch_attachment_at(region, NAME, "Binary/9", RECORD, reader()) as (media_type, _):
        assert media_type == "application/pdf"  # all that HEAD wants to know

    assert ledger.last_line().ending is Ending.CUT_OFF


async def test_p8_whoever_gives_up_an_attachment_by_an_error_of_their_own_leaves_one_last_line(tmp_path: Path) -> None:
    ledger = Waiting()
    async with region_of(tmp_path, ledger, fetch=whole) as region:
        with suppress(ValueError):
            async with fetch_attachment_at(region, NAME, "Binary/9", RECORD, reader()) as (_, chunks):
                await anext(chunks)
                raise ValueError("it is larger than I can use")

    assert (ledger.last_line().ending, ledger.last_line().bytes) == (Ending.CUT_OFF, 30_000)


async def breaks_off(_: HolderQuery) -> AsyncGenerator[AttachmentFrame, None]:
    """End in the middle."""
    yield ContentType("application/pdf")
    yield Chunk(CHUNKS[0])


async def miscounts(query: HolderQuery) -> AsyncGenerator[AttachmentFrame, None]:
    """End with a last word about something else."""
    yield ContentType("application/pdf")
    yield Chunk(CHUNKS[0])
    yield last_word(query, *CHUNKS)


async def cut_at_the_source(query: HolderQuery) -> AsyncGenerator[AttachmentFrame, None]:
    """End honestly, before the end."""
    yield ContentType("application/pdf")
    yield Chunk(CHUNKS[0])
    yield replace(last_word(query, CHUNKS[0], ending=Ending.CUT_OFF), code=Fault.SOURCE_UNAVAILABLE)


async def in_crumbs(_: HolderQuery) -> AsyncGenerator[AttachmentFrame, None]:
    """Send very many very small parts."""
    yield ContentType("application/pdf")
    while True:
        yield Chunk(b"x")


async def says_nothing(query: HolderQuery) -> AsyncGenerator[AttachmentFrame, None]:
    """End before the beginning."""
    for frame in [ContentType(query.id.value)][:0]:
        yield frame


async def begins_in_the_middle(_: HolderQuery) -> AsyncGenerator[AttachmentFrame, None]:
    """Say no media type."""
    yield Chunk(CHUNKS[0])


@pytest.mark.parametrize(
    ("script", "ending", "fault"),
    [
        (breaks_off, Ending.CUT_OFF, Fault.STREAM_CUT),
        (miscounts, Ending.REJECTED, Fault.WRONG_DIGEST),
        (cut_at_the_source, Ending.CUT_OFF, Fault.SOURCE_UNAVAILABLE),
        (in_crumbs, Ending.OVER_LIMIT, Fault.OVER_LIMIT),
        (says_nothing, Ending.CUT_OFF, Fault.STREAM_CUT),
        (begins_in_the_middle, Ending.REJECTED, Fault.BROKEN_BATCH),
    ],
)
async def test_p8_an_attachment_that_goes_wrong_half_way_has_one_last_line_that_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: FetchScript, ending: Ending, fault: Fault
) -> None:
    monkeypatch.setattr(reading, "IDLE_FRAMES", 20)
    ledger = Waiting()
    async with region_of(tmp_path, ledger, fetch=script) as region:
        with pytest.raises(Unavailable) as caught:
            await read_wholly(region)

    assert caught.value.fault is fault
    assert (ledger.last_line().ending, ledger.last_line().fault) == (ending, fault)


async def test_p8_an_answer_that_is_not_the_one_asked_for_is_rejected_and_nothing_of_it_has_a_line(tmp_path: Path) -> None:
    async def miscounted(query: HolderQuery) -> AsyncGenerator[Frame, None]:
        batches = batches_of([PATIENT, LETTER])
        yield ALL_CATEGORIES
        yield batches[0]
        yield closed_of(query, [*batches, *batches])

    ledger = Waiting()
    async with region_of(tmp_path, ledger, miscounted) as region:
        with pytest.raises(Unavailable) as caught:
            await read_at(region, NAME, reader())

    assert caught.value.fault is Fault.WRONG_DIGEST
    assert (ledger.last_line().ending, ledger.last_line().batches) == (Ending.REJECTED, 0)


async def test_p8_an_answer_without_a_last_word_was_cut_off(tmp_path: Path) -> None:
    async def breaks_off_early(_: HolderQuery) -> AsyncGenerator[Frame, None]:
        yield ALL_CATEGORIES
        yield batches_of([PATIENT, LETTER])[0]

    ledger = Waiting()
    async with region_of(tmp_path, ledger, breaks_off_early) as region:
        with pytest.raises(Unavailable) as caught:
            await read_at(region, NAME, reader())

    assert caught.value.fault is Fault.STREAM_CUT
    assert (ledger.last_line().ending, ledger.last_line().fault) == (Ending.CUT_OFF, Fault.STREAM_CUT)


async def test_a_journal_that_hangs_holds_up_nobody_who_hangs_up_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_line, "LINE_SECONDS", 0.05)
    ledger = Waiting(Release)
    async with region_of(tmp_path, ledger) as region:
        with pytest.raises(Unavailable) as caught, anyio.fail_after(60):
            await read_at(region, NAME, reader())

    assert caught.value.fault is Fault.JOURNAL_UNAVAILABLE
