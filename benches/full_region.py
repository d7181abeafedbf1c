"""A region with everything on, for benches: ten holders that keep 20 KB each about our person."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from benches.asking import channel_to, open_dossier
from benches.staging import expect
from testbed.bulk import grown
from testbed.processes import Processes
from testbed.region import BlockingRegion

TEN: Final = ("reggerbrug", "brinkhof", "marksveen", "twickelaar", "wieke", "weefgetouw", "havezate", "haarveld", "holterloo", "waterveld")
BYTES: Final = 20_000
#: So many dossiers are opened before anything is measured.
_AT_LEAST: Final = 5
_AT_MOST: Final = 20


@contextmanager
def full_region(seconds: float = 8.0, outbound: Collection[str] = ()) -> Iterator[BlockingRegion]:
    """Start it, and end it with the context; the agents of *outbound* have no port."""
    with BlockingRegion.start(holders=TEN, story=False, change=grown(dict.fromkeys(TEN, BYTES)), seconds=seconds, outbound=outbound) as region:
        yield region


@contextmanager
def processes_beside() -> Iterator[Processes]:
    """Processes that stand beside a region, started from a nursery of their own."""
    with Processes(preloaded=("grpc.aio", "uvloop", "benches.plain_region")) as processes:
        yield processes


def pids_of(region: BlockingRegion) -> list[int]:
    """The processes that answer: agents, gateway, connect."""
    running = [region.process_of(name) for name in (*region.files, "gateway", "connect")]
    return [one.pid for one in running if one is not None]


def cpu_seconds(pids: list[int]) -> float:
    """Processor time of all threads of these processes so far."""
    # As clock_getcpuclockid(3) makes it.
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


async def warmed_up(address: str) -> int:
    """The records of a dossier that every holder answered, once several were opened: the first ones meet what has just begun."""
    async with channel_to(address) as channel:
        for number in range(_AT_MOST):
            heard = await open_dossier(channel)
            if number >= _AT_LEAST and set(heard.endings.values()) == {"ENDING_ANSWERED"}:
                return heard.records
    expect(holds=False, what=f"no dossier came whole: {sorted(set(heard.endings.values()))}")
    raise AssertionError  # `expect` ended the bench
