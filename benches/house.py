"""What does one more organisation cost that lives in the house of an agent?

Memory and processor time of an idle agent that answers for few and for many organisations, each with its own store, journal
and keys, all watched over mutual TLS by a gateway. Reference in the same run: an agent for one organisation alone.
"""

import argparse
import time

from benches.providers import real_house
from benches.staging import MIB, Finding, Stage, Started, tell

_GOAL = 2.0
_SETTLE_SECONDS = 5.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=60)
    parser.add_argument("--records", type=int, default=500, help="in each store")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long they are watched")
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.organisations, given.records, given.seconds = 4, 50, 0.5
    memory, percent = {}, {}
    for number in (1, given.organisations):
        with Stage() as stage:
            house = real_house(stage, number, given.records)
            time.sleep(_SETTLE_SECONDS)
            percent[number] = _busy(house, given.seconds)
            memory[number] = house.resident_bytes / MIB
    more = (memory[given.organisations] - memory[1]) / (given.organisations - 1)
    tell(
        "What does one more organisation cost that lives in the house of an agent?",
        [
            Finding("memory of a further organisation", f"{more:.2f} MB; {memory[1]:.0f} MB for the first", f"≤ {_GOAL:.0f} MB", more <= _GOAL),
            Finding(
                f"memory of {given.organisations} in one house", f"{memory[given.organisations]:.0f} MB, {memory[given.organisations] / memory[1]:.1f} × one"
            ),
            Finding(f"processor of {given.organisations} in one house, idle", f"{percent[given.organisations]:.2f} % of a core"),
        ],
        {
            "organisations": given.organisations,
            "mb": {str(number): round(value, 1) for number, value in memory.items()},
            "cpu_percent": {str(number): round(value, 3) for number, value in percent.items()},
            "ratio": round(memory[given.organisations] / memory[1], 2),
        },
    )


def _busy(started: Started, seconds: float) -> float:
    """Percent of a core that it used meanwhile."""
    before, began = started.cpu_seconds, time.perf_counter()
    time.sleep(seconds)
    return (started.cpu_seconds - before) / (time.perf_counter() - began) * 100


if __name__ == "__main__":
    main()
