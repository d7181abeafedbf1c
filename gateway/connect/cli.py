"""`noaber connect`: the proxy at the data user's side, an example of its settings, and tokens for applications."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="connect", help="Ask the region from any FHIR client: adds mandate and proof to every question.", no_args_is_help=True)
config = typer.Typer(help="Look at the settings.", no_args_is_help=True)
app.add_typer(config, name="config")

_Config = Annotated[list[Path] | None, typer.Option("--config", help="TOML file; several are layered in order.")]
_Sets = Annotated[list[str] | None, typer.Option("--set", help="section.key=value, over everything else.")]

_Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def run(config: _Config = None, sets: _Sets = None) -> None:
    """Serve until stopped. Prints one line with the addresses when ready; the gateway need not be there yet."""
    import anyio

    from gateway.connect.composition import run as serve
    from gateway.connect.settings import read_settings

    files = config or []
    settings = read_settings(files, sets or []).values
    folder = files[0].parent if files else Path()
    anyio.run(serve, settings, folder, _say, backend_options={"use_uvloop": True})


@app.command()
def example() -> None:
    """Print a settings file to begin with."""
    from gateway.connect.settings import EXAMPLE

    print(EXAMPLE, end="")


@app.command()
def token(name: str, trusted: Annotated[bool, typer.Option("--trusted", help="It may say which professional is at work.")] = False) -> None:
    """Make a token for an application: first the token itself, then the line for the file of tokens."""
    from gateway.connect.applications import new_token

    made, line = new_token(name, trusted=trusted)
    print(made)
    print(line)


@app.command()
def doctor(config: _Config = None, sets: _Sets = None, as_json: _Json = False) -> None:
    """Look at everything that it needs, before and after it is installed. Exit code 1 when something is wrong."""
    from accord.ops.doctor.findings import as_json as told_as_json
    from accord.ops.doctor.findings import as_text, exit_code
    from gateway.connect.doctor import examine
    from gateway.connect.settings import read_settings

    files = config or []
    found = examine(lambda: read_settings(files, sets or []), files[0].parent if files else Path())
    print(told_as_json(found) if as_json else as_text(found))
    raise typer.Exit(exit_code(found))


@config.command()
def show(config: _Config = None, sets: _Sets = None, as_json: _Json = False) -> None:
    """Print every setting, its value, and where it comes from; secrets are masked."""
    from accord.ops.telling import settings_told
    from gateway.connect.settings import KEPT, read_settings

    print(settings_told(read_settings(config or [], sets or []), KEPT, as_json=as_json))


@config.command()
def validate(config: _Config = None, sets: _Sets = None) -> None:
    """Say whether the settings can be used. Exit code 2 when not."""
    from gateway.connect.settings import read_settings

    read_settings(config or [], sets or [])
    print("the settings can be used")


def _say(line: str) -> None:
    print(line, flush=True)
