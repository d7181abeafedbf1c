"""A care provider's own system, filled with people who do not exist: for whoever lets an agent of their own join the demonstration's region.

    python -m testbed.newcomer hapi             a real HAPI FHIR server (needs a JDK and Maven)
    python -m testbed.newcomer fhir-server      the testbed's own FHIR server, where there is no Java
    python -m testbed.newcomer postgres         a real PostgreSQL with the tables of examples/gp_system

It says where it answers, what to give to `noaber agent join`, and stays up until it is stopped; nothing of it is left then but the
two files for the agent's commands. It needs no root. docs/joining.md goes on from there.
"""

import argparse
import json
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from testbed import gp_system
from testbed.demo import PEOPLE, ending_politely, from_here, stay, who_joins
from testbed.fhir_source import fhir_source
from testbed.hapi import Hapi, HapiUnavailable
from testbed.holders import BY_NAME, FictionalHolder
from testbed.people import Region, generate
from testbed.postgres import NoPostgres, postgres_server
from testbed.processes import ProcessFailed

HAPI: Final = "hapi"
FHIR_SERVER: Final = "fhir-server"
POSTGRES: Final = "postgres"
#: Whose system it is: in none of the demonstration's regions from the start, and with records that such a system can hold.
WHOSE: Final = {HAPI: BY_NAME["noaberhoes"], FHIR_SERVER: BY_NAME["noaberhoes"], POSTGRES: BY_NAME["holterloo"]}
_DATABASE: Final = "practice"
_READER: Final = "noaber"
#: A conformance run looks at each of them.
_CHECKED: Final = 10


@dataclass(frozen=True, slots=True)
class System:
    """A system that runs: what it is, where it answers, and how an agent is told."""

    what: str
    address: str
    told: str


def main(arguments: Sequence[str] | None = None) -> None:
    """Start the system, say where it is, and stay."""
    parser = argparse.ArgumentParser(prog="python -m testbed.newcomer", description="A care provider's own system, for joining the demonstration's region.")
    parser.add_argument("kind", choices=list(WHOSE))
    parser.add_argument("--port", type=int, default=8090, help="of the FHIR server; PostgreSQL listens on a unix socket")
    parser.add_argument("--into", type=Path, help="folder for choices.ndjson and people.txt; newcomer/ and the name of the organisation when not given")
    parser.add_argument("--seed", type=int, default=2026, help="as given to `noaber demo`")
    given = parser.parse_args(arguments)
    holder = WHOSE[given.kind]
    generated = generate(given.seed, PEOPLE)
    # Of each its own: the choices of one practice must not come into the store of another.
    into: Path = given.into or Path("newcomer") / holder.name.value
    try:
        write_files(into, generated, holder)
    except OSError:
        parser.error(f"--into: {into} cannot be written")
    records = list(generated.records_at(holder.name.value))
    _say(f"{holder.title}: {len(records)} records of people who do not exist. Starting …")
    try:
        with ending_politely(), _system(given.kind, given.port, records) as system:
            _tell(system, holder, into)
            stay()
    except (HapiUnavailable, NoPostgres, ProcessFailed) as reason:
        sys.exit(f"It could not be started: {reason}")


def write_files(folder: Path, generated: Region, holder: FictionalHolder) -> None:
    """What these people chose, for `noaber agent choices import`, and the numbers of some of them, for `noaber agent check`.

    Raises:
        OSError: They cannot be written.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    choices = generated.choices_at(holder.name.value)
    people = list(dict.fromkeys(choice["bsn"] for choice in choices if choice["permits"]))[:_CHECKED]
    (folder / "choices.ndjson").write_text("".join(f"{json.dumps(choice)}\n" for choice in choices), encoding="utf-8")
    (folder / "people.txt").write_text("".join(f"{bsn}\n" for bsn in people), encoding="ascii")


@contextmanager
def _system(kind: str, port: int, records: Sequence[bytes]) -> Iterator[System]:
    with ExitStack() as stack:
        if kind == POSTGRES:
            server = stack.enter_context(postgres_server())
            server.make(_DATABASE, _READER)
            gp_system.fill_postgres(server, _DATABASE, records)
            source = {"kind": "sql", "url": server.url(_DATABASE), "user": _READER, "mapping": str(gp_system.MAPPING)}
            lines = "\n".join(f"    {name} = {json.dumps(value)}" for name, value in source.items())
            yield System("a PostgreSQL server", source["url"], f"[source] in its agent.toml, once it has joined:\n\n    [source]\n{lines}")
            return
        _check_port(port)
        if kind == HAPI:
            hapi = stack.enter_context(Hapi(port))
            hapi.load(records)
            base, what = hapi.base, "a HAPI FHIR server"
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="noaber-newcomer-")))
            base, what = stack.enter_context(fhir_source(folder, records, hapi=False, port=port))
        yield System(what, base, f"Add to the command that this prints:\n\n    --fhir-base {base}")


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            raise ProcessFailed(f"port {port}", "it is taken; name another with --port") from None


def _tell(system: System, holder: FictionalHolder, folder: Path) -> None:
    _say(f"ready {system.address}")
    _say(f'This is {system.what}. Leave it running, and go on in another terminal (docs/joining.md, "Try it on your own machine").\n')
    _say(f"Invite it, with the folder that the demonstration prints:\n\n    noaber region invite --folder /tmp/noaber-…/office {who_joins(holder)}\n")
    _say(f"{system.told}\n")
    _say("Once it has joined:\n")
    _say(f"    noaber agent choices import {from_here(folder.resolve() / 'choices.ndjson')} --store {holder.name}/choices.db")
    _say(f"    noaber agent check --config {holder.name}/agent.toml --bsns {from_here(folder.resolve() / 'people.txt')}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
