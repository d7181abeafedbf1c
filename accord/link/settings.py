"""Settings of a deployable: layers of TOML, environment and command line, each value with its origin.

Later layers win: defaults, `--config FILE` (several, in order), environment (`NOABER_GATEWAY__LISTEN__HTTP`), `--set
listen.http=…`. A key that nobody knows is an error with the nearest known one: a misspelt setting must not be
silently the default.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from accord.terms.faults import BadInput, Fault

S = TypeVar("S", bound=msgspec.Struct)
_Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """Settings, and where each value that is not a default comes from (`section.key` → origin)."""

    values: S
    origins: Mapping[str, str]


def load(kind: type[S], *, files: Iterable[Path] = (), environment: Mapping[str, str], prefix: str, sets: Iterable[str] = ()) -> Loaded[S]:
    """Read all layers into a tree of frozen structs.

    *kind* is a `msgspec.Struct` whose fields are structs (sections) of plain values. A relative path in a file is
    left as it stands; whoever opens it decides what it is relative to.

    Raises:
        BadInput: `invalid-setting`, naming the origin and the key, never a value.
    """
    tree: _Tree = {}
    origins: dict[str, str] = {}
    for path in files:
        _merge(tree, origins, kind, _read(path), path.name)
    for name, value in sorted(environment.items()):
        if name.startswith(prefix):
            keys = [part.lower() for part in name.removeprefix(prefix).split("__")]
            _merge(tree, origins, kind, _nested(keys, _Text(value), name), name)
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals:
            # Not even what was given: it may be the value.
            raise BadInput(Fault.INVALID_SETTING, "--set: write section.key=value")
        _merge(tree, origins, kind, _nested(key.split("."), _Text(value), f"--set {key}"), f"--set {key}")
    try:
        return Loaded(msgspec.convert(tree, kind, strict=False), origins)
    except msgspec.ValidationError as failure:
        place = _place(str(failure))
        origin = next((origins[key] for key in (place, ".".join(re.split(r"[.\[]", place)[:2])) if key in origins), "missing")
        raise BadInput(Fault.INVALID_SETTING, f"{place or 'settings'} ({origin})") from None


class _Text(str):
    """A value as it came from the environment or the command line: what it is depends on the setting."""

    __slots__ = ()


def _place(message: str) -> str:
    """Where msgspec found something wrong. Its message may quote a value; the place alone says enough."""
    where = message.rpartition("`$.")[2].removesuffix("`") if "`$." in message else ""
    missing = message.partition("missing required field `")[2].partition("`")[0]
    return ".".join(part for part in (where, missing) if part)


def _merge(tree: _Tree, origins: dict[str, str], kind: Any, layer: _Tree, origin: str) -> None:
    sections = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for section, values in layer.items():
        _check_known(section, sections, origin, section)
        if not isinstance(values, dict):
            raise BadInput(Fault.INVALID_SETTING, f"{origin}: {section} is a section")
        known = {field.encode_name: field.type for field in msgspec.structs.fields(sections[section])}
        for key, value in values.items():
            _check_known(key, known, origin, f"{section}.{key}")
            tree.setdefault(section, {})[key] = _plain(value, known[key]) if isinstance(value, _Text) else value
            origins[f"{section}.{key}"] = origin


def _check_known(name: str, known: Iterable[str], origin: str, label: str) -> None:
    names = list(known)
    if name not in names:
        near = get_close_matches(name, names, 1)
        raise BadInput(Fault.INVALID_SETTING, f"{origin}: {label} is not a setting" + (f", did you mean {near[0]}?" if near else ""))


def _nested(keys: list[str], value: object, origin: str) -> _Tree:
    if len(keys) != 2:
        raise BadInput(Fault.INVALID_SETTING, f"{origin[:60]}: write section and key")
    return {keys[0]: {keys[1]: value}}


def _plain(text: str, kind: Any) -> object:
    """A value as TOML would read it where the setting takes that, else the text itself: a URA is no number."""
    try:
        (value,) = tomllib.loads(f"value = {text}").values()
        msgspec.convert(value, kind, strict=False)
    except (ValueError, RecursionError, msgspec.ValidationError):
        return str(text)
    return value


def _read(path: Path) -> _Tree:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: cannot be read") from None
    except (ValueError, RecursionError):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: is not TOML") from None
