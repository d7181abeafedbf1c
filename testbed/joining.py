"""A care provider joins a running region as a real one does: by the product's own commands, and a person at the office who approves."""

import json
import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from testbed.free_ports import free_port
from testbed.holders import BY_NAME, FictionalHolder
from testbed.processes import Processes, ProcessFailed, Program, Running
from testbed.region import BlockingRegion
from testbed.region_files import agents_door

_AGENT: Final = "node_agent.cli:app"
_REGION: Final = "accord.region_cli:app"
_SECONDS: Final = 120.0
_PRELOADED: Final = ("node_agent.cli", "node_agent.joining.cli", "node_agent.composition", "accord.region_cli", "accord.region.desk_serving")


class OfficeAtWork:
    """The office of a region with its desk open, and the commands of whoever joins. Made by `joining`."""

    def __init__(self, region: BlockingRegion, processes: Processes) -> None:
        self._region = region
        self._processes = processes
        self._made = 0
        self.office = region.office.folder
        self.folder = region.root / "newcomers"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        place = ("--folder", str(self.office), "--listen", "127.0.0.1:0", "--door", agents_door(region.root))
        self.start(_REGION, "serve", *place).wait_until_ready("ready")

    def start(self, target: str, *arguments: str) -> Running:
        """A command that goes on."""
        self._made += 1
        return self._processes.start(Program(" ".join(arguments[:2]), target, arguments, self.folder / f"{self._made}"))

    def agent(self, *arguments: str) -> Running:
        """`noaber agent …`, going on."""
        return self.start(_AGENT, *arguments)

    def ends(self, running: Running) -> str:
        """What a command said that must end well.

        Raises:
            ProcessFailed: It did not.
        """
        code, said = self._processes.wait(running, _SECONDS), ""
        if code != 0:
            raise ProcessFailed(running.name, f"ended with {code}; see {running.program.folder / 'log'}")
        while more := os.read(running.output, 65_536):
            said += more.decode()
        return said

    def stop(self, running: Running) -> None:
        """End a process politely."""
        self._processes.end(running)

    def joins(self, holder: FictionalHolder, *more: str) -> str:
        """Invite, join, telephone, approve; returns what the command of whoever joins said at the end.

        Raises:
            ProcessFailed: One of these did not end well.
        """
        token = self.folder / f"{holder.name}.token"
        who = ("--ura", holder.ura.value, "--name", holder.name.value, "--title", holder.title, "--kind", holder.kind.value)
        printed = self.ends(self.start(_REGION, "invite", "--folder", str(self.office), *who, "--token-file", str(token)))
        command = shlex.split(printed.strip().splitlines()[-1])[2:]
        # The command as it was printed, but for where its files are.
        fixed = command[: command.index("--token-file")] + command[command.index("--ca-fingerprint") : command.index("--folder")]
        joining = self.agent(*fixed, "--token-file", str(token), "--telephone", holder.telephone, *more)
        phrase = joining.wait_until_ready("    ", _SECONDS).strip()
        self.ends(self.start(_REGION, "approve", holder.ura.value, "--folder", str(self.office), "--phrase", phrase))
        return self.ends(joining)

    def chooses(self, holder: FictionalHolder, folder: Path) -> None:
        """Put on record what this holder's patients chose."""
        file = self.folder / f"{holder.name}.choices"
        file.write_text("".join(f"{json.dumps(choice)}\n" for choice in self._region.generated.choices_at(holder.name.value)), encoding="utf-8")
        self.ends(self.agent("choices", "import", str(file), "--store", str(folder / "choices.db")))

    def checked(self, people: Iterable[str], *which: str) -> dict[str, Any]:
        """The report of a conformance run that passed.

        Raises:
            ProcessFailed: It did not.
        """
        file = self.folder / "people"
        file.write_text("\n".join(people), encoding="ascii")
        report: dict[str, Any] = json.loads(self.ends(self.agent("check", *which, "--bsns", str(file), "--json")))
        return report

    def activates(self, folder: Path) -> None:
        """Tell the office; and the office gives the new register to whoever does not fetch it."""
        self.ends(self.agent("activate", "--folder", str(folder)))
        self._region.office.hand_out()


@contextmanager
def joining(region: BlockingRegion) -> Iterator[OfficeAtWork]:
    """The office of *region*, with its desk open, inside the block."""
    with Processes(_PRELOADED) as processes:
        yield OfficeAtWork(region, processes)


def newcomer() -> FictionalHolder:
    """Who joins in the story."""
    return BY_NAME["noaberhoes"]


def free_address() -> str:
    """Where nobody listens now."""
    return f"127.0.0.1:{free_port()}"
