"""One answer's work lets others go on."""

import anyio
import pytest

from gateway.api.http_turns import Turn

pytestmark = pytest.mark.anyio


async def test_others_go_on_between_two_turns() -> None:
    seen: list[str] = []

    async def other() -> None:
        for number in range(3):
            seen.append(f"other {number}")
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(other)
        turn = Turn(0.0)
        for number in range(3):
            seen.append(f"record {number}")
            if turn.is_over:
                await turn.pass_on()

    assert seen.index("other 0") < seen.index("record 1")
    assert seen.index("other 1") < seen.index("record 2")


async def test_a_turn_is_not_over_at_once() -> None:
    assert not Turn(3600.0).is_over
