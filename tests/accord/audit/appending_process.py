"""A process that appends from 50 tasks until it is killed, and says on standard output which line it was told is durable.

python tests/accord/audit/appending_process.py FOLDER [unsynced]
"""

import os
import sys
from pathlib import Path

import anyio

from accord.audit.content import Asking
from accord.audit.events import Release
from accord.audit.journal import Journal
from accord.audit.writing import Writer

WRITERS = 50
ASKING = Asking(user="00000002", professional="900000001", role="01.015")


class UnsyncedWriter(Writer):
    """A writer that lies: it says durable and has not synced. It shows that a check of the order of things can fail."""

    def _sync(self, descriptor: int) -> None:
        """Do nothing, and let it look done."""


async def main(folder: Path, writer_of: type[Writer]) -> None:
    """Append, and tell."""
    with Journal(folder, "00000001/agent", sync_seconds=30, segment_bytes=64 * 1024, writer_of=writer_of) as journal:
        async with anyio.create_task_group() as tasks:
            for writer in range(WRITERS):
                tasks.start_soon(_append, journal, writer)


async def _append(journal: Journal, writer: int) -> None:
    count = 0
    while True:
        query = f"w{writer}-{count}"
        records = ("Observation/1", "Observation/2")
        event = Release(query=query, patient="ab" * 32, asking=ASKING, batch=1, records=records, count=2, bytes=900, digest="1d" * 32)
        n = await journal.append(event)
        os.write(1, f"{n} {query}\n".encode())
        count += 1


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), UnsyncedWriter if sys.argv[2:] == ["unsynced"] else Writer)
