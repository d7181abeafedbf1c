"""`noaber connect`: the proxy at the data user's side, an example of its settings, and tokens for applications."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="connect", help="Ask the region from any FHIR client: adds mandate and proof to every question.", no_args_is_help=True)
config = typer.Typer(help="Look at the settings.", no_args_is_help=True)
app.add_typer(config, name="config")

_Config = Annotated[list[Path] | None, typer.Option("--config", help="TOML file; several are layered in order.")]
_Sets = Annotated[list[str] | None, typer.Option("--set", help="section.key=value, over everything else.")]


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


@config.command()
def show(config: _Config = None, sets: _Sets = None) -> None:
    """Print every setting, its value, and where it comes from."""
    import msgspec

    from gateway.connect.settings import read_settings

    loaded = read_settings(config or [], sets or [])
    for section, values in msgspec.to_builtins(loaded.values).items():
        for key, value in values.items():
            name = f"{section}.{key}"
            print(f"{name} = {value!r}  # {loaded.origins.get(name, 'default')}")


def _say(line: str) -> None:
    print(line, flush=True)
