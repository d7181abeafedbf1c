"""A holder over records in memory, and questions to put to it."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import anyio
from grpc import aio

from accord.link.addresses import loopback
from accord.link.options import CHANNEL
from accord.link.pseudonyms import PseudonymKey
from accord.rules.consent import Choice
from accord.terms.answers import Batch, Closed, Frame, Outcome
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Bsn, QueryId, RecordRef, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.queries import EVERYTHING, HolderQuery, Selection
from accord.terms.records import TYPE_NAME
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from accord.wire.columns import Row, rows
from accord.wire.hashing import StreamDigest
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceStub
from node_agent.answering import answer
from node_agent.api.servicer import HolderService
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.pausing import Pausing
from node_agent.ports import ChoiceStore, Source
from node_agent.server import serving
from testbed.contracts.records import ANNA
from testbed.memory_source import MemorySource
from testbed.outbound import OutboundRegion, outbound_member
from testbed.plain import PlainDoor, PlainExchange, admitted, plain_safeguards

if TYPE_CHECKING:
    from accord.wire.v1.holder_service_pb2_grpc import HolderServiceAsyncStub  # of the stub file only

URA = Ura("90001003")
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
KEY = PseudonymKey(bytes(range(32)))
ASKER = Asker(DataUser(Ura("90000001"), "Ziekenhuis", HolderKind.HOSPITAL), Professional("1", "01.015", "Arts"), treats_the_patient=True)
YES = Choice(permits=True)
_SECONDS: Final = 60.0


class MemoryChoices:
    """A `ChoiceStore` over a dictionary; everybody who is not in it said `others`."""

    def __init__(self, choices: dict[str, tuple[Choice, ...]] | None = None, *, others: tuple[Choice, ...] = (YES,)) -> None:
        self.choices = choices or {}
        self.others = others
        self.asked = 0
        self.fails = False

    async def choices_of(self, bsn: Bsn) -> tuple[Choice, ...]:
        """As the port promises."""
        self.asked += 1
        if self.fails:
            raise Unavailable(Fault.SOURCE_UNAVAILABLE)
        return self.choices.get(bsn.value, self.others)

    async def close(self) -> None:
        """Nothing to let go of."""


def holder_over(source: Source, choices: ChoiceStore | None = None, **more: Any) -> Holder:
    """A holder with this source, whose patients permit everything unless told otherwise."""
    safeguards = plain_safeguards(URA, pseudonym_of=KEY.pseudonym)
    return Holder(URA, source, choices or MemoryChoices(), Pausing(), safeguards, lambda: NOW, **more)


def question(about: str | RecordRef = ANNA, selection: Selection = EVERYTHING, **more: Any) -> HolderQuery:
    """A question about Anna, unless told otherwise."""
    who = about if isinstance(about, RecordRef) else Bsn(about)
    query = HolderQuery(QueryId("q-1"), URA, who, date(1941, 3, 2), ASKER, PurposeOfUse.TREATMENT, selection)
    return replace(query, **more)


class Answer:
    """The frames of one answer, taken apart."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = list(frames)
        assert isinstance(self.frames[-1], Closed), "the last word comes last"
        self.closed = self.frames[-1]

    @property
    def batches(self) -> list[Batch]:
        """Its batches."""
        return [frame for frame in self.frames if isinstance(frame, Batch)]

    @property
    def outcomes(self) -> list[Outcome]:
        """Its decisions."""
        return [frame for frame in self.frames if isinstance(frame, Outcome)]

    @property
    def rows(self) -> list[tuple[Row, bytes]]:
        """Every row with its record."""
        found = []
        for batch in self.batches:
            begin = 0
            for row in rows(batch.columns):
                found.append((row, batch.blob[begin : row.end]))
                begin = row.end
        return found

    @property
    def records(self) -> list[bytes]:
        """Every record."""
        return [record for _, record in self.rows]

    @property
    def types(self) -> list[str]:
        """The type of every record, as the column says."""
        return [TYPE_NAME[row.type_code] for row, _ in self.rows]

    def check_account(self) -> None:
        """Counts and digest agree with what came."""
        digest = StreamDigest()
        for batch in self.batches:
            digest.add(batch)
        counts = self.closed.counts
        assert (counts.records, counts.bytes, counts.batches) == (len(self.rows), sum(map(len, self.records)), len(self.batches))
        assert self.closed.digest == digest.value()


async def ask(holder: Holder, query: HolderQuery, *, seconds: float | None = None) -> Answer:
    """Put a question to a holder, without a wire."""
    frames: list[Frame] = []

    async def emit(frame: Frame) -> None:
        frames.append(frame)

    await answer(holder, admitted(query), emit, seconds=seconds)
    told = Answer(frames)
    told.check_account()
    return told


async def ask_over(records: Iterable[bytes], query: HolderQuery | None = None, **more: Any) -> Answer:
    """Put a question to a holder that keeps these records."""
    return await ask(holder_over(MemorySource(records), **more), query or question())


#: Which way `served` has the holder asked: at a port of its own, or by an agent that calls the gateway. See `tests/node_agent/conftest.py`.
WAY: ContextVar[str] = ContextVar("way", default="inbound")


@asynccontextmanager
async def served(holder: Holder, folder: Path, *, heartbeat_seconds: float = 5.0) -> "AsyncGenerator[tuple[HolderServiceAsyncStub, Locating], None]":
    """The holder behind a real gRPC server on a unix socket, or behind a gateway that it calls; and a client of it."""
    locating = Locating(holder, KEY)
    service = HolderService(holder, "brinkhof", locating, PlainDoor(), PlainExchange(), heartbeat_seconds=heartbeat_seconds)
    if WAY.get() == "outbound":
        async with _called(service, holder, folder) as channel:
            yield cast("HolderServiceAsyncStub", InTime(HolderServiceStub(channel))), locating
        return
    address = loopback(f"unix:{folder}/agent.sock")
    async with serving(service, holder.pausing, address, grace=0.2) as target, aio.insecure_channel(target, options=CHANNEL) as channel:
        yield cast("HolderServiceAsyncStub", InTime(HolderServiceStub(channel))), locating


@asynccontextmanager
async def _called(service: HolderService, holder: Holder, folder: Path) -> AsyncGenerator[aio.Channel, None]:
    region = OutboundRegion(folder / "region", [outbound_member("brinkhof", URA)])
    async with region.door(certified=f"unix:{folder}/door.sock") as door:
        agent = region.agent("brinkhof", [door.address])
        async with serving(service, holder.pausing, None, grace=0.2, outbound=agent.to):
            with anyio.fail_after(_SECONDS):
                while not len(door.agents.sessions):  # noqa: ASYNC110 - the door tells nobody who comes in
                    await anyio.sleep(0.01)
            yield door.channel(region.members["brinkhof"])


class InTime:
    """A client whose calls all have a deadline, as holders want."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._stub, name)
        return lambda request, *, timeout=_SECONDS, **more: call(request, timeout=timeout, **more)
