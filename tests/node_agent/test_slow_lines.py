"""While a batch waits for its line, its answer is not empty (promises P2 and P8)."""

from base64 import b64encode
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import anyio
import pytest

from accord.audit.content import Event
from accord.audit.events import Closing, Release
from accord.rules.choices import Choice
from accord.rules.consent import Basis
from accord.terms.answers import AttachmentFrame, Batch, Chunk, Closed, Counts, Ending, Frame
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.limits import CHUNK_BYTES
from accord.terms.queries import Selection
from accord.terms.vocabulary import CareCategory
from node_agent.attaching import fetch_attachment
from node_agent.packing import ReleasedRecord
from node_agent.ports import LocalPatient, SourceRecord
from node_agent.telling import LINGER_SECONDS, Teller
from testbed.contracts.records import ANNA, observation, patient, resource
from testbed.memory_source import MemorySource
from testbed.plain import PlainLedger, admitted
from tests.node_agent.asking import YES, MemoryChoices, ask, holder_over, question
from tests.node_agent.loop_time import time_of_its_own

pytestmark = pytest.mark.anyio

BULK = [patient("a", ANNA), *(observation(str(number), "a", note=[{"text": "lang verhaal " * 500}]) for number in range(400))]
RECORD = ReleasedRecord(b"{}", "1", 1, CareCategory.PATIENT, next(iter(Basis)), 0, 0, 0, 0, ())


class Lingering(MemorySource):
    """Says that there is no more only after what it gave was told."""

    async def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:
        """As the port promises, with a wait at the end."""
        async for given in super().records_of(patient, selection):
            yield given
        await anyio.sleep(3 * LINGER_SECONDS)


async def test_p8_an_answer_whose_only_line_is_slow_is_not_called_empty() -> None:
    holder = holder_over(Lingering([patient("a", ANNA), observation("1", "a")]))
    ledger = holder.safeguards.ledger
    append = ledger.append

    async def slowly(event: Event) -> int:
        if isinstance(event, Release):
            # Longer than the source takes to end.
            await anyio.sleep(8 * LINGER_SECONDS)
        return await append(event)

    ledger.append = slowly  # type: ignore[method-assign]
    with time_of_its_own():
        told = await ask(holder, question())

    assert (told.closed.ending, len(told.records)) == (Ending.ANSWERED, 2)
    told.check_account()


@pytest.mark.parametrize("fails", [False, True])
async def test_p8_what_was_taken_counts_until_it_is_lost(*, fails: bool) -> None:
    told: list[Frame] = []
    begun, go_on = anyio.Event(), anyio.Event()

    async def releasing(_batch: Batch, _names: Sequence[str]) -> None:
        begun.set()
        await go_on.wait()
        if fails:
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE)

    async def emit(frame: Frame) -> None:
        told.append(frame)

    async def flush() -> None:
        try:
            await teller.flush()
        except Unavailable:
            assert fails

    teller = Teller(emit, (), releasing)
    await teller.tell([RECORD])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(flush)
        await begun.wait()
        meanwhile = (teller.records, list(told))
        go_on.set()

    assert meanwhile == (1, [])
    assert teller.records == (0 if fails else 1)
    assert any(isinstance(frame, Batch) for frame in told) is not fails


async def test_p11_a_batch_whose_line_was_being_written_at_the_cut_does_not_leave() -> None:
    told: list[Frame] = []
    begun, go_on = anyio.Event(), anyio.Event()

    async def releasing(_batch: Batch, _names: Sequence[str]) -> None:
        begun.set()
        await go_on.wait()

    async def emit(frame: Frame) -> None:
        told.append(frame)

    teller = Teller(emit, (), releasing)
    await teller.tell([RECORD])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(teller.flush)
        await begun.wait()
        teller.cut()
        go_on.set()
    await teller.drop()

    assert told == []
    assert (teller.counts(0, 0).records, teller.counts_of_lines(0, 0).records) == (0, 1)
    # Nothing of it was told; that it has its line is for the journal.
    assert not teller.told


async def test_p11_what_waits_at_the_cut_gets_no_line_any_more() -> None:
    async def releasing(_batch: Batch, _names: Sequence[str]) -> None:
        raise AssertionError("what may not leave has no line")

    async def emit(_frame: Frame) -> None:
        raise AssertionError("it may not leave")

    teller = Teller(emit, (), releasing)
    await teller.tell([RECORD])
    teller.cut()
    await teller.flush()

    assert teller.counts_of_lines(0, 0).records == 0


