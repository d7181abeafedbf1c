"""The planners' page of a running agent, behind a login of its own."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus
from starlette.requests import Request
from starlette.types import ASGIApp

from accord.link.addresses import address
from accord.link.credentials import TlsFiles, https_server_context
from accord.link.serving import serve_app
from accord.review.entering import Sessions, behind_login
from accord.review.guarding import LIVE_HEADERS
from accord.review.queue import Reviewer
from accord.review.reviewers import Reviewers
from accord.terms.identifiers import Ura
from node_agent.places.page import Troubles, make_places_app, right_now
from node_agent.places.page_showing import Showing
from node_agent.places.ports import Planning

#: Browsers send a cookie to every port of a machine: the name is each provider's own, or one page would log the other out.
_COOKIE: Final = "noaber-places-{ura}"
#: The page's own script says that it asks by itself: nobody need be there.
_LIVE: Final = "x-noaber-live"


class PageSettings(Protocol):
    """Where the page is, who may see it, and by which certificate (PEM files) browsers believe it."""

    @property
    def listen(self) -> str:
        """`host:port`, or a unix socket."""

    @property
    def people(self) -> str:
        """The file of who may see it."""

    @property
    def certificate(self) -> str:
        """Of the site; empty on this machine only."""

    @property
    def key(self) -> str:
        """Its key."""


@dataclass(frozen=True, slots=True)
class Whose:
    """The provider of a page: what it is called, and its URA."""

    title: str
    ura: Ura


async def serve_places(
    settings: PageSettings,
    folder: Path,
    planning: Planning,
    whose: Whose,
    *,
    troubles: Troubles = tuple,
    task_status: TaskStatus[str] = TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; the address is told once requests are taken. Relative paths are relative to *folder*.

    Raises:
        BadInput: `invalid-setting`, or `loopback-only` without a certificate.
    """
    people = Reviewers(folder / settings.people, table="planner", setting="places.people")
    tls = https_server_context(TlsFiles(folder / settings.certificate, folder / settings.key)) if settings.certificate else None
    site = make_places_site(planning, Sessions(people), whose, troubles=troubles, secure=tls is not None)
    serve = partial(serve_app, site, setting="places.listen", tls=tls)
    async with anyio.create_task_group() as tasks:
        task_status.started(await tasks.start(serve, address(settings.listen)))


def make_places_site(
    planning: Planning, sessions: Sessions, whose: Whose, *, secure: bool, troubles: Troubles = tuple, now: Callable[[], datetime] = right_now
) -> ASGIApp:
    """The page behind its login. *secure*: it is served over TLS."""
    cookie = _COOKIE.format(ura=whose.ura.value)

    async def person_of(request: Request) -> Reviewer | None:
        is_there = request.url.path != "/changes" and _LIVE not in request.headers
        return sessions.reviewer(request.cookies.get(cookie, ""), is_there=is_there)

    page = make_places_app(planning, person_of, title=whose.title, key=secrets.token_bytes(32), troubles=troubles, now=now)
    return behind_login(page, sessions, person_of, cookie=cookie, login=Showing().login, secure=secure, headers=LIVE_HEADERS)
