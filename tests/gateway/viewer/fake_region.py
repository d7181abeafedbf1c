"""A region behind the viewer that answers as it is told, and a clock that stands still."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import anyio

from accord.terms.answers import Batch, Counts, Ending
from accord.terms.identifiers import HolderName, QueryId, RecordRef, Ura
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import HolderKind
from accord.wire.columns import ROW
from gateway.ports import Completeness, DossierEvent, HolderBatch, HolderClosed, Planned
from gateway.viewer.ports import Attached, Question

NIGHT = datetime(2026, 11, 21, 1, 41, tzinfo=UTC)
HOLDER = DataHolder(HolderName("brinkhof"), Ura("90000011"), "Huisartsen De Brinkhof", HolderKind.GP_PRACTICE, "0541-555 0101")
QUERY = QueryId("0123456789abcdef0123456789abcdef")


class Clock:
    """The time as a test wants it."""

    def __init__(self) -> None:
        self.at = NIGHT

    def __call__(self) -> datetime:
        """What time it is."""
        return self.at

    def pass_by(self, **time: float) -> None:
        """Let time pass."""
        self.at += timedelta(**time)


def answered(*, emergency: bool = True, blob: bytes = b'{"resourceType":"Patient","id":"1"}') -> tuple[DossierEvent, ...]:
    """What a region with one holder tells."""
    batch = Batch(ROW.pack(0, 0, 0, 0, len(blob), 1, 0), blob, 1)
    return (
        Planned(QUERY, (HOLDER,), (), emergency),
        HolderBatch(HOLDER.name, batch, frozenset({"1"})),
        HolderClosed(HOLDER.name, Ending.ANSWERED, Counts(1, len(blob), 1), None, None, 12, 0),
        Completeness(QUERY, (), (), emergency),
    )


@dataclass
class FakeRegion:
    """`Asking` by a script: it remembers what it was asked, and who left."""

    events: Sequence[DossierEvent] = field(default_factory=answered)
    asked: list[Question] = field(default_factory=list)
    withdrawn: int = 0
    fails: Exception | None = None
    #: Where it is set, nothing more is told after the first event until it is.
    waits: anyio.Event | None = None

    @asynccontextmanager
    async def open(self, question: Question) -> AsyncIterator[AsyncIterator[DossierEvent]]:
        """As `Asking.open`."""
        self.asked.append(question)
        if self.fails is not None:
            raise self.fails
        try:
            yield self._told()
        finally:
            self.withdrawn += 1

    async def _told(self) -> AsyncIterator[DossierEvent]:
        for number, event in enumerate(self.events):
            if number and self.waits is not None:
                await self.waits.wait()
            yield event

    @asynccontextmanager
    async def fetch(self, question: Question, holder: HolderName, record: RecordRef, url: str) -> AsyncIterator[Attached]:
        """As `Asking.fetch`."""
        self.asked.append(question)
        yield Attached("text/plain", _bytes(f"{holder} {record} {url}"))


async def _bytes(text: str) -> AsyncIterator[bytes]:
    yield text.encode()
