"""A FHIR source of the simulated region, as a program: `python -m testbed.faults_source --records FILE`.

It is `testbed.fhir_server` with one difference: `delay` holds up the search that looks a person up and no other, so
that a question about a person takes that much longer, however many searches it needs. `delay_each` holds up every search.
"""

import argparse
import math
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import parse_qsl

import anyio
import msgspec
from starlette.requests import Request

from testbed.fhir_server_desk import BASE_PATH, Desk
from testbed.fhir_server_faults import FhirFaults
from testbed.fhir_server_serving import control_app, serving


class _Entry(msgspec.Struct, gc=False):
    resource: msgspec.Raw


class _Bundle(msgspec.Struct, gc=False):
    entry: list[_Entry]


class CounterDesk(Desk):
    """A desk where only whoever looks a person up has to queue."""

    async def _linger(self, request: Request, seconds: float) -> None:
        if math.isinf(seconds) or self.faults.delay_each or _looks_somebody_up((await request.body()).decode()):
            await super()._linger(request, seconds)


def _looks_somebody_up(form: str) -> bool:
    return any(name == "identifier" and not value.endswith("|") for name, value in parse_qsl(form))


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the records of a file until interrupted; says where, in one line of JSON."""
    parser = argparse.ArgumentParser(prog="testbed.faults_source")
    parser.add_argument("--records", type=Path, required=True, help="a Bundle; its records are served byte for byte")
    parser.add_argument("--fhir-version", default="4.0.1", help="what it says that it speaks")
    given = parser.parse_args(arguments)
    anyio.run(
        _serve, CounterDesk(_records(given.records), FhirFaults(fhir_version=given.fhir_version)), backend_options={"use_uvloop": sys.platform != "win32"}
    )


async def _serve(desk: Desk) -> None:
    async with serving(desk.app) as origin, serving(control_app(desk)) as control:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            sys.stdout.write(msgspec.json.encode({"base": origin + BASE_PATH, "control": control}).decode() + "\n")
            sys.stdout.flush()
            async for _ in signals:
                break
        desk.close()


def _records(path: Path) -> Iterator[bytes]:
    return (bytes(entry.resource) for entry in msgspec.json.decode(path.read_bytes(), type=_Bundle).entry)


if __name__ == "__main__":
    main()
