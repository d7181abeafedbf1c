"""However an answer is broken off, it has exactly one last line, which counts the lines of what was released (P2, P8)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from grpc import aio
from structlog.testing import capture_logs

from accord.audit.content import Event
from accord.audit.events import Closing, Decision, RefusedQuestion, Release
from accord.terms.answers import AttachmentFrame, Ending, Frame
from accord.terms.faults import Fault
from accord.terms.identifiers import RecordRef
from accord.wire import question_codec
from accord.wire.v1 import holder_service_pb2 as pb
from node_agent.answering import answer
from node_agent.api.answer_stream import AnswerStream
from node_agent.api.servicer import HolderService
from node_agent.attaching import fetch_attachment
from node_agent.budgeting import BudgetSpent
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.outlet import Outlet, ReaderGone
from testbed.contracts.records import ANNA, observation, patient, resource
from testbed.memory_source import MemorySource
from testbed.plain import PlainDoor, PlainExchange, admitted
from tests.node_agent.asking import KEY, holder_over, question
from tests.node_agent.loop_time import time_of_its_own

pytestmark = pytest.mark.anyio

BULK = [patient("a", ANNA), *(observation(str(number), "a", note=[{"text": "lang verhaal " * 500}]) for number in range(400))]
DOCUMENT = resource("DocumentReference", "3", subject={"reference": "Patient/a"}, content=[{"attachment": {"url": "Binary/7"}}])
BINARY = resource("Binary", "7", contentType="application/pdf", data="JVBERi0=")


def lines_of(holder: Holder, kind: type[Any]) -> list[Any]:
    """The lines of one kind in a holder's journal."""
    return [line for line in holder.safeguards.ledger.lines if isinstance(line, kind)]  # type: ignore[attr-defined]


def check_broken_off(holder: Holder) -> None:
    """There is one last line, and it counts the others."""
    (closing,), releases = lines_of(holder, Closing), lines_of(holder, Release)
    assert (closing.ending, closing.fault) == (Ending.CUT_OFF, Fault.STREAM_CUT)
    assert (closing.batches, closing.bytes) == (len(releases), sum(line.bytes for line in releases))
    assert len(lines_of(holder, Decision)) == 1


class Breaking:
    """Takes some frames, and then fails."""

    def __init__(self, failure: Exception, *, takes: int = 3) -> None:
        self._failure = failure
        self._left = takes

    async def emit(self, _frame: Frame | AttachmentFrame) -> None:
        """Take a frame, or fail."""
        self._left -= 1
        if self._left < 0:
            raise self._failure


class HungUp:
    """A call whose reader hangs up while the fourth message is written: grpc fails the write, and all that follows."""

    def __init__(self) -> None:
        self._left = 3

    async def send_initial_metadata(self, _metadata: Any) -> None:
        """As grpc does."""

    async def write(self, _message: Any) -> None:
        """As grpc does."""
        self._left -= 1
        if self._left < 0:
            raise aio.InternalError("Failed grpc_call_start_batch")

    async def abort(self, _code: Any, _details: str) -> None:
        """As grpc does."""
        raise aio.InternalError("Failed grpc_call_start_batch")

    def time_remaining(self) -> float:
        """A minute."""
        return 60.0


async def test_a_write_that_grpc_itself_fails_says_that_the_reader_is_gone() -> None:
    stream = AnswerStream(HungUp())  # type: ignore[arg-type]
    outlet = Outlet(stream.write)
    frame = pb.QueryResponse()
    await outlet.put([frame] * 3)

    for _ in range(2):  # and nothing is promised to whoever is gone
        with pytest.raises(ReaderGone):
            await outlet.put([frame])
        with pytest.raises(ReaderGone):
            outlet.check()


async def test_p8_whoever_hangs_up_while_a_message_is_written_ends_the_call_quietly_and_with_its_line() -> None:
    holder = holder_over(MemorySource(BULK))
    service = HolderService(holder, "brinkhof", Locating(holder, KEY), PlainDoor(), PlainExchange())
    with capture_logs() as logs:
        await service.Query(pb.QueryRequest(query=question_codec.holder_query_to_wire(question())), HungUp())  # type: ignore[arg-type]

    check_broken_off(holder)
    assert logs == []


