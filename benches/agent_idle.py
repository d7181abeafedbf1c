"""What does an agent take of a care provider's machine while nobody asks anything?

Memory, and processor time over some seconds, of an agent on an embedded store and of one on a FHIR server. Both are real:
members of a signed region, with a journal, the latter with its measures on, watched over mutual TLS by a gateway that shares heads with them. Reference in
the same run: a bare Python that has imported `grpc.aio` and sleeps.
"""

import argparse
import time

from benches.providers import fhir_server, fill_store, real_agents
from benches.staging import MIB, Finding, Stage, Started, tell

_GOAL = 120
_GOAL_PERCENT = 1.0
_SETTLE_SECONDS = 1.0
_BARE = "bare Python with grpc"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000, help="in the source")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long they are watched")
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    parser.add_argument("--serve", choices=["bare"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        _sleep()
    if given.quick:
        given.records, given.seconds = 100, 0.5
    with Stage() as stage:
        _, base, _ = fhir_server(stage, given.records)
        watched_at = [f"ops.listen=unix:{stage.folder}/ops.sock"]
        sources = {"embedded": [fill_store(stage, given.records)], "live": ["source.kind=fhir-server", f"source.base={base}", *watched_at]}
        embedded, live = real_agents(stage, sources)
        watched = {_BARE: stage.start("benches.agent_idle", "--serve", "bare"), "embedded store": embedded, "FHIR server": live}
        time.sleep(_SETTLE_SECONDS)
        percent = _busy(watched, given.seconds)
        memory = {name: started.resident_bytes / MIB for name, started in watched.items()}
    kinds = [name for name in watched if name != _BARE]
    tell(
        "What does an idle agent take of its machine?",
        [
            *(
                Finding(
                    f"memory of an idle agent, {kind}",
                    f"{memory[kind]:.0f} MB, {memory[kind] / memory[_BARE]:.1f} × a {_BARE}",
                    f"≤ {_GOAL} MB",
                    memory[kind] <= _GOAL,
                )
                for kind in kinds
            ),
            *(
                Finding(
                    f"processor of an idle agent, {kind}",
                    f"{percent[kind]:.2f} % of a core over {given.seconds:.0f} s",
                    f"< {_GOAL_PERCENT:.0f} %",
                    percent[kind] < _GOAL_PERCENT,
                )
                for kind in kinds
            ),
        ],
        {
            "seconds": given.seconds,
            "mb": {name: round(value, 1) for name, value in memory.items()},
            "cpu_percent": {name: round(value, 3) for name, value in percent.items()},
            "ratio": round(max(memory[kind] for kind in kinds) / memory[_BARE], 2),
        },
    )


def _busy(watched: dict[str, Started], seconds: float) -> dict[str, float]:
    """Percent of a core that each used meanwhile."""
    before = {name: started.cpu_seconds for name, started in watched.items()}
    began = time.perf_counter()
    time.sleep(seconds)
    passed = time.perf_counter() - began
    return {name: (started.cpu_seconds - before[name]) / passed * 100 for name, started in watched.items()}


def _sleep() -> None:
    import grpc.aio

    print("ready", grpc.__version__, flush=True)
    while True:
        time.sleep(3_600)


if __name__ == "__main__":
    main()
