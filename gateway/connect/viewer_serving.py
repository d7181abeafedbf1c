"""Joins the clinician's viewer: its sessions and dossiers, the way to the region, and a listening address."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import anyio
import httpx2
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus
from starlette.types import ASGIApp

from accord.link.addresses import address
from accord.terms.faults import BadInput, Fault
from accord.terms.limits import MIB
from accord.terms.next_steps import WHOLE
from accord.terms.policies import EmergencyPolicy
from gateway.api.http_serving import serve_http
from gateway.api.http_settings import HttpSettings
from gateway.connect.ehr_clients import ehr_of
from gateway.connect.places_pages import PlacesBeside
from gateway.connect.professionals import Professionals
from gateway.connect.settings import ViewerPagesSettings
from gateway.pages.addresses import PublicAddress
from gateway.pages.templates import make_templates
from gateway.places.pages import places_pages
from gateway.places.site import PACKAGE as PLACES
from gateway.viewer.app import PAGES, make_viewer_app
from gateway.viewer.dossiers import OpenDossiers
from gateway.viewer.ehr_calls import EhrCalls
from gateway.viewer.ports import Asking
from gateway.viewer.sessions import LoggedIn, make_sessions
from gateway.viewer.settings import ViewerSettings
from gateway.viewer.visits import PACKAGE, Desk


@dataclass(frozen=True, slots=True)
class AroundViewer:
    """What the viewer needs of the process that it runs in.

    `counted` wraps the application in the measures of requests, `client` makes what health records are called with. `places`:
    what the pages about places need; none: there are no such pages.
    """

    asking: Asking = field(repr=False)
    clock: Callable[[], datetime]
    emergency: Callable[[], EmergencyPolicy | None]
    counted: Callable[[ASGIApp], ASGIApp]
    client: Callable[[], httpx2.AsyncClient]
    places: PlacesBeside | None = None


async def serve_viewer(settings: ViewerSettings, listen: str, around: AroundViewer, *, task_status: TaskStatus[str] = TASK_STATUS_IGNORED) -> None:
    """Serve until cancelled, on loopback: what clinicians reach stands before it and speaks TLS. The address is told once requests are taken.

    Raises:
        BadInput: `invalid-setting`, `loopback-only`.
    """
    settings = replace(settings, has_places=around.places is not None)
    async with around.client() as client, anyio.create_task_group() as tasks:
        dossiers = OpenDossiers(around.asking, tasks, settings, around.clock)
        sessions = make_sessions(around.clock, settings.most_sessions, lambda session: dossiers.close_all(session.owner))
        packages = (PACKAGE,) if around.places is None else (PACKAGE, PLACES)
        templates = make_templates(*packages)
        desk = Desk(around.asking, settings, dossiers, sessions, templates, around.clock, around.emergency, EhrCalls(client), packages)
        tasks.start_soon(dossiers.keep_tidy)
        more = () if around.places is None else places_pages(around.places.site(tasks))
        app = around.counted(make_viewer_app(desk, (*PAGES, *more)))
        try:
            await serve_http(lambda _: app, HttpSettings(public_url=settings.address.url), address(listen), task_status=task_status)
        finally:
            tasks.cancel_scope.cancel()


def viewer_settings(given: ViewerPagesSettings, professionals: Professionals, folder: Path) -> ViewerSettings:
    """How the viewer stands.

    Raises:
        BadInput: `invalid-setting`.
    """
    if not given.public_url:
        raise BadInput(Fault.INVALID_SETTING, "viewer.public_url", then=WHOLE)
    usual = LoggedIn(professionals.usual, professionals.treatment, professionals.second_factor_at)
    ehrs = tuple(ehr_of(one, folder) for one in given.smart)
    if len({ehr.issuer for ehr in ehrs}) != len(ehrs):
        raise BadInput(Fault.INVALID_SETTING, "viewer.smart: an issuer stands twice")
    return ViewerSettings(
        PublicAddress(given.public_url, "viewer.public_url"),
        usual if given.demo else None,
        ehrs,
        most_dossiers=given.dossiers,
        dossier_bytes=given.dossier_mebibytes * MIB,
    )
