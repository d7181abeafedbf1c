"""`noaber gateway`: serve the region's questions, and show the settings."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="gateway", help="Ask the region and compose the answers.", no_args_is_help=True)
config = typer.Typer(help="Look at the settings.", no_args_is_help=True)
app.add_typer(config, name="config")

_Config = Annotated[list[Path] | None, typer.Option("--config", help="TOML file; several are layered in order.")]
_Sets = Annotated[list[str] | None, typer.Option("--set", help="section.key=value, over everything else.")]


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


@config.command()
def show(config: _Config = None, sets: _Sets = None) -> None:
    """Print every setting, its value, and where it comes from."""
    import msgspec

    from gateway.settings import read_settings

    loaded = read_settings(config or [], sets or [])
    for section, values in msgspec.to_builtins(loaded.values).items():
        for key, value in values.items():
            name = f"{section}.{key}"
            print(f"{name} = {value!r}  # {loaded.origins.get(name, 'default')}")


def _say(line: str) -> None:
    print(line, flush=True)
