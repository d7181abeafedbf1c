"""What does trust cost? Dossiers a second with everything on, against the same region without, in turns.

Everything: mutual TLS on every channel, mandate and question proof made at the data user's and verified at the gateway and at
every holder, signed last words, and a durable journal line for each batch on both sides. Without: the same code and as many
processes, on plain channels, believing each other and writing nothing; see `benches.plain_region`. Decisions are made in both.
"""

import argparse
import time
from statistics import median

import anyio

from benches.asking import channel_to, open_dossier
from benches.full_region import TEN, cpu_seconds, full_region, pids_of, processes_beside, warmed_up
from benches.plain_region import start_plain
from benches.staging import Finding, expect, tell

_GOAL = 40
_AT_ONCE = 4


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12, help="turns of each of the two")
    parser.add_argument("--dossiers", type=int, default=40, help="in a turn")
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.dossiers = 1, 8
    with full_region() as region, processes_beside() as processes:
        plain_address, plain_pids = start_plain(region, processes)
        ways = {"full": (region.gateway_address, pids_of(region)), "plain": (plain_address, plain_pids)}
        records = {name: anyio.run(warmed_up, address) for name, (address, _) in ways.items()}
        expect(records["full"] == records["plain"] > len(TEN), f"not the same was shown: {records}")
        seconds: dict[str, list[float]] = {"full": [], "plain": []}
        worked: dict[str, list[float]] = {"full": [], "plain": []}
        for turn in range(given.rounds):
            for name in ("full", "plain") if turn % 2 else ("plain", "full"):
                address, pids = ways[name]
                before, begun = cpu_seconds(pids), time.perf_counter()
                anyio.run(_dossiers, address, given.dossiers, records[name])
                seconds[name].append((time.perf_counter() - begun) / given.dossiers)
                worked[name].append((cpu_seconds(pids) - before) / given.dossiers)
    full, plain = median(seconds["full"]), median(seconds["plain"])
    cost = (1 - plain / full) * 100
    cpu = {name: median(values) * 1000 for name, values in worked.items()}
    tell(
        "What does trust cost?",
        [
            Finding(
                f"throughput lost to trust: ten holders of 20 KB, {_AT_ONCE} questions at once",
                f"{cost:.0f} % ({1 / full:.1f} dossiers a second of {1 / plain:.1f})",
                f"≤ {_GOAL} %",
                cost <= _GOAL,
            ),
            Finding("processor time of a dossier", f"{cpu['full']:.1f} ms, {cpu['full'] / cpu['plain']:.2f} × that without"),
        ],
        {
            "records": records["full"],
            "full_ms": round(full * 1000, 1),
            "plain_ms": round(plain * 1000, 1),
            "full_cpu_ms": round(cpu["full"], 1),
            "plain_cpu_ms": round(cpu["plain"], 1),
            "ratio": round(full / plain, 2),
        },
    )


async def _dossiers(address: str, number: int, records: int) -> None:
    """Open so many dossiers, some at once."""
    left = iter(range(number))

    async def ask_on() -> None:
        for _ in left:
            (await open_dossier(channel)).expect_all(records)

    async with channel_to(address) as channel, anyio.create_task_group() as tasks:
        for _ in range(_AT_ONCE):
            tasks.start_soon(ask_on)


if __name__ == "__main__":
    main()
