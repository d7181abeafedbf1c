"""Real processes of a region that grows: the office's desk, an agent, a gateway; on loopback, in folders of a test."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

#: For a machine that is busy with other things.
PATIENCE: Final = 150.0
ROOT: Final = Path(__file__).resolve().parents[2]
_START: Final = (sys.executable, "-c", "from accord.cli import main; main()")


def environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200"}


def run(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """A command, to its end."""
    return subprocess.run(  # noqa: S603 - our own program
        [*_START, *arguments], cwd=folder, env=environment(folder), input=given, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def done(folder: Path, *arguments: str, given: str = "") -> str:
    """What a command said that must succeed."""
    finished = run(folder, *arguments, given=given)
    assert finished.returncode == 0, f"{arguments[:2]}: {finished.stdout}{finished.stderr}"
    return finished.stdout


class Process:
    """A process that goes on; what it says is in `log`."""

    def __init__(self, folder: Path, name: str, *arguments: str) -> None:
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [*_START, *arguments], cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def said(self, pattern: str) -> re.Match[str] | None:
        """Where it said this; none when it did not yet."""
        return re.search(pattern, self.log.read_text(encoding="utf-8"), re.MULTILINE)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until it said this."""
        return eventually(lambda: self.said(pattern), f"{pattern} in {self.log.name}: {self.log.read_text(encoding='utf-8')}")

    def wait(self) -> int:
        """Its exit code, once it ended by itself."""
        return self._process.wait(PATIENCE)

    @property
    def runs(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """End it properly."""
        if self.runs:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def process(folder: Path, name: str, *arguments: str) -> Iterator[Process]:
    """A process inside the block."""
    running = Process(folder, name, *arguments)
    try:
        yield running
    finally:
        running.end()


def eventually(look: Callable[[], T | None], what: str = "") -> T:
    """What *look* finds, as soon as it finds something."""
    until = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < until, f"never came: {what}"
        time.sleep(0.1)
    return found


def join_command(printed: str) -> list[str]:
    """The arguments of the one command that `region invite` printed."""
    command = shlex.split(printed.strip().splitlines()[-1])
    assert command[:3] == ["noaber", "agent", "join"]
    return command[1:]
