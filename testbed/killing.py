"""Kills processes of a region at random moments while it is asked, and counts what was disclosed without a line (promise P2).

    python -m testbed.killing --rounds 200

Whatever reached an application must be in exactly one release line at its holder and in exactly one at the gateway, however
often either died meanwhile; their journals must be whole, and agree.
"""

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from blake3 import blake3

from accord.audit.events import Release
from accord.audit.reconciling import Reconciliation, reconcile
from accord.audit.verifying import events_of, verify
from accord.terms.answers import Batch
from accord.terms.identifiers import Ura
from accord.wire.hashing import StreamDigest
from accord.wire.v1 import dossier_service_pb2 as pb
from testbed import asking
from testbed.asking import RegionDidNotAnswer, records_of
from testbed.bulk import grown
from testbed.faults import FaultKind
from testbed.holders import BY_NAME
from testbed.people import DINA
from testbed.processes import ProcessFailed, Running
from testbed.region import BlockingRegion

_MARK_BYTES: Final = 8
_ASKERS: Final = 3
_LONGEST_WAIT: Final = 0.4
_WHOLE_SECONDS: Final = 60.0
#: Small answers that end at once, and large ones that are in the middle of something at any moment.
_SIZES: Final[Mapping[str, int]] = {"reggerbrug": 600_000, "brinkhof": 60_000, "twickelaar": 20_000, "wieke": 200_000}
_GATEWAY: Final = "gateway"


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A batch that reached an application: of which question and holder, its digest, its records by name and by mark."""

    query: str
    holder: str
    digest: str
    names: tuple[str, ...]
    marks: tuple[str, ...]


@dataclass(slots=True)
class Account:
    """What came of it."""

    rounds: int = 0
    kills: dict[str, int] = field(default_factory=lambda: {_GATEWAY: 0, "agent": 0})
    answers: int = 0
    broken_off: int = 0
    batches: int = 0
    records: int = 0
    #: Records without exactly one line at their holder, and at the gateway.
    without_line_at_holder: int = 0
    without_line_at_gateway: int = 0
    #: Batches whose digest no line has.
    digests_missing: int = 0
    breaks: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    slowest_restart: float = 0.0

    @property
    def is_sound(self) -> bool:
        """Whether everything that was disclosed is accounted for on both sides."""
        return not (self.without_line_at_holder or self.without_line_at_gateway or self.digests_missing or self.breaks or self.differences)


class KillableRegion(BlockingRegion):
    """A region of which the gateway, too, can be killed and started again."""

    def kill(self, name: str) -> Path:
        """End a process as `kill -9` does; returns the folder of its journal."""
        if name == _GATEWAY:
            self._processes.kill(self._running_gateway())
            return self.root / "gateway" / "journal"
        self._at.spoil(self.files[name], FaultKind.DEAD, 0.0)
        return self.files[name].agent / "journal"

    def start_again(self, name: str) -> float:
        """Start what was killed; returns the seconds until it says that it is ready."""
        begun = time.monotonic()
        if name == _GATEWAY:
            program = self._running_gateway().program
            self._gateway = self._processes.start(program)
            self._gateway.wait_until_ready("ready")
        else:
            self._at.repair(self.files[name], FaultKind.DEAD)
        return time.monotonic() - begun

    def stay_at_address(self) -> None:
        """Have the gateway start again where it listens now: whoever asks knows no other address."""
        running = self._running_gateway()
        path = running.program.folder / "gateway.toml"
        faces = dict(part.split("=", 1) for part in running.told.split()[1:])
        settings = path.read_text(encoding="utf-8")
        for face in ("http", "grpc"):
            settings = settings.replace(f'{face} = "127.0.0.1:0"', f'{face} = "{faces[face]}"')
        path.write_text(settings, encoding="utf-8")

    def _running_gateway(self) -> Running:
        if self._gateway is None:
            raise RuntimeError("there is no gateway yet")
        return self._gateway


class Askers:
    """Applications that ask without end, and keep what they were shown, also of answers that broke off."""

    def __init__(self, address: str, key: bytes) -> None:
        self.disclosed: list[Disclosed] = []
        self._key = key
        self.answers = 0
        self.broken_off = 0
        self._address = address
        self._stop = threading.Event()
        self._heard = threading.Condition()
        self._threads = [threading.Thread(target=self._ask_on, name=f"asker {number}") for number in range(_ASKERS)]

    @contextmanager
    def asking(self) -> Iterator[None]:
        """They ask while the block runs."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _ask_on(self) -> None:
        while not self._stop.is_set():
            whole = self._ask_once()
            with self._heard:
                self.answers += 1
                self.broken_off += not whole
                self._heard.notify_all()
            if not whole:
                self._stop.wait(0.05)

    def wait_for_whole_answers(self, number: int) -> None:
        """Wait until so many more answers came whole.

        Raises:
            ProcessFailed: They did not.
        """
        with self._heard:
            wanted = self.answers - self.broken_off + number
            if not self._heard.wait_for(lambda: self.answers - self.broken_off >= wanted, _WHOLE_SECONDS):
                raise ProcessFailed("region", f"gave no {number} whole answers within {_WHOLE_SECONDS:.0f} s")

    def _ask_once(self) -> bool:
        query, whole = "", False
        try:
            for _, event in asking.events(self._address, asking.request(DINA.bsn), 20.0):
                what = event.WhichOneof("event")
                if what == "planned":
                    query = event.planned.query_id
                elif what == "batch":
                    shown = _disclosed(query, event.batch, self._key)
                    with self._heard:
                        self.disclosed.append(shown)
                elif what == "completeness":
                    whole = event.completeness.complete
        except RegionDidNotAnswer:
            return False
        return whole


