"""A holder with records behind one or two gateways that its agent calls, in one process."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio

from accord.link.pseudonyms import PseudonymKey
from accord.rules.consent import Choice
from accord.terms.answers import Batch, Closed, Frame
from accord.terms.identifiers import Bsn, QueryId, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.queries import EVERYTHING, HolderQuery
from accord.terms.vocabulary import HolderKind, PurposeOfUse
from gateway.adapters.agent_door import DoorTimes
from gateway.adapters.grpc_holders import GrpcHolders
from node_agent.api.servicer import HolderService
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.pausing import Pausing
from node_agent.ports import Source
from node_agent.server import serving
from testbed.contracts.records import ANNA, observation, patient
from testbed.memory_source import MemorySource
from testbed.outbound import Door, OutboundAgent, OutboundRegion, outbound_member
from testbed.plain import PlainDoor, PlainExchange, plain_safeguards

BRINKHOF: Final = Ura("90001003")
WIEKE: Final = Ura("90001008")
KEY: Final = PseudonymKey(bytes(range(32)))
ASKER: Final = Asker(DataUser(Ura("90000001"), "Ziekenhuis", HolderKind.HOSPITAL), Professional("1", "01.015", "Arts"), treats_the_patient=True)
#: Generous: what waits for it goes on as soon as it is there.
SECONDS: Final = 60.0
#: Signs of life so often that a test need not wait for long.
QUICK: Final = DoorTimes(ping=0.2, silence=1.0, per_second=1000.0)
RECORDS: Final = [patient("a", ANNA), observation("1", "a"), observation("2", "a")]


class _Permitted:
    """Everybody said yes."""

    async def choices_of(self, _: Bsn) -> tuple[Choice, ...]:
        return (Choice(permits=True),)

    async def close(self) -> None:
        """Nothing to let go of."""


def region_in(folder: Path) -> OutboundRegion:
    """A gateway, and two holders whose agents call out."""
    return OutboundRegion(folder / "region", [outbound_member("brinkhof", BRINKHOF), outbound_member("wieke", WIEKE)])


@asynccontextmanager
async def attending(agent: OutboundAgent, source: Source | None = None) -> AsyncIterator[Pausing]:
    """The agent of brinkhof, which keeps these records."""
    holder = Holder(BRINKHOF, source or MemorySource(RECORDS), _Permitted(), Pausing(), plain_safeguards(BRINKHOF, pseudonym_of=KEY.pseudonym))
    service = HolderService(holder, "brinkhof", Locating(holder, KEY), PlainDoor(), PlainExchange())
    async with anyio.create_task_group() as tasks, serving(service, holder.pausing, None, grace=0.2, outbound=agent.to):
        tasks.start_soon(agent.live.keep_fresh)
        yield holder.pausing
        tasks.cancel_scope.cancel()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that is told to nobody."""
    with anyio.fail_after(SECONDS):
        while not holds():  # noqa: ASYNC110 - as the docstring says
            await anyio.sleep(0.02)


async def until_here(door: Door, number: int = 1) -> None:
    """Wait until so many sessions stand."""
    await until(lambda: len(door.agents.sessions) == number)


def holders_of(door: Door) -> GrpcHolders:
    """The gateway's way to every holder, as it is composed, but that last words need no signature here."""
    return GrpcHolders(lambda holder: door.channel_to(holder.card.ura), lambda _: True)


async def answer(door: Door, region: OutboundRegion, *, seconds: float = SECONDS) -> list[Frame]:
    """All frames about Anna."""
    holders = holders_of(door)
    query = HolderQuery(QueryId("q-1"), BRINKHOF, Bsn(ANNA), None, ASKER, PurposeOfUse.TREATMENT, EVERYTHING)
    async with holders.ask(door.registered(region.members["brinkhof"]), query, seconds=seconds) as frames:
        return [frame async for frame in frames]


def is_whole(frames: list[Frame]) -> bool:
    """Whether all of it came, byte for byte."""
    blob = b"".join(frame.blob for frame in frames if isinstance(frame, Batch))
    return blob == b"".join(RECORDS) and isinstance(frames[-1], Closed)
