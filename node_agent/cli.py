"""`noaber agent`: answer for one care provider, fill its store, and show the settings."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="agent", help="Answer for one care provider, and decide what leaves it.", no_args_is_help=True, pretty_exceptions_enable=False)
config_app = typer.Typer(help="Look at the settings.", no_args_is_help=True)
choices_app = typer.Typer(help="What patients chose about sharing.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(choices_app, name="choices")

_Config = Annotated[list[Path] | None, typer.Option("--config", help="TOML file; several are layered in order.")]
_Sets = Annotated[list[str] | None, typer.Option("--set", help="section.key=value, over everything else.")]
#: For commands that another module describes: everything behind the name is theirs, `--help` included.
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command()
def run(config: _Config = None, sets: _Sets = None) -> None:
    """Serve until stopped. Prints one line with the address when ready."""
    import anyio
    import structlog

    from accord.terms.faults import Faulted
    from node_agent.composition import run as serve
    from node_agent.settings import read_settings

    files = config or []
    # Standard output says one thing only: that the agent is ready.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        settings = read_settings(files, sets or []).values
        anyio.run(serve, settings, files[0].parent if files else Path(), _say, backend_options={"use_uvloop": True})
    except Faulted as failure:
        raise _failed(failure) from None
    except ExceptionGroup as failures:
        # Failures of parts that run side by side come together; the first that has a code says enough.
        coded, _ = failures.split(Faulted)
        if coded is None:
            raise
        raise _failed(_first(coded)) from None


@app.command("import", context_settings=_PASSED_ON, add_help_option=False)
def import_(context: typer.Context) -> None:
    """Take Bundles, NDJSON or single resources into the embedded store."""
    from node_agent.importing.cli import import_command

    _pass_on(import_command, context)


@choices_app.command("import", context_settings=_PASSED_ON, add_help_option=False)
def import_choices(context: typer.Context) -> None:
    """Put patients' choices on record."""
    from node_agent.importing.cli import choices_command

    _pass_on(choices_command, context)


@config_app.command()
def show(config: _Config = None, sets: _Sets = None) -> None:
    """Print every setting, its value and where it comes from; secrets are masked."""
    from accord.terms.faults import Faulted
    from node_agent.settings import lines, read_settings

    try:
        print("\n".join(lines(read_settings(config or [], sets or []))))
    except Faulted as failure:
        raise _failed(failure) from None


@config_app.command()
def example() -> None:
    """Print a settings file to begin with."""
    from node_agent.settings import EXAMPLE

    print(EXAMPLE, end="")


def _pass_on(command: Callable[..., None], context: typer.Context) -> None:
    from accord.terms.faults import Faulted

    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command()(command)
    try:
        alone(args=context.args, prog_name=context.command_path)
    except Faulted as failure:
        raise _failed(failure) from None


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
