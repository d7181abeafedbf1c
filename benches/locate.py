"""What does it cost to find out which holders know a patient, and does that grow with their number alone?

A question to so many holders that do not know the patient is one `Locate` each and nothing more. Two references in
the same run: the cost per holder of 20, and the same calls made by bare `grpc.aio`, all at once, by this process.
"""

import argparse
import time
from pathlib import Path

import anyio

from accord.link.pseudonyms import pseudonym_key
from accord.terms.identifiers import QueryId
from accord.wire import question_codec
from accord.wire.v1 import holder_service_pb2 as pb
from accord.wire.v1 import terms_pb2
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceStub
from benches.asking import ASKER, channel_to, open_dossier
from benches.records import BSN
from benches.staging import Finding, Group, Stage, Started, expect, grpc_of, middle, tell

_WARM_UP = 2
_SETTLE_SECONDS = 0.5
_BASE = 20
_LINEAR = 1.25


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--holders", type=int, nargs="+", default=[10, 20, 50, 100, 200])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.holders, given.runs = [_BASE, 40], 2
    most = max(given.holders)
    wall: dict[int, float] = {}
    cpu: dict[int, float] = {}
    with Stage() as stage:
        for first in range(0, most, 100):
            stage.holders(Group(first, min(100, most - first), 1, manner="unknown"))
        for number in given.holders:
            # A gateway of its own: the account has a line for each holder of the register, asked or not.
            gateway = stage.gateway("region.locate_seconds=10", count=number)
            wall[number], cpu[number] = anyio.run(_measure, gateway, number, given.runs)
            stage.end(gateway)
        bare = anyio.run(_bare, stage.folder, most, given.runs)
    base = _BASE if _BASE in cpu else min(given.holders)
    per = {number: seconds / number * 1e6 for number, seconds in cpu.items()}
    ratio = per[most] / per[base]
    tell(
        "What does `Locate` cost per holder, and is its growth linear?",
        [
            Finding(f"CPU of the gateway per holder, of {most}", f"{per[most]:.0f} µs, {per[most] / bare:.2f} × bare `grpc.aio` calls", "stated"),
            Finding(f"cost per holder of {most}, against that of {base}", f"{ratio:.2f} ×", f"linear (≤ {_LINEAR} ×)", ratio <= _LINEAR),
            Finding(f"until all of {most} have answered", f"{wall[most] * 1000:.0f} ms"),
        ],
        {
            "runs": given.runs,
            "cpu_us_per_holder": {str(number): round(value) for number, value in per.items()},
            "wall_ms": {str(number): round(seconds * 1000, 1) for number, seconds in wall.items()},
            "bare_us_per_call": round(bare),
            "ratio": round(ratio, 2),
            "ratio_to_bare": round(per[most] / bare, 2),
        },
    )


async def _measure(gateway: Started, number: int, runs: int) -> tuple[float, float]:
    """Seconds on the clock and of the gateway's processor for one question."""
    wall, cpu = [], []
    # The gateway begins to watch all its holders when it starts; that is not what is measured.
    await anyio.sleep(_SETTLE_SECONDS)
    async with channel_to(grpc_of(gateway)) as channel:
        for run in range(runs + _WARM_UP):
            before = gateway.cpu_seconds
            heard = await open_dossier(channel)
            spent = gateway.cpu_seconds - before
            expect(list(heard.endings.values()) == ["ENDING_NOTHING_SHOWN"] * number, f"holders ended as {sorted(set(heard.endings.values()))}")
            if run >= _WARM_UP:
                wall.append(heard.ended)
                cpu.append(spent)
    return middle(wall), middle(cpu)


async def _bare(folder: Path, number: int, runs: int) -> float:
    """Microseconds of processor time for each of so many calls at once, with nothing around them."""
    request = pb.LocateRequest(
        pseudonym=pseudonym_key("ab" * 32).pseudonym(BSN).value,
        data_user=question_codec.data_user_to_wire(ASKER.data_user),
        purpose=terms_pb2.PURPOSE_OF_USE_TREAT,
        query_id=QueryId("bench").value,
        treats_the_patient=True,
        professional=question_codec.professional_to_wire(ASKER.professional),
    )
    channels = [channel_to(f"unix:{folder}/holder{index}.sock") for index in range(number)]
    stubs = [HolderServiceStub(channel) for channel in channels]
    costs = []

    async def locate(index: int) -> None:
        answer = await stubs[index].Locate(request, timeout=10)
        expect(not answer.located, "a holder knows the patient")

    for run in range(runs + _WARM_UP):
        before = time.process_time()
        async with anyio.create_task_group() as tasks:
            for index in range(number):
                tasks.start_soon(locate, index)
        if run >= _WARM_UP:
            costs.append((time.process_time() - before) / number * 1e6)
    for channel in channels:
        await channel.close()
    return middle(costs)


if __name__ == "__main__":
    main()
