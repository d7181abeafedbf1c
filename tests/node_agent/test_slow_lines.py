"""While a batch waits for its line, its answer is not empty (promises P2 and P8)."""

from collections.abc import AsyncGenerator, Sequence

import anyio
import pytest

from accord.audit.content import Event
from accord.audit.events import Release
from accord.rules.consent import Basis
from accord.terms.answers import Batch, Ending, Frame
from accord.terms.faults import Fault, Unavailable
from accord.terms.queries import Selection
from accord.terms.vocabulary import CareCategory
from node_agent.packing import ReleasedRecord
from node_agent.ports import LocalPatient, SourceRecord
from node_agent.telling import LINGER_SECONDS, Teller
from testbed.contracts.records import ANNA, observation, patient
from testbed.memory_source import MemorySource
from tests.node_agent.asking import ask, holder_over, question

pytestmark = pytest.mark.anyio

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
