"""The patient's pages and the demo's login provider on loopback, and Chromium before them."""

import importlib
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Final

import httpx2
import pytest
import uvicorn
from starlette.types import ASGIApp

from gateway.patient.app import make_patient_app
from gateway.patient.login import Login, LoginSettings
from gateway.patient.settings import PatientSettings
from testbed.login_provider import DemoLogin
from tests.gateway.patient.fake_region import Clock, FakeRegion, dinas_region

CHROMIUM: Final = os.environ.get("NOABER_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"], "resultTypes": ["violations"]}
CLIENT: Final = "noaber-pages"
CONFIRM_CLIENT: Final = "noaber-choices"
#: Quiet, and alone: nothing of the browser itself goes out.
_ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass
class Pages:
    """Where the pages are, and the region behind them, fresh for each test by `again`."""

    url: str
    region: FakeRegion
    clock: Clock

    def again(self) -> None:
        """Dina's night as it was."""
        fresh = dinas_region(self.region.login, self.clock)
        self.region.holders, self.region.delivered, self.region.asked = fresh.holders, [], []


@dataclass
class Visitor:
    """A browser window: what it says on its console, and what was seen in it."""

    page: Any
    pages: Pages
    console: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a page of ours."""
        self.page.goto(f"{self.pages.url}{path}")

    def log_in(self, person: str) -> None:
        """At the provider: who, the code that is on the screen, and in."""
        self.page.locator(f'input[value="{person}"]').check()
        self.page.get_by_label("Typ de code over").fill(self.page.locator(".code").inner_text())
        self.page.get_by_role("button", name="Log in").click()

    def enter(self, person: str = "dina") -> None:
        """From the first page to the inside."""
        self.go("/")
        self.page.locator("main button.main").click()
        self.log_in(person)
        self.page.wait_for_url("**/overzicht")

    def shows(self, text: str) -> bool:
        """Whether the page says so, however it is broken into lines."""
        return text in " ".join(self.page.locator("body").inner_text().split())

    def violations(self) -> list[str]:
        """What axe finds on the page as it stands."""
        axe: Any = importlib.import_module("axe_playwright_python.sync_playwright")  # only where a browser is; it ships no types
        found = axe.Axe().run(self.page, options=RULES).response["violations"]
        return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]

    def picture(self, name: str) -> None:
        """A picture of the whole page, where `NOABER_SCREENSHOTS` says that they should be kept."""
        folder = os.environ.get("NOABER_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@contextmanager
def serving_pages() -> Iterator[Pages]:
    """Both applications, each on a port of its own."""
    clock = Clock(running=True)
    ours, theirs = _listen(), _listen()
    here, issuer = (f"http://127.0.0.1:{listener.getsockname()[1]}" for listener in (ours, theirs))
    provider = DemoLogin(issuer, dict.fromkeys((CLIENT, CONFIRM_CLIENT), (f"{here}/terug",)), confirming={CONFIRM_CLIENT}, clock=clock)
    registered = provider.registered(CLIENT, CONFIRM_CLIENT)
    region = dinas_region(registered, clock)
    login = Login(LoginSettings(registered, f"{here}/terug"), httpx2.AsyncClient(limits=httpx2.Limits(max_keepalive_connections=0)), clock)
    app = make_patient_app(region, PatientSettings(here), login, clock=clock)
    with _served(app, ours), _served(provider.app, theirs):
        yield Pages(here, region, clock)


@contextmanager
def browsing() -> Iterator[Any]:
    """Chromium, or a skip that says what is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="the pages are tried in a browser with playwright (extra `e2e`)")
    pytest.importorskip("axe_playwright_python.sync_playwright", reason="accessibility is tried with axe-playwright-python (extra `e2e`)")
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium here: install the package chromium, or name one in NOABER_CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visiting(browser: Any, pages: Pages, **window: Any) -> Iterator[Visitor]:
    """A fresh window, Dutch unless said otherwise; nothing may be said on its console."""
    context = browser.new_context(**({"locale": "nl-NL", "viewport": {"width": 900, "height": 1000}} | window))
    visitor = Visitor(context.new_page(), pages)
    visitor.page.on("console", lambda message: visitor.console.append(message.text))
    visitor.page.on("pageerror", lambda failure: visitor.console.append(str(failure)))
    try:
        yield visitor
    finally:
        context.close()


def _listen() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


@contextmanager
def _served(app: ASGIApp, listener: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none", loop="asyncio", timeout_graceful_shutdown=2))
    listener.listen()
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