def kill_at_random(rounds: int, *, seed: int | None = None, sizes: Mapping[str, int] = _SIZES, told: bool = False) -> Account:
    """So many times, under load: kill one process of the region at a random moment, look at its journal, start it again.

    Raises:
        ProcessFailed: What was killed did not start again.
    """
    chance = random.Random(seed)
    account = Account()
    with KillableRegion.start(story=False, holders=tuple(sizes), change=grown(sizes)) as region:
        region.stay_at_address()
        askers = Askers(region.gateway_address, journal_key(region.root))
        with askers.asking():
            for number in range(rounds):
                _one_round(region, askers, chance, account)
                if told and (number + 1) % 10 == 0:
                    print(f"{number + 1} rounds, {len(askers.disclosed)} batches", file=sys.stderr, flush=True)  # noqa: T201 - a command's progress
            askers.wait_for_whole_answers(1)
        account.answers, account.broken_off = askers.answers, askers.broken_off
        weigh(account, askers.disclosed, region.root, sizes)
    return account


def _one_round(region: KillableRegion, askers: Askers, chance: random.Random, account: Account) -> None:
    # The gateway is one of many processes and stands for every answer: it dies as often as all the agents together.
    name = _GATEWAY if chance.random() < 0.5 else chance.choice(sorted(region.files))
    askers.wait_for_whole_answers(2)
    time.sleep(chance.uniform(0.0, _LONGEST_WAIT))
    journal = region.kill(name)
    account.rounds += 1
    account.kills[name if name == _GATEWAY else "agent"] += 1
    account.breaks += [f"{name}, just killed: {broken}" for broken in verify(journal).breaks]
    account.slowest_restart = max(account.slowest_restart, region.start_again(name))


def weigh(account: Account, disclosed: Sequence[Disclosed], root: Path, names: Iterable[str]) -> None:
    """Lay what was disclosed beside the journals under *root*, and the journals beside each other."""
    journals = {name: root / "agents" / name / "journal" for name in names}
    gateway = root / "gateway" / "journal"
    for name, folder in {**journals, _GATEWAY: gateway}.items():
        account.breaks += [f"{name}: {broken}" for broken in verify(folder).breaks]
    for name, folder in journals.items():
        found: Reconciliation = reconcile(folder, gateway)
        account.differences += [f"{name}: {one.how}" for one in found.differences if not one.how.explained]
    count_without_line(account, disclosed, {name: releases(folder) for name, folder in journals.items()}, releases(gateway))


def journal_key(root: Path) -> bytes:
    """The key under which the gateway of the region in *root* marks records."""
    return bytes.fromhex((root / "gateway" / "journal.key").read_text(encoding="ascii"))


def releases(folder: Path) -> list[Release]:
    """The release lines of a journal."""
    return [event for _, event in events_of(folder, kind="release") if isinstance(event, Release)]


def count_without_line(account: Account, disclosed: Sequence[Disclosed], at_holders: Mapping[str, Sequence[Release]], at_gateway: Sequence[Release]) -> None:
    """Count what was disclosed and is not in exactly one line on either side."""
    named = Counter((line.query, name, record) for name, lines in at_holders.items() for line in lines for record in line.records)
    told = Counter((line.query, name, line.digest) for name, lines in at_holders.items() for line in lines)
    name_of = {BY_NAME[name].ura: name for name in at_holders}
    marked = Counter((line.query, name_of[Ura(line.holder)], mark) for line in at_gateway for mark in line.records)
    passed = Counter((line.query, name_of[Ura(line.holder)], line.digest) for line in at_gateway)
    for batch in disclosed:
        account.batches += 1
        account.records += len(batch.names)
        account.digests_missing += any(lines[batch.query, batch.holder, batch.digest] != 1 for lines in (told, passed))
        account.without_line_at_holder += sum(named[batch.query, batch.holder, name] != 1 for name in batch.names)
        account.without_line_at_gateway += sum(marked[batch.query, batch.holder, mark] != 1 for mark in batch.marks)


def _disclosed(query: str, relayed: pb.HolderBatch, key: bytes) -> Disclosed:
    digest = StreamDigest()
    digest.add(Batch(relayed.batch.columns, relayed.batch.blob, relayed.batch.categories))
    held = list(records_of(relayed))
    # The same records come again and again: their names are kept once. Marks are made as the gateway makes them.
    names = tuple(sys.intern(record.ref) for record in held)
    marks = tuple(blake3(record.json, key=key).hexdigest(length=_MARK_BYTES) for record in held)
    return Disclosed(query, relayed.holder, digest.value().hex(), names, tuple(map(sys.intern, marks)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Kill, and print what came of it in one line; the exit code tells whether all was accounted for."""
    parser = argparse.ArgumentParser(prog="testbed.killing")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int)
    given = parser.parse_args(arguments)
    account = kill_at_random(given.rounds, seed=given.seed, told=True)
    print(json.dumps(asdict(account)))  # noqa: T201 - a command's answer
    sys.exit(not account.is_sound)


if __name__ == "__main__":
    main()
