"""The processes of a simulated region: started, waited for, signalled and ended, and never anybody else's.

ProcessFailed       a process did not start, or ended before it was ready; names it and shows no output
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

#: Imported once for all processes of a region; nothing in them may start a thread or make a gRPC object.
PRELOADED: Final = (
    "grpc.aio",
    "uvloop",
    "uvicorn",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.loops.uvloop",
    "httpx2",
    "typer._adapters",  # and pydantic, which typer loads when a command runs
    "node_agent.cli",
    "node_agent.composition",
    "node_agent.running",
    "node_agent.settings",
    "node_agent.importing.cli",
    "node_agent.importing.choices",
    "node_agent.sources.embedded",
    "node_agent.sources.fed_store",
    "node_agent.feeding.cli",
    "node_agent.feeding.serving",
    "node_agent.sources.fhir_rest",
    "node_agent.sources.choice_store",
    "gateway.cli",
    "gateway.settings",
    "gateway.composition",
    "gateway.connect.cli",
    "gateway.connect.composition",
    "gateway.connect.settings",
    "testbed.faults_source",
    "testbed.faults_relay",
)
_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 3.0


class ProcessFailed(Exception):
    """A process of the region did not do what it was started for. Its log, in its folder, may say more."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: `module:function` with arguments, in a folder of its own, the only place it should write to."""

    name: str
    target: str
    arguments: tuple[str, ...]
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """All the places where a process might leave something are in its own folder."""
        own = str(self.folder)
        return {"HOME": own, "TMPDIR": own, "XDG_CACHE_HOME": own, "XDG_CONFIG_HOME": own, "XDG_STATE_HOME": own, "XDG_RUNTIME_DIR": own}


@dataclass(slots=True)
class Running:
    """A process that was started. `told` is its ready line, once it came."""

    program: Program
    pid: int
    output: int = field(repr=False)
    told: str = ""
    _heard: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> str:
        """What it is, for people."""
        return self.program.name

    def wait_until_ready(self, mark: str, seconds: float = _START_SECONDS) -> str:
        """The first line of its output that begins with *mark*.

        Raises:
            ProcessFailed: It ended first, or the time was over.
        """
        until = time.monotonic() + seconds
        while not self.told:
            line, newline, rest = self._heard.partition(b"\n")
            if newline:
                self._heard = rest
                if line.startswith(mark.encode()):
                    self.told = line.decode()
                continue
            ready, _, _ = select.select([self.output], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise ProcessFailed(self.name, f"not ready within {seconds:.0f} s")
            more = os.read(self.output, 65_536)
            if not more:
                raise ProcessFailed(self.name, f"ended before it was ready; see {self.program.folder / 'log'}")
            self._heard += more
        return self.told


class Processes:
    """Starts processes from one nursery; at the end of the context all of them are gone."""

    def __init__(self, preloaded: Sequence[str] = PRELOADED) -> None:
        self._preloaded = preloaded
        self._nursery: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._running: dict[int, Running] = {}
        self._is_ready = False

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair()
        with theirs:
            self._nursery = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "testbed.processes_nursery", str(theirs.fileno()), *self._preloaded],
                pass_fds=[theirs.fileno()],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in a terminal is for the demo alone
            )
        ours.settimeout(_START_SECONDS)
        self._control = ours
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._control is not None:
            self._control.close()  # which ends every child
        if self._nursery is not None:
            try:
                self._nursery.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._nursery.kill()
                self._nursery.wait()
        for running in self._running.values():
            os.close(running.output)
        self._running.clear()

    def start(self, program: Program) -> Running:
        """Start a program.

        Raises:
            ProcessFailed: It could not be started.
        """
        program.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        reading, writing = os.pipe()
        with (program.folder / "log").open("ab") as log:
            request = {
                "do": "spawn",
                "target": program.target,
                "arguments": program.arguments,
                "folder": str(program.folder),
                "environment": program.environment,
            }
            try:
                answer = self._ask(request, [writing, log.fileno()])
            finally:
                os.close(writing)
        if "pid" not in answer:
            os.close(reading)
            raise ProcessFailed(program.name, str(answer.get("refused", "not started")))
        running = self._running[answer["pid"]] = Running(program, answer["pid"], reading)
        return running

    def signal(self, running: Running, number: signal.Signals) -> bool:
        """Send a signal; says whether the process was still there."""
        return bool(self._ask({"do": "signal", "pid": running.pid, "number": int(number)})["alive"])

    def wait(self, running: Running, seconds: float) -> int | None:
        """The exit code, or none when it is still running after so long."""
        status: int | None = self._ask({"do": "wait", "pid": running.pid, "seconds": seconds})["status"]
        return status

    def kill(self, running: Running) -> None:
        """End a process as `kill -9` does, and see it gone."""
        self.signal(running, signal.SIGKILL)
        self.wait(running, _END_SECONDS)
        self._forget(running)

    def end(self, *processes: Running) -> None:
        """End processes: politely, then by force."""
        if processes:
            self._ask({"do": "end", "pids": [running.pid for running in processes], "grace": _END_SECONDS})
        for running in processes:
            self._forget(running)

    def _forget(self, running: Running) -> None:
        if self._running.pop(running.pid, None) is not None:
            os.close(running.output)

    def _ask(self, request: Mapping[str, Any], descriptors: Sequence[int] = ()) -> Mapping[str, Any]:
        if self._control is None or self._nursery is None:
            raise RuntimeError("use `with Processes() as processes`")
        message = json.dumps(request).encode() + b"\n"
        try:
            if not self._is_ready:  # it imports while we do other things
                self._is_ready = "ready" in self._hear()
            sent = socket.send_fds(self._control, [message], list(descriptors))
            self._control.sendall(message[sent:])
            return self._hear()
        except (OSError, ValueError):
            raise ProcessFailed("nursery", "it does not answer") from None

    def _hear(self) -> Mapping[str, Any]:
        heard = b""
        while not heard.endswith(b"\n"):
            more = self._control.recv(65_536) if self._control else b""
            if not more:
                raise OSError("the nursery has gone")
            heard += more
        answer: Mapping[str, Any] = json.loads(heard)
        return answer


def _environment() -> dict[str, str]:
    """Ours, without what would make it chatty or set it otherwise."""
    left_out = ("GRPC_TRACE", "GRPC_VERBOSITY")
    return {name: value for name, value in os.environ.items() if name not in left_out and not name.startswith("NOABER_")}
