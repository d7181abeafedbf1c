"""How many requests for places a second are asked, held, given and told, when a thousand want a hundred places at once?

A real gateway, ten real agents with ten places each, which whoever fits gets at once, and an asker whose own store and journal
are on disk as everybody's are. What both sides have on disk is judged afterwards: no place twice, none lost. The reference is
what a request costs at its asker alone, on disk and in the journal, when nobody is asked at the same time.
"""

import argparse
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from benches.staging import Finding, expect, middle, tell
from testbed.places_crowd import crowd
from testbed.placing_world import PlacingWorld

_REQUESTS: Final = 1_000
_PROVIDERS: Final = 10
_PLACES: Final = 10
_OF_EACH: Final = 3
_AT_ONCE: Final = 12
_GOAL_SECONDS: Final = 60.0
_ALONE: Final = 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=_REQUESTS)
    parser.add_argument("--places", type=int, default=_PLACES, help="of each of the ten providers")
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.requests, given.places = 30, 2
    chance = random.Random(1)  # noqa: S311 - the same requests every time
    with PlacingWorld.start(crowd(_PROVIDERS, places=given.places, instant=True)) as world:
        names = list(world.crowd.places)
        alone = middle(_alone(world, names[0]) for _ in range(_ALONE))
        asked = [chance.sample(names, _OF_EACH) for _ in range(given.requests)]
        begun = time.monotonic()
        with ThreadPoolExecutor(_AT_ONCE) as askers:
            list(askers.map(world.ask, asked))
        put = time.monotonic() - begun
        verdict, _ = world.settled(_GOAL_SECONDS)
        known = time.monotonic() - begun
    expect(verdict.is_sound, f"the law was not kept: {(verdict.twice + verdict.lost + verdict.unknown)[:3]}")
    expect(verdict.placed > 0, "nobody has a place")
    rate = given.requests / known
    what = f"{given.requests} requests to {_OF_EACH} of {_PROVIDERS} providers each, {_PROVIDERS * given.places} places"
    tell(
        "How many requests for places a second are asked, held, given and told?",
        [
            Finding(f"until every one is in a known state: {what}", f"{known:.1f} s", f"≤ {_GOAL_SECONDS:.0f} s", known <= _GOAL_SECONDS),
            Finding("requests a second, to that state", f"{rate:.0f}"),
            Finding("until every request is on disk at its asker", f"{put:.1f} s"),
            Finding(
                "time of a request at many at once, of one alone until it is on disk", f"{known / given.requests / alone:.2f} × ({alone * 1000:.0f} ms alone)"
            ),
            Finding("placed; given twice; lost", f"{verdict.placed}; {len(verdict.twice)}; {len(verdict.lost)}", "none twice, none lost", verdict.is_sound),
        ],
        {"requests": given.requests, "placed": verdict.placed, "seconds": round(known, 1), "ratio": round(known / given.requests / alone, 2)},
    )


def _alone(world: PlacingWorld, name: str) -> float:
    """One request, of which there is no place to give: its opening has none."""
    world.open("none", {name: 0})
    begun = time.perf_counter()
    world.ask([name], "none")
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
