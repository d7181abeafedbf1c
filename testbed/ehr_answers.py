"""What the demo's health record keeps of a login under way, and in which form it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, RedirectResponse, Response

from testbed.ehr_records import Staff


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an application asked for, and for which patient (none: it is still to be chosen, or not wanted)."""

    redirect_uri: str
    state: str
    nonce: str
    challenge: str
    scopes: frozenset[str]
    patient: str = ""


@dataclass(frozen=True, slots=True)
class AtWork:
    """Who logged in, and when."""

    who: Staff
    since: datetime


@dataclass(frozen=True, slots=True)
class Granted:
    """A code that may be changed for a token, once."""

    wanted: Wanted
    by: AtWork


@dataclass(slots=True)
class Spoilt:
    """What is wrong, for tests: members put in the place of what is said; none: left out."""

    configuration: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    patient: dict[str, Any] = field(default_factory=dict)
    practitioner: dict[str, Any] = field(default_factory=dict)
    roles: dict[str, Any] = field(default_factory=dict)


def changed_by(said: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """What is said, with members put in its place; none: left out."""
    return {name: value for name, value in {**said, **changed}.items() if value is not None}


def back_to(wanted: Wanted, **said: str) -> Response:
    """Back to the application."""
    return RedirectResponse(f"{wanted.redirect_uri}?{urlencode(said | {'state': wanted.state})}", status_code=303, headers={"cache-control": "no-store"})


def page_of(page: str, status: int = 200, *, form_to: str = "") -> Response:
    """A page that loads nothing from elsewhere."""
    policy = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'{form_to}; frame-ancestors 'none'; base-uri 'none'"
    return HTMLResponse(page, status_code=status, headers={"content-security-policy": policy, "cache-control": "no-store", "referrer-policy": "no-referrer"})
