"""Waiting until the gateway finds a holder of a simulated region in some state, or hears its places."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from anyio.from_thread import start_blocking_portal

from accord.terms.answers import Ending
from testbed.asking import HolderAnswer
from testbed.asking_places import asking_places
from testbed.holders import BY_NAME
from testbed.processes import ProcessFailed
from testbed.region_files import DATA_USER

_SETTLE_SECONDS: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 0.1


def until_it_ends(ask: Callable[[], HolderAnswer], holder: str, endings: frozenset[Ending]) -> None:
    """Ask about nobody, until the holder ends in one of these ways.

    Raises:
        ProcessFailed: It did not come to that.
    """
    until = time.monotonic() + _SETTLE_SECONDS
    while (line := ask()).ending not in endings:
        if time.monotonic() > until:
            raise ProcessFailed(holder, f"is {line.ending} {line.code} and should be {' or '.join(sorted(endings))}")
        time.sleep(_LOOK_AGAIN_SECONDS)


def until_it_states(folder: Path, told: str, holder: str) -> None:
    """Wait for whom nobody asks about a dossier: until it states its places. *folder* has the keys of who asks, *told* is the gateway's ready line.

    Raises:
        ProcessFailed: It did not come to that.
    """
    gateway = dict(part.split("=", 1) for part in told.split()[1:])["grpc"]
    until = time.monotonic() + _SETTLE_SECONDS

    async def ending() -> str:
        async with asking_places(folder, BY_NAME[DATA_USER].ura, gateway) as asker:
            return (await asker.ask(holders=[holder], patience=_LOOK_AGAIN_SECONDS)).endings.get(holder, "")

    # In a thread of its own: whoever starts a region may run a loop.
    with start_blocking_portal() as portal:
        while (ends := portal.call(ending)) != Ending.ANSWERED.value:
            if time.monotonic() > until:
                raise ProcessFailed(holder, f"is {ends} and should state its places")
            time.sleep(_LOOK_AGAIN_SECONDS)
