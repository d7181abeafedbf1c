"""A conformance run: everything that can be found out without asking anybody outside the house."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import anyio

from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Bsn
from node_agent.conformance import house_points, source_points
from node_agent.conformance.coverage import askable, asked_for
from node_agent.conformance.findings import PLACES_ONLY, Block, Point, Report, Verdict, Who, people
from node_agent.conformance.seen import Seen
from node_agent.conformance.visiting import Visiting
from node_agent.conformance.writing import NOTHING_REMEMBERED, by_rights, read_only, remembered
from node_agent.left_out import left_out_of
from node_agent.opening import open_source
from node_agent.ports import Source, SourceFailure
from node_agent.settings import AgentSettings
from node_agent.write_attempts import Attempts

_INDEX_SECONDS: Final = 120.0
#: What takes part with its places only has no people to look for.
_NO_SOURCE: Final = Point(PLACES_ONLY, Verdict.GOOD, "There is no source: it shares no records, and takes part with its places.")


@dataclass(frozen=True, slots=True)
class Given:
    """For whom the run reads records: people who are known here. They are named nowhere in what it says."""

    bsns: Sequence[Bsn] = field(default=(), repr=False)
    try_write: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """The report, and the name of the region when the house knows it."""

    report: Report
    region: str


async def check_agent(settings: AgentSettings, folder: Path, given: Given) -> Checked:
    """Look at the house, and at its source.

    Raises:
        BadInput: `invalid-setting`: the source cannot even be opened.
    """
    attempts = Attempts.of(settings.source, folder)
    place, region = house_points.place(settings, folder)
    house = [place, house_points.journal(folder / settings.journal.folder), house_points.clock()]
    if settings.source.kind == "none":
        report = Report(settings.holder.ura, datetime.now(UTC), version("noaber"), 0, 0, [_NO_SOURCE, *house], [])
        return Checked(report, region)
    house.append(await house_points.choices(folder / settings.choices.path, given.bsns))
    seen, blocks = Seen(), list[Block]()
    try:
        async with open_source(settings.source, folder) as source:
            points, visiting = await check_source(source, given, attempts)
            seen, blocks = visiting.seen, visiting.blocks()
    except BadInput as refused:
        if refused.fault is not Fault.SOURCE_WRITABLE:
            raise
        # A user who can write is no wrong setting: it is what this command is run to find out.
        points = _refused(refused)
    report = Report(
        ura=settings.holder.ura,
        at=datetime.now(UTC),
        software=version("noaber"),
        people=seen.people,
        records=seen.records,
        points=[*points, *house],
        blocks=blocks,
    )
    return Checked(report, region)


def _refused(refused: Faulted) -> list[Point]:
    """What is said of a source that is not asked anything because its user can write."""
    return [source_points.unusable(refused.fault, refused.explanation.next_step), by_rights(frozenset({refused.where}))]


async def check_source(source: Source, given: Given, attempts: Attempts = NOTHING_REMEMBERED) -> tuple[list[Point], Visiting]:
    """The points about a source: the acceptance suite of adapters holds itself to them too.

    Raises:
        BadInput: `invalid-setting`: what an attempt to write showed cannot be kept.
    """
    visiting = Visiting(source)
    try:
        await source.check()
    except SourceFailure as failure:
        if failure.fault is Fault.SOURCE_WRITABLE:
            return _refused(failure), visiting
        # What an attempt showed counts also while the source is away.
        return [source_points.unusable(failure.fault, failure.explanation.next_step), *remembered(attempts)], visiting
    # The bases may be known only once it has answered.
    visiting = Visiting(source)
    for bsn in given.bsns:
        await visiting.visit(bsn)
    points = [source_points.usable(source), await read_only(source, attempts, try_write=given.try_write)]
    points += source_points.records(visiting.seen, len(given.bsns), source, visiting.blocks())
    points += [await _index(source, given.bsns), *visiting.seen.coverage.points()]
    try:
        left_out = await left_out_of(source)
    except SourceFailure:
        left_out = None
    return [*points, askable(visiting.blocks(), left_out), asked_for(left_out)], visiting


async def _index(source: Source, bsns: Sequence[Bsn]) -> Point:
    """Whether the index by which people are located would know them."""
    name = "index"
    count, missing = 0, set(bsns)
    try:
        with anyio.fail_after(_INDEX_SECONDS):
            async with aclosing(source.everyone()) as everybody:
                async for bsn, _ in everybody:
                    count += 1
                    missing.discard(bsn)
    except TimeoutError:
        text = f"After {_INDEX_SECONDS:.0f} seconds {people(count)} were listed, and not all."
        return Point(name, Verdict.REMARK, text, "The agent goes on making its index; until then nobody is located. Raise source.page_size.", Who.AGENT)
    except SourceFailure as failure:
        repair = "Let the agent search Patient by page; without an index nobody is located."
        return Point(name, Verdict.WRONG, f"The people could not be listed: {failure.fault}.", repair, Who.SOURCE)
    if not count:
        return Point(name, Verdict.WRONG, "Nobody with a BSN is listed.", "See that Patient records have a BSN.", Who.SOURCE)
    found = [bsn for bsn in bsns if bsn not in missing]
    return Point(
        name,
        Verdict.GOOD,
        f"{people(count)} with a BSN {'is' if count == 1 else 'are'} listed; of the {len(bsns)} that were given, {len(found)} {'is' if len(found) == 1 else 'are'} among them.",
    )
