"""How long does it take to ask 40 holders for places, when two are dead and one is frozen?

A real gateway and 40 real agents, each with its store, mutual TLS and signatures on. Whoever asks checks every statement by
the register. Measured from the moment at which the three are gone: at first the gateway has to be patient with the frozen
one, later it knows.
"""

import argparse
import time
from collections import Counter
from statistics import median, quantiles
from typing import Final

import anyio

from benches.staging import Finding, expect, tell
from testbed.places_crowd import crowd
from testbed.region_places import PlacesRegion

_HOLDERS: Final = 40
_GOAL_SECONDS: Final = 0.5
_AT_FIRST: Final = 12
#: After so long without a sign of life the gateway holds the frozen one for gone.
_UNTIL_KNOWN_SECONDS: Final = 12.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--holders", type=int, default=_HOLDERS)
    parser.add_argument("--rounds", type=int, default=200, help="questions to each state of the region")
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.holders, given.rounds = 6, 12
    everyone = crowd(given.holders)
    with PlacesRegion.start(holders=everyone.holders, story=False, people=40, places=everyone.places) as region:
        anyio.run(_ask, region, 5, given.holders, 0, 0)
        healthy = anyio.run(_ask, region, given.rounds, given.holders, 0, 0)
        dead, frozen = list(everyone.places)[:2], list(everyone.places)[2]
        for name in dead:
            region.kill(name)
        region.freeze(frozen)
        first = anyio.run(_ask, region, min(_AT_FIRST, given.rounds), given.holders, 2, 1)
        time.sleep(0 if given.quick else _UNTIL_KNOWN_SECONDS)
        later = anyio.run(_ask, region, given.rounds, given.holders, 2, 1)
        region.freeze(frozen, frozen=False)
    p95 = {name: quantiles(values, n=20)[-1] for name, values in (("healthy", healthy), ("first", first), ("later", later))}
    worst = max(p95["first"], p95["later"])
    what = f"of a question to {given.holders} holders, two dead and one frozen"
    tell(
        "How long does it take to ask 40 holders for places, when two are dead and one is frozen?",
        [
            Finding(f"p95 {what}, in the first seconds", f"{p95['first'] * 1000:.0f} ms", f"≤ {_GOAL_SECONDS * 1000:.0f} ms", p95["first"] <= _GOAL_SECONDS),
            Finding(f"p95 {what}, once the gateway knows", f"{p95['later'] * 1000:.0f} ms", f"≤ {_GOAL_SECONDS * 1000:.0f} ms", p95["later"] <= _GOAL_SECONDS),
            Finding("p95 of all healthy", f"{p95['healthy'] * 1000:.0f} ms (median {median(healthy) * 1000:.0f} ms)"),
            Finding("p95, once the gateway knows, of all healthy", f"{p95['later'] / p95['healthy']:.2f} ×"),
        ],
        {"holders": given.holders, "rounds": given.rounds, "worst_p95_ms": round(worst * 1000), "ratio": round(p95["later"] / p95["healthy"], 2)},
    )


async def _ask(region: PlacesRegion, rounds: int, holders: int, dead: int, frozen: int) -> list[float]:
    """Ask so often; the seconds of each, every answer checked."""
    took = []
    async with region.asker() as asker:
        await asker.ask()  # the first one meets a new channel
        for _ in range(rounds):
            said = await asker.ask()
            ended = Counter(said.endings.values())
            expect(len(said.told) == holders, f"not everybody has an ending: {len(said.told)} of {holders}")
            expect(ended["answered"] == holders - dead - frozen, f"not everybody answered who could: {dict(ended)}")
            expect(len(said.places()) == holders - dead - frozen, "somebody answered without a statement")
            took.append(said.seconds)
    return took


if __name__ == "__main__":
    main()
