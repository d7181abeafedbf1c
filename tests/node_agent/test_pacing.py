"""A source is never asked more at once, nor faster, than was agreed: over real sockets, under a flood (promise P7)."""

import asyncio
from itertools import pairwise

import anyio
import pytest

from accord.terms.queries import EVERYTHING
from node_agent.pacing import Pace
from node_agent.ports import LocalPatient, SourceBusy, SourceFailure
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_rest import FhirServer
from testbed.contracts.records import ANNA, observation, patient
from testbed.fhir_server import FhirFaults, fhir_server

pytestmark = pytest.mark.anyio

RECORDS = [patient("a", ANNA), *(observation(str(number), "a") for number in range(40))]
A = LocalPatient(frozenset({"a"}))


async def ask(source: FhirServer, failures: list[SourceFailure]) -> None:
    try:
        async for _ in source.records_of(A, EVERYTHING):
            pass
    except SourceFailure as failure:
        failures.append(failure)


class Noted(Pace):
    """A pace that remembers when requests began."""

    def __init__(self, pace: Pace) -> None:
        super().__init__(pace._concurrency, pace._per_second, pace._slow_seconds)
        self.begun: list[float] = []

    async def _in_pace(self) -> None:
        await super()._in_pace()
        # By the clock of the pace: what the machine does between this line and the last is no part of it.
        self.begun.append(self._last_start)


@pytest.mark.slow
@pytest.mark.parametrize(("delay", "bursts"), [(0.02, 1), (0.4, 3)])
async def test_p7_at_the_server_neither_more_at_once_nor_more_in_any_second_than_agreed(delay: float, bursts: int) -> None:
    per_second, failures = 20.0, list[SourceFailure]()
    async with fhir_server(RECORDS, FhirFaults(delay=delay)) as running:
        endpoint = FhirEndpoint(running.base, concurrency=3, per_second=per_second, slow_seconds=0, patience=4.0, types=frozenset({"Observation"}))
        async with FhirServer(endpoint) as source:
            pace = source._client.pace = Noted(source.pace)
            for _ in range(bursts):
                async with anyio.create_task_group() as tasks:
                    for _ in range(60):
                        tasks.start_soon(ask, source, failures)
                await anyio.sleep(0.3)  # a silence saves up no burst
            witness = running.desk.witness
            arrived = list(witness.arrived)
            late = max(there - here for here, there in zip(pace.begun, arrived, strict=False))
            told = f"{witness.total} requests, {witness.high_water} at once, {witness.most_within(1.0)} in the busiest second, {late * 1000:.0f} ms on the way"
            print(f"{told}, {len(failures)} told busy")  # noqa: T201 - for who measures

            assert witness.total > 10
            assert witness.high_water <= 3
            # With answers that take longer than three turns, the rate is not what binds: then every place is used.
            assert witness.high_water == 3 or delay < 3 / per_second
            assert source.pace.work.most_at_once <= 3
    assert min(after - before for before, after in pairwise(pace.begun)) >= 1 / per_second
    # On the way a start can only be late: what arrives within a second began within that second and so much. Without that, no
    # second has more than was agreed.
    assert witness.most_within(1.0) <= int((1 + late) * per_second)
    # Whoever got a turn in the very last moment had no time left for the answer.
    assert {failure.fault.value for failure in failures} <= {"source-busy", "source-unavailable"}


async def test_p7_a_source_that_slows_is_asked_less_and_more_again_when_it_is_well() -> None:
    pace = Pace(8, slow_seconds=5)
    for seconds in (6, 12, 20):
        pace._learn("Observation", anyio.current_time() - seconds, is_answered=True)
        pace._lessened = -1.0  # what was under way together counts once; these were not
    assert (pace.at_once, pace.share) == (2, 1 / 4)
    pace._learn("Observation", anyio.current_time() - 20, is_answered=False)
    assert pace.share == 1 / 8

    for _ in range(60):
        async with pace.turn("Observation", anyio.current_time() + 60):
            pass
    assert pace.at_once == 8


async def test_p7_a_source_that_was_always_slow_is_not_starved_for_it() -> None:
    """Every answer takes six seconds, where five are slow: asking less would make none of them any faster."""
    pace = Pace(4, per_second=8.0, slow_seconds=5)
    for number in range(100):
        pace._learn(("Observation", "Condition")[number % 2], anyio.current_time() - 6, is_answered=True)
        pace._lessened = -1.0
        assert pace.share >= 1 / 4

    assert (pace.share, pace.at_once, pace.per_second) == (1.0, 4, 8.0)
    assert pace.work.hours[-1].slow == 100


async def test_requests_that_were_under_way_together_count_once_as_slow() -> None:
    pace = Pace(8)
    moment = anyio.current_time()
    pace.lessen(moment)
    pace.lessen(moment)

    assert pace.share == 0.5


async def test_whoever_stands_too_far_back_is_told_busy_at_once() -> None:
    pace = Pace(1, per_second=0.001)
    async with pace.turn("Patient", anyio.current_time() + 60):
        pass
    with pytest.raises(SourceBusy):
        async with pace.turn("Patient", anyio.current_time() + 0.01):
            pytest.fail("it was not to begin")
    assert pace.work.hours[-1].busy == 1


class JustStarted(asyncio.SelectorEventLoop):
    """A loop whose clock began at nought, as that of a machine that was just started."""

    def __init__(self) -> None:
        self._begun: float | None = None
        super().__init__()

    def time(self) -> float:
        """Seconds since it was first looked at."""
        now = super().time()
        self._begun = now if self._begun is None else self._begun
        return now - self._begun


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": JustStarted})])
async def test_the_first_question_after_a_machine_was_started_waits_for_no_other() -> None:
    assert anyio.current_time() < 600
    pace = Pace(1, per_second=0.001)

    async with pace.turn("Patient", anyio.current_time() + 60) as begun:
        pass

    assert begun < 600


@pytest.mark.slow
async def test_a_server_that_says_that_it_is_too_busy_is_asked_less() -> None:
    async with fhir_server(RECORDS, FhirFaults(busy_every=1, retry_after="0")) as running:
        endpoint = FhirEndpoint(running.base, concurrency=4, types=frozenset({"Observation"}))
        async with FhirServer(endpoint) as source:
            await ask(source, [])

            assert source.pace.share < 1
