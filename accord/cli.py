"""The one command `noaber`: every part brings its own subcommands, and only the one that is chosen is loaded.

A part is named in the entry-point group `noaber.commands`: `agent = "node_agent.cli:app"`. Its value is a
`typer.Typer`, or a function that is the whole command. The accord imports no part: it finds them by name.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, version
from typing import Final

import typer

from accord.terms.faults import BadInput, Faulted

GROUP: Final = "noaber.commands"


@dataclass(frozen=True, slots=True)
class Part:
    """What is told of a part without loading it: one line of help, and the extra that brings what it needs."""

    summary: str
    extra: str


PARTS: Final[dict[str, Part]] = {
    "agent": Part("Answer for one care provider, and decide what leaves it.", "agent"),
    "ask": Part("Ask a running region about one patient.", "testbed"),
    "connect": Part("Ask the region from any FHIR client: adds mandate and proof to every question.", "gateway"),
    "demo": Part("Run a simulated region, ask it a question and show the dossier.", "testbed"),
    "gateway": Part("Ask the region a question and compose the answers.", "gateway"),
    "journal": Part("Verify, show and reconcile access journals.", "gateway"),
    "region": Part("Keep the register of a region.", "gateway"),
}


class PartNotInstalled(Exception):
    """A part cannot run because a package that it needs is missing. Its text says what to install."""

    def __init__(self, command: str, package: str) -> None:
        part = PARTS.get(command)
        remedy = f"Install it with: pip install 'noaber[{part.extra}]'" if part else f"Install the package {package}."
        super().__init__(f"`noaber {command}` needs the package {package}, which is not installed. {remedy}")


def main() -> None:
    """Run the command line. Exit codes: 0 all is well, 1 a problem was found, 2 wrong use."""
    try:
        assemble(sys.argv[1:])(prog_name="noaber")
    except PartNotInstalled as missing:
        _leave(str(missing), 1)
    except Faulted as failure:
        _explain(failure)
    except BaseExceptionGroup as failures:
        # What was raised inside a task group.
        cause: BaseException = failures
        while isinstance(cause, BaseExceptionGroup) and len(cause.exceptions) == 1:
            cause = cause.exceptions[0]
        if not isinstance(cause, Faulted):
            raise
        _explain(cause)


def _explain(failure: Faulted) -> None:
    told = failure.explanation
    where = f" ({failure.where})" if failure.where else ""
    _leave(f"ERROR {told.happened}{where}\nHint: {told.next_step} [{failure.fault}]", 2 if isinstance(failure, BadInput) else 1)


def assemble(arguments: Sequence[str]) -> typer.Typer:
    """Build the command line for *arguments*: the part that they choose for real, every other as a line of help.

    Raises:
        PartNotInstalled: The chosen part needs a package that is missing.
    """
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    # No pretty tracebacks: they show local variables, and those may hold patient data.
    app = typer.Typer(name="noaber", help="Neighbours answer each other: one patient, many holders, no copy.", add_completion=False)
    app.pretty_exceptions_enable = False
    app.callback(no_args_is_help=True)(_nothing)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        if entry.name == chosen:
            _join(app, entry)
        else:
            app.command(entry.name, help=_summary(entry))(_nothing)
    app.command("version")(_version)
    return app


def _join(app: typer.Typer, entry: EntryPoint) -> None:
    part = _load(entry)
    if not isinstance(part, typer.Typer):
        app.command(entry.name, help=_summary(entry))(part)
        return
    single = part.registered_commands[0] if len(part.registered_commands) == 1 else None
    if single is not None and not part.registered_groups and part.registered_callback is None:
        # Typer's own rule: an app with one command is that command.
        single.name = entry.name
        single.help = single.help or _summary(entry)
        app.registered_commands.append(single)
        return
    app.add_typer(part, name=entry.name, help=_summary(entry))


def _load(entry: EntryPoint) -> typer.Typer | Callable[..., object]:
    try:
        part: typer.Typer | Callable[..., object] = entry.load()
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package == entry.module.partition(".")[0] or package == __name__.partition(".")[0]:
            raise  # a module of ours: that is a mistake of ours and not something to install
        raise PartNotInstalled(entry.name, package) from missing
    return part


def _summary(entry: EntryPoint) -> str:
    part = PARTS.get(entry.name)
    if part is not None:
        return part.summary
    return f"Contributed by {entry.dist.name}." if entry.dist else "Contributed by another package."


def _nothing() -> None:
    """Stand in for what is not loaded."""


def _version() -> None:
    """Print the version."""
    typer.echo(f"noaber {version('noaber')}")


def _leave(message: str, code: int) -> None:
    typer.echo(message, err=True)
    raise SystemExit(code)
