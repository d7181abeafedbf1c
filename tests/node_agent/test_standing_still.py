"""A reader that stands still holds up nothing: not the end of an answer, not its last line, not the place of somebody else (P7, P11)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import grpc
import pytest
from grpc import aio

from accord.audit.events import Closing, Release
from accord.link.addresses import loopback
from accord.link.options import CHANNEL
from accord.rules.choices import Choice
from accord.terms.answers import Batch, Closed, Ending, Frame
from accord.terms.faults import Fault
from accord.terms.identifiers import Bsn
from accord.wire import answer_codec, question_codec
from accord.wire.v1 import holder_service_pb2 as pb
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceStub
from node_agent.answering import answer
from node_agent.api.servicer import HolderService
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.outlet import Outlet, ReaderStoodStill
from node_agent.server import serving
from testbed.contracts.records import ANNA, observation, patient
from testbed.memory_source import MemorySource
from testbed.plain import PlainDoor, PlainExchange, admitted
from testbed.scripted_gateway import HOLDS_STREAMS
from tests.node_agent.asking import KEY, YES, MemoryChoices, holder_over, question
from tests.node_agent.loop_time import time_of_its_own

pytestmark = pytest.mark.anyio

BULK = [patient("a", ANNA), *(observation(str(number), "a", note=[{"text": "lang verhaal " * 500}]) for number in range(400))]


class Standstill:
    """Takes some frames, and then never returns."""

    def __init__(self, *, takes: int) -> None:
        self.takes = takes
        self.frames: list[Frame] = []
        self.still = anyio.Event()

    async def emit(self, frame: Frame) -> None:
        """Take a frame, or stand still."""
        if len(self.frames) == self.takes:
            self.still.set()
            await anyio.sleep_forever()
        self.frames.append(frame)


def refuse(holder: Holder, choices: MemoryChoices) -> None:
    """Anna objects, and the agent is told."""
    choices.choices[ANNA] = (Choice(permits=False),)
    holder.safeguards.revocations.changed(Bsn(ANNA))


def lines_of(holder: Holder, kind: type[Any]) -> list[Any]:
    """The lines of one kind in a holder's journal."""
    return [line for line in holder.safeguards.ledger.lines if isinstance(line, kind)]  # type: ignore[attr-defined]


async def test_what_is_being_written_when_it_is_cancelled_is_written_whole() -> None:
    taken: list[int] = []
    begun, go_on = anyio.Event(), anyio.Event()

    async def emit(frame: int) -> None:
        begun.set()
        await go_on.wait()
        taken.append(frame)

    outlet = Outlet[int](emit)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(outlet.put, [1, 2])
        await begun.wait()
        tasks.cancel_scope.cancel()
        go_on.set()

    assert taken == [1, 2]
    assert not outlet.stuck


async def test_p7_a_write_that_nobody_takes_is_given_up_and_none_is_tried_after_it() -> None:
    reader = Standstill(takes=0)
    outlet = Outlet(reader.emit, still=0.01)
    with time_of_its_own(), pytest.raises(ReaderStoodStill):
        await outlet.put([Batch(b"", b"", 0)])
    reader.takes = 9
    with pytest.raises(ReaderStoodStill):
        await outlet.put([Batch(b"", b"", 0)])

    assert reader.frames == []


async def test_p7_a_cut_waits_no_longer_than_the_time_of_grace() -> None:
    reader = Standstill(takes=0)
    outlet = Outlet(reader.emit, still=3_600.0, grace=0.01)
    with time_of_its_own(), anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(outlet.put, [Batch(b"", b"", 0)])
            await reader.still.wait()
            tasks.cancel_scope.cancel()

    assert outlet.stuck


async def test_p7_whoever_hurries_ends_the_write_that_is_under_way() -> None:
    reader = Standstill(takes=0)
    outlet = Outlet(reader.emit, still=3_600.0, grace=0.01)
    with time_of_its_own(), anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_hurry_when, reader.still, outlet)
            with pytest.raises(ReaderStoodStill):
                await outlet.put([Batch(b"", b"", 0)])


