"""What does a look at the page for IT cost, when the journal is long?

The page reads the journal through at every view, in a thread of the agent. Reference in the same run: how late the event loop
of the agent turns meanwhile, against how late it turns when nobody looks.
"""

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio

from accord.audit.content import Asking, Truth
from accord.audit.events import Closing, Decision
from accord.audit.journal import Journal
from accord.terms.answers import Ending
from accord.terms.vocabulary import CareCategory
from benches.staging import Finding, tell
from node_agent.it.gathering import Gathered, Period
from node_agent.it.serving import Reading

_GOAL = 10.0
_TURN = 0.005
_TOGETHER = 500


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="a run that is too short to mean much")
    given = parser.parse_args()
    lines = 400 if given.quick else given.lines
    with tempfile.TemporaryDirectory() as made:
        anyio.run(_write, Path(made) / "journal", lines)
        gathered, seconds, again, late, quiet = anyio.run(_look, Path(made) / "journal")
    tell(
        "What does a look at the page for IT cost, when the journal is long?",
        [
            Finding(f"a view over {gathered.lines:,} lines", f"{seconds:.1f} s", f"≤ {_GOAL:.0f} s", seconds <= _GOAL),
            Finding("the next view, just after it", f"{again * 1000:.1f} ms"),
            Finding("the agent's loop meanwhile, latest turn", f"{late * 1000:.0f} ms; {quiet * 1000:.0f} ms while nobody looks"),
        ],
        {
            "lines": gathered.lines,
            "seconds": round(seconds, 2),
            "again_ms": round(again * 1000, 2),
            "late_ms": round(late * 1000, 1),
            "ratio": round(late / max(quiet, 1e-4), 2),
        },
    )


async def _write(folder: Path, lines: int) -> None:
    """A journal with so many lines, in pairs; many at a time, so that the disk is not what is waited for."""
    asking = Asking(user="90000001", user_name="Ziekenhuis", professional="900000031", role="01.015")
    with Journal(folder, "90001003", sync_seconds=60.0) as journal:

        async def answer(number: int) -> None:
            about: dict[str, Any] = {"query": f"q{number}", "answer": f"a{number}", "patient": f"{number:064x}"}
            about |= {"asking": asking, "holder": "90001003", "peer": "90009000"}
            await journal.append(Decision(**about, released=(CareCategory.PATIENT,), basis="patient-consented"))
            await journal.append(Closing(**about, ending=Ending.ANSWERED, truth=Truth.SHOWN, batches=1, count=2, bytes=900))

        for begin in range(0, lines // 2, _TOGETHER):
            async with anyio.create_task_group() as tasks:
                for number in range(begin, min(begin + _TOGETHER, lines // 2)):
                    tasks.start_soon(answer, number)


async def _look(folder: Path) -> tuple[Gathered, float, float, float, float]:
    reading, now = Reading(folder), datetime.now(UTC)
    period = Period(now - timedelta(days=1), now + timedelta(minutes=1))
    quiet = _Turns()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(quiet.keep)
        await anyio.sleep(1.0)
        tasks.cancel_scope.cancel()
    turns = _Turns()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(turns.keep)
        begun = time.perf_counter()
        gathered = await reading.gathered_in(period)
        seconds = time.perf_counter() - begun
        tasks.cancel_scope.cancel()
    begun = time.perf_counter()
    await reading.gathered_in(period)
    return gathered, seconds, time.perf_counter() - begun, turns.latest, quiet.latest


class _Turns:
    """How late the loop turns at worst."""

    latest = 0.0

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            due = anyio.current_time() + _TURN
            await anyio.sleep_until(due)
            self.latest = max(self.latest, anyio.current_time() - due)


if __name__ == "__main__":
    main()
