"""`noaber agent`: answer for one care provider, fill its store, and show the settings."""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Final

import typer

app = typer.Typer(name="agent", help="Answer for one care provider, and decide what leaves it.", no_args_is_help=True, pretty_exceptions_enable=False)
config_app = typer.Typer(help="Look at the settings.", no_args_is_help=True)
choices_app = typer.Typer(help="What patients chose about sharing.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(choices_app, name="choices")
mapping_app = typer.Typer(help="The mapping of a SQL source.", no_args_is_help=True)
app.add_typer(mapping_app, name="mapping")

_Config = Annotated[list[Path] | None, typer.Option("--config", help="TOML file; several are layered in order.")]
_Sets = Annotated[list[str] | None, typer.Option("--set", help="section.key=value, over everything else.")]
_House = Annotated[Path | None, typer.Option("--house", help="Of every organisation that has a folder with agent.toml in here.")]
_Json = Annotated[bool, typer.Option("--json", help="For programs.")]
#: For commands that another module describes: everything behind the name is theirs, `--help` included.
_PASSED_ON: Final = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command()
def run(
    config: _Config = None,
    sets: _Sets = None,
    house: _House = None,
    *,
    shadow: Annotated[bool, typer.Option("--shadow", help="Decide and write down what would be released, and release nothing.")] = False,
) -> None:
    """Serve until stopped. Prints one line with the address when ready; of a house, one for each organisation and how many answer."""
    from functools import partial

    import anyio
    import structlog

    from accord.terms.faults import BadInput, Fault, Faulted
    from accord.terms.next_steps import OPTION
    from node_agent.running import run as serve
    from node_agent.running import run_house
    from node_agent.settings import read_settings

    files = config or []
    try:
        if house is None:
            settings = read_settings(files, [*(sets or []), *(["holder.shadow=true"] if shadow else [])]).values
            work = partial(serve, settings, files[0].parent if files else Path(), _say)
        elif files or sets or shadow:
            raise BadInput(
                Fault.INVALID_SETTING, "--house: not together with --config, --set or --shadow; every organisation has its own agent.toml", then=OPTION
            )
        else:
            work = partial(run_house, house, _say)
        # Standard output says one thing only: that the agent is ready.
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        anyio.run(work, backend_options={"use_uvloop": True})
    except Faulted as failure:
        raise _failed(failure) from None
    except ExceptionGroup as failures:
        # Failures of parts that run side by side come together; the first that has a code says enough.
        coded, _ = failures.split(Faulted)
        if coded is None:
            raise
        raise _failed(_first(coded)) from None


@app.command("house")
def show_house(house: Annotated[Path, typer.Argument(help="The folder with a folder for each organisation.")]) -> None:
    """Say which organisations of a house can be served, and of the others why not. Exit code 1 when there are such."""
    from accord.terms.faults import Faulted
    from node_agent.house import check_environment, look

    try:
        check_environment(os.environ)
        found = look(house)
    except Faulted as failure:
        raise _failed(failure) from None
    for name, resident in found.residents.items():
        holder = resident.settings.holder
        print(f"{name}: URA {holder.ura}, {holder.title or name}, answers at {resident.settings.listen.address}")
    for name, refusal in sorted(found.refused.items()):
        print(f"{name}: NOT SERVED, {refusal}")
    print(f"{len(found.residents)} of {len(found.residents) + len(found.refused)} can be served")
    if found.refused:
        raise typer.Exit(1)


_PASSED_ON_OF_AGENT: Final = (
    ("pause", "control_cli:pause_command", "Pause a running agent: answers under way end, and none begins until it is resumed, also after a restart."),
    ("resume", "control_cli:resume_command", "Let a paused agent answer again."),
    ("status", "control_cli:status_command", "Say how this organisation stands in the region, and its running agent."),
    ("shadow", "control_cli:shadow_command", "Show what an agent in shadow would have released and refused, and to whom."),
    ("it-person", "control_cli:it_person_command", "Make a personal code for the page for IT."),
    ("planner", "control_cli:planner_command", "Make a personal code for the planners' page."),
    ("import", "importing.cli:import_command", "Take Bundles, NDJSON or single resources into the embedded store."),
    ("feed", "feeding.cli:feed_command", "Send files of HL7 v2 messages into the store once, or to a feed."),
    ("join", "joining.cli:join_command", "Join a region with a token of its office."),
    ("check", "conformance.cli:check_command", "See whether this agent is fit to answer: its source, its records, its journal."),
    ("activate", "joining.cli:activate_command", "Tell the office that the check passed."),
)


def _pass_on(group: typer.Typer, name: str, place: str, told: str) -> None:
    """Let a command of another module stand in *group*; that module is loaded when the command is given, and not for `--help`."""

    def command(context: typer.Context) -> None:
        from accord.terms.faults import Faulted

        module, _, function = place.partition(":")
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command()(getattr(import_module(f"node_agent.{module}"), function))
        try:
            alone(args=context.args, prog_name=context.command_path)
        except Faulted as failure:
            raise _failed(failure) from None

    group.command(name, help=told, context_settings=_PASSED_ON, add_help_option=False)(command)


for _name, _place, _told in _PASSED_ON_OF_AGENT:
    _pass_on(app, _name, _place, _told)
_pass_on(choices_app, "import", "importing.cli:choices_command", "Put patients' choices on record.")


@mapping_app.command("check")
def check_mapping(config: _Config = None, sets: _Sets = None) -> None:
    """Put every row of everybody through the mapping once; exit 1 when some make no record. No value is printed."""
    import anyio
    import structlog

    from accord.terms.faults import Faulted
    from node_agent.mapping_check import check_mapping as check
    from node_agent.settings import read_settings

    files = config or []
    # What is found is told at the end, once, and not as it comes.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    try:
        found = anyio.run(check, read_settings(files, sets or []).values, files[0].parent if files else Path())
    except Faulted as failure:
        raise _failed(failure) from None
    print("\n".join(found.lines()))
    if not found.fits:
        raise typer.Exit(1)


@config_app.command()
def show(config: _Config = None, sets: _Sets = None, as_json: _Json = False) -> None:
    """Print every setting, its value and where it comes from; secrets are masked."""
    from accord.ops.telling import settings_told
    from accord.terms.faults import Faulted
    from node_agent.settings import KEPT, read_settings

    try:
        print(settings_told(read_settings(config or [], sets or []), KEPT, as_json=as_json))
    except Faulted as failure:
        raise _failed(failure) from None


@config_app.command()
def validate(config: _Config = None, sets: _Sets = None) -> None:
    """Say whether the settings can be used, and the files of keys that they name. Exit code 2 when not."""
    from accord.ops.doctor.findings import as_text, exit_code
    from accord.ops.doctor.machine import check_keys
    from accord.terms.faults import Faulted
    from node_agent.doctor import secret_files
    from node_agent.settings import read_settings

    files = config or []
    try:
        settings = read_settings(files, sets or []).values
    except Faulted as failure:
        raise _failed(failure) from None
    found = check_keys(secret_files(settings, files[0].parent if files else Path()))
    if exit_code(found):
        print(as_text(one for one in found if one.next))
        raise typer.Exit(2)
    print("the settings can be used")


@app.command()
def doctor(
    config: _Config = None,
    sets: _Sets = None,
    house: _House = None,
    gateway: Annotated[str, typer.Option("--gateway", help="Address of a gateway (https://…), to compare clocks with.")] = "",
    as_json: _Json = False,
) -> None:
    """Look at everything that an agent needs, before and after it is installed. Exit code 1 when something is wrong."""
    from functools import partial

    import anyio
    import structlog

    from accord.ops.doctor.findings import as_json as told_as_json
    from accord.ops.doctor.findings import as_text, exit_code
    from accord.terms.faults import Faulted
    from node_agent.doctor import examine, examine_all, examine_machine
    from node_agent.naming import Named
    from node_agent.settings import read_settings

    files = config or []
    # What is found is told at the end, once: a source has words of its own for the log, and `--json` is read by programs.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    try:
        if house is None:
            found = anyio.run(
                partial(examine, lambda: read_settings(files, sets or []), files[0].parent if files else Path(), Named(tuple(files)), gateway=gateway)
            )
        else:
            found = anyio.run(partial(examine_all, house, gateway=gateway))
    except Faulted as failure:
        raise _failed(failure) from None
    found = [*examine_machine(), *found]
    print(told_as_json(found) if as_json else as_text(found))
    raise typer.Exit(exit_code(found))


@app.command()
def service(
    config: _Config = None,
    house: _House = None,
    _show: Annotated[bool, typer.Option("--print", help="Print it, as always: nothing is installed.")] = True,
    user: Annotated[str, typer.Option("--user", help="As whom it runs; noaber-<name> when empty.")] = "",
    program: Annotated[Path, typer.Option("--program", help="The command noaber.")] = Path("/opt/noaber/current/bin/noaber"),
) -> None:
    """Print a hardened systemd unit for this very configuration."""
    from accord.terms.faults import Faulted
    from node_agent.installing import house_service, service_of
    from node_agent.settings import read_settings

    try:
        made = service_of(read_settings(config or [], []).values, config or [], user, program) if house is None else house_service(house, user, program)
        print(made.unit(), end="")
        if made.at_home:
            # Not in the unit, which goes to a file: this is for whoever makes it.
            print(f"WARNING {', '.join(map(str, made.at_home))}: below a home directory; see the comment in the unit", file=sys.stderr)
        if not program.exists():
            # The unit may be made on another machine than the one that it is for.
            print(f"WARNING {program}: not on this machine; the unit expects it there, or name another with --program", file=sys.stderr)
    except Faulted as failure:
        raise _failed(failure) from None


@config_app.command()
def example() -> None:
    """Print a settings file to begin with."""
    from node_agent.settings_example import EXAMPLE

    print(EXAMPLE, end="")


def _say(line: str) -> None:
    print(line, flush=True)


def _failed(failure: BaseException) -> typer.Exit:
    from accord.terms.faults import BadInput, Faulted

    if isinstance(failure, Faulted):
        print(f"ERROR {failure}: {failure.explanation.happened}\nHint: {failure.explanation.next_step}", file=sys.stderr)
    return typer.Exit(2 if isinstance(failure, BadInput) else 1)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
