"""A FHIR server of a care provider, as a process: a real HAPI where it is wanted and can be had, else the testbed's own."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.hapi import HapiUnavailable, hapi_server
from testbed.processes import Processes, Program


@contextmanager
def fhir_source(folder: Path, records: Iterable[bytes], *, hapi: bool, port: int = 0) -> Iterator[tuple[str, str]]:
    """The base address of a server over these records, and which server it is. *port* is of the testbed's own server.

    Raises:
        ProcessFailed: It did not start.
    """
    kept, why = list(records), ""
    if hapi:
        server = hapi_server(kept)
        try:
            base = server.__enter__()
        except HapiUnavailable as reason:
            why = f" (no HAPI: {reason})"
        else:
            try:
                yield base, "a HAPI server"
            finally:
                server.__exit__(None, None, None)
            return
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "records.ndjson").write_bytes(b"\n".join(kept))
    with Processes(("testbed.fhir_server",)) as processes:
        running = processes.start(Program("source", "testbed.fhir_server:main", ("--records", str(folder / "records.ndjson"), "--port", str(port)), folder))
        yield json.loads(running.wait_until_ready("{"))["base"], f"the testbed's FHIR server{why}"
