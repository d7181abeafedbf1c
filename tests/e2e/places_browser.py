"""The transfer desk in a real browser: the viewer with the pages about places, over the region of the tests, on a port of its own."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx2
import uvicorn
from anyio.from_thread import start_blocking_portal

from accord.terms.evidence import TreatmentBasis
from accord.terms.parties import Professional
from gateway.pages.addresses import PublicAddress
from gateway.pages.templates import make_templates
from gateway.places.pages import places_pages
from gateway.places.rounds import Rounds
from gateway.places.site import PACKAGE as PLACES
from gateway.viewer.app import PAGES, make_viewer_app
from gateway.viewer.dossiers import OpenDossiers
from gateway.viewer.ehr_calls import EhrCalls
from gateway.viewer.sessions import LoggedIn, make_sessions
from gateway.viewer.settings import ViewerSettings
from gateway.viewer.visits import PACKAGE, Desk
from tests.e2e.viewer_browser import Quiet, StagedRegion, Viewer
from tests.gateway.places.pages_world import PlacesRegion, region_of, site_of
from tests.gateway.places.small_places import Around, SmallProvider, at_home
from tests.gateway.viewer.conftest import POLICY
from tests.gateway.viewer.fake_region import Clock

MONDAY = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
GERBEN = Professional("900000044", "30.000", "Gerben Nieuwe Haarman")


@dataclass
class TransferDesk(Viewer):
    """Where it is; the providers are in the hands of the test."""

    around: Around
    places: PlacesRegion
    providers: dict[str, SmallProvider]

    def run(self, act: Callable[..., Any], *arguments: Any) -> Any:
        """Do something where the desk runs."""
        return self.portal.call(act, *arguments)

    def settle(self) -> None:
        """Letters are brought and fetched."""
        self.portal.call(self.around.settle, 4)


@contextmanager
def serving_desk(folder: Path) -> Iterator[TransferDesk]:
    """The viewer of a demonstration with these pages; its clock stands at Monday 10:15."""
    region, clock = StagedRegion(), Clock()
    clock.at = MONDAY
    with socket.socket() as listener, start_blocking_portal() as portal:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        served, (server, around, places, providers) = portal.start_task(_serve, folder, url, listener, region, clock)
        try:
            yield TransferDesk(url, region, portal, around, places, providers)
        finally:
            server.should_exit = True
            served.result(10)
            around.store.close()


async def _serve(folder: Path, url: str, listener: socket.socket, region: StagedRegion, clock: Clock, *, task_status: Any = anyio.TASK_STATUS_IGNORED) -> None:
    async with anyio.create_task_group() as tasks, httpx2.AsyncClient() as client:
        settings = ViewerSettings(PublicAddress(url), LoggedIn(GERBEN, TreatmentBasis.ADMITTED), has_places=True)
        dossiers = OpenDossiers(region, tasks, settings, clock)
        sessions = make_sessions(clock, 50, lambda session: dossiers.close_all(session.owner))
        templates, packages = make_templates(PACKAGE, PLACES), (PACKAGE, PLACES)
        desk = Desk(region, settings, dossiers, sessions, templates, clock, lambda: POLICY, EhrCalls(client), packages)
        places, providers = region_of(clock)
        around = at_home(folder, clock, places)  # type: ignore[arg-type] # it wants no more of a clock than that it tells the time
        app = make_viewer_app(desk, (*PAGES, *places_pages(site_of(around, Rounds(places, tasks, clock)))))
        server = Quiet(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none", timeout_graceful_shutdown=1))
        listener.listen()
        task_status.started((server, around, places, providers))
        await server.serve([listener])
        tasks.cancel_scope.cancel()
