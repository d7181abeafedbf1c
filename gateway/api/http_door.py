"""What the HTTP face needs of the region, and no more."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol

import anyio
from anyio.abc import ObjectSendStream

from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import HolderName, RecordRef
from accord.terms.queries import DossierQuery
from gateway.opening import Region, open_dossier
from gateway.ports import DossierEvent, HolderBatch, RegisteredHolder
from gateway.reading import Reader, fetch_attachment_at, read_at

#: Events that wait for a slow client before its holders are slowed down: about 0.8 MB of batches. What waits here still
#: reaches a client after a holder cut its answer, because a choice changed: so few.
EVENTS_AHEAD: Final = 4


class Door(Protocol):
    """The region, as the HTTP face knocks on it."""

    @property
    def holders(self) -> tuple[RegisteredHolder, ...]:
        """Everybody in the register."""

    async def open(
        self,
        query: DossierQuery,
        into: ObjectSendStream[DossierEvent],
        *,
        lanes: Mapping[HolderName, ObjectSendStream[DossierEvent]] | None = None,
    ) -> None:
        """See `gateway.opening.open_dossier`."""

    async def read(self, holder: HolderName, ref: RecordRef, reader: Reader) -> HolderBatch:
        """See `gateway.reading.read_at`."""

    async def refused(self, failure: Faulted, peer: str) -> None:
        """Note that somebody was not let in. *peer* is the URA of whoever is on the channel, empty for nobody.

        Raises:
            Unavailable: `journal-unavailable`.
        """

    def fetch(self, holder: HolderName, url: str, record: RecordRef, reader: Reader) -> AbstractAsyncContextManager[tuple[str, AsyncIterator[bytes]]]:
        """See `gateway.reading.fetch_attachment_at`."""


@dataclass(frozen=True, slots=True)
class RegionDoor:
    """The door of a real region."""

    region: Region

    @property
    def holders(self) -> tuple[RegisteredHolder, ...]:
        """Everybody in the register."""
        return self.region.register.holders

    async def open(
        self,
        query: DossierQuery,
        into: ObjectSendStream[DossierEvent],
        *,
        lanes: Mapping[HolderName, ObjectSendStream[DossierEvent]] | None = None,
    ) -> None:
        """Open a dossier."""
        await open_dossier(query, self.region, into, lanes=lanes)

    async def refused(self, failure: Faulted, peer: str) -> None:
        """Note that somebody was not let in."""
        await self.region.recorder().refused(failure, peer)

    async def read(self, holder: HolderName, ref: RecordRef, reader: Reader) -> HolderBatch:
        """Read one record: the reader's selection names it."""
        if ref.id not in reader.selection.ids:
            raise BadInput(Fault.NOT_FOUND)
        return await read_at(self.region, holder, reader)

    def fetch(self, holder: HolderName, url: str, record: RecordRef, reader: Reader) -> AbstractAsyncContextManager[tuple[str, AsyncIterator[bytes]]]:
        """Fetch one attachment."""
        return fetch_attachment_at(self.region, holder, url, record, reader)


async def hear(door: Door, query: DossierQuery, take: Callable[[DossierEvent], Awaitable[None]]) -> None:
    """Open a dossier and take its events one by one; a slow taker slows the holders down.

    Raises:
        Exception: The dossier could not be opened, or *take* raised it; every question is withdrawn then.
    """
    send, receive = anyio.create_memory_object_stream[DossierEvent](EVENTS_AHEAD)
    # Kept and raised at the end: out of the task group it would come as a group.
    failures: list[Exception] = []

    async def ask() -> None:
        try:
            await door.open(query, send)
        except Exception as failure:  # noqa: BLE001
            failures.append(failure)
        finally:
            send.close()

    async with receive, anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        async for event in receive:
            try:
                await take(event)
            except Exception as failure:  # noqa: BLE001
                failures.append(failure)
                tasks.cancel_scope.cancel()
                break
    if failures:
        raise failures[0]
