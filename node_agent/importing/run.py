"""One import, from paths to report."""

import gc
import sqlite3
import time
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from accord.terms.identifiers import RecordRef
from node_agent.importing.delivery import Delivery, ImportOptions, Watcher
from node_agent.importing.files import delivered
from node_agent.importing.report import ImportReport
from node_agent.importing.splices import as_it_came, unpack
from node_agent.ports import SourceUnavailable
from node_agent.sources.embedded_reading import bytes_and_splices
from node_agent.sources.embedded_schema import open_for_reading
from node_agent.sources.embedded_writing import StoreWriter

_PLAIN: Final = ImportOptions()


def run_import(paths: Sequence[Path], store: Path, options: ImportOptions = _PLAIN, watcher: Watcher | None = None) -> ImportReport:
    """Take everything under *paths* into the store, as one delivery; a record refers to any other in it.

    Doing it again changes nothing. One bad record, or file, is refused by itself.

    Raises:
        SourceUnavailable: The store cannot be written. What was taken so far is kept; do it again.
    """
    begin = time.monotonic()
    as_of_ms = time.time_ns() // 1_000_000 if options.as_of_ms is None else options.as_of_ms
    try:
        with _quiet_collector(), StoreWriter(store, as_of_ms=options.as_of_ms) as writer:
            delivery = Delivery(writer, options)
            for file in delivered(paths):
                delivery.take_file(file, watcher)
            delivery.complete()
            as_of_ms = writer.finish(as_of_ms, options.bases)
    except sqlite3.Error:
        raise SourceUnavailable("store") from None
    return delivery.tally.report(time.monotonic() - begin, as_of_ms)


@contextmanager
def _quiet_collector() -> Generator[None, None, None]:
    """Let the garbage collector look less often: what is read here has no cycles, and goes by itself."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def original_of(store: Path, ref: RecordRef) -> bytes | None:
    """A record of the store as it was delivered: without the splices of its import. None when it is not there.

    Raises:
        SourceUnavailable: The store cannot be read.
    """
    with closing(open_for_reading(store)) as connection:
        try:
            kept = bytes_and_splices(connection, ref)
        except sqlite3.Error:
            raise SourceUnavailable("store") from None
    if kept is None or kept[1] is None:
        return kept and kept[0]
    return as_it_came(kept[0], unpack(kept[1]))
