"""Showing how far an import is: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from accord.terms.counts import counted
from node_agent.importing.delivery import Watcher
from node_agent.importing.files import Delivered, packed_bytes

_SECONDS_BETWEEN: Final = 0.2
_SECONDS_BETWEEN_LINES: Final = 5.0


@contextmanager
def progress(paths: Sequence[Path]) -> Generator[Watcher, None, None]:
    """Someone to tell how far the import is; what they show goes to standard error."""
    if sys.stderr.isatty():
        with _bar(packed_bytes(paths)) as watcher:
            yield watcher
    else:
        yield _lines()


@contextmanager
def _bar(total: int) -> Generator[Watcher, None, None]:
    # Only a terminal needs it, and it is slow to load.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[records]:,} records"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("importing", total=total, records=0)
        due = 0.0
        finished, name, last = 0, "", 0

        def watcher(file: Delivered, records: int) -> None:
            nonlocal due, finished, name, last
            at = file.consumed()
            if file.path != name:
                finished, name = finished + last, file.path
            last = at
            if time.monotonic() >= due:
                bar.update(task, completed=finished + at, records=records)
                due = time.monotonic() + _SECONDS_BETWEEN

        yield watcher


def _lines() -> Watcher:
    due = time.monotonic() + _SECONDS_BETWEEN_LINES

    def watcher(_: Delivered, records: int) -> None:
        nonlocal due
        if time.monotonic() >= due:
            sys.stderr.write(f"importing: {counted(records, 'record')} so far\n")
            due = time.monotonic() + _SECONDS_BETWEEN_LINES

    return watcher
