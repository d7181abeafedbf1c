"""How much memory does a very large dossier take in the gateway?

200,000 records of eight holders, at each face, to a reader who keeps up and to one who does not; the slow one reads
for some seconds and leaves. Every question is put to a gateway of its own. Reference: the same process when it was
ready and nobody had asked anything yet.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import anyio

from benches.asking import Heard, channel_to, everything, open_dossier, patient_id
from benches.staging import HOLDERS, MIB, Finding, Group, Stage, Started, expect, grpc_of, http_of, tell

_GOAL = 64
_SLOW_PAUSE = 0.05
_SETTLE_SECONDS = 0.5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--most-seconds", type=float, default=25.0, help="a reader leaves after so long")
    parser.add_argument("--slow-seconds", type=float, default=5.0, help="a slow one after so long")
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.records, given.slow_seconds = 4_000, 0.5
    readers: list[tuple[str, _Read, float, float]] = [
        ("gRPC face", _open, given.most_seconds, 0.0),
        ("HTTP face, folded", _everything, given.most_seconds, 0.0),
    ]
    if not given.quick:
        readers += [
            ("gRPC face, slow reader", _open, given.slow_seconds, _SLOW_PAUSE),
            ("HTTP face, slow reader", _everything, given.slow_seconds, _SLOW_PAUSE),
        ]
    with Stage() as stage:
        stage.holders(Group(0, HOLDERS, given.records // HOLDERS))
        measured = {name: _peak(stage, read, seconds, pause) for name, read, seconds, pause in readers}
    tell(
        "How much memory does a very large dossier take in the gateway?",
        [_finding(given.records, name, one) for name, one in measured.items()],
        {
            "records": given.records,
            "holders": HOLDERS,
            "ratio": round(max(1 + one.added / one.idle for one in measured.values()), 2),
            "readers": {
                name: {"records": one.records, "whole": one.whole, "idle_mb": round(one.idle / MIB, 1), "added_mb": round(one.added / MIB, 1)}
                for name, one in measured.items()
            },
        },
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """Bytes when idle, and how many more at most; records that were read, and whether that was everything."""

    idle: int
    added: int
    records: int
    whole: bool


#: Reads from a gateway, no longer than so many seconds, with a pause after each part; returns the records and whether it was everything.
_Read = Callable[[Started, float, float], tuple[int, bool]]


def _finding(records: int, name: str, one: _Measured) -> Finding:
    read = "" if one.whole else f", {one.records:,} read before the reader left"
    figure = f"idle ({one.idle / MIB:.0f} MB) + {one.added / MIB:.0f} MB{read}"
    holds = one.added <= _GOAL * MIB
    # A reader who was to keep up and did not get to the end has not shown that it holds.
    undecided = holds and not one.whole and "slow" not in name
    return Finding(f"{records:,} records, {name}", figure, f"≤ idle + {_GOAL} MB", None if undecided else holds)


def _peak(stage: Stage, read: _Read, seconds: float, pause: float) -> _Measured:
    """What a fresh gateway holds when it is idle, and how much more at most while it answers."""
    gateway = stage.gateway(f"region.seconds={seconds * 4:g}")
    time.sleep(_SETTLE_SECONDS)
    idle = gateway.resident_bytes
    gateway.forget_peak()
    records, whole = read(gateway, seconds, pause)
    expect(records > 0, "no record came")
    added = gateway.peak_bytes - idle
    stage.end(gateway)
    return _Measured(idle, added, records, whole)


def _open(gateway: Started, seconds: float, pause: float) -> tuple[int, bool]:
    async def ask() -> Heard:
        async with channel_to(grpc_of(gateway)) as channel:
            return await open_dossier(channel, pause=pause, at_most=seconds)

    heard = anyio.run(ask)
    if heard.ended:
        heard.expect_all(heard.records)
    return heard.records, bool(heard.ended)


def _everything(gateway: Started, seconds: float, pause: float) -> tuple[int, bool]:
    shown = everything(http_of(gateway), patient_id(http_of(gateway)), pause=pause, at_most=seconds)
    return shown.matches, shown.is_complete


if __name__ == "__main__":
    main()
