"""Which doors an agent without a port calls, by what it was set to and what the office's desk tells."""

from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from structlog.testing import capture_logs

from accord.link.desk_forms import DoorsToldForm
from accord.link.office_line import OfficeLine
from node_agent.doors import Doors

pytestmark = pytest.mark.anyio

SOCKET = "unix:/run/gateway.sock"
OTHER = "unix:/run/somebody-elses.sock"
FIRST, SECOND = "gw1.example:8444", "gw2.example:8444"


class Telling:
    """The desk's line, where each question is answered with the next of what there is to tell, and then no more."""

    def __init__(self, *told: list[str]) -> None:
        self._told = list(told)
        self.done = anyio.Event()

    async def ask(self, *_: Any) -> DoorsToldForm:
        """Answer, or never."""
        if not self._told:
            self.done.set()
            await anyio.sleep_forever()
        return DoorsToldForm(self._told.pop(0))


async def told(folder: Path, first: tuple[str, ...], *words: list[str]) -> tuple[Doors, list[str]]:
    """What is called after the desk has said this, and the warnings that it made."""
    line = Telling(*words)
    doors = Doors(first, folder / "doors.json", lambda: cast("OfficeLine", line), 0.001)
    with capture_logs() as logs:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(doors.keep)
            with anyio.fail_after(30):
                await line.done.wait()
            tasks.cancel_scope.cancel()
    return doors, [line["event"] for line in logs if line["log_level"] == "warning"]


async def test_a_socket_that_it_was_set_to_call_is_a_door_when_the_desk_tells_of_it(tmp_path: Path) -> None:
    doors, warnings = await told(tmp_path, (SOCKET, FIRST), [SOCKET, FIRST])

    assert (set(doors.now), warnings) == ({SOCKET, FIRST}, [])
    # And it is one after a start, too.
    assert set(Doors((SOCKET, FIRST), tmp_path / "doors.json", doors.line, 1.0).now) == {SOCKET, FIRST}


async def test_a_door_that_is_gone_from_the_desk_is_left_also_where_a_socket_stays(tmp_path: Path) -> None:
    doors, warnings = await told(tmp_path, (SOCKET,), [SOCKET, SECOND], [SOCKET])

    assert (doors.now, warnings) == ((SOCKET,), [])


async def test_p1_a_socket_that_nobody_here_set_is_never_called_and_there_is_one_line_about_it(tmp_path: Path) -> None:
    doors, warnings = await told(tmp_path, (FIRST,), [OTHER, FIRST], [OTHER, SECOND], [OTHER])

    assert (doors.now, len(warnings)) == ((SECOND,), 1)
