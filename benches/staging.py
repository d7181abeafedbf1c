"""What a bench stands on: processes of its own, in a folder of its own, and what they used of the machine.

Linux only: time and memory are read where the kernel counts them.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

HOLDERS: Final = 8
MIB: Final = 1024 * 1024
_END_SECONDS: Final = 10.0
#: Settings from elsewhere would change what is measured, and so would a slow start without byte code.
_LEFT_OUT: Final = ("NOABER_GATEWAY__", "NOABER_AGENT__", "NOABER_CONNECT__", "PYTHONDONTWRITEBYTECODE", "GRPC_")


@dataclass(frozen=True, slots=True)
class Started:
    """A process of the stage, and the line with which it said that it is ready."""

    pid: int
    told: str

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far, in nanoseconds' precision: ticks of 10 ms are too coarse here."""
        # As clock_getcpuclockid(3) makes it.
        return time.clock_gettime((~self.pid << 3) | 2)

    @property
    def resident_bytes(self) -> int:
        """What it holds in memory now."""
        return self._memory("VmRSS")

    @property
    def peak_bytes(self) -> int:
        """The most that it held in memory since `forget_peak`."""
        return self._memory("VmHWM")

    def forget_peak(self) -> None:
        """Let the peak begin anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")

    def freeze(self) -> None:
        """Stop it as it stands; its connections stay open and silent."""
        os.kill(self.pid, signal.SIGSTOP)

    def _memory(self, name: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return int(value.split()[0]) * 1024
        raise SystemExit(f"process {self.pid} is gone")


@dataclass(frozen=True, slots=True)
class Group:
    """Scripted holders: the number of the first, how many, and the records of each beside its Patient.

    Each next one begins to answer `step` seconds later. `manner`: `trickles` sends a batch now and then without end;
    `unknown` does not know the patient.
    """

    first: int
    count: int
    records: int
    step: float = 0.0
    manner: str = ""

    @property
    def text(self) -> str:
        """As it stands on a command line."""
        return f"{self.first}:{self.count}:{self.records}:{self.step}:{self.manner}"

    @classmethod
    def read(cls, text: str) -> Self:
        """From a command line."""
        first, count, records, step, manner = text.split(":")
        return cls(int(first), int(count), int(records), float(step), manner)

    @property
    def names(self) -> list[str]:
        """The holders' names in the register."""
        return [f"h{index}" for index in range(self.first, self.first + self.count)]


class Stage:
    """A folder and the processes that were started in it; at the end both are gone."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="noaber-bench-")
        self.folder = Path(self._temporary.name)
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        if sys.platform != "linux":
            raise SystemExit("the benches read /proc: they run on Linux only")
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._processes:
            self._end(process)
        self._temporary.cleanup()

    def start(self, module: str, *arguments: str, mark: str = "ready") -> Started:
        """Start `python -m module`, and wait until it says a line that begins with *mark*."""
        process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True, env=environment())
        self._processes.append(process)
        for line in process.stdout or ():
            if line.startswith(mark):
                return Started(process.pid, line.strip())
        raise SystemExit(f"{module} ended before it was ready, with code {process.wait()}")

    def end(self, started: Started) -> None:
        """End one process before the others."""
        for process in self._processes:
            if process.pid == started.pid:
                self._end(process)

    def kill(self, started: Started) -> None:
        """End one process without a warning."""
        os.kill(started.pid, signal.SIGKILL)
        self.end(started)

    def holders(self, *groups: Group) -> Started:
        """Start one process with scripted holders; see `benches.holders`."""
        return self.start("benches.holders", "--folder", str(self.folder), *(group.text for group in groups))

    def gateway(self, *sets: str, count: int = HOLDERS) -> Started:
        """Start a gateway without trust over the holders 0 to *count*: what trust costs is measured by benches of its own.

        It says where it listens; `grpc_of` and `http_of` read that.
        """
        given = ("listen.http=127.0.0.1:0", f"listen.grpc=unix:{self.folder}/gateway{len(self._processes)}.sock", "region.seconds=60", *sets)
        holders = (f"--holder=h{index},{ura_of(index)},unix:{self.folder}/holder{index}.sock" for index in range(count))
        return self.start("testbed.plain_gateway", *(f"--set={item}" for item in given), *holders)

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout:
            process.stdout.close()


def environment() -> dict[str, str]:
    """Ours, without what would change the figures."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}


def grpc_of(gateway: Started) -> str:
    """Where a gateway's gRPC face listens."""
    return gateway.told.partition("grpc=")[2]


def http_of(gateway: Started) -> str:
    """Where a gateway's HTTP face listens: host and port."""
    return gateway.told.partition("http=")[2].split()[0]


def ura_of(index: int) -> str:
    """The URA of a scripted holder."""
    return f"9100{index:04}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure for people: what it is, how it came out, and the goal that it was held against, if any."""

    what: str
    figure: str
    goal: str = ""
    met: bool | None = None


def middle(values: Iterable[float]) -> float:
    """The median; of an even number the upper one."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def tell(question: str, findings: Sequence[Finding], figures: Mapping[str, Any]) -> None:
    """Print the one line of a bench."""
    told = [{"what": one.what, "figure": one.figure, "goal": one.goal, "met": one.met} for one in findings]
    print(json.dumps({"question": question, **figures, "findings": told}, ensure_ascii=False))


def expect(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a statement where it is used
    """End the bench when what it measured is not what it set out to measure."""
    if not holds:
        raise SystemExit(f"nothing was measured: {what}")
