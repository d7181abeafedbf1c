"""The viewer and a small health record in one process, a region that answers as it is told, and a browser of sorts that knows both."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape

import anyio
import httpx2
import pytest
from anyio.abc import TaskGroup

from accord.terms.evidence import TreatmentBasis
from accord.terms.parties import Professional
from accord.terms.policies import EmergencyPolicy
from gateway.pages.addresses import PublicAddress
from gateway.pages.templates import make_templates
from gateway.viewer.app import PAGES, make_viewer_app
from gateway.viewer.dossiers import OpenDossiers
from gateway.viewer.ehr import Ehr
from gateway.viewer.ehr_calls import EhrCalls
from gateway.viewer.paging import Page
from gateway.viewer.sessions import LoggedIn, make_sessions
from gateway.viewer.settings import ViewerSettings
from gateway.viewer.visits import PACKAGE, Desk
from testbed.ehr import TWO_FACTORS, DemoEhr
from testbed.people import DINA
from tests.gateway.viewer.fake_region import NIGHT, Clock, FakeRegion

VIEWER = "https://dossier.dinkelhorst.example"
EHR = "https://epd.dinkelhorst.example"
CLIENT = "noaber-viewer"
SECRET = "a secret of the viewer / with : marks"
GP = Professional("900000031", "01.071", "Sanne ten Esker")
POLICY = EmergencyPolicy("a decision of the region", frozenset({"01.071"}), NIGHT + timedelta(days=30))
#: Makes pages beside those of the viewer, and names the package of their templates and words.
MorePages = Callable[[TaskGroup, Clock], tuple[str, tuple[Page, ...]]]
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Kit:
    """One clinician at one browser, and everything around them."""

    region: FakeRegion
    ehr: DemoEhr
    clock: Clock
    desk: Desk
    network: "Network"
    browser: httpx2.AsyncClient
    #: Every address that the browser was sent to.
    went: list[str] = field(default_factory=list)
    last: str = field(default="", repr=False)

    async def get(self, path: str) -> httpx2.Response:
        """Look at a page, wherever it leads inside the viewer and the health record."""
        url = httpx2.URL(VIEWER).join(path)
        while True:
            self.went.append(str(url))
            answer = await self.browser.get(url)
            if not answer.is_redirect:
                break
            url = url.join(answer.headers["location"])
        # What a page began has reached the region.
        await anyio.wait_all_tasks_blocked()
        self.last = answer.text
        return answer

    async def post(self, path: str, csrf: str | None = None, **form: str) -> httpx2.Response:
        """Post with the token of the page that was shown last, and follow where it leads."""
        token = _CSRF.search(self.last)
        given = {"csrf": (token[1] if token else "") if csrf is None else csrf} | form
        answer = await self.browser.post(httpx2.URL(VIEWER).join(path), data=given)
        if answer.is_redirect:
            return await self.get(answer.headers["location"])
        self.last = answer.text
        return answer

    async def start_shift(self) -> None:
        """Log in at the health record, by two factors."""
        page = await self.browser.get(f"{EHR}/")
        transaction = re.search(r'name="transaction" value="([^"]+)"', page.text)
        assert transaction
        await self.browser.post(f"{EHR}/login", data={"transaction": transaction[1]})

    async def launch(self, patient: str = "pt-7f31c") -> httpx2.Response:
        """One click in the health record."""
        return await self.get(self.ehr.launch_of(patient))

    async def sent_back(self, patient: str = "pt-7f31c") -> str:
        """The address with a code that the health record sends the browser back to, not followed."""
        away = await self.browser.get(self.ehr.launch_of(patient))
        back = await self.browser.get(away.headers["location"])
        return str(back.headers["location"])

    @property
    def cookie(self) -> str:
        """The id of the session."""
        return next((cookie.value or "" for cookie in self.browser.cookies.jar if cookie.name == "__Host-noaber-viewer"), "")

    @property
    def dossiers(self) -> OpenDossiers:
        """All that are open."""
        return self.desk.dossiers


class Network(httpx2.AsyncBaseTransport):
    """What the viewer reaches: the health record, or what a test puts there instead. It notes every address."""

    def __init__(self, ehr: DemoEhr) -> None:
        self.called: list[str] = []
        self._ehr = httpx2.ASGITransport(app=ehr.app)
        self.instead: dict[str, httpx2.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """As transports do."""
        self.called.append(str(request.url))
        way = self.instead.get(request.url.path)
        if way is None and request.url.host != httpx2.URL(EHR).host:
            raise httpx2.ConnectError("nobody there")
        return await (way or self._ehr).handle_async_request(request)


def says(answer: httpx2.Response, text: str) -> bool:
    """Whether the page says so, whatever the markup around it."""
    return text in unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


@asynccontextmanager
async def running_viewer(
    *,
    demo: bool = False,
    ehrs: Sequence[Ehr] | None = None,
    policy: EmergencyPolicy | None = POLICY,
    dossiers: int = 32,
    seconds: float = 5.0,
    more: MorePages | None = None,
) -> AsyncIterator[Kit]:
    """The viewer as it runs, with a health record of its own; *more* makes pages of another package beside its own."""
    clock, region = Clock(), FakeRegion()
    ehr = DemoEhr(EHR, VIEWER, CLIENT, SECRET, clock=clock)
    known = Ehr(ehr.issuer, CLIENT, "Ziekenhuis Dinkelhorst", SECRET, treatment=TreatmentBasis.PRESENT, two_factors=frozenset({TWO_FACTORS}))
    network = Network(ehr)
    async with anyio.create_task_group() as tasks, httpx2.AsyncClient(transport=network) as client:
        settings = ViewerSettings(
            PublicAddress(VIEWER),
            LoggedIn(GP, TreatmentBasis.PRESENT) if demo else None,
            tuple(ehrs) if ehrs is not None else (known,),
            most_sessions=50,
            most_dossiers=dossiers,
            has_places=more is not None,
        )
        open_ones = OpenDossiers(region, tasks, settings, clock)
        sessions = make_sessions(clock, settings.most_sessions, lambda session: open_ones.close_all(session.owner))
        package, pages = more(tasks, clock) if more is not None else ("", ())
        packages = (PACKAGE, *filter(None, (package,)))
        templates = make_templates(*packages)
        desk = Desk(region, settings, open_ones, sessions, templates, clock, lambda: policy, EhrCalls(client, seconds=seconds), packages)
        mounts = {EHR: httpx2.ASGITransport(app=ehr.app)}
        app = make_viewer_app(desk, (*PAGES, *pages))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), mounts=mounts) as browser:
            yield Kit(region, ehr, clock, desk, network, browser)
        tasks.cancel_scope.cancel()


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    """Launched from the health record, and from nowhere else."""
    async with running_viewer() as made:
        await made.start_shift()
        yield made


@pytest.fixture
async def demo() -> AsyncIterator[Kit]:
    """A demonstration: whoever comes works as the professional of the settings."""
    async with running_viewer(demo=True) as made:
        yield made


async def opened(demo: Kit, bsn: str = DINA.bsn) -> httpx2.Response:
    """A dossier of the demonstration, whole."""
    await demo.get("/")
    page = await demo.post("/openen", bsn=bsn)
    await anyio.wait_all_tasks_blocked()
    return page


def failing(status: int = 503) -> httpx2.AsyncBaseTransport:
    """A way that ends in such an answer."""
    return httpx2.MockTransport(lambda _: httpx2.Response(status))


class Standing(httpx2.AsyncBaseTransport):
    """A way on which nothing ever comes back."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """As transports do, and never to the end."""
        await anyio.Event().wait()
        return httpx2.Response(200, request=request)
