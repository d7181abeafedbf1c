"""Which of the requests of one question is made next."""

import asyncio
from functools import partial

import anyio
import pytest
from anyio.lowlevel import checkpoint

from node_agent.sources.fhir_turns import Turns

pytestmark = pytest.mark.anyio


class Row:
    """Some who want a turn, one at a time."""

    def __init__(self, most: int = 1) -> None:
        self.turns = Turns(most)
        self.had: list[str] = []
        self.at_once = self.highest = 0

    async def take(self, name: str, *, goes_on: bool = False) -> None:
        """Wait for a turn, and have it for a moment."""
        async with self.turns.turn(goes_on=goes_on):
            self.at_once += 1
            self.highest = max(self.highest, self.at_once)
            self.had.append(name)
            await checkpoint()
            self.at_once -= 1


async def test_who_goes_on_comes_before_who_begins() -> None:
    row = Row()
    async with anyio.create_task_group() as tasks, row.turns.turn(goes_on=False):
        for name in ("first", "second"):
            tasks.start_soon(row.take, name)
            tasks.start_soon(partial(row.take, f"more of {name}", goes_on=True))
        await anyio.wait_all_tasks_blocked()
        assert row.had == []

    assert row.had == ["more of first", "more of second", "first", "second"]


async def test_no_more_have_a_turn_at_once_than_may() -> None:
    row = Row(3)
    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(row.take, str(number))

    assert row.highest == 3
    assert len(row.had) == 20


async def test_a_turn_is_not_lost_with_who_gives_up_while_waiting() -> None:
    row = Row()
    async with anyio.create_task_group() as tasks, row.turns.turn(goes_on=False):
        tasks.start_soon(row.take, "nobody")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    with anyio.fail_after(60):
        await row.take("somebody")
    assert row.had == ["somebody"]


async def test_a_turn_is_not_lost_with_who_gives_up_just_when_it_comes() -> None:
    row = Row()
    waiting: list[asyncio.Task[None] | None] = []

    async def give_up() -> None:
        waiting.append(asyncio.current_task())
        await row.take("nobody")

    async with anyio.create_task_group() as tasks:
        async with row.turns.turn(goes_on=False):
            tasks.start_soon(give_up)
            await anyio.wait_all_tasks_blocked()
        for task in waiting:
            assert task is not None
            task.cancel()

    with anyio.fail_after(60):
        await row.take("somebody")
    assert row.had == ["somebody"]


async def test_a_turn_is_passed_on_after_a_failure() -> None:
    row = Row()
    with pytest.raises(ZeroDivisionError):
        async with row.turns.turn(goes_on=False):
            raise ZeroDivisionError

    await row.take("next")
    assert row.had == ["next"]
