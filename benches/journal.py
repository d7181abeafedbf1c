"""What does a durable line cost, how much does sharing a sync give, and how fast is a journal opened, verified and read?

Reference in the same run: a bare `write` and `fdatasync` of bytes as long as a line, on the same disk. Waiting for the disk is
what costs; those who wait together share it.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from accord.audit.content import Asking
from accord.audit.events import Release
from accord.audit.journal import Journal
from accord.audit.reading import JournalReader
from accord.audit.verifying import verify
from accord.terms.vocabulary import CareCategory, HolderKind
from benches.staging import Finding, expect, tell

_GROUP_GOAL = 20_000
_VERIFY_GOAL = 60.0
_START_GOAL = 10.0
_MILLION = 1_000_000
_ASKING = Asking(
    user="00000002",
    user_name="Huisartsenpraktijk De Linde",
    user_kind=HolderKind.GP_PRACTICE,
    professional="900000001",
    professional_name="A. de Vries",
    role="01.015",
    mandate="0f" * 32,
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=200_000, help="lines of the journal that is opened, verified and read")
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    many = 3_000 if given.quick else given.lines
    # Beside this file and not in a temporary folder: that may be in memory, where a sync costs nothing.
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".journal-") as name:
        folder = Path(name)
        single, together, filled = anyio.run(_append, folder / "journal", 100 if given.quick else 1_000, 500 if given.quick else 20_000, many)
        line = next(iter((folder / "journal").glob("*.journal"))).read_bytes().splitlines(keepends=True)[1]
        bare = _bare(folder / "bare", line, 100 if given.quick else 1_000)
        start = _seconds_to_start(folder / "journal", checkpoint=True)
        cold = _seconds_to_start(folder / "journal", checkpoint=False)
        begun = time.perf_counter()
        verdict = verify(folder / "journal")
        verifying = time.perf_counter() - begun
        expect(not verdict.breaks and verdict.lines > many, f"{verdict.lines} lines were verified: {verdict.breaks}")
        first, again = anyio.run(_read, folder / "journal")
    million = verifying / verdict.lines * _MILLION
    begin = cold / verdict.lines * _MILLION
    tell(
        "What does a durable journal line cost?",
        [
            Finding("lines of one task, one after another", f"{single:,.0f} a second, {bare / single:.2f} × the time of a bare write and sync"),
            Finding("lines of 200 tasks, which share syncs", f"{together:,.0f} a second", f"≥ {_GROUP_GOAL:,}", together >= _GROUP_GOAL),
            Finding("lines in one call", f"{filled:,.0f} a second"),
            Finding("verifying 10⁶ lines", f"{million:.1f} s", f"≤ {_VERIFY_GOAL:.0f} s", million <= _VERIFY_GOAL),
            Finding("opening a journal", f"{start * 1000:.0f} ms with its checkpoint", f"≤ {_START_GOAL:.0f} s", start <= _START_GOAL),
            Finding("opening 10⁶ lines without a checkpoint", f"{begin:.1f} s"),
            Finding(f"lines about one patient of {verdict.lines:,}", f"{again * 1000:.0f} ms, and {first:.1f} s to make the index"),
        ],
        {
            "lines": verdict.lines,
            "line_bytes": len(line),
            "single_per_second": round(single),
            "grouped_per_second": round(together),
            "in_one_call_per_second": round(filled),
            "bare_per_second": round(bare),
            "verify_seconds_per_million": round(million, 1),
            "start_ms": round(start * 1000, 1),
            "ratio": round(bare / single, 2),
        },
    )


def _release(number: int) -> Release:
    """A batch of twenty records."""
    return Release(
        query=f"q{number}",
        patient=f"{number % 5_000:064x}",
        holder="00000001",
        peer="00000009",
        asking=_ASKING,
        batch=1,
        records=tuple(f"Observation/{i}" for i in range(20)),
        count=20,
        bytes=20_000,
        digest="1d" * 32,
        categories=(CareCategory.OBSERVATION_LABORATORY,),
    )


async def _append(folder: Path, alone: int, together: int, many: int) -> tuple[float, float, float]:
    """Lines a second: of one task, of 200 tasks, and in calls of a thousand."""
    with Journal(folder, "00000001/agent", sync_seconds=30) as journal:

        async def append(count: int) -> None:
            for number in range(count):
                await journal.append(_release(number))

        single = await _rate(append, 1, alone)
        shared = await _rate(append, 200, together // 200)
        events = [_release(number) for number in range(1_000)]
        begun = time.perf_counter()
        for _ in range(many // len(events)):
            await journal.append_many(events)
        return single, shared, many // len(events) * len(events) / (time.perf_counter() - begun)


async def _rate(append: Callable[[int], Coroutine[Any, Any, None]], tasks: int, each: int) -> float:
    begun = time.perf_counter()
    async with anyio.create_task_group() as group:
        for _ in range(tasks):
            group.start_soon(append, each)
    return tasks * each / (time.perf_counter() - begun)


def _bare(path: Path, line: bytes, count: int) -> float:
    """Writes and syncs a second, by nobody but the operating system."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    begun = time.perf_counter()
    for _ in range(count):
        os.write(descriptor, line)
        os.fdatasync(descriptor)
    taken = time.perf_counter() - begun
    os.close(descriptor)
    return count / taken


def _seconds_to_start(folder: Path, *, checkpoint: bool) -> float:
    if not checkpoint:
        (folder / "checkpoint").unlink()
    begun = time.perf_counter()
    journal = Journal(folder, "00000001/agent", sync_seconds=30)
    taken = time.perf_counter() - begun
    journal.close()
    return taken


async def _read(folder: Path) -> tuple[float, float]:
    """Seconds to answer a patient for the first time, and the second time."""
    reader = JournalReader(folder, folder.with_suffix(".index"))
    taken = []
    for _ in range(2):
        begun = time.perf_counter()
        found = await reader.accesses(f"{7:064x}", datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
        taken.append(time.perf_counter() - begun)
        expect(bool(found), "no line about the patient")
    reader.close()
    return taken[0], taken[1]


if __name__ == "__main__":
    main()
