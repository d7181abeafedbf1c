"""A house: several organisations behind one agent, each in a folder of its own, and nothing of one in reach of another.

`house/<name>/agent.toml` are the settings of the organisation with that name; `house/house.toml`, if there is one, holds what
they have in common. The environment plays no part: what stands there would count for all of them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from accord.link.settings import load
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import HOUSE, UNREADABLE
from node_agent.keeping_apart import OF_THE_PROCESS, claimed_twice
from node_agent.settings import KEPT, PREFIX, AgentSettings, own_names

SETTINGS: Final = "agent.toml"
SHARED: Final = "house.toml"


@dataclass(frozen=True, slots=True)
class Resident:
    """An organisation of the house. `stamp` changes when its settings do."""

    name: str
    folder: Path
    settings: AgentSettings
    stamp: "Stamp"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the files of the settings looked like."""

    files: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Who lives in the house, by name, and who was not let in, with why."""

    residents: Mapping[str, Resident]
    refused: Mapping[str, BadInput]


def names_in(house: Path) -> dict[str, Stamp]:
    """Every organisation that has settings, with the stamp of these.

    Raises:
        BadInput: `invalid-setting`, when the house cannot be read.
    """
    try:
        folders = sorted(path for path in house.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, "--house: cannot be read", then=UNREADABLE) from None
    shared = _seen(house / SHARED)
    found = ((folder.name, _seen(folder / SETTINGS)) for folder in folders)
    return {name: Stamp((shared or (0, 0, 0), own)) for name, own in found if own is not None}


def look(house: Path, *, settled: Collection[str] = (), served: Mapping[str, Resident] | None = None) -> Found:
    """Read everybody's settings, and see whether they keep apart.

    Two that claim the same thing are both refused, since nobody can say whose it is; but who is *settled* has lived here
    since before and stays, and only the newcomer is refused. Who is *served*, and now has settings that are refused, goes on as
    before: what it has stays its own.

    Raises:
        BadInput: `invalid-setting`, when the house cannot be read, or the environment says anything about an agent.
    """
    candidates: dict[str, Resident] = {}
    refused: dict[str, BadInput] = {}
    names = names_in(house)
    folders = {name: house / name for name in names}
    before = {name: resident for name, resident in (served or {}).items() if name in names}
    for name, stamp in names.items():
        try:
            candidates[name] = _resident(house, name, stamp)
        except BadInput as failure:
            refused[name] = failure
    candidates |= {name: before[name] for name in refused if name in before}
    while claimed := claimed_twice(candidates.values(), settled, folders):
        for name, what in claimed.items():
            refused.setdefault(name, BadInput(Fault.INVALID_SETTING, what))
            candidate = candidates.pop(name)
            if name in before and candidate is not before[name]:
                candidates[name] = before[name]
    return Found({name: resident for name, resident in candidates.items() if name not in refused}, refused)


def of_the_house(house: Path) -> AgentSettings:
    """What a house has in common; of it the process uses what is about itself.

    Raises:
        BadInput: `invalid-setting`.
    """
    shared = house / SHARED
    return load(AgentSettings, files=[shared] if shared.is_file() else [], environment={}, prefix=PREFIX, secrets=KEPT).values


def check_environment(environment: Iterable[str]) -> None:
    """See that no setting comes from the environment.

    Raises:
        BadInput: `invalid-setting`, naming the variable.
    """
    for name in sorted(environment):
        if name.startswith(PREFIX):
            raise BadInput(Fault.INVALID_SETTING, f"{name}: in a house settings stand in {SETTINGS} of each organisation, or in {SHARED}", then=HOUSE)


def _seen(path: Path) -> tuple[int, int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return (seen.st_mtime_ns, seen.st_size, seen.st_ino)


def _resident(house: Path, name: str, stamp: Stamp) -> Resident:
    folder = house / name
    shared = house / SHARED
    files = [shared, folder / SETTINGS] if shared.is_file() else [folder / SETTINGS]
    loaded = load(AgentSettings, files=files, environment={}, prefix=PREFIX, secrets=KEPT, folder=folder)
    settings = loaded.values
    for setting, origin in loaded.origins.items():
        if setting in OF_THE_PROCESS and origin == SETTINGS:
            raise BadInput(Fault.INVALID_SETTING, f"{setting}: there is one process, so it stands in {SHARED}", then=HOUSE)
    own_names(settings)
    if settings.holder.name != name:
        # A copy of a folder, kept as a spare, must not come to life.
        raise BadInput(Fault.INVALID_SETTING, "holder.name: it is the name of the folder too")
    return Resident(name, folder, settings, stamp)
