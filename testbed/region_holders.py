"""The processes of the region's holders: a source, an agent before it, and sometimes a relay in the agent's place."""

import json
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGCONT, SIGSTOP, SIGUSR1, SIGUSR2
from typing import Final

from accord.terms.members import MemberStatus, Part
from testbed.faults import FaultKind
from testbed.free_ports import free_port
from testbed.holders import BY_NAME, FictionalHolder
from testbed.people import Region as Generated
from testbed.places_files import STORE, count_before
from testbed.places_inputs import told_by_a_system
from testbed.places_systems import OwnSystem, until_counted
from testbed.processes import Processes, ProcessFailed, Running
from testbed.region_files import DATA_USER, HolderFiles
from testbed.region_office import RegionOffice
from testbed.region_shape import Shape

_FILLING_SECONDS: Final = 60.0


class HolderProcesses:
    """Starts, spoils and repairs the processes of holders. Nothing here waits for the gateway to notice."""

    def __init__(
        self,
        root: Path,
        processes: Processes,
        office: RegionOffice,
        generated: Generated,
        holders: Iterable[FictionalHolder],
        shape: Shape,
        user: FictionalHolder = BY_NAME[DATA_USER],
    ) -> None:
        """*user* asks; it takes part also where it is none of the *holders*."""
        self._office = office
        self._root = root
        self._user = user
        self.files = {
            name: HolderFiles(
                holder,
                root,
                shape.more.get(name, {}),
                name in shape.housed,
                name in shape.outbound,
                shape.as_written,
                shape.places.get(name, ()),
                _page(name, shape),
            )
            for name, holder in ((holder.name.value, holder) for holder in holders)
        }
        self._processes = processes
        self._generated = generated
        self._controls: dict[str, str] = {}
        self._bases: dict[str, str] = {}
        self._agents: dict[str, Running] = {}
        self._relays: dict[str, Running] = {}
        self._fillings: dict[str, list[Running]] = {}
        self._sources: dict[str, Running] = {}
        (root / "s").mkdir(mode=0o700)

    @property
    def answering(self) -> list[HolderFiles]:
        """Those that answer questions: about a dossier, or about places."""
        return [files for files in self.files.values() if files.has_agent]

    def agent_of(self, holder: str) -> Running | None:
        """A holder's agent; none when it is not running."""
        return self._agents.get(holder)

    def enrol(self) -> None:
        """Let the office take everybody in, and make their keys."""
        members = [files.member for files in self.files.values()]
        if self._user.name.value not in self.files:
            # Whoever asks takes part, also where it keeps nothing that is asked for.
            user = replace(HolderFiles(self._user, self._root).member, status=MemberStatus.ACTIVE, capabilities=frozenset())
            members.append(replace(user, parts=frozenset({Part.DATA_USER}), address=""))
        self._office.enrol(members)

    def begin(self) -> None:
        """Write all records down, and let every source begin; everybody is enrolled."""
        for files in self.answering:
            files.write(self._generated)
            self._office.give(files.agent)
            self._office.give_keys(files.name, files.agent)
            if files.is_read_through:
                self._sources[files.name] = self._processes.start(files.source_program())
            self._fillings[files.name] = [self._processes.start(program) for program in files.filling_programs()]

    def start_agents(self, dead: frozenset[str]) -> list[str]:
        """Start every agent but the dead, each as soon as its source answers; returns the names of those that run.

        Raises:
            ProcessFailed: A process did not do its part.
        """
        for files in self.answering:
            if files.is_read_through:
                said = json.loads(self._sources[files.name].wait_until_ready("{"))
                self._bases[files.name], self._controls[files.name] = said["base"], said["control"]
            for filling in self._fillings.pop(files.name):
                if self._processes.wait(filling, _FILLING_SECONDS) != 0:
                    raise ProcessFailed(filling.name, f"did not end well; see {filling.program.folder / 'log'}")
            if files.housed:
                files.write_settings(self._bases.get(files.name, ""))
            elif files.name not in dead:
                self._start_agent(files)
        housed = [files for files in self.answering if files.housed]
        if housed:
            house = self._processes.start(housed[0].house_program())
            self._agents.update((files.name, house) for files in housed)
        for agent in self._agents.values():
            agent.wait_until_ready("ready")
        for files in self.answering:
            if files.is_fed and files.name in self._agents:
                self._feed(files)
            if files.openings and files.name in self._agents:
                self._count(files)
        return list(self._agents)

    def system_of(self, files: HolderFiles) -> OwnSystem | None:
        """The provider's own system that tells of its places, where it has one."""
        system = OwnSystem(files.holder, files.openings, files.source, files.agent / STORE, self._controls.get(files.name, ""))
        return system if system.tells_of else None

    def _count(self, files: HolderFiles) -> None:
        """What a system tells comes by itself; of the rest somebody counted."""
        now, told = datetime.now(UTC), told_by_a_system(files.holder, files.openings)
        count_before(files.agent / STORE, [each.at(now) for each in files.openings if each not in told])
        until_counted(files.name, files.agent / STORE, [each.at(now) for each in told])

    def spoil(self, files: HolderFiles, kind: FaultKind, seconds: float) -> None:
        """Let a sound holder misbehave.

        Raises:
            ProcessFailed: A process that is needed for it did not start, or it has no agent for itself.
        """
        if files.housed:
            raise ProcessFailed(files.name, "shares its agent: nothing can be the matter with it alone")
        agent = self._agents[files.name]
        if kind is FaultKind.FROZEN:
            self._processes.signal(agent, SIGSTOP)
        elif kind is FaultKind.PAUSED:
            self._processes.signal(agent, SIGUSR1)
        elif kind is FaultKind.DEAD:
            self._processes.kill(self._agents.pop(files.name))
        elif kind is FaultKind.SLOW and files.is_read_through:
            self._tell_source(files, {"delay": seconds})
        else:
            self._put_a_relay(files, kind, seconds)

    def repair(self, files: HolderFiles, kind: FaultKind) -> None:
        """Put right what `spoil` did.

        Raises:
            ProcessFailed: The agent did not start.
        """
        if kind is FaultKind.FROZEN:
            self._processes.signal(self._agents[files.name], SIGCONT)
        elif kind is FaultKind.PAUSED:
            self._processes.signal(self._agents[files.name], SIGUSR2)
        elif kind is FaultKind.SLOW and files.is_read_through:
            self._tell_source(files, {})
        else:
            if kind is not FaultKind.DEAD:
                self._processes.end(self._relays.pop(files.name), self._agents.pop(files.name))
            self._start_agent(files).wait_until_ready("ready")

    def _feed(self, files: HolderFiles) -> None:
        """Let the holder's own system send all that it has, and wait until it is acknowledged."""
        feeding = self._processes.start(files.feeding_program())
        if self._processes.wait(feeding, _FILLING_SECONDS) != 0:
            raise ProcessFailed(feeding.name, f"did not end well; see {feeding.program.folder / 'log'}")

    def _start_agent(self, files: HolderFiles, *, behind: bool = False) -> Running:
        files.write_settings(self._bases.get(files.name, ""), behind=behind)
        agent = self._agents[files.name] = self._processes.start(files.agent_program())
        return agent

    def _put_a_relay(self, files: HolderFiles, kind: FaultKind, seconds: float) -> None:
        if files.outbound:
            raise ProcessFailed(files.name, f"has no port, so nothing can stand in its place to be {kind}")
        self._processes.end(self._agents.pop(files.name))
        agent = self._start_agent(files, behind=True)
        agent.wait_until_ready("ready")
        more = ["--seconds", str(seconds), "--kill", str(agent.pid)]
        if kind is FaultKind.LYING:
            record = files.source / "somebody-else.json"
            record.write_bytes(self._somebody_elses(files.name))
            more += ["--record", str(record)]
        relay = self._relays[files.name] = self._processes.start(files.relay_program(kind.value, *more))
        relay.wait_until_ready("ready")

    def _somebody_elses(self, holder: str) -> bytes:
        """A record that this holder keeps about somebody of the crowd."""
        named = {record.id for record in self._generated.kept[holder] if record.type == "Patient" and b"99998" in record.json}
        for record in reversed(self._generated.kept[holder]):
            subject = json.loads(record.json).get("subject", {}).get("reference", "")
            if subject.startswith("Patient/") and subject.removeprefix("Patient/") not in named:
                return record.json
        raise ProcessFailed(holder, "keeps nothing about anybody else")

    def _tell_source(self, files: HolderFiles, members: Mapping[str, float]) -> None:
        whole = {"fhir-version": files.fhir_version, **members}
        request = urllib.request.Request(  # noqa: S310 - a loopback address of our own
            f"{self._controls[files.name]}/faults", json.dumps(whole).encode(), method="PUT"
        )
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - as above
            pass


def _page(name: str, shape: Shape) -> str:
    """Where a provider's planners' page will be."""
    return f"http://127.0.0.1:{free_port()}" if shape.planners and name in shape.places else ""
