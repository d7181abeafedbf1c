"""A FHIR server over given records, as a program: `python -m testbed.fhir_server --records FILE --port 8090`.

It prints one line of JSON with its addresses when it answers, and runs until it is interrupted. Everything is kept
in memory. Whoever wants one inside a test uses `fhir_server`.
"""

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import anyio
import msgspec

from testbed.fhir_server_faults import FhirFaults, read_faults
from testbed.fhir_server_serving import RunningFhirServer, fhir_server

__all__ = ["FhirFaults", "RunningFhirServer", "fhir_server", "main", "read_faults"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the records of a file until interrupted."""
    parser = argparse.ArgumentParser(prog="testbed.fhir_server", description="A FHIR R4 server over given records.")
    parser.add_argument("--records", type=Path, required=True, help="NDJSON file: one resource on each line")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--control-port", type=int, default=0, help="where faults are changed; 0: any that is free")
    parser.add_argument("--faults", default="", help="for instance slow, or max-page=50,busy-every=7")
    parser.add_argument("--types", default="", help="types it offers, separated by commas; those of the records by default")
    given = parser.parse_args(arguments)
    try:
        faults = read_faults(given.faults)
    except msgspec.ValidationError as refusal:
        parser.error(f"--faults: {refusal}")
    types = frozenset(filter(None, given.types.split(",")))
    anyio.run(_serve, given.records, faults, types, given.port, given.control_port, backend_options={"use_uvloop": sys.platform != "win32"})


async def _serve(path: Path, faults: FhirFaults, types: frozenset[str], port: int, control_port: int) -> None:
    async with fhir_server(_lines(path), faults, types=types, port=port, control_port=control_port) as running:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            sys.stdout.write(msgspec.json.encode({"base": running.base, "control": running.control}).decode() + "\n")
            sys.stdout.flush()
            async for _ in signals:
                return


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as lines:
        yield from (stripped for line in lines if (stripped := line.strip()))


if __name__ == "__main__":
    main()
