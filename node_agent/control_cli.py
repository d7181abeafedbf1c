"""`noaber agent pause`, `resume`, `status`, `shadow` and `it-person`: what the holder's own people do and see."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import anyio
import structlog
import typer
from msgspec import json, to_builtins
from rich.console import Console
from rich.table import Table

from accord.audit.recent import events_since
from accord.ops.doctor.findings import as_text
from accord.review.reviewers import entry_of, fresh_code
from accord.rules.moments import AMSTERDAM, local_moment
from accord.terms.counts import counted
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import OPTION
from node_agent.control import Request, Standing, ask_agent, control_folder
from node_agent.doctor import living_in
from node_agent.house import Resident, look
from node_agent.joining.folder import AgentFolder
from node_agent.joining.standing import Standing as InTheRegion
from node_agent.joining.standing import status_of
from node_agent.naming import Named
from node_agent.settings import AgentSettings, read_settings
from node_agent.shadow_report import as_json as shadow_as_json
from node_agent.shadow_report import as_row, tried
from node_agent.status import Looked, Meant, look_at, told_at_the_end

_FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
#: Wide enough for a table where nobody says how wide the screen is.
_WIDTH: Final = 180

_Config = Annotated[list[Path] | None, typer.Option("--config", help="The settings with which the agent runs.")]
_Sets = Annotated[list[str] | None, typer.Option("--set", help="section.key=value, as the agent was given.")]
_House = Annotated[Path | None, typer.Option("--house", help="Every organisation of this house.")]
_Only = Annotated[str, typer.Option("--only", help="Of a house, only the organisation of this name.")]
_At = Annotated[Path | None, typer.Option("--at", help="The folder of the control socket, instead of settings.")]


def pause_command(
    reason: Annotated[
        str, typer.Option(help="Why, for your colleagues: it is shown on the page for IT and kept in the journal. Nothing about a patient.")
    ] = "",
    config: _Config = None,
    sets: _Sets = None,
    house: _House = None,
    only: _Only = "",
    at: _At = None,
) -> None:
    """Pause a running agent: answers under way end, and none begins until it is resumed, also after a restart."""
    _tell(Request("pause", reason), _folders(config, sets, house, only, at))


def resume_command(config: _Config = None, sets: _Sets = None, house: _House = None, only: _Only = "", at: _At = None) -> None:
    """Let a paused agent answer again."""
    _tell(Request("resume"), _folders(config, sets, house, only, at))


def status_command(
    folder: Annotated[Path | None, typer.Option("--folder", help="The folder in which it joined: how it stands in the region, too.")] = None,
    config: _Config = None,
    sets: _Sets = None,
    house: _House = None,
    only: _Only = "",
    at: _At = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say how this organisation stands in the region, how its agent is, and what is to be done.

    Exit code 1 when something is broken or it does not answer, also by your own choice (paused, in shadow); warnings leave it at 0.
    """
    # What is found is told at the end, once: a source has words of its own for the log, and `--json` is read by programs.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    if at is not None:
        if not all(_tell(Request("status"), [at])):
            raise typer.Exit(1)
        return
    well = True
    if folder is not None:
        well = _tell_of_one(AgentFolder(folder), as_json=as_json)
    elif house is not None:
        for name, resident in _residents(house, only).items():
            meant = Meant.of(resident.settings, resident.folder, living_in(house, name))
            well = _tell_looked(anyio.run(look_at, meant), meant, as_json=as_json) and well
    else:
        settings, relative = _settings(config, sets)
        meant = Meant.of(settings, relative, Named(tuple(config or ())))
        well = _tell_looked(anyio.run(look_at, meant), meant, as_json=as_json)
    if not well:
        raise typer.Exit(1)


def _tell_of_one(folder: AgentFolder, *, as_json: bool) -> bool:
    """How it stands in the region, by the folder in which it joined, and then how its agent is; whether all is well."""
    status = anyio.run(status_of, folder)
    active = status.standing is InTheRegion.ACTIVE
    if not folder.settings.exists() or not folder.tls.certificate.exists():
        typer.echo(json.encode(status).decode() if as_json else f"{status.standing.value}\nNext: {status.next_step}")
        return active
    meant = Meant.of(read_settings([folder.settings], []).values, folder.path, Named((folder.settings,)))
    looked = anyio.run(look_at, meant)
    if as_json:
        told = to_builtins(status) | {"next_step": status.next_step or told_at_the_end(looked), "well": active and looked.well, "findings": looked.findings}
        typer.echo(json.encode(told).decode())
        return active and looked.well
    typer.echo(status.standing.value)
    if status.checked is not None:
        typer.echo(f"the office knows of the check of {local_moment(status.checked)}")
    if status.next_step:
        typer.echo(f"Next: {status.next_step}")
    return _tell_looked(looked, meant, as_json=False) and active


