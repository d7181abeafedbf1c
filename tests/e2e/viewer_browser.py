"""The clinician's viewer on loopback, before it a region that tells what a test wants when it wants it, and Chromium."""

import importlib
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import anyio
import httpx2
import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal

from accord.terms.evidence import TreatmentBasis
from accord.terms.identifiers import HolderName, RecordRef
from gateway.pages.addresses import PublicAddress
from gateway.pages.templates import make_templates
from gateway.ports import DossierEvent
from gateway.viewer.app import make_viewer_app
from gateway.viewer.dossiers import OpenDossiers
from gateway.viewer.ehr_calls import EhrCalls
from gateway.viewer.ports import Attached, Question
from gateway.viewer.sessions import LoggedIn, make_sessions
from gateway.viewer.settings import ViewerSettings
from gateway.viewer.visits import PACKAGE, Desk
from testbed.people import DINA
from tests.e2e.patient_browser import RULES
from tests.gateway.viewer.conftest import GP, POLICY

NIGHT = datetime(2026, 11, 21, 1, 41, tzinfo=UTC)

#: Notes on the page that the stream told its end.
NOTES_THE_END: Final = """
const Plain = window.EventSource;
window.EventSource = class extends Plain {
  constructor(...given) {
    super(...given);
    this.addEventListener("complete", () => { document.documentElement.dataset.told = "complete"; });
  }
};
"""


@dataclass
class StagedRegion:
    """Tells the stages of a night one after another; each but the first when the test lets it."""

    stages: Sequence[Sequence[DossierEvent]] = ()
    _gates: list[anyio.Event] = field(default_factory=list)

    def begin(self, *stages: Sequence[DossierEvent]) -> None:
        """What the next dossier is told."""
        self.stages = stages
        self._gates = [anyio.Event() for _ in stages]

    def let(self, stage: int) -> None:
        """Let a stage be told."""
        self._gates[stage].set()

    @asynccontextmanager
    async def open(self, question: Question) -> AsyncIterator[AsyncIterator[DossierEvent]]:
        """As `Asking.open`."""
        assert question.bsn.value == DINA.bsn
        yield self._told()

    async def _told(self) -> AsyncIterator[DossierEvent]:
        for at, stage in enumerate(self.stages):
            if at:
                await self._gates[at].wait()
            for event in stage:
                yield event

    @asynccontextmanager
    async def fetch(self, question: Question, holder: HolderName, record: RecordRef, url: str) -> AsyncIterator[Attached]:
        """As `Asking.fetch`."""
        assert question.bsn.value == DINA.bsn
        yield Attached("text/plain", _bytes(f"{holder} {record} {url}"))


async def _bytes(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


@dataclass
class Viewer:
    """Where the viewer is, and the region behind it."""

    url: str
    region: StagedRegion
    portal: BlockingPortal

    def night(self, *stages: Sequence[DossierEvent]) -> None:
        """What the next dossier is told; stages after the first wait for `let`."""
        self.portal.call(self.region.begin, *stages)

    def let(self, stage: int) -> None:
        """Let a stage be told."""
        self.portal.call(self.region.let, stage)


@contextmanager
def serving_viewer() -> Iterator[Viewer]:
    """The viewer of a demonstration, on a port of its own; its clock stands at Dina's night."""
    region = StagedRegion()
    with socket.socket() as listener, start_blocking_portal() as portal:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        served, server = portal.start_task(_serve, url, listener, region)
        try:
            yield Viewer(url, region, portal)
        finally:
            server.should_exit = True
            served.result(10)


async def _serve(url: str, listener: socket.socket, region: StagedRegion, *, task_status: Any = anyio.TASK_STATUS_IGNORED) -> None:
    def clock() -> datetime:
        return NIGHT

    async with anyio.create_task_group() as tasks, httpx2.AsyncClient() as client:
        settings = ViewerSettings(PublicAddress(url), LoggedIn(GP, TreatmentBasis.PRESENT))
        dossiers = OpenDossiers(region, tasks, settings, clock)
        sessions = make_sessions(clock, 50, lambda session: dossiers.close_all(session.owner))
        desk = Desk(region, settings, dossiers, sessions, make_templates(PACKAGE), clock, lambda: POLICY, EhrCalls(client))
        config = uvicorn.Config(make_viewer_app(desk), log_level="warning", lifespan="off", ws="none", timeout_graceful_shutdown=1)
        server = Quiet(config)
        listener.listen()
        task_status.started(server)
        await server.serve([listener])
        tasks.cancel_scope.cancel()


class Quiet(uvicorn.Server):
    """Signals are for the tests."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


@dataclass
class Reader:
    """A browser window of a clinician."""

    page: Any
    viewer: Viewer
    root: str = ""
    console: list[str] = field(default_factory=list)

    def open(self) -> None:
        """Open the dossier of the night, from the demonstration's form."""
        self.page.goto(f"{self.viewer.url}/")
        self.page.locator("input[name=bsn]").fill(DINA.bsn)
        self.page.locator("main button.main").click()
        self.page.wait_for_url("**/d/**")
        self.root = self.page.url

    def filled(self) -> None:
        """Wait until nothing more comes, and all of it is on the screen."""
        self.page.locator("main[data-complete]").wait_for()

    def go(self, path: str) -> None:
        """A page of the dossier."""
        self.page.goto(f"{self.root}{path}")

    def shows(self, text: str) -> bool:
        """Whether the page says so, however it is broken into lines."""
        return text in " ".join(self.page.locator("body").inner_text().split())

    def violations(self) -> list[str]:
        """What axe finds on the page as it stands."""
        axe: Any = importlib.import_module("axe_playwright_python.sync_playwright")  # only where a browser is; it ships no types
        found = axe.Axe().run(self.page, options=RULES).response["violations"]
        return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]

    def check(self, name: str) -> None:
        """Nothing for axe to say, nothing on the console, nothing wider than the window; also with everything unfolded."""
        self.page.locator("main").wait_for()
        self.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        self.page.wait_for_timeout(50)
        folder = os.environ.get("NOABER_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

        found = self.violations()
        assert not found, f"{name}: {found}"
        assert not self.console, f"{name}: {self.console}"
        assert wide <= 0, f"{name} is {wide} pixels too wide"


@contextmanager
def reading(browser: Any, viewer: Viewer, **window: Any) -> Iterator[Reader]:
    """A fresh window, Dutch unless said otherwise, of the size of a small desktop."""
    context = browser.new_context(**({"locale": "nl-NL", "viewport": {"width": 1366, "height": 768}} | window))
    reader = Reader(context.new_page(), viewer)
    reader.page.on("console", lambda message: reader.console.append(message.text))
    reader.page.on("pageerror", lambda failure: reader.console.append(str(failure)))
    try:
        yield reader
    finally:
        context.close()
