"""Work that is finished whatever happens meanwhile to whoever began it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import anyio.lowlevel

_T = TypeVar("_T")


async def finish(work: Callable[[], Awaitable[_T]]) -> _T:
    """Do *work* to its end, whoever is cancelled meanwhile; returns what it returns.

    A shield alone holds back only what is cancelled by scopes: when a client hangs up, grpc.aio cancels the very task of the call.

    Raises:
        Exception: Whatever *work* raised, as itself, unless a scope was cancelled meanwhile.
    """
    done: list[_T] = []
    failed: list[Exception] = []

    async def to_its_end() -> None:
        with anyio.CancelScope(shield=True):
            try:
                done.append(await work())
            except Exception as failure:  # noqa: BLE001 - it is raised again below, outside the task group that would wrap it
                failed.append(failure)

    # Whoever is cancelled by a scope goes on behind the work, as behind any shield.
    with anyio.CancelScope(shield=True):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(to_its_end)
    if failed:
        # Whoever is cancelled does not wait for it any more, and would take the failure out of a scope that is being left.
        await anyio.lowlevel.checkpoint_if_cancelled()
        raise failed[0]
    return done[0]