def _tell_looked(looked: Looked, meant: Meant, *, as_json: bool) -> bool:
    """Print what was found; whether all is well."""
    if as_json:
        told = {"organisation": meant.settings.holder.name, "well": looked.well, "running": looked.running, "findings": looked.findings}
        typer.echo(json.encode(told).decode())
        return looked.well
    typer.echo(_line(looked.running) if looked.running is not None else f"{meant.settings.holder.name}: no answer from its agent")
    typer.echo(as_text(looked.findings))
    typer.echo(told_at_the_end(looked))
    return looked.well


def shadow_command(
    config: _Config = None,
    sets: _Sets = None,
    journal: Annotated[Path | None, typer.Option("--journal", help="Folder of the journal, instead of settings. It may be in use.")] = None,
    since: Annotated[datetime | None, typer.Option("--from", formats=_FORMATS, help="From this moment, in local time; a day ago when not given.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", formats=_FORMATS, help="Before this moment, in local time; now when not given.")] = None,
    *,
    as_lines_of_json: Annotated[bool, typer.Option("--json", help="One JSON object per question.")] = False,
) -> None:
    """Show what an agent in shadow would have released and refused, and to whom; nothing about the patient."""
    last = until.replace(tzinfo=AMSTERDAM) if until is not None else datetime.now(UTC)
    first = since.replace(tzinfo=AMSTERDAM) if since is not None else last - timedelta(days=1)
    if journal is None:
        settings, folder = _settings(config, sets)
        journal = folder / settings.journal.folder
    found = [one for one in tried(events_since(journal, int(first.timestamp() * 1000))) if one.at < last]
    if as_lines_of_json:
        for one in found:
            typer.echo(json.encode(shadow_as_json(one)).decode())
        return
    table = Table("when", "by whom", "why asked", "would have left", "would have been refused", "would have ended")
    for one in found:
        table.add_row(*as_row(one))
    console = Console(markup=False, highlight=False, width=None if os.isatty(1) else _WIDTH)
    console.print(table)
    records = sum(sum(one.would_leave.values()) for one in found)
    console.print(f"{counted(len(found), 'question')}, {counted(records, 'record')} would have left. Nothing left.")


def it_person_command(
    identifier: Annotated[str, typer.Option(help="By which the journal knows this person.")],
    name: Annotated[str, typer.Option(help="Their name, as it is shown to them.")],
) -> None:
    """Make a personal code for the page for IT: an entry for the file of people, and the code, which is shown once."""
    _say_code(identifier, name, table="person")


def planner_command(
    identifier: Annotated[str, typer.Option(help="By which the journal knows this person.")],
    name: Annotated[str, typer.Option(help="Their name, as it is shown to them.")],
) -> None:
    """Make a personal code for the planners' page: an entry for the file of people, and the code, which is shown once."""
    _say_code(identifier, name, table="planner")


def _say_code(identifier: str, name: str, *, table: str) -> None:
    code = fresh_code()
    typer.echo(entry_of(identifier, name, code, table=table), nl=False)
    typer.echo(f"Give this code to {name} and to nobody else; it is not kept: {code}", err=True)


def _settings(config: list[Path] | None, sets: list[str] | None) -> tuple[AgentSettings, Path]:
    files = config or []
    return read_settings(files, sets or []).values, files[0].parent if files else Path()


def _folders(config: list[Path] | None, sets: list[str] | None, house: Path | None, only: str, at: Path | None) -> list[Path]:
    """Where the agents that are meant take requests.

    Raises:
        BadInput: `invalid-setting`: the settings cannot be read, or nobody in the house is called so.
    """
    if at is not None:
        return [at]
    if house is None:
        settings, folder = _settings(config, sets)
        return [control_folder(settings.control.folder, folder, settings.journal.folder)]
    return [control_folder(one.settings.control.folder, one.folder, one.settings.journal.folder) for one in _residents(house, only).values()]


def _residents(house: Path, only: str) -> dict[str, Resident]:
    """Who is meant in a house.

    Raises:
        BadInput: `invalid-setting`: nobody in the house is called so.
    """
    residents = {name: resident for name, resident in look(house).residents.items() if not only or name == only}
    if not residents:
        raise BadInput(Fault.INVALID_SETTING, "--only: nobody in the house is called so" if only else "--house: nobody lives there", then=OPTION)
    return residents


def _tell(request: Request, folders: list[Path]) -> list[bool]:
    """Ask each, and print how it stands; whether each serves."""
    standings = []
    for folder in folders:
        standings.append(ask_agent(folder, request))
        typer.echo(_line(standings[-1]))
    return [standing.serving for standing in standings]


def _line(standing: Standing) -> str:
    since = local_moment(datetime.fromtimestamp(standing.since_ms / 1000, UTC), seconds=True)
    if standing.paused:
        told = f"paused since {since}" + (f": {standing.reason}" if standing.reason else "")
    elif standing.shadow:
        told = "in shadow: decides and writes down, and releases nothing"
    elif standing.code:
        told = f"answers, but its source has trouble since {since}: {standing.code}"
    else:
        told = f"serving since {since}"
    return f"{standing.organisation}: {told}"
