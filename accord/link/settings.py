"""Settings of a deployable: layers of TOML, environment and command line, each value with its origin.

Later layers win: defaults, `--config FILE` (several, in order), systemd's credentials, environment
(`NOABER_GATEWAY__LISTEN__HTTP`), `--set listen.http=…`. A key that nobody knows is an error with the nearest known one: a
misspelt setting must not be silently the default. Every secret can be given as a file, in any layer (`source.password_file`).
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec

from accord.link.secret_files import CREDENTIALS, SUFFIX, Secrets, read_secret
from accord.terms.faults import BadInput, Fault
from accord.terms.next_steps import MISSPELT, ONE_OF_TWO, OPTION, TOML, UNREADABLE

S = TypeVar("S", bound=msgspec.Struct)
_Tree = dict[str, Any]

#: What every environment variable of ours that is a setting begins with, for one of the parts.
PREFIXES: Final = ("NOABER_AGENT__", "NOABER_GATEWAY__", "NOABER_CONNECT__")
_OURS: Final = "NOABER_"
_ALIKE: Final = 0.8
_NO_SECRETS: Final = Secrets()


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """Settings, and where each value that is not a default comes from (`section.key` → origin)."""

    values: S
    origins: Mapping[str, str]


def load(
    kind: type[S],
    *,
    files: Iterable[Path] = (),
    environment: Mapping[str, str],
    prefix: str,
    sets: Iterable[str] = (),
    secrets: Secrets = _NO_SECRETS,
    folder: Path | None = None,
) -> Loaded[S]:
    """Read all layers into a tree of frozen structs.

    *kind* is a `msgspec.Struct` whose fields are structs (sections) of plain values. A relative path in a file is
    left as it stands; whoever opens it decides what it is relative to. The file of a secret is read here, and is relative to
    *folder*, else to the folder of the first of *files*.

    Raises:
        BadInput: `invalid-setting`, naming the origin and the key, never a value.
    """
    tree: _Tree = {}
    origins: dict[str, str] = {}
    files = list(files)
    at = folder or (files[0].parent if files else Path())

    def merge(layer: _Tree, origin: str) -> None:
        _merge(tree, origins, kind, _with_secrets(layer, origin, at, secrets), origin)

    _check_variables(environment)
    for path in files:
        merge(_read(path), path.name)
    for setting, value in sorted(secrets.of_credentials(environment).items()):
        merge(_nested(setting.split("."), _Text(value), CREDENTIALS), CREDENTIALS)
    for name, value in sorted(environment.items()):
        if name.startswith(prefix):
            keys = [part.lower() for part in name.removeprefix(prefix).split("__")]
            merge(_nested(keys, _Text(value), name), name)
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals:
            # Not even what was given: it may be the value.
            raise BadInput(Fault.INVALID_SETTING, "--set: write section.key=value", then=OPTION)
        merge(_nested(key.split("."), _Text(value), f"--set {key}"), f"--set {key}")
    try:
        return Loaded(msgspec.convert(tree, kind, strict=False), origins)
    except msgspec.ValidationError as failure:
        place = _place(str(failure))
        origin = next((origins[key] for key in (place, ".".join(re.split(r"[.\[]", place)[:2])) if key in origins), "missing")
        raise BadInput(Fault.INVALID_SETTING, f"{place or 'settings'} ({origin})") from None


def shown(loaded: Loaded[Any], secrets: Secrets = _NO_SECRETS) -> list[tuple[str, object, str]]:
    """Every setting, with its value and where that is from; what is secret is masked."""
    return [
        (name := f"{section}.{key}", "…" if secrets.hides(name) and value else value, loaded.origins.get(name, "default"))
        for section, values in msgspec.to_builtins(loaded.values).items()
        for key, value in values.items()
    ]


def misspelt(environment: Iterable[str]) -> dict[str, str]:
    """The environment variables that look like settings and are of no part, each with the prefix that is likely meant."""
    found = {}
    for name in sorted(environment):
        head, marks, _ = name.upper().partition("__")
        if not name.upper().startswith(_OURS) or name.startswith(PREFIXES):
            continue
        meant = [prefix for prefix in PREFIXES if name.upper().startswith(prefix.removesuffix("_"))]
        if marks:
            meant = meant or get_close_matches(f"{head}__", PREFIXES, 1, cutoff=_ALIKE)
        if meant:
            # Anything else is of a test or a tool.
            found[name] = meant[0]
    return found


def _check_variables(environment: Iterable[str]) -> None:
    """Refuse what would be passed over in silence."""
    for name, meant in misspelt(environment).items():
        raise BadInput(Fault.INVALID_SETTING, f"{name[:60]}: no part has such settings, did you mean {meant}…?", then=MISSPELT)


def _with_secrets(layer: _Tree, origin: str, folder: Path, secrets: Secrets) -> _Tree:
    """A layer in which secrets stand that it names the files of."""
    read = {section: dict(values) if isinstance(values, dict) else values for section, values in layer.items()}
    for setting in secrets.values:
        section, _, key = setting.partition(".")
        values = read.get(section)
        if not isinstance(values, dict) or f"{key}{SUFFIX}" not in values or f"{setting}{SUFFIX}" in secrets.files:
            continue
        if key in values:
            raise BadInput(Fault.INVALID_SETTING, f"{origin}: {setting} and {setting}{SUFFIX} are the same secret, give one", then=ONE_OF_TWO)
        path = values.pop(f"{key}{SUFFIX}")
        if path:
            values[key] = _Text(read_secret(folder / str(path), f"{origin}: {setting}{SUFFIX}"))
    return read


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
            raise BadInput(Fault.INVALID_SETTING, f"{origin}: {section} is a section", then=MISSPELT)
        known = {field.encode_name: field.type for field in msgspec.structs.fields(sections[section])}
        for key, value in values.items():
            _check_known(key, known, origin, f"{section}.{key}")
            tree.setdefault(section, {})[key] = _plain(value, known[key]) if isinstance(value, _Text) else value
            origins[f"{section}.{key}"] = origin


def _check_known(name: str, known: Iterable[str], origin: str, label: str) -> None:
    names = list(known)
    if name not in names:
        near = get_close_matches(name, names, 1)
        raise BadInput(Fault.INVALID_SETTING, f"{origin}: {label} is not a setting" + (f", did you mean {near[0]}?" if near else ""), then=MISSPELT)


def _nested(keys: list[str], value: object, origin: str) -> _Tree:
    if len(keys) != 2:
        raise BadInput(Fault.INVALID_SETTING, f"{origin[:60]}: write section and key", then=MISSPELT)
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
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: cannot be read", then=UNREADABLE) from None
    except (ValueError, RecursionError):
        raise BadInput(Fault.INVALID_SETTING, f"{path.name}: is not TOML", then=TOML) from None
