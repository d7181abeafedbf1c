"""The pages and the demo's login provider in one process, and a browser of sorts that knows both."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest

from gateway.patient.app import make_patient_app
from gateway.patient.login import Login, LoginSettings
from gateway.patient.settings import PatientSettings
from testbed.login_provider import DemoLogin
from testbed.login_walk import log_in
from tests.gateway.patient.fake_region import Clock, FakeRegion, dinas_region

PAGES = "https://mijn.example"
ISSUER = "https://login.example"
CLIENT = "noaber-pages"
CONFIRM_CLIENT = "noaber-choices"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Kit:
    """One visitor and everything around them."""

    region: FakeRegion
    provider: DemoLogin
    clock: Clock
    browser: httpx2.AsyncClient
    network: httpx2.AsyncClient
    shown: list[str] = field(repr=False)
    last: str = field(default="", repr=False)

    async def get(self, path: str, **more: object) -> httpx2.Response:
        """Look at a page."""
        answer = await self.browser.get(f"{PAGES}{path}", **more)  # type: ignore[arg-type]
        self.last = answer.text
        return answer

    async def post(self, path: str, **form: str) -> httpx2.Response:
        """Post with the token of the page that was shown last; redirects inside the pages are followed."""
        token = _CSRF.search(self.last)
        answer = await self.browser.post(f"{PAGES}{path}", data={"csrf": token[1] if token else ""} | form)
        while answer.is_redirect and answer.headers["location"].startswith("/"):
            answer = await self.browser.get(f"{PAGES}{answer.headers['location']}")
        if not answer.is_redirect:
            self.last = answer.text
        return answer

    async def through_login(self, answer: httpx2.Response, person: str) -> httpx2.Response:
        """From a redirect to the provider to the page that one comes back to."""
        back = await log_in(self.browser, answer.headers["location"], person)
        answer = await self.browser.get(back)
        while answer.is_redirect:
            answer = await self.browser.get(httpx2.URL(back).join(answer.headers["location"]))
        self.last = answer.text
        return answer

    async def enter(self, person: str = "dina") -> httpx2.Response:
        """Log in, and arrive."""
        await self.get("/")
        return await self.through_login(await self.post("/inloggen"), person)

    async def stop_home_care(self) -> httpx2.Response:
        """Up to the page that shows what changes."""
        await self.get("/keuzes")
        await self.post("/keuzes", subject="looks:home-care")
        return await self.post("/keuzes/kiezen", overall="objects")


def says(answer: httpx2.Response, text: str) -> bool:
    """Whether the page says so, whatever the markup around it."""
    return text in re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text).replace("&#39;", "'"))


@asynccontextmanager
async def running_pages(*, confirm_client_id: str = CONFIRM_CLIENT, secret: str = "", confirm_secret: str = "") -> AsyncIterator[Kit]:
    """The pages of a region whose provider has these clients."""
    clock = Clock()
    clients = dict.fromkeys((CLIENT, CONFIRM_CLIENT), (f"{PAGES}/terug",))
    provider = DemoLogin(ISSUER, clients, confirming={CONFIRM_CLIENT}, clock=clock)
    registered = provider.registered(CLIENT, confirm_client_id)
    region = dinas_region(registered, clock)
    shown: list[str] = []

    async def note_secret(request: httpx2.Request) -> None:
        shown.extend([request.headers["authorization"]] if "authorization" in request.headers else [])

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=provider.app), event_hooks={"request": [note_secret]}) as network:
        login = Login(LoginSettings(registered, f"{PAGES}/terug", secret=secret, confirm_secret=confirm_secret), network, clock)
        app = make_patient_app(region, PatientSettings(PAGES), login, clock=clock)
        mounts = {ISSUER: httpx2.ASGITransport(app=provider.app)}
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), mounts=mounts) as browser:
            yield Kit(region, provider, clock, browser, network, shown)


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    async with running_pages() as kit:
        yield kit
