"""Settings files of the testbed, written as TOML."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Value = str | bool | float | list[str] | list[Mapping[str, Any]]


def write_toml(path: Path, sections: Mapping[str, Mapping[str, Value]]) -> None:
    """Write a settings file."""
    path.write_text("\n".join(f"[{name}]\n{_toml(values)}" for name, values in sections.items()), encoding="utf-8")


def _toml(values: Mapping[str, Value]) -> str:
    return "".join(f"{key} = {toml_value(value)}\n" for key, value in values.items())


def toml_value(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {toml_value(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml_value, value))}]"
    # A TOML value of the other kinds is written as JSON writes it.
    return json.dumps(value, ensure_ascii=False)
