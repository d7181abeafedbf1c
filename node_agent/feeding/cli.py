"""`noaber agent feed`: messages of a file into the feed, once, and how often what was refused."""

import sys
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import structlog
import typer

from accord.rules.moments import local_moment
from accord.terms.counts import counted
from accord.terms.faults import CATALOGUE, BadInput, Fault
from accord.terms.next_steps import CHOOSE_A_SOURCE
from node_agent.feeding.sending import messages_in, send_messages, take_messages
from node_agent.settings import AgentSettings, read_settings
from node_agent.sources.embedded_schema import open_for_reading
from node_agent.sources.fed_schema import refusals


def feed_command(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files of HL7 v2 messages: framed for MLLP, or one after the other.")] = None,
    config: Annotated[list[Path] | None, typer.Option("--config", help="TOML file of the agent; several are layered in order.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help="section.key=value, over everything else.")] = None,
    to: Annotated[str, typer.Option(help="Send them over MLLP to this address on this machine; into the store of the settings when left out.")] = "",
    refused: Annotated[bool, typer.Option("--refused", help="Show what the feed refused so far, and send nothing.")] = False,
) -> None:
    """Send files of HL7 v2 messages once, for a trial. Doing it again changes nothing.

    Exit codes: 0 everything was taken, 1 something was refused, 2 wrong use.
    """
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    files, given = paths or [], config or []
    if to:
        counts = send_messages(to, messages_in(files))
    else:
        settings: AgentSettings = read_settings(given, sets or []).values
        if settings.source.kind != "embedded":
            raise BadInput(Fault.INVALID_SETTING, "source.kind: only an embedded store can be fed", then=CHOOSE_A_SOURCE)
        store = (given[0].parent if given else Path()) / settings.source.path
        if refused:
            _show_refusals(store)
            return
        counts = take_messages(store, settings.feed, messages_in(files))
    _show(counts)
    raise typer.Exit(1 if set(counts) - {"taken"} else 0)


def _show(counts: Counter[str]) -> None:
    print(f"{counts['taken']:,} of {counted(counts.total(), 'message')} taken")
    for code, times in counts.most_common():
        if code != "taken":
            told = CATALOGUE[Fault(code)]
            print(f"  {times:>9,}  {code}: {told.happened} {told.next_step}")


def _show_refusals(store: Path) -> None:
    with closing(open_for_reading(store)) as connection:
        found = refusals(connection)
    print(f"{counted(sum(times for _, times, _ in found), 'message')} refused so far")
    for code, times, last_ms in found:
        last = local_moment(datetime.fromtimestamp(last_ms / 1000, UTC), seconds=True)
        print(f"  {times:>9,}  {code}, last at {last}: {CATALOGUE[Fault(code)].next_step}")