@pytest.mark.parametrize("failure", [ReaderGone(), RuntimeError("a mistake of ours")])
async def test_p8_an_answer_that_fails_half_way_has_its_line_and_fails_on(failure: Exception) -> None:
    holder = holder_over(MemorySource(BULK))
    with pytest.raises(type(failure)):
        await answer(holder, admitted(question()), Breaking(failure).emit)

    check_broken_off(holder)


async def test_p8_an_answer_that_is_too_late_says_so_also_when_nobody_waited_for_it() -> None:
    holder, late = holder_over(MemorySource(BULK)), anyio.Event()

    async def emit(_frame: Frame) -> None:
        late.set()
        await anyio.sleep(0.2)
        raise ReaderGone

    with time_of_its_own(), pytest.raises(ReaderGone):
        await answer(holder, admitted(question()), emit, seconds=0.1)
    (closing,) = lines_of(holder, Closing)

    assert late.is_set()
    assert (closing.ending, closing.fault, closing.batches) == (Ending.TOO_LATE, Fault.DEADLINE_PASSED, len(lines_of(holder, Release)))


@pytest.mark.parametrize("failure", [ReaderGone(), RuntimeError("a mistake of ours")])
async def test_p8_an_attachment_that_fails_half_way_has_its_line_and_fails_on(failure: Exception) -> None:
    holder = holder_over(MemorySource([patient("a", ANNA), DOCUMENT, BINARY]))
    with pytest.raises(type(failure)):
        await fetch_attachment(holder, admitted(question()), "Binary/7", RecordRef("DocumentReference", "3"), Breaking(failure, takes=1).emit)

    check_broken_off(holder)


async def test_a_question_that_is_refused_has_its_own_line_and_no_last_one() -> None:
    holder = holder_over(MemorySource(BULK))

    def spend(*_: Any) -> None:
        raise BudgetSpent(None)

    holder.safeguards.budgeting.spend = spend  # type: ignore[method-assign, assignment]
    with pytest.raises(BudgetSpent):
        await answer(holder, admitted(question()), Breaking(RuntimeError()).emit)

    assert len(lines_of(holder, RefusedQuestion)) == 1
    assert lines_of(holder, Closing) == []


def slow_after(holder: Holder, kind: type[Event]) -> asyncio.Event:
    """Tells when the first line of a kind is in the journal; it is durable only later."""
    ledger, written = holder.safeguards.ledger, asyncio.Event()
    append = ledger.append

    async def slowly(event: Event) -> int:
        number = await append(event)
        if isinstance(event, kind):
            written.set()
            await asyncio.sleep(0.02)
        return number

    ledger.append = slowly  # type: ignore[method-assign]
    return written


async def cancelled_as_grpc_does(work: Awaitable[None], when: asyncio.Event) -> None:
    """Run *work* in a task, which is cancelled without asking its scopes."""
    task = asyncio.ensure_future(work)  # noqa: TID251 - as grpc.aio does
    await when.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def read_on(_frame: Frame | AttachmentFrame) -> None:
    """Take everything."""


def asked(holder: Holder) -> Awaitable[None]:
    """A question."""
    return answer(holder, admitted(question()), read_on)


def fetched(holder: Holder) -> Awaitable[None]:
    """An attachment."""
    return fetch_attachment(holder, admitted(question()), "Binary/7", RecordRef("DocumentReference", "3"), read_on)


@pytest.mark.parametrize("call", [asked, fetched])
async def test_p2_whoever_hangs_up_while_a_line_is_written_has_it_counted(call: Callable[[Holder], Awaitable[None]]) -> None:
    holder = holder_over(MemorySource([*BULK, DOCUMENT, BINARY]))
    await cancelled_as_grpc_does(call(holder), slow_after(holder, Release))

    check_broken_off(holder)
    assert lines_of(holder, Release)


async def test_p8_whoever_hangs_up_while_the_last_line_is_written_leaves_one() -> None:
    holder = holder_over(MemorySource([patient("a", ANNA)]))
    ended = anyio.Event()
    written = slow_after(holder, Closing)
    append = holder.safeguards.ledger.append

    async def to_its_end(event: Event) -> int:
        number = await append(event)
        if isinstance(event, Closing):
            ended.set()
        return number

    holder.safeguards.ledger.append = to_its_end  # type: ignore[method-assign]
    await cancelled_as_grpc_does(asked(holder), written)

    assert ended.is_set()
    assert [line.ending for line in lines_of(holder, Closing)] == [Ending.ANSWERED]
