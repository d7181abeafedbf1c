"""`noaber agent import` and `noaber agent choices import`: filling the stores, and saying what was refused and why."""

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from accord.rules.moments import interval, local_moment
from accord.terms.counts import counted
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import OPTION, UNREADABLE
from node_agent.importing.choices import read_choices
from node_agent.importing.delivery import ImportOptions
from node_agent.importing.progress import progress
from node_agent.importing.reasons import Reason
from node_agent.importing.report import ImportReport
from node_agent.importing.run import run_import
from node_agent.sources.choice_store import keep_choices

_SHOWN = 20


def import_command(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders: FHIR JSON, NDJSON, Bundles; plain, .gz or .zip.")],
    store: Annotated[Path, typer.Option(help="The store to take them into; made when there is none.")],
    as_of: Annotated[str, typer.Option(help="When the delivery was true, as a FHIR date or time; now when left out.")] = "",
    base: Annotated[list[str] | None, typer.Option(help="Address of the system it comes from, as it stands in its references. May be repeated.")] = None,
    resolve_dates: Annotated[str, typer.Option(help="The day that stands for today in ${DATE, T, D, -14}; the dates are spliced in.")] = "",
    test_bsns: Annotated[bool, typer.Option("--test-bsns", help="For test data: give each Patient without BSN a test BSN (9999xxxxx).")] = False,
    zib_profiles_are_r4: Annotated[bool, typer.Option("--zib-profiles-are-r4", help="The delivery is FHIR R4 although its profiles are of zib2017.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, and no progress.")] = False,
) -> None:
    """Take a delivery into the store. Doing it again changes nothing.

    Exit codes: 0 everything was taken, 1 something was refused, 2 wrong use.
    """
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise BadInput(Fault.INVALID_SETTING, f"PATH: {missing[0]} does not exist", then=UNREADABLE)
    options = ImportOptions(
        as_of_ms=_milliseconds(as_of) if as_of else None,
        bases=tuple(f"{address.rstrip('/')}/" for address in base or ()),
        resolve_dates=_day(resolve_dates) if resolve_dates else None,
        test_bsns=test_bsns,
        zib_profiles_are_r4=zib_profiles_are_r4,
    )
    if as_json:
        report = run_import(paths, store, options)
        json.dump(report.as_json(), sys.stdout, indent=1)
        print()
    else:
        with progress(paths) as watcher:
            report = run_import(paths, store, options, watcher)
        show(report)
    raise typer.Exit(1 if set(report.refused) - {Reason.SUPERSEDED} else 0)


def choices_command(
    file: Annotated[Path, typer.Argument(help="NDJSON with one choice a line; - reads standard input.")],
    store: Annotated[Path, typer.Option(help="The store of choices; made when there is none.")],
    add: Annotated[bool, typer.Option("--add", help="Keep what these people chose before, beside the new choices.")] = False,
) -> None:
    """Put patients' choices on record, all of the file or none; they replace what the same people chose before.

    A BSN is in the file, never on the command line, where every process of the machine can read it.
    """
    if str(file) == "-":
        choices = read_choices(sys.stdin.buffer)
    else:
        try:
            with file.open("rb") as lines:
                choices = read_choices(lines)
        except OSError:
            raise BadInput(Fault.UNSUPPORTED_FILE, str(file)) from None
    count = keep_choices(store, choices, replace=not add)
    print(f"On record: {counted(count, 'choice')} of {counted(len(choices), 'person', 'people')}")


def show(report: ImportReport) -> None:
    """Print the report for people."""
    as_of = local_moment(datetime.fromtimestamp(report.as_of_ms / 1000, UTC), seconds=True)
    print(f"{counted(report.records, 'record')} in {report.seconds:.1f} s ({report.records_per_second:,.0f} a second); the store is as of {as_of}")
    print(f"  {report.new:,} new, {report.unchanged:,} unchanged, {report.replaced:,} replaced, {report.removed:,} removed")
    for remark, count in report.remarks.items():
        print(f"  {count:>9,}  {remark}")
    if not report.refused:
        return
    print(f"refused: {sum(report.refused.values()):,}")
    for reason, count in report.refused.items():
        told = reason.explanation
        print(f"  {count:>9,}  {reason}: {told.happened} {told.next_step}")
    for refusal in report.refusals[:_SHOWN]:
        where = f"{refusal.file}:{refusal.line}" + (f" entry {refusal.entry}" if refusal.entry else "")
        print(f"  {refusal.reason:24} {refusal.type or '-':24} {where}")
    if sum(report.refused.values()) > _SHOWN:
        print(f"  … and more: --json lists the first {len(report.refusals):,}, and counts all by file")


def _milliseconds(text: str) -> int:
    try:
        return interval(text)[0]
    except BadInput:
        raise BadInput(Fault.INVALID_SETTING, "--as-of", then=OPTION) from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(Fault.INVALID_SETTING, "--resolve-dates", then=OPTION) from None
