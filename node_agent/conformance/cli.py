"""`noaber agent check`: the conformance run, in words or as JSON."""

import sys
from pathlib import Path
from typing import Annotated

import anyio
import msgspec
import structlog
import typer

from accord.link.live_register import replace_file
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn
from accord.terms.next_steps import OPTION, UNREADABLE, UNWRITABLE
from node_agent.conformance.findings import Block, Report, Verdict
from node_agent.conformance.run import Checked, Given, check_agent
from node_agent.house import look
from node_agent.settings import AgentSettings, read_settings

_MOST_PEOPLE = 100
_SIGNS = {Verdict.GOOD: "good", Verdict.REMARK: "REMARK", Verdict.WRONG: "WRONG", Verdict.NOT_SEEN: "not seen", Verdict.NOT_TRIED: "NOT TRIED"}
#: So many people are pointed out; the others are counted.
_MOST_PLACES = 8


def check_command(
    config: Annotated[list[Path] | None, typer.Option("--config", help="TOML file; several are layered in order.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help="section.key=value, over everything else.")] = None,
    bsns: Annotated[str, typer.Option("--bsns", help="A file with the BSNs of some people who are known here, one a line; - reads standard input.")] = "",
    try_write: Annotated[
        bool, typer.Option("--try-write", help="Try to write something that the source cannot keep, to see whether it refuses who asks.")
    ] = False,
    house: Annotated[Path | None, typer.Option("--house", help="Of a house, instead of --config; with --only.")] = None,
    only: Annotated[str, typer.Option("--only", help="The organisation of the house that is checked.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """See whether this agent is fit to answer. Nothing leaves the house, and the report names nobody.

    Exit codes: 0 nothing has to be repaired, 1 something has, 2 wrong use.
    """
    # Standard output says one thing only: the report.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    settings, folder = _whose(config or [], sets or []) if house is None else _resident(house, only)
    checked = anyio.run(check_agent, settings, folder, Given(_people(bsns), try_write))
    _keep(checked, folder)
    print(
        msgspec.json.encode({"passed": checked.report.passed, "thin": checked.report.thin, **msgspec.to_builtins(checked.report)}).decode()
        if as_json
        else words(checked.report)
    )
    raise typer.Exit(0 if checked.report.passed else 1)


def words(report: Report) -> str:
    """The report for people."""
    lines: list[str] = []
    for point in report.points:
        lines.append(f"{_SIGNS[point.verdict]:<9} {point.name}: {point.seen}")
        lines += [f"{'':<10}  {place}" for place in point.where[:_MOST_PLACES]]
        lines += [f"{'':<10}  and {len(point.where) - _MOST_PLACES} more; --json has them all"] if len(point.where) > _MOST_PLACES else []
        if point.repair and point.verdict is not Verdict.GOOD:
            lines.append(f"{'':<10}→ {point.repair}" + (f" ({point.who.value})" if point.who.value else ""))
    if report.people:
        lines.append("")
        lines += [f"{block.standing:<12}{block.name}{_counted(block)}" for block in report.blocks]
    return "\n".join([*lines, "", _verdict(report)])


def _counted(block: Block) -> str:
    if not block.records:
        return ""
    by = ", ".join(f"{count} by profiles of zib {name}" for name, count in block.generations.items())
    return f" ({block.records}{f': {by}' if by else ''})"


def _verdict(report: Report) -> str:
    """The last line: whether it passed, how thoroughly, and what to do now."""
    if not report.passed:
        undone = "repair what is WRONG" if report.people or any(point.verdict is Verdict.WRONG for point in report.points) else "give people with --bsns"
        return f"Not passed: {undone}, and run it again."
    untried = [point.name for point in report.points if point.verdict is Verdict.NOT_TRIED]
    how = ", thinly" * report.thin + (f"; not tried: {', '.join(untried)}" if untried else "")
    # The office hears all verdicts, this one, too.
    better = " Better: give more people first, as said above." if report.thin else ""
    return f"Passed{how}. `noaber agent activate` tells the office.{better}"


def _whose(files: list[Path], sets: list[str]) -> tuple[AgentSettings, Path]:
    return read_settings(files, sets).values, files[0].parent if files else Path()


def _resident(house: Path, only: str) -> tuple[AgentSettings, Path]:
    """Of a house, as the house would serve it.

    Raises:
        BadInput: `invalid-setting`: nobody lives there by this name, or why it is not served.
    """
    found = look(house)
    if only in found.refused:
        raise found.refused[only]
    if only not in found.residents:
        raise BadInput(Fault.INVALID_SETTING, f"--only: one of {', '.join(found.residents) or 'nobody, the house is empty'}", then=OPTION)
    return found.residents[only].settings, found.residents[only].folder


def _keep(checked: Checked, folder: Path) -> None:
    """The summary for the office, beside the settings: counts and verdicts."""
    try:
        replace_file(folder / "conformance.json", msgspec.json.encode(checked.report.summary(checked.region)))
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "conformance.json: cannot be written", then=UNWRITABLE) from None


def _people(source: str) -> tuple[Bsn, ...]:
    if not source:
        return ()
    try:
        text = sys.stdin.read(_MOST_PEOPLE * 64) if source == "-" else Path(source).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise BadInput(Fault.INVALID_SETTING, "--bsns: cannot be read", then=UNREADABLE) from None
    found: list[Bsn] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                found.append(Bsn(line.strip()))
            except BadInput:
                # Not what stood there: it may be a number of somebody.
                raise BadInput(Fault.INVALID_BSN, f"--bsns: line {number}") from None
    if len(found) > _MOST_PEOPLE:
        raise BadInput(Fault.INVALID_SETTING, f"--bsns: {_MOST_PEOPLE} people at most", then=OPTION)
    return tuple(dict.fromkeys(found))
