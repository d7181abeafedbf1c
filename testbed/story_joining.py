"""Step 3, too: 't Noaberhoes joins over its own FHIR server, tries in shadow what it would share, and then answers."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from accord.terms.answers import Ending
from testbed.asking import Dossier
from testbed.fhir_source import fhir_source
from testbed.joining import OfficeAtWork, free_address, joining, newcomer
from testbed.processes import Running
from testbed.region import BlockingRegion
from testbed.story_evidence import Night, expect

#: A small region, in which the newcomer is a neighbour of somebody.
_HOLDERS: Final = ("dinkelhorst", "brinkhof")
_SETTLE_SECONDS: Final = 60.0


class Newcomer(Night):
    """The region, and who joins it."""

    def __init__(self, region: BlockingRegion, office: OfficeAtWork, base: str, server: str) -> None:
        super().__init__(region)
        self.office, self.base, self.server = office, base, server
        self.holder = newcomer()
        self.folder = office.folder / self.holder.name.value
        self.settings = self.folder / "agent.toml"
        self.people = sorted({choice["bsn"] for choice in region.generated.choices_at(self.holder.name.value) if "bsn" in choice})
        self.running: Running | None = None

    def runs(self, *more: str) -> None:
        """Start its agent, in the place of the one that ran."""
        if self.running is not None:
            self.office.stop(self.running)
        self.running = self.office.agent("run", "--config", str(self.settings), *more)
        self.running.wait_until_ready("ready")

    def asked(self, ending: Ending) -> Dossier:
        """The answer about somebody whom it knows, once it ends so, or after a while however it ends."""
        until = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < until:
            line = self.region.ask(self.people[0]).holders.get(self.holder.name.value)
            if line is not None and line.ending is ending:
                break
            time.sleep(0.2)  # the gateway looks every second whether there is another register
        return self.region.ask(self.people[0])

    def would_have_left(self) -> int:
        """How many records, of the question that would have been answered best, by its own report."""
        told = self.office.ends(self.office.agent("shadow", "--config", str(self.settings), "--json"))
        return max((sum(json.loads(line)["would_leave"].values()) for line in told.splitlines()), default=0)


def it_joins_by_one_command(night: Newcomer) -> str:
    """'t Noaberhoes joins by one command and a telephone call, and is not asked before it was checked."""
    address = free_address()
    night.office.joins(night.holder, "--folder", str(night.folder), "--address", address, "--fhir-base", night.base)
    night.region.office.hand_out()
    night.office.chooses(night.holder, night.folder)
    line = night.asked(Ending.NOT_ASKED).holders[night.holder.name.value]
    expect((line.ending, line.records), (Ending.NOT_ASKED, 0), night.holder.title)
    return f"over {night.server}, answering at {address}"


def it_is_checked_and_takes_part(night: Newcomer) -> str:
    """Its conformance run over its own server passes, and the office lets it take part."""
    night.runs("--shadow")
    report = night.office.checked(night.people, "--config", str(night.settings))
    expect(report["passed"], True, "the conformance run")
    night.office.activates(night.folder)
    return f"{len(report['points'])} points, {report['records']} records looked at"


def in_shadow_nothing_leaves(night: Newcomer) -> str:
    """In shadow it decides and writes down what it would have shared, and shares nothing."""
    line = night.asked(Ending.PAUSED).holders[night.holder.name.value]
    expect((line.ending, line.records), (Ending.PAUSED, 0), night.holder.title)
    # It tries behind its ending, when nobody waits for it.
    until, would = time.monotonic() + _SETTLE_SECONDS, night.would_have_left()
    while not would and time.monotonic() < until:
        time.sleep(0.5)
        would = night.would_have_left()
    expect(would > 0, True, "some records would have left")
    return f"{would} records would have left"


def then_it_answers(night: Newcomer) -> str:
    """Out of the shadow it answers, with its own records and no other."""
    night.runs()
    name = night.holder.name.value
    dossier = night.asked(Ending.ANSWERED)
    expect(dossier.holders[name].ending, Ending.ANSWERED, night.holder.title)
    own = {record.ref for record in night.region.generated.kept[name]}
    expect({record.ref for record in dossier.of(name)} <= own, True, "its records are its own")
    expect(bool(dossier.of(name)), True, "it shows something")
    return f"{len(dossier.of(name))} records"


#: In this order: each goes on where the last one was.
FACTS: Final[tuple[Callable[[Newcomer], str], ...]] = (it_joins_by_one_command, it_is_checked_and_takes_part, in_shadow_nothing_leaves, then_it_answers)


@contextmanager
def somebody_joins(*, seed: int, hapi: bool) -> Iterator[Newcomer]:
    """A region with an open desk, and the FHIR server of who joins: a real HAPI when it is asked for and can be had."""
    with ExitStack() as stack:
        region = stack.enter_context(BlockingRegion.start(story=False, holders=_HOLDERS, seed=seed))
        records = [record.json for record in region.generated.kept[newcomer().name.value]]
        base, server = stack.enter_context(fhir_source(region.root / "newcomer-source", records, hapi=hapi))
        yield Newcomer(region, stack.enter_context(joining(region)), base, server)
