"""systemd is told that a service is ready, alive and stopping, where it asked to be."""

import socket
from pathlib import Path

import anyio
import pytest

from accord.ops.notifying import Notifier

pytestmark = pytest.mark.anyio


async def test_systemd_hears_that_it_is_ready_alive_and_stopping(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        # Seldom enough that the few words that wait at a socket are never all signs of life: nobody waits for room to say that it stops.
        notifier = Notifier.of_environment({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(notifier.keep_watching)
            notifier.ready()
            heard = {await anyio.to_thread.run_sync(listening.recv, 100) for _ in range(4)}
            tasks.cancel_scope.cancel()
        notifier.stopping()
        while b"STOPPING=1" not in heard:
            heard.add(await anyio.to_thread.run_sync(listening.recv, 100))

    assert heard == {b"READY=1", b"WATCHDOG=1", b"STOPPING=1"}


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "relative"}, {"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "x"}])
async def test_where_nobody_listens_nothing_happens(environment: dict[str, str]) -> None:
    notifier = Notifier.of_environment(environment)
    notifier.ready()
    notifier.stopping()
    await notifier.keep_watching()

    assert notifier.seconds == 0
