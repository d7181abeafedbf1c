"""How soon does whoever looks for a place see a change that a planner tapped?

A real gateway, a real agent and its planners' page, and a data user that follows the region's changes and asks anew whoever
changed. From the tap until a signed statement with the new number is there. The reference is a question to that holder alone,
when nothing changed.
"""

import argparse
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Final

import anyio
from anyio import to_thread

from benches.staging import Finding, expect, tell
from testbed.asking_places import PlacesAsker
from testbed.places_crowd import crowd
from testbed.planner_page import PlannerAtPage
from testbed.region_places import PlacesRegion

_GOAL_SECONDS: Final = 2.0
_HOLDERS: Final = 4
_LONGEST_SECONDS: Final = 20.0
#: One organisation asks so often and no more; a change that is told twice is asked about twice.
_APART_SECONDS: Final = 1.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=60)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.changes = 4
    everyone = crowd(_HOLDERS)
    with PlacesRegion.start(holders=everyone.holders, story=False, people=40, places=everyone.places, planners=True) as region:
        seconds, alone = anyio.run(_measure, region, given.changes)
    worst = max(seconds)
    tell(
        "How soon does whoever looks for a place see a change that a planner tapped?",
        [
            Finding(
                f"the slowest of {given.changes} changes, from the tap to the new number at the asker",
                f"{worst * 1000:.0f} ms",
                f"≤ {_GOAL_SECONDS:.0f} s",
                worst <= _GOAL_SECONDS,
            ),
            Finding("the median", f"{median(seconds) * 1000:.0f} ms ({median(seconds) / alone:.1f} × a question to that holder, {alone * 1000:.0f} ms)"),
        ],
        {"changes": given.changes, "worst_ms": round(worst * 1000), "ratio": round(median(seconds) / alone, 2)},
    )


async def _measure(region: PlacesRegion, changes: int) -> tuple[list[float], float]:
    """The seconds of every change, and of a question alone."""
    name, files = next(iter(region.files.items()))
    opening = f"{name}-grz-1"
    async with region.asker() as asker, asker.following() as marks:
        alone = median([(await asker.ask(holders=[name])).seconds for _ in range(10)])
        took = []
        with PlannerAtPage(files.planners_url) as planner:
            for number in range(changes):
                begun = time.perf_counter()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(to_thread.run_sync, planner.count, opening, number + 2)
                    await _seen(asker, marks, name, opening, number + 2)
                    took.append(time.perf_counter() - begun)
                await anyio.sleep(_APART_SECONDS)
    return took, alone


async def _seen(asker: PlacesAsker, next_mark: Callable[[], Awaitable[str]], name: str, opening: str, places: int) -> None:
    """Wait until the holder says so itself, asked when the region tells that it changed."""
    with anyio.move_on_after(_LONGEST_SECONDS) as waited:
        while True:
            if await next_mark() == name and (await asker.ask(holders=[name])).places().get(opening) == places:
                return
    expect(not waited.cancelled_caught, "the change was not seen")


if __name__ == "__main__":
    main()
