"""Every bench, one after another, and what they found as a table: `python -m benches [--quick] [--into docs/benchmarks.md]`.

Nothing else should run meanwhile; each bench measures its reference in the same run, so ratios hold where absolute
figures drift.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

BENCHES: Final = (
    "gateway_per_record",
    "arrival_order",
    "gateway_memory",
    "http_face",
    "locate",
    "read_through",
    "agent_over_source",
    "agent_idle",
    "house",
    "it_page",
    "import_speed",
    "journal",
    "trust_cost",
    "revocation",
    "dossiers_per_second",
    "deciding",
    "stu3_conversion",
    "outbound",
    "reconnect",
    "clinical_grouping",
    "viewer_page",
    "places_ask",
    "places_grant",
    "places_change",
)
_SECONDS: Final = 900
_BEGIN: Final = "<!-- figures: written by `python -m benches --into` -->\n"
_END: Final = "<!-- end of figures -->\n"
_MET: Final[Mapping[bool | None, str]] = {True: "yes", False: "**no**", None: "–"}


def main() -> None:
    """Run them and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="runs that are too short to mean much: whether the benches work")
    parser.add_argument("--into", type=Path, help="put the table into this page, in place of the last one")
    parser.add_argument("only", nargs="*", metavar="bench", help=f"only these: {', '.join(BENCHES)}")
    given = parser.parse_args()
    if given.into and (given.quick or given.only):
        parser.error("only a whole run goes into the page")
    if unknown := set(given.only) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    lines = [_run(name, quick=given.quick) for name in given.only or BENCHES]
    table = _table(lines)
    print(f"\n{table}", end="")
    if given.into:
        _put(given.into, f"{_machine()}\n\n{table}")
    sys.exit(any("failed" in line for line in lines))


def _run(name: str, *, quick: bool) -> dict[str, Any]:
    """What a bench told; its line is passed on as it is, so that nothing of it is lost in the table."""
    print(f"{name} …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", f"benches.{name}", *(["--quick"] if quick else [])]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=_SECONDS, check=False)
        print(done.stdout, end="", flush=True)
        told: dict[str, Any] = {"bench": name, **json.loads(done.stdout)} if done.returncode == 0 else {}
    except (subprocess.TimeoutExpired, ValueError):
        told = {}
    return told or {"bench": name, "question": f"`{name}`", "findings": [], "failed": True}


def _table(lines: Iterable[Mapping[str, Any]]) -> str:
    """The findings of all benches in Markdown."""
    rows = ["| bench | question | figure | goal | met |", "| --- | --- | --- | --- | --- |"]
    for line in lines:
        if "failed" in line:
            rows.append(f"| `{line['bench']}` | | no figure: the bench ended with an error | | **no** |")
        rows.extend(f"| `{line['bench']}` | {one['what']} | {one['figure']} | {one['goal'] or '–'} | {_MET[one['met']]} |" for one in line["findings"])
    return "\n".join(rows) + "\n"


def _machine() -> str:
    return f"Measured on {os.cpu_count()} cores ({platform.machine()}, {platform.system()}), Python {platform.python_version()}."


def _put(page: Path, table: str) -> None:
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise SystemExit(f"{page.name} has no place for the table")
    page.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
