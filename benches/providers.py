"""A care provider on the stage: its source, filled with our person's records, and its agent."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benches.records import BSN, PATIENT, records
from benches.staging import Stage, Started, environment, expect

URA: Final = "90001003"
_KEY: Final = "ab" * 32


def fill_store(stage: Stage, number: int) -> str:
    """Import so many records into an embedded store; returns the setting that names it."""
    path = _written(stage, number)
    _run("import", str(path), "--store", str(stage.folder / "records.db"))
    return f"source.path={stage.folder}/records.db"


def fhir_server(stage: Stage, number: int, delay: float = 0.0) -> tuple[Started, str, str]:
    """Start a FHIR server over so many records that answers each request *delay* seconds late: the process, its base, its control."""
    arguments = ("--records", str(_written(stage, number)), *(("--faults", f"delay={delay}") if delay else ()))
    server = stage.start("testbed.fhir_server", *arguments, mark="{")
    told = json.loads(server.told)
    return server, told["base"], told["control"]


def agent(stage: Stage, *sets: str) -> Started:
    """Start an agent that may release everything about our person. `target_of` reads where it listens."""
    choices = stage.folder / "choices.db"
    if not choices.exists():
        (stage.folder / "choices.ndjson").write_text(json.dumps({"bsn": BSN.value, "permits": True}), encoding="ascii")
        _run("choices", "import", str(stage.folder / "choices.ndjson"), "--store", str(choices))
    number = len(list(stage.folder.glob("agent*.sock")))
    given = (
        f"holder.ura={URA}",
        "holder.name=bench",
        f"listen.address=unix:{stage.folder}/agent{number}.sock",
        f"choices.path={choices}",
        f"locate.key={_KEY}",
        *sets,
    )
    return stage.start("node_agent", "run", *(f"--set={item}" for item in given))


def target_of(started: Started) -> str:
    """Where an agent listens."""
    return started.told.removeprefix("ready ")


def _written(stage: Stage, number: int) -> Path:
    path = stage.folder / f"records{number}.ndjson"
    if not path.exists():
        path.write_bytes(b"\n".join(_with_patient(records(number))))
    return path


def _with_patient(kept: Iterable[bytes]) -> list[bytes]:
    return [PATIENT, *kept]


def _run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "node_agent", *arguments], env=environment(), capture_output=True, check=False)
    expect(done.returncode == 0, f"node_agent {arguments[0]} ended with {done.returncode}")
