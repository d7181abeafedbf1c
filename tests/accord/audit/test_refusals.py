"""What is refused has a line; whoever is refused without end fills no journal with it, and nothing of it goes unmentioned."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import pytest

from accord.audit.content import Event
from accord.audit.events import RefusedQuestion
from accord.audit.refusals import Refusals
from accord.terms.faults import Fault, Unavailable

pytestmark = pytest.mark.anyio

STAMP = 1_779_969_600_000
ONE, OTHER = "00000009", "00000008"


@dataclass
class Scene:
    """Refusals, the lines they wrote, and the time as a test moves it."""

    lines: list[RefusedQuestion] = field(default_factory=list)
    at: float = 100.0
    is_full: bool = False
    #: What is in the line waits for this, as for the disk: it is handed over, and not yet durable.
    durable: anyio.Event | None = None

    def __post_init__(self) -> None:
        self.refusals = Refusals(self, clock=lambda: self.at, stamp=lambda: STAMP + int(self.at * 1000))

    async def append(self, event: Event) -> int:
        """Keep the line, unless the disk is full."""
        await anyio.lowlevel.checkpoint()
        self._check()
        assert isinstance(event, RefusedQuestion)
        self.lines.append(event)
        if self.durable is not None:
            await self.durable.wait()
            self._check(event)
        return len(self.lines)

    def _check(self, *events: RefusedQuestion) -> None:
        if self.is_full:
            self.lines = [line for line in self.lines if line not in events]
            raise Unavailable(Fault.JOURNAL_UNAVAILABLE)

    async def refuse(self, peer: str, times: int, fault: Fault = Fault.TOKEN_INVALID) -> None:
        """So many refusals of one party."""
        for _ in range(times):
            await self.refusals.note(RefusedQuestion(peer=peer, fault=fault))

    @property
    def told(self) -> Counter[tuple[str, Fault]]:
        """How many refusals the lines tell of."""
        told = Counter[tuple[str, Fault]]()
        for line in self.lines:
            told[line.peer, line.fault] += line.count
        return told


async def test_p7_who_is_refused_without_end_has_ten_lines_a_minute_and_one_about_the_rest() -> None:
    scene = Scene()
    await scene.refuse(ONE, 500)
    assert [line.count for line in scene.lines] == [1] * 10

    scene.at += 60
    await scene.refuse(OTHER, 1)

    *_, rest, last = scene.lines
    assert (rest.peer, rest.fault, rest.count, rest.since) == (ONE, Fault.TOKEN_INVALID, 490, STAMP + 100_000)
    assert (last.peer, last.count, last.since) == (OTHER, 1, 0)


async def test_p3_a_flood_of_one_party_takes_no_line_of_another_away() -> None:
    scene = Scene()
    await scene.refuse("", 200)
    await scene.refuse(ONE, 10)

    assert scene.told == {("", Fault.TOKEN_INVALID): 10, (ONE, Fault.TOKEN_INVALID): 10}


async def test_p7_all_together_have_sixty_lines_and_one_for_each_of_a_bounded_number_of_parties() -> None:
    scene = Scene()
    for number in range(2_000):
        await scene.refuse(f"{number:08}", 2)
    assert len(scene.lines) == 60

    await scene.refusals.tell()

    assert len(scene.lines) <= 60 + 65
    assert sum(line.count for line in scene.lines) == 4_000
    assert len(scene.refusals._rates) <= 257


async def test_lines_come_back_with_time() -> None:
    scene = Scene()
    await scene.refuse(ONE, 20)
    scene.at += 12
    await scene.refuse(ONE, 20)

    assert len(scene.lines) == 12


async def test_p3_what_cannot_be_written_is_not_forgotten() -> None:
    scene = Scene()
    await scene.refuse(ONE, 30)
    await scene.refuse(ONE, 5, Fault.PROOF_USED)
    scene.is_full = True
    with pytest.raises(Unavailable):
        await scene.refusals.tell()
    scene.at += 60
    with pytest.raises(Unavailable):
        await scene.refuse(OTHER, 1)
    scene.is_full = False
    await scene.refusals.tell()

    assert scene.told == {(ONE, Fault.TOKEN_INVALID): 30, (ONE, Fault.PROOF_USED): 5}
    assert {line.since for line in scene.lines if line.count > 1} == {STAMP + 100_000}


async def test_what_was_counted_is_told_when_the_process_ends() -> None:
    scene = Scene()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scene.refusals.keep_telling)
        await anyio.wait_all_tasks_blocked()
        await scene.refuse(ONE, 30)
        tasks.cancel_scope.cancel()

    assert scene.told == {(ONE, Fault.TOKEN_INVALID): 30}


async def test_refusals_at_the_same_moment_are_all_counted_once() -> None:
    scene = Scene()
    await scene.refuse(ONE, 30)
    scene.at += 61
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(scene.refuse, ONE, 10)
    await scene.refusals.tell()

    assert scene.told == {(ONE, Fault.TOKEN_INVALID): 80}


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("natively", [False, True])
async def test_p3_whoever_is_cancelled_while_it_is_told_has_nothing_told_twice(*, natively: bool, fails: bool) -> None:
    """grpc.aio cancels the task itself when a call ends, which a shield alone does not hold back."""
    scene = Scene()
    await scene.refuse(ONE, 30)
    await scene.refuse(ONE, 25, Fault.PROOF_USED)
    scene.at += 61
    scene.durable = anyio.Event()
    scope, calls = anyio.CancelScope(), list[asyncio.Task[None] | None]()

    async def call() -> None:
        calls.append(asyncio.current_task())
        with scope:
            await scene.refuse(OTHER, 1)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        if natively and calls[0] is not None:
            calls[0].cancel()
        else:
            scope.cancel()
        await anyio.wait_all_tasks_blocked()
        scene.is_full = fails
        scene.durable.set()
    scene.is_full, scene.durable = False, None
    await scene.refusals.tell()

    assert scene.told == {(ONE, Fault.TOKEN_INVALID): 30, (ONE, Fault.PROOF_USED): 25}
