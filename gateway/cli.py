"""`noaber gateway`: serve the region's questions, and show the settings."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="gateway", help="Ask the region and compose the answers.", no_args_is_help=True)
config = typer.Typer(help="Look at the settings.", no_args_is_help=True)
app.add_typer(config, name="config")

_Config = Annotated[list[Path] | None, typer.Option("--config", help="TOML file; several are layered in order.")]
_Sets = Annotated[list[str] | None, typer.Option("--set", help="section.key=value, over everything else.")]

_Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def run(config: _Config = None, sets: _Sets = None) -> None:
    """Serve until stopped. Prints one line with the addresses when ready."""
    import anyio

    from gateway.composition import run as serve
    from gateway.settings import read_settings

    files = config or []
    settings = read_settings(files, sets or []).values
    folder = files[0].parent if files else Path()
    anyio.run(serve, settings, folder, _say, backend_options={"use_uvloop": True})


@app.command("sealing-key")
def sealing_key(config: _Config = None, sets: _Sets = None) -> None:
    """Print the public key under which holders seal their pseudonym keys for this gateway, for the office; make it when there is none."""
    from gateway.sealed_keys import make_sealing_key
    from gateway.settings import read_settings

    files = config or []
    folder = files[0].parent if files else Path()
    print(make_sealing_key(folder / read_settings(files, sets or []).values.region.sealing_key), end="")


@app.command()
def doctor(config: _Config = None, sets: _Sets = None, as_json: _Json = False) -> None:
    """Look at everything that it needs, before and after it is installed. Exit code 1 when something is wrong."""
    from accord.ops.doctor.findings import as_json as told_as_json
    from accord.ops.doctor.findings import as_text, exit_code
    from gateway.doctor import examine
    from gateway.settings import read_settings

    files = config or []
    found = examine(lambda: read_settings(files, sets or []), files[0].parent if files else Path())
    print(told_as_json(found) if as_json else as_text(found))
    raise typer.Exit(exit_code(found))


@config.command()
def show(config: _Config = None, sets: _Sets = None, as_json: _Json = False) -> None:
    """Print every setting, its value, and where it comes from; secrets are masked."""
    from accord.ops.telling import settings_told
    from gateway.settings import KEPT, read_settings

    print(settings_told(read_settings(config or [], sets or []), KEPT, as_json=as_json))


@config.command()
def validate(config: _Config = None, sets: _Sets = None) -> None:
    """Say whether the settings can be used. Exit code 2 when not."""
    from gateway.settings import read_settings

    read_settings(config or [], sets or [])
    print("the settings can be used")


def _say(line: str) -> None:
    print(line, flush=True)
