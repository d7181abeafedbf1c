"""How long does a dossier take while many are opened each second, with everything on?

An open loop: questions are put at their moments, whether or not the ones before are answered, and each is timed from the moment
when it was due. Ten holders of 20 KB, through the data user's own proxy, on one machine with whoever asks. The reference is a
single question at a time on the same region.
"""

import argparse
import time
from dataclasses import dataclass, field
from statistics import median

import anyio
from grpc import aio

from accord.link.options import CHANNEL
from benches.asking import channel_to, open_dossier
from benches.full_region import TEN, cpu_seconds, full_region, pids_of, warmed_up
from benches.staging import Finding, expect, tell

_GOAL_MS = 800
_ALONE = 15
_CHANNELS = 4


@dataclass(slots=True)
class Load:
    """What came of it: seconds of each dossier that came whole, and how many did not."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    late: float = 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=25.0, help="dossiers a second")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.rate, given.seconds = 3.0, 4.0
    with full_region() as region:
        alone, records = anyio.run(_one_by_one, region.gateway_address)
        pids = pids_of(region)
        before = cpu_seconds(pids)
        load = anyio.run(_open_loop, region.gateway_address, given.rate, given.seconds, records)
        cpu = cpu_seconds(pids) - before
    number = len(load.seconds) + load.failed
    expect(bool(load.seconds), f"none of {number} dossiers came whole")
    p50, p95, p99 = (_part(load.seconds, part) * 1000 for part in (0.50, 0.95, 0.99))
    tell(
        "How long does a dossier take while many are opened each second?",
        [
            Finding(
                f"{given.rate:g} dossiers a second for {given.seconds:g} s, ten holders of 20 KB, everything on: p95",
                f"{p95:.0f} ms (p50 {p50:.0f}, p99 {p99:.0f}); {load.failed} of {number} did not come whole",
                f"≤ {_GOAL_MS} ms, none lost",
                p95 <= _GOAL_MS and not load.failed,
            ),
            Finding("one dossier at a time", f"{alone * 1000:.0f} ms"),
            Finding("processor time of a dossier", f"{cpu / number * 1000:.0f} ms ({cpu / given.seconds:.2f} of the machine's cores busy)"),
        ],
        {
            "rate": given.rate,
            "seconds": given.seconds,
            "records": records,
            "p50_ms": round(p50),
            "p95_ms": round(p95),
            "p99_ms": round(p99),
            "alone_ms": round(alone * 1000, 1),
            "failed": load.failed,
            "dossiers": number,
            "asked_late_ms": round(load.late * 1000, 1),
            "ratio": round(p50 / alone / 1000, 2),
        },
    )


async def _one_by_one(address: str) -> tuple[float, int]:
    taken: list[float] = []
    records = await warmed_up(address)
    async with channel_to(address) as channel:
        for _ in range(_ALONE):
            begun = time.perf_counter()
            heard = await open_dossier(channel)
            taken.append(time.perf_counter() - begun)
            heard.expect_all(records)
            expect(len(heard.endings) == len(TEN), f"{len(heard.endings)} holders")
    return median(taken), records


async def _open_loop(address: str, rate: float, seconds: float, records: int) -> Load:
    """Put a question at each of its moments, whatever became of the others."""
    load = Load()

    async def one(channel: aio.Channel, due: float) -> None:
        load.late = max(load.late, time.perf_counter() - due)
        try:
            heard = await open_dossier(channel, seconds=20.0)
        except aio.AioRpcError:
            load.failed += 1
            return
        whole = heard.records == records and set(heard.endings.values()) == {"ENDING_ANSWERED"}
        if whole:
            load.seconds.append(time.perf_counter() - due)
        else:
            load.failed += 1

    # As many applications: what one connection may have under way at once is bounded.
    options = (*CHANNEL, ("grpc.use_local_subchannel_pool", 1))
    channels = [aio.insecure_channel(address, options=options) for _ in range(_CHANNELS)]
    begun = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for number in range(round(rate * seconds)):
            due = begun + number / rate
            await anyio.sleep(max(0.0, due - time.perf_counter()))
            tasks.start_soon(one, channels[number % _CHANNELS], due)
    for channel in channels:
        await channel.close()
    return load


def _part(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


if __name__ == "__main__":
    main()
