"""How fast does the importer fill an embedded store?

Records a second, into an empty store and again into the full one, where nothing changes. Reference in the same run:
`json.loads` of the same files, which keeps nothing and looks at nothing.
"""

import argparse
import gzip
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benches.records import deliveries
from benches.staging import Finding, Stage, environment, expect, tell

_GOAL = 5_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    if given.quick:
        given.files = 4
    with Stage() as stage:
        paths = deliveries(stage.folder, given.files)
        loaded, loading = _loads(paths)
        fresh = _import(paths, stage.folder / "records.db")
        again = _import(paths, stage.folder / "records.db")
    expect(fresh["new"] > 0 and again["new"] == 0, f"{fresh['new']} new records, and then {again['new']}")
    expect(fresh["records"] >= loaded * 0.99, f"{fresh['records']:,} records of {loaded:,} were looked at")
    rate, repeated, reference = (one["records"] / one["seconds"] for one in (fresh, again, {"records": loaded, "seconds": loading}))
    tell(
        "How fast does the importer fill an embedded store?",
        [
            Finding(
                "import into an empty store", f"{rate:,.0f} records a second, {reference / rate:.1f} × the time of `json.loads`", f"≥ {_GOAL:,}", rate >= _GOAL
            ),
            Finding("the same import again", f"{repeated:,.0f} records a second"),
        ],
        {
            "files": len(paths),
            "records": fresh["records"],
            "refused": sum(fresh["refused"].values()),
            "records_per_second": round(rate),
            "again_per_second": round(repeated),
            "json_loads_per_second": round(reference),
            "ratio": round(reference / rate, 2),
        },
    )


def _loads(paths: Sequence[Path]) -> tuple[int, float]:
    """The records in the files, and the seconds to unpack and read them."""
    records = 0
    began = time.perf_counter()
    for path in paths:
        records += len(json.loads(gzip.decompress(path.read_bytes()))["entry"])
    return records, time.perf_counter() - began


def _import(paths: Sequence[Path], store: Path) -> dict[str, Any]:
    """The importer's own report. What it refuses it refuses with a reason; that is not what is measured."""
    command = [sys.executable, "-m", "node_agent", "import", *map(str, paths), "--store", str(store), "--json", "--test-bsns"]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=False)
    expect(done.returncode in (0, 1), f"the import ended with {done.returncode}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


if __name__ == "__main__":
    main()
