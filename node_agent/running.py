"""The agent's process: one organisation or a house of them, until the operating system says to stop."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from accord.link.surroundings import check_surroundings, collect_garbage_rarely
from accord.ops.desk import Desk
from accord.ops.logs import set_up_log
from accord.ops.notifying import Notifier
from accord.terms.faults import Unavailable
from node_agent.composition import serve
from node_agent.house import check_environment, of_the_house
from node_agent.housekeeping import Housekeeping
from node_agent.pausing import Pausing
from node_agent.settings import AgentSettings

_log = structlog.get_logger("noaber.agent")

#: Longer than answers under way have to finish.
_LAST_SECONDS: Final = 15.0


async def run(settings: AgentSettings, folder: Path, say: Callable[[str], None]) -> None:
    """Serve one organisation until SIGTERM or SIGINT; *say* is told `ready` and the address once questions can be asked.

    SIGUSR1 pauses the agent, SIGUSR2 resumes it. Relative paths in the settings are relative to *folder*.

    Raises:
        Faulted: A setting is wrong, the surroundings are unsafe, or something cannot be used; in a group with others where
            parts run side by side.
    """
    set_up_log(settings.log)
    _begin()
    pausing, stopped, notifier = Pausing(), anyio.Event(), Notifier.of_environment(os.environ)
    ops = Desk("agent") if settings.ops.listen else None

    def ready(address: str) -> None:
        collect_garbage_rarely()
        notifier.ready()
        say(f"ready {address}")

    async with anyio.create_task_group() as tasks:
        await tasks.start(_listen_to_signals, lambda: [pausing], stopped)
        tasks.start_soon(_end_at_last, tasks, stopped, notifier)
        tasks.start_soon(notifier.keep_watching)
        if ops is not None:
            ops.expect(settings.holder.name)
            await ops.serve(settings.ops, tasks)
        await serve(settings, folder, pausing=pausing, ready=ready, stopped=stopped, ops=ops)
        tasks.cancel_scope.cancel()


async def run_house(house: Path, say: Callable[[str], None]) -> None:
    """Serve every organisation of a house until SIGTERM or SIGINT, and those that come while it runs.

    *say* is told `answers`, the name and the address of each, and `ready` with how many of them once all were tried.
    SIGUSR1 pauses all of them, SIGUSR2 resumes them.

    Raises:
        BadInput: The surroundings are unsafe, or the house cannot be read.
    """
    check_environment(os.environ)
    shared = of_the_house(house)
    set_up_log(shared.log)
    _begin()
    notifier = Notifier.of_environment(os.environ)
    ops = Desk("agent") if shared.ops.listen else None
    housekeeping, stopped = Housekeeping(house, partial(serve, ops=ops), say, ops=ops), anyio.Event()

    def settled() -> None:
        collect_garbage_rarely()
        notifier.ready()

    async with anyio.create_task_group() as tasks:
        await tasks.start(_listen_to_signals, housekeeping.all_pausing, stopped)
        tasks.start_soon(_end_at_last, tasks, stopped, notifier)
        tasks.start_soon(notifier.keep_watching)
        if ops is not None:
            await ops.serve(shared.ops, tasks)
        await housekeeping.keep(stopped, settled=settled)
        tasks.cancel_scope.cancel()


async def _end_at_last(tasks: TaskGroup, stopped: anyio.Event, notifier: Notifier) -> None:
    """Whatever is still starting, or does not come to an end, holds up no stop."""
    await stopped.wait()
    notifier.stopping()
    await anyio.sleep(_LAST_SECONDS)
    tasks.cancel_scope.cancel()


def _begin() -> None:
    check_surroundings()
    # A unix socket, and all that the process makes, is for its own user only.
    os.umask(0o077)


async def _listen_to_signals(of: Callable[[], list[Pausing]], stopped: anyio.Event, *, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2) as signals:
        task_status.started()
        async for received in signals:
            if received is signal.SIGUSR1:
                _each(of(), Pausing.pause)
            elif received is signal.SIGUSR2:
                _each(of(), Pausing.resume)
            else:
                stopped.set()
                return


def _each(standings: list[Pausing], change: Callable[[Pausing], None]) -> None:
    """Change everybody's standing; what cannot be remembered of one keeps nobody else from it."""
    for pausing in standings:
        try:
            change(pausing)
        except Unavailable as failure:
            _log.error("a change of the standing is not kept", code=failure.fault.value)
