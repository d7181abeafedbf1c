"""The same region for whoever has an event loop: as `BlockingRegion`, awaited."""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from functools import partial

import anyio.to_thread

from testbed import asking
from testbed.asking import Dossier
from testbed.faults import FaultKind
from testbed.people import DINA
from testbed.region_blocking import BlockingRegion
from testbed.region_story import SLOW_SECONDS


class Region:
    """A region that runs, for whoever has an event loop: as `BlockingRegion`, awaited."""

    def __init__(self, blocking: BlockingRegion) -> None:
        self.blocking = blocking

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        holders: Iterable[str] | None = None,
        seed: int = 2026,
        people: int = 60,
        story: bool = True,
        seconds: float = 8.0,
        outbound: Collection[str] = (),
    ) -> AsyncIterator["Region"]:
        """Start a region, and end it with the context; see `BlockingRegion.start`."""
        starting = BlockingRegion.start(holders=holders, seed=seed, people=people, story=story, seconds=seconds, outbound=outbound)
        blocking = await anyio.to_thread.run_sync(starting.__enter__)
        try:
            yield cls(blocking)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(starting.__exit__, None, None, None)

    @property
    def fhir_url(self) -> str:
        """Base address of the merged FHIR view."""
        return self.blocking.fhir_url

    @property
    def gateway_address(self) -> str:
        """Where the gateway speaks gRPC."""
        return self.blocking.gateway_address

    async def ask(self, bsn: str = DINA.bsn, *, birth_date: str = "", seconds: float = 13.0, holders: Iterable[str] = (), types: Iterable[str] = ()) -> Dossier:
        """As `BlockingRegion.ask`.

        Raises:
            RegionDidNotAnswer: The gateway refused the question.
        """
        question = asking.request(bsn, birth_date=birth_date, holders=holders, types=types)
        return await asking.ask_later(self.gateway_address, question, seconds)

    async def fault(self, holder: str, kind: FaultKind | str, *, seconds: float = SLOW_SECONDS) -> None:
        """As `BlockingRegion.fault`."""
        await anyio.to_thread.run_sync(partial(self.blocking.fault, holder, kind, seconds=seconds))

    async def heal(self, holder: str) -> None:
        """As `BlockingRegion.heal`."""
        await anyio.to_thread.run_sync(self.blocking.heal, holder)
