"""One process under observation: started under strace, in a folder where everything that it may leave is looked through.

CannotWatch     this machine cannot observe processes; says why
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from testbed.canary_trace import OPTIONS, Trace, is_file, is_finished, read_trace
from testbed.processes import ProcessFailed, Program

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - looked into, never written to
_END_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.02
#: Runs `module:function` with arguments, as the processes of a region are run.
_START: Final = "import importlib, sys; name = sys.argv.pop(1); module, _, function = name.partition(':'); getattr(importlib.import_module(module), function)()"


class CannotWatch(Exception):
    """This machine cannot observe processes."""


@cache
def why_not() -> str:
    """Why processes cannot be observed here; empty when they can."""
    strace = shutil.which("strace")
    if strace is None:
        return "strace is not installed"
    try:
        tried = subprocess.run([strace, *OPTIONS, "-o", os.devnull, sys.executable, "-c", ""], capture_output=True, timeout=30, check=False)  # noqa: S603 - a program of ours
    except (OSError, subprocess.TimeoutExpired):
        return "strace does not run here"
    return "" if tried.returncode == 0 else "strace may not observe processes here"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one process. `left` are its files afterwards with their content, `mapped` those that change with memory.

    `is_closed`: only root may see what such a process has mapped; what it mapped while it was observed is in its trace.
    """

    name: str
    trace: Trace
    left: dict[str, bytes]
    output: bytes
    mapped: frozenset[str]
    core_bytes: str
    is_closed: bool = False


class Watched:
    """A process under observation. It is alone in its folder, which is also its home and its temporary folder.

    Raises:
        CannotWatch: See `why_not`.
    """

    def __init__(self, program: Program, trace: Path, given: bytes = b"") -> None:
        if why_not():
            raise CannotWatch(why_not())
        program.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.program = program
        self._trace = trace
        self._shared_before = set(_shared_memory())
        self._heard = bytearray()
        self._more = threading.Condition()
        command = ["strace", *OPTIONS, "-o", str(trace), sys.executable, "-c", _START, program.target, *program.arguments]
        project = str(Path(__file__).resolve().parent.parent)
        self._process = subprocess.Popen(  # noqa: S603 - a program of the testbed
            command,
            cwd=program.folder,
            env={**os.environ, **program.environment, "PYTHONPATH": os.pathsep.join(filter(None, (project, os.environ.get("PYTHONPATH"))))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        if self._process.stdin is not None:
            self._process.stdin.write(given)
            self._process.stdin.close()

    @property
    def pid(self) -> int:
        """The process itself: its observer is another one."""
        return self._process.pid

    def wait_until_ready(self, mark: str, seconds: float = 60.0) -> str:
        """The first line of its output that begins with *mark*.

        Raises:
            ProcessFailed: It ended first, or the time was over.
        """
        until = time.monotonic() + seconds
        with self._more:
            while True:
                for line in bytes(self._heard).split(b"\n")[:-1]:
                    if line.startswith(mark.encode()):
                        return line.decode()
                if not self._listener.is_alive():
                    raise ProcessFailed(self.program.name, "ended before it was ready")
                if not self._more.wait(min(0.5, until - time.monotonic())) and time.monotonic() > until:
                    raise ProcessFailed(self.program.name, f"not ready within {seconds:.0f} s")

    def stop(self) -> Seen:
        """Look at it while it lives, end it, and look at what it left."""
        (mapped, is_closed), core_bytes = _mapped(self.pid), _core_bytes(self.pid)
        shared = {str(path): _content(path) for path in _shared_memory() if path not in self._shared_before}
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()
        until = time.monotonic() + _END_SECONDS
        while not is_finished(self._trace, self.pid) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        left = {str(path): _content(path) for path in sorted(self.program.folder.rglob("*")) if path.is_file()}
        return Seen(self.program.name, read_trace(self._trace), left | shared, bytes(self._heard), mapped, core_bytes, is_closed)

    def kill(self) -> None:
        """End it without looking."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        self._listener.join(_END_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _listen(self) -> None:
        output = self._process.stdout
        while output is not None and (heard := os.read(output.fileno(), 65_536)):
            with self._more:
                self._heard += heard
                self._more.notify_all()
        with self._more:
            self._more.notify_all()


def _content(path: Path) -> bytes:
    with suppress(OSError):
        return path.read_bytes()
    return b""


def _shared_memory() -> Iterator[Path]:
    with suppress(OSError):
        yield from (path for path in _SHARED_MEMORY.iterdir() if path.is_file())


def _mapped(pid: int) -> tuple[frozenset[str], bool]:
    """Files that change when the memory of a process does, and whether that may not be seen."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except PermissionError:
        return frozenset(), True
    except OSError:
        return frozenset(), False
    mapped = (line.split(maxsplit=5) for line in lines)
    return frozenset(fields[5] for fields in mapped if len(fields) == 6 and "w" in fields[1] and fields[1].endswith("s") and is_file(fields[5])), False


def _core_bytes(pid: int) -> str:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines():
            if line.startswith("Max core file size"):
                return line.split()[4]
    return "unknown"
