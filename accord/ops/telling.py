"""How commands tell of settings and findings: for people, or as JSON."""

from typing import Any

from msgspec import json

from accord.link.secret_files import Secrets
from accord.link.settings import Loaded, shown


def settings_told(loaded: Loaded[Any], secrets: Secrets, *, as_json: bool) -> str:
    """Every setting, its value and where that is from; what is secret is masked."""
    told = shown(loaded, secrets)
    if as_json:
        return json.encode({name: {"value": value, "origin": origin} for name, value, origin in told}).decode()
    return "\n".join(f"{name} = {value if secrets.hides(name) and value else repr(value)}  # {origin}" for name, value, origin in told)
