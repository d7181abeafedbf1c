"""How long does it take to tell a record of STU3 in R4? Against a plain decode and encode of the same records.

The records are the public ones of STU3 where they lie beside the project, and otherwise those of the testbed's people
as an older system writes them.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec

from accord.terms.faults import BadInput
from benches.staging import Finding, expect, tell
from node_agent.converting.stu3 import Converter

_GOAL_US: Final = 150.0
_BESIDE: Final = Path(__file__).resolve().parents[2] / "shared" / "data"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.rounds = 2
    convert, decode, encode = Converter().convert, msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
    records = [record for record in _records() if _is_converted(convert, record)]
    expect(len(records) > 100, "there are too few records")
    # Turn by turn, so that a busy moment of the machine is one of both.
    ours, plain = [], []
    for _ in range(given.rounds):
        for record in records:
            ours.append(_microseconds(convert, record))
            plain.append(_microseconds(lambda text: encode(decode(text)), record))
    taken, reference = median(ours), median(plain)
    tell(
        "How long does it take to tell a record of STU3 in R4?",
        [
            Finding(
                "a record of STU3 told in R4, median", f"{taken:.0f} µs, {taken / reference:.1f} × a decode and encode", f"≤ {_GOAL_US:g} µs", taken <= _GOAL_US
            ),
            Finding("its slowest hundredth", f"{sorted(ours)[len(ours) * 99 // 100]:.0f} µs or more"),
        ],
        {
            "records": len(records),
            "bytes_median": round(median(map(len, records))),
            "convert_us": round(taken, 1),
            "decode_encode_us": round(reference, 1),
            "ratio": round(taken / reference, 1),
        },
    )


def _microseconds(run: Callable[[bytes], object], record: bytes) -> float:
    begun = time.perf_counter_ns()
    run(record)
    return (time.perf_counter_ns() - begun) / 1000


def _is_converted(convert: Callable[[bytes], bytes], record: bytes) -> bool:
    try:
        convert(record)
    except BadInput:
        return False
    return True


def _records() -> Iterator[bytes]:
    shared = Path(os.environ.get("NOABER_SHARED_DATA", _BESIDE)) / "dutch"
    if shared.is_dir():
        for path in (shared / "knooppunt" / "bgz-example-stu3.json", *sorted(shared.glob("dva-mock-stu3/**/*.json"))):
            yield from _in_file(json.loads(path.read_bytes()))
        return
    from testbed.people import generate
    from testbed.people.older import older

    for kept in generate(people=60).kept.values():
        yield from (older(record.json) for record in kept)


def _in_file(content: dict[str, Any]) -> Iterator[bytes]:
    if content.get("resourceType") == "Bundle":
        for entry in content.get("entry", []):
            yield from _in_file(entry.get("resource", {}))
    elif "resourceType" in content:
        yield json.dumps({"id": "1", **content}, ensure_ascii=False).encode()


if __name__ == "__main__":
    main()