async def _hurry_when(still: anyio.Event, outlet: Outlet[Any]) -> None:
    await still.wait()
    outlet.hurry()


async def test_p11_an_answer_that_nobody_takes_is_cut_with_its_line_and_what_left() -> None:
    choices = MemoryChoices({ANNA: (YES,)})
    holder, reader = holder_over(MemorySource(BULK), choices), Standstill(takes=3)
    with time_of_its_own(), anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_refuse_when, reader.still, holder, choices)
            with pytest.raises(ReaderStoodStill):
                await answer(holder, admitted(question()), reader.emit)
    (closing,) = lines_of(holder, Closing)
    releases = lines_of(holder, Release)

    assert (closing.ending, closing.fault) == (Ending.CUT_OFF, Fault.SHARING_CHANGED)
    assert (closing.batches, closing.bytes) == (len(releases), sum(line.bytes for line in releases))
    assert closing.batches - sum(isinstance(frame, Batch) for frame in reader.frames) in (0, 1)
    assert not any(isinstance(frame, Closed) for frame in reader.frames)


async def _refuse_when(still: anyio.Event, holder: Holder, choices: MemoryChoices) -> None:
    await still.wait()
    refuse(holder, choices)


async def test_p7_whoever_hangs_up_leaves_one_last_line_behind() -> None:
    holder, reader = holder_over(MemorySource(BULK)), Standstill(takes=3)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(answer, holder, admitted(question()), reader.emit)
        await reader.still.wait()
        tasks.cancel_scope.cancel()
    (closing,) = lines_of(holder, Closing)

    assert (closing.ending, closing.fault) == (Ending.CUT_OFF, Fault.STREAM_CUT)
    assert closing.batches == len(lines_of(holder, Release))


async def test_p11_over_the_wire_one_message_and_the_status_are_left_at_most(tmp_path: Path) -> None:
    choices = MemoryChoices({ANNA: (YES,)})
    holder = holder_over(MemorySource(BULK), choices)
    service = HolderService(holder, "brinkhof", Locating(holder, KEY), PlainDoor(), PlainExchange())
    asked = pb.QueryRequest(query=question_codec.holder_query_to_wire(question()))
    async with (
        serving(service, holder.pausing, loopback(f"unix:{tmp_path}/agent.sock"), grace=0.2, concurrency=1) as target,
        aio.insecure_channel(target, options=(*CHANNEL, *HOLDS_STREAMS)) as channel,
    ):
        still = HolderServiceStub(channel).Query(asked, timeout=110)
        # Not by its deadline, nor because nobody read for long: that would be another fault in its last line.
        with anyio.fail_after(60):
            await _stands_still(holder)  # nobody reads, and the window is full
            refuse(holder, choices)
            await _until(lambda: bool(lines_of(holder, Closing)))
        (closing,) = lines_of(holder, Closing)
        frames: list[Frame] = []
        with pytest.raises(aio.AioRpcError) as ended:
            frames.extend([answer_codec.frame_from_wire(message) async for message in still])
        batches = [frame for frame in frames if isinstance(frame, Batch)]
        with anyio.fail_after(60):
            while not await _is_let_in(channel, asked):  # noqa: ASYNC110 - whoever took the status leaves the only place soon
                await anyio.sleep(0.01)

    assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert closing.fault is Fault.SHARING_CHANGED
    assert len(batches) <= closing.batches == sum(line.bytes > 0 for line in lines_of(holder, Release))


async def _stands_still(holder: Holder) -> None:
    # Seen several times in a row: after one look it may be the machine that stood still.
    before, alike = -1, 0
    while alike < 5 or before < 2:
        await anyio.sleep(0.2)
        now = len(lines_of(holder, Release))
        before, alike = now, alike + 1 if now == before else 0


async def _is_let_in(channel: aio.Channel, asked: pb.QueryRequest) -> bool:
    try:
        return bool([message async for message in HolderServiceStub(channel).Query(asked, timeout=60)])
    except aio.AioRpcError as refused:
        if refused.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return False


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - nobody tells of a line in a journal
        await anyio.sleep(0.01)
