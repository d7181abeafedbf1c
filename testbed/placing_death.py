"""The gateway dies at the very moment at which a provider has said yes: nobody else can know of it yet."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from accord.rules.placing.provider import At
from testbed.processes import ProcessFailed
from testbed.region_places import GATEWAY, PlacesRegion

_LONGEST_SECONDS: Final = 30.0
_LOOK_AGAIN_SECONDS: Final = 0.001


@contextmanager
def dies_at_the_first_yes(region: PlacesRegion, provider: str, request: str) -> Iterator[Callable[[], datetime]]:
    """As soon as the provider has its yes on disk, the gateway is killed (`kill -9`); what is given waits for that, and says when.

    Raises:
        ProcessFailed: There was no yes.
    """
    store = region.stores[provider]

    def die() -> datetime:
        _until_offered(store, provider, request)
        region.kill(GATEWAY)
        return datetime.now(UTC)

    with ThreadPoolExecutor(1) as beside:
        died = beside.submit(die)
        yield died.result


def _until_offered(store: Path, provider: str, request: str) -> None:
    until = time.monotonic() + _LONGEST_SECONDS
    with closing(sqlite3.connect(store, timeout=10)) as connection:
        while not connection.execute("SELECT 1 FROM leg WHERE request = ? AND state = ?", (request, At.OFFERED)).fetchone():
            if time.monotonic() > until:
                raise ProcessFailed(provider, "did not say yes")
            time.sleep(_LOOK_AGAIN_SECONDS)