@pytest.mark.parametrize("taken", [1, 3])
async def test_p11_the_counts_of_an_answer_cut_during_a_line_agree_with_what_left_and_with_the_lines(taken: int) -> None:
    choices = MemoryChoices({ANNA: (YES,)})
    holder = holder_over(MemorySource(BULK), choices)
    ledger = holder.safeguards.ledger
    append = ledger.append

    async def cut_meanwhile(event: Event) -> int:
        line = await append(event)
        if isinstance(event, Release) and event.batch == taken - 1:
            choices.choices[ANNA] = (Choice(permits=False),)
            holder.safeguards.revocations.changed(Bsn(ANNA))
            await anyio.sleep(0.3)  # the disk is slow, and the answer is cut meanwhile
        return line

    ledger.append = cut_meanwhile  # type: ignore[method-assign]
    with time_of_its_own():
        told = await ask(holder, question())
    releases = [line for line in ledger.lines if isinstance(line, Release)]  # type: ignore[attr-defined]
    (closing,) = (line for line in ledger.lines if isinstance(line, Closing))  # type: ignore[attr-defined]

    # `ask` compares what came with the account that the last word gives of it. Where nothing was told, that there was something
    # is not told either (promise P9); the journal has it all.
    word = (Ending.CUT_OFF, Fault.SHARING_CHANGED) if taken > 1 else (Ending.NOTHING_SHOWN, None)
    assert (told.closed.ending, told.closed.code, len(told.batches)) == (*word, taken - 1)
    assert (closing.ending, closing.batches, closing.count, closing.bytes) == (
        Ending.CUT_OFF,
        len(releases),
        sum(line.count for line in releases),
        sum(line.bytes for line in releases),
    )
    assert len(releases) == taken


async def test_p9_an_answer_of_which_nothing_was_told_does_not_say_what_did_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    choices = MemoryChoices({ANNA: (YES,)})
    large = observation("large", "a", note=[{"text": "x" * 900_000}])
    holder = holder_over(MemorySource([patient("a", ANNA), observation("1", "a"), large]), choices)
    append = holder.safeguards.ledger.append

    async def cut_meanwhile(event: Event) -> int:
        if isinstance(event, Release):
            choices.choices[ANNA] = (Choice(permits=False),)
            holder.safeguards.revocations.changed(Bsn(ANNA))
            await anyio.sleep(0.3)
        return await append(event)

    monkeypatch.setattr(holder.safeguards.ledger, "append", cut_meanwhile)
    with time_of_its_own():
        told = await ask(holder, question())

    assert (told.closed.ending, told.closed.code, told.closed.counts) == (Ending.NOTHING_SHOWN, None, Counts())
    assert told.frames == [told.closed]


async def test_p11_what_is_dropped_is_counted_nowhere() -> None:
    async def releasing(_batch: Batch, _names: Sequence[str]) -> None:
        raise AssertionError("what is dropped has no line")

    async def emit(_frame: Frame) -> None:
        raise AssertionError("what is dropped is not told")

    teller = Teller(emit, (), releasing)
    await teller.tell([RECORD])
    await teller.drop()
    await teller.flush()

    assert (teller.records, teller.told, teller.counts(0, 0).records) == (0, False, 0)


async def told_though_cut_at_its_first_line(binary: bytes) -> tuple[list[Event], list[AttachmentFrame]]:
    """Lines and frames of an attachment about which Anna says no while the line of its first chunk is being written."""
    choices = MemoryChoices({ANNA: (YES,)})
    document = resource("Composition", "d", subject={"reference": "Patient/a"}, extension=[{"url": "u", "valueUrl": "Binary/7"}])
    holder = holder_over(MemorySource([patient("a", ANNA), document, resource("Binary", "7", data=b64encode(binary).decode())]), choices)
    ledger, frames = PlainLedger(), list[AttachmentFrame]()
    append = ledger.append

    async def cut_meanwhile(event: Event) -> int:
        if isinstance(event, Release) and event.batch == 0:
            choices.choices[ANNA] = (Choice(permits=False),)
            holder.safeguards.revocations.changed(Bsn(ANNA))
            await anyio.sleep(0.3)
        return await append(event)

    async def emit(frame: AttachmentFrame) -> None:
        frames.append(frame)

    ledger.append = cut_meanwhile  # type: ignore[method-assign]
    holder = replace(holder, safeguards=replace(holder.safeguards, ledger=ledger))
    with time_of_its_own():
        await fetch_attachment(holder, admitted(question()), "Binary/7", RecordRef("Composition", "d"), emit)
    return ledger.lines, frames


async def test_p11_after_a_cut_no_chunk_gets_a_line_any_more() -> None:
    lines, frames = await told_though_cut_at_its_first_line(bytes(3 * CHUNK_BYTES))

    assert len([line for line in lines if isinstance(line, Release)]) == 1
    assert not any(isinstance(frame, Chunk) for frame in frames)


async def test_p11_a_chunk_whose_line_was_being_written_at_the_cut_does_not_leave() -> None:
    lines, frames = await told_though_cut_at_its_first_line(b"hi")
    (closing,) = (line for line in lines if isinstance(line, Closing))
    closed = frames[-1]

    assert isinstance(closed, Closed)
    assert (closed.ending, closed.code, closed.counts.bytes, len(frames)) == (Ending.NOTHING_SHOWN, None, 0, 1)
    assert (closing.ending, closing.fault, closing.bytes) == (Ending.CUT_OFF, Fault.SHARING_CHANGED, 2)
    assert not any(isinstance(frame, Chunk) for frame in frames)
