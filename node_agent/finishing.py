"""Work that is finished whatever happens meanwhile to whoever began it."""

from collections.abc import Awaitable, Callable

import anyio


async def finish(work: Callable[[], Awaitable[None]]) -> None:
    """Do *work* to its end, whoever is cancelled meanwhile.

    A shield alone holds back only what is cancelled by scopes: when a client hangs up, grpc.aio cancels the very task of the call.
    """
    failed: list[Exception] = []

    async def to_its_end() -> None:
        with anyio.CancelScope(shield=True):
            try:
                await work()
            except Exception as failure:  # noqa: BLE001 - it is raised again below, outside the task group that would wrap it
                failed.append(failure)

    # Whoever is cancelled by a scope goes on behind the work, as behind any shield.
    with anyio.CancelScope(shield=True):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(to_its_end)
    if failed:
        raise failed[0]
