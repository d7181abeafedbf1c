"""An agent of one's own joins the demonstration that stays up, by what the screen and docs/joining.md say, and is asked."""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.region.joining_processes import PATIENCE, ROOT, done, environment, eventually, join_command, process, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NAME: Final = "noaberhoes"
URA: Final = "90001012"
TITLE: Final = "Hospice 't Noaberhoes"


class Demonstration:
    """The demonstration as somebody sees it who runs it in a terminal. What it says is in `screen`."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "screen"
        command = "from testbed.cli import demo_app; demo_app()"
        ports = ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--desk", "127.0.0.1:0", "--language", "en")
        with self._log.open("wb") as screen:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-c", command, *ports], cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=screen, stderr=screen
            )

    def line(self, pattern: str) -> str:
        """The first line of the screen with this in it, once it is there."""
        return eventually(lambda: self._found(pattern), pattern)

    def _found(self, pattern: str) -> str:
        assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
        return next((line.strip() for line in self._log.read_text(encoding="utf-8").splitlines()[:-1] if re.search(pattern, line)), "")

    def end(self) -> None:
        """End it, and all that it started."""
        self._process.terminate()
        self._process.wait(60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("try")


@pytest.fixture(scope="module")
def demonstration(folder: Path) -> Iterator[Demonstration]:
    running = Demonstration(folder)
    try:
        yield running
    finally:
        running.end()


@pytest.fixture(scope="module")
def system(folder: Path) -> Iterator[Path]:
    """The newcomer's own system, as a program of its own: the testbed's FHIR server, which needs no Java. What it said is in this file."""
    command = [sys.executable, "-m", "testbed.newcomer", "fhir-server", "--port", "0"]
    log = folder / "system.log"
    with log.open("wb") as output:
        running = subprocess.Popen(command, cwd=folder, env=environment(folder), stdout=output, stderr=output)  # noqa: S603 - our own command
    try:
        eventually(lambda: re.search(r"noaber agent check.*\n", log.read_text(encoding="utf-8")), "the system")
        yield log
    finally:
        running.terminate()
        running.wait(60)


def answer(folder: Path, demonstration: Demonstration, bsn: str) -> str:
    """How the newcomer ended, in the table of a question."""
    gateway = re.search(r"gRPC (\S+)", demonstration.line("^  FHIR"))
    assert gateway is not None
    told = run(folder, "ask", "--gateway", gateway[1], "--bsn", "-", "--language", "en", given=f"{bsn}\n")
    return next((line for line in reversed(told.stdout.splitlines()) if TITLE in line), "")


def test_an_agent_joins_the_demonstration_by_what_it_prints_and_is_asked(folder: Path, demonstration: Demonstration, system: Path) -> None:
    invite = shlex.split(demonstration.line(" region invite "))
    printed = done(folder, *invite[1:])
    command = join_command(printed)
    # The desk of the demonstration names the gateway's door, so nothing has to be added but where the records are.
    base = re.search(r"--fhir-base (\S+)", system.read_text(encoding="utf-8"))
    assert base is not None
    office = invite[invite.index("--folder") + 1]
    with process(folder, "join", *command, "--fhir-base", base[1]) as joining:
        phrase = joining.wait_for(r"^ +([a-z]{5}(?:-[a-z]{5}){4})$")[1]
        done(folder, "region", "approve", URA, "--folder", office, "--phrase", phrase)
        assert joining.wait() == 0, joining.log.read_text(encoding="utf-8")
    steps = [shlex.split(line)[1:] for line in system.read_text(encoding="utf-8").splitlines() if line.startswith("    noaber agent ")]
    for step in steps:
        done(folder, *step)
    assert [step[1] for step in steps] == ["choices", "check"]

    with process(folder, "agent", "agent", "run", "--config", f"{NAME}/agent.toml") as agent:
        agent.wait_for("^ready outbound")
        told = done(folder, "agent", "activate", "--folder", NAME)
        assert "active in the register" in told
        assert "takes part" not in told
        bsn = (folder / "newcomer" / "noaberhoes" / "people.txt").read_text(encoding="ascii").split()[0]
        until = time.monotonic() + PATIENCE
        while "Answered" not in (line := answer(folder, demonstration, bsn)) and time.monotonic() < until:
            time.sleep(1)  # the agent calls again by itself, after a pause

        assert "Answered" in line


def test_a_system_that_cannot_be_started_says_why(folder: Path) -> None:
    nowhere = environment(folder) | {"PATH": str(folder)}
    command = [sys.executable, "-m", "testbed.newcomer", "hapi", "--port", "0", "--into", "other"]
    told = subprocess.run(command, cwd=folder, env=nowhere, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603 - our own command

    assert told.returncode == 1
    assert told.stderr.startswith("It could not be started: not installed here: java, javac, jar, mvn")
    assert "Traceback" not in told.stderr
