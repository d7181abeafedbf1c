"""What does it cost that agents have no port? The same ten holders asked the same, inbound and outbound, in turns.

Everything is on in both: mutual TLS, evidence, signed last words, journals. Outbound each question is announced, claimed and
sealed besides; see `docs/outbound.md`.
"""

import argparse
import time
from statistics import median, quantiles

import anyio

from benches.asking import channel_to, open_dossier
from benches.full_region import TEN, cpu_seconds, full_region, pids_of, warmed_up
from benches.staging import Finding, expect, tell

_GOAL = 1.3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="turns of each of the two")
    parser.add_argument("--dossiers", type=int, default=15, help="in a turn")
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.dossiers = 2, 4
    with full_region() as inbound, full_region(outbound=TEN) as outbound:
        ways = {"inbound": inbound, "outbound": outbound}
        records = {name: anyio.run(warmed_up, region.gateway_address) for name, region in ways.items()}
        expect(records["inbound"] == records["outbound"] > len(TEN), f"not the same was shown: {records}")
        seconds: dict[str, list[float]] = {"inbound": [], "outbound": []}
        worked: dict[str, list[float]] = {"inbound": [], "outbound": []}
        for turn in range(given.rounds):
            for name in ("inbound", "outbound") if turn % 2 else ("outbound", "inbound"):
                pids = pids_of(ways[name])
                before = cpu_seconds(pids)
                seconds[name] += anyio.run(_dossiers, ways[name].gateway_address, given.dossiers, records[name])
                worked[name].append((cpu_seconds(pids) - before) / given.dossiers)
    p50 = {name: median(values) for name, values in seconds.items()}
    p95 = {name: quantiles(values, n=20)[-1] for name, values in seconds.items()}
    cpu = {name: median(values) for name, values in worked.items()}
    ratios = {"median": p50["outbound"] / p50["inbound"], "p95": p95["outbound"] / p95["inbound"]}
    findings = [
        Finding(
            f"{word} of a dossier, outbound of inbound: ten holders of 20 KB",
            f"{ratio:.2f} × ({values['outbound'] * 1000:.0f} ms of {values['inbound'] * 1000:.0f} ms)",
            f"≤ {_GOAL} ×",
            ratio <= _GOAL,
        )
        for (word, ratio), values in zip(ratios.items(), (p50, p95), strict=True)
    ]
    findings.append(Finding("processor time of a dossier, outbound of inbound", f"{cpu['outbound'] / cpu['inbound']:.2f} × ({cpu['outbound'] * 1000:.0f} ms)"))
    tell(
        "What does it cost that agents have no port?",
        findings,
        {"records": records["inbound"], "p95_ratio": round(ratios["p95"], 2), "ratio": round(ratios["median"], 2)},
    )


async def _dossiers(address: str, number: int, records: int) -> list[float]:
    """Open so many dossiers, one after another; the seconds that each took."""
    took = []
    async with channel_to(address) as channel:
        # The first of a turn meets a new channel.
        (await open_dossier(channel)).expect_all(records)
        for _ in range(number):
            begun = time.perf_counter()
            (await open_dossier(channel)).expect_all(records)
            took.append(time.perf_counter() - begun)
    return took


if __name__ == "__main__":
    main()
