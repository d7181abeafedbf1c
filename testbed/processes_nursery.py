"""The process that every process of a simulated region is forked from: it imports once, and never talks gRPC itself.

    python -m testbed.processes_nursery <file descriptor of the control socket> <module> …

Importing costs a second of processor time; a fork costs fifteen milliseconds. That is safe as long as no gRPC object
and no thread exists here, which is checked before each fork. When the other end of the control socket closes, whatever
the reason, all children are ended and the nursery with them.
"""

import gc
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

_REQUEST_BYTES: Final = 256 * 1024
_POLL_SECONDS: Final = 0.01
_LAST_GRACE_SECONDS: Final = 0.5


class Nursery:
    """Answers requests on the control socket until it closes."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._alive: set[int] = set()
        self._exited: dict[int, int] = {}

    def run(self) -> None:
        """Answer until the other end is gone; then end all children."""
        self._say({"ready": os.getpid()})
        try:
            while (heard := self._hear()) is not None:
                request, descriptors = heard
                self._say(self._answer(request, descriptors))
        finally:
            self.end(list(self._alive), _LAST_GRACE_SECONDS)

    def end(self, pids: Sequence[int], grace: float) -> None:
        """End children of ours: politely, then by force."""
        mine = [pid for pid in pids if pid in self._alive]
        self._signal(mine, signal.SIGTERM)
        self._signal(mine, signal.SIGCONT)
        until = time.monotonic() + grace
        while self._living(mine) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        self._signal(self._living(mine), signal.SIGKILL)
        for pid in self._living(mine):
            self._reap(pid, 0)

    def _answer(self, request: Mapping[str, Any], descriptors: list[int]) -> Mapping[str, Any]:
        match request["do"]:
            case "spawn":
                return self._spawn(request, descriptors)
            case "signal":
                alive = self._living([request["pid"]])
                self._signal(alive, request["number"])
                return {"alive": bool(alive)}
            case "end":
                self.end(request["pids"], request["grace"])
                return {}
            case "wait":
                return {"status": self._wait(request["pid"], request["seconds"])}
        return {"refused": "unknown request"}

    def _spawn(self, request: Mapping[str, Any], descriptors: list[int]) -> Mapping[str, Any]:
        if threading.active_count() > 1:
            return {"refused": "a preloaded module started a thread"}
        pid = os.fork()
        if pid == 0:
            self._control.close()
            _grow_up(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self._alive.add(pid)
        return {"pid": pid}

    def _living(self, pids: Sequence[int]) -> list[int]:
        for pid in pids:
            self._reap(pid, os.WNOHANG)
        return [pid for pid in pids if pid in self._alive]

    def _reap(self, pid: int, options: int) -> None:
        if pid not in self._alive:
            return
        found, status = os.waitpid(pid, options)
        if found:
            self._alive.discard(pid)
            self._exited[pid] = os.waitstatus_to_exitcode(status)

    def _wait(self, pid: int, seconds: float) -> int | None:
        until = time.monotonic() + seconds
        while self._living([pid]) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        return self._exited.get(pid)

    def _signal(self, pids: Sequence[int], number: int) -> None:
        # A child that is not reaped keeps its number: these are ours and nobody else's.
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _hear(self) -> tuple[Mapping[str, Any], list[int]] | None:
        content, descriptors, _, _ = socket.recv_fds(self._control, _REQUEST_BYTES, 2)
        while content and not content.endswith(b"\n"):
            more = self._control.recv(_REQUEST_BYTES)
            if not more:
                return None
            content += more
        return (json.loads(content), descriptors) if content else None

    def _say(self, answer: Mapping[str, Any]) -> None:
        self._control.sendall(json.dumps(answer).encode() + b"\n")


def _grow_up(request: Mapping[str, Any], descriptors: list[int]) -> None:
    """Become the program that was asked for; never returns."""
    status = 70
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, descriptor in enumerate((nothing, *descriptors)):
            os.dup2(descriptor, number)
            os.close(descriptor)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.umask(0o077)
        os.chdir(request["folder"])
        os.environ.update(request["environment"])
        tempfile.tempdir = None
        module, _, name = request["target"].partition(":")
        sys.argv = [name, *request["arguments"]]
        getattr(importlib.import_module(module), name)()
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
    except BaseException as failure:  # noqa: BLE001 - a process ends here; its text might hold content of a record
        print(f"ended by {type(failure).__name__}", file=sys.stderr)  # noqa: T201
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def main() -> None:
    """Import what was named, and serve."""
    control = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(control.fileno(), False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for module in sys.argv[2:]:
        with suppress(ImportError):
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # so that a collection in a child does not copy what it shares with the others
    Nursery(control).run()


if __name__ == "__main__":
    main()
