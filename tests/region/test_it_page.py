"""The page for IT of running agents, in a browser: what was asked, refused, tried and paused stands on it, and nobody's identity."""

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from accord.review.reviewers import entry_of, fresh_code
from accord.terms.answers import Ending
from node_agent.control import Request, ask_agent
from testbed.faults import FaultKind
from testbed.free_ports import free_port
from testbed.people import BENNIE, DINA
from testbed.region import BlockingRegion

pytestmark = pytest.mark.slow

CODE = fresh_code()
LIVE, IN_SHADOW = "dinkelhorst", "brinkhof"
HOLDERS = (LIVE, IN_SHADOW)
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


class Watched:
    """A region under questions, with a page for IT at each holder."""

    def __init__(self, region: BlockingRegion, ports: dict[str, int], folder: Path) -> None:
        self.region = region
        self.ports = ports
        self.folder = folder
        self._clients: dict[str, httpx2.Client] = {}

    def close(self) -> None:
        """They leave."""
        for client in self._clients.values():
            client.close()

    def client(self, holder: str) -> httpx2.Client:
        """Somebody of IT, logged in."""
        if holder not in self._clients:
            client = self._clients[holder] = httpx2.Client(base_url=f"http://127.0.0.1:{self.ports[holder]}", timeout=60)
            assert client.post("/login", data={"code": CODE}).status_code == 303
        return self._clients[holder]

    def data(self, holder: str, query: str = "period=day") -> dict[str, Any]:
        """The twin of the page."""
        told: dict[str, Any] = self.client(holder).get(f"/data?{query}").json()
        return told

    def readiness(self, holder: str) -> httpx2.Response:
        """What machines see."""
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(self.folder / holder)), base_url="http://agent") as client:
            return client.get("/readyz")

    def control(self, holder: str) -> Path:
        """Where it is paused."""
        return self.region.files[holder].agent / "journal.control"


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with tempfile.TemporaryDirectory(prefix="n-") as made:
        folder, ports = Path(made), {name: free_port() for name in HOLDERS}
        people = folder / "it.toml"
        people.write_text(entry_of("it-1", "Wim Beheer", CODE, table="person"), encoding="utf-8")
        more: dict[str, dict[str, dict[str, Any]]] = {
            name: {
                "it": {"listen": f"127.0.0.1:{port}", "people": str(people)},
                "ops": {"listen": f"unix:{folder}/{name}"},
                "source": {"per_second": 40.0},
            }
            for name, port in ports.items()
        }
        more[IN_SHADOW]["holder"] = {"shadow": True}
        with BlockingRegion.start(story=False, holders=HOLDERS, people=40, more=more, seconds=30.0, patient=True) as region:
            for bsn in (DINA.bsn, BENNIE.bsn, DINA.bsn):
                region.ask(bsn)
            watching = Watched(region, ports, folder)
            yield watching
            watching.close()


def test_p6_what_it_reads_of_a_region_that_was_asked_names_no_patient(watched: Watched) -> None:
    until = time.monotonic() + 60
    while not (tried := watched.data(IN_SHADOW))["shadow"]["would_leave"] and time.monotonic() < until:
        time.sleep(0.2)
    while (told := watched.data(LIVE))["endings"].get("answered", 0) < 2 and time.monotonic() < until:
        time.sleep(0.2)

    assert told["endings"]["answered"] >= 2
    assert told["released"]["records"] > 0
    assert told["standing"]["reasons"] == []
    assert 0 < told["cost"]["most_at_once"] <= 4
    assert told["cost"]["kinds"]
    assert tried["shadow"]["would_leave"]
    assert tried["released"]["records"] == 0
    records = [json.loads(record) for holder in HOLDERS for record in watched.region.generated.records_at(holder)]
    names = {name["family"] for record in records for name in record.get("name", []) if isinstance(name, dict) and len(name.get("family", "")) > 5}
    marks = {line.split('"patient":"')[1][:64] for holder in HOLDERS for line in journal_text(watched, holder) if '"patient":"' in line}
    for holder in HOLDERS:
        page = watched.client(holder).get("/?lang=nl&period=week").text
        for text in (page, json.dumps(watched.data(holder))):
            assert [secret for secret in (DINA.bsn, BENNIE.bsn, *names, *(mark for mark in marks if mark)) if secret in text] == []


def journal_text(watched: Watched, holder: str) -> list[str]:
    """The whole lines of a journal, as they stand there, with their content made readable: one may just be written."""
    folder = watched.region.files[holder].agent / "journal"
    return [
        line.replace('\\"', '"')
        for path in folder.glob("*.journal")
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True)
        if line.endswith("\n")
    ]


def test_p8_an_agent_that_somebody_paused_stays_within_reach_and_says_so_everywhere(watched: Watched) -> None:
    region = watched.region
    ask_agent(watched.control(LIVE), Request("pause", "onderhoud van het EPD"))
    try:
        region.settle(LIVE, frozenset({Ending.PAUSED}))
        ready, data = watched.readiness(LIVE), watched.data(LIVE)
        in_shadow = watched.readiness(IN_SHADOW)
        until = time.monotonic() + 60
        while not (line := region.ask(DINA.bsn).holders[LIVE]).paused_since_ms and time.monotonic() < until:
            time.sleep(0.1)
        found = httpx2.post(
            f"{region.fhir_url}/Patient/_search",
            data={"identifier": f"http://fhir.nl/fhir/NamingSystem/bsn|{DINA.bsn}"},
            headers={"authorization": f"Bearer {region.token}", "accept-language": "nl"},
            timeout=60,
        )
    finally:
        ask_agent(watched.control(LIVE), Request("resume"))

    # A machine that took a paused agent out of reach would make "unreachable" of it.
    assert (ready.status_code, in_shadow.status_code) == (200, 200)
    assert "paused" in {one["code"] for one in ready.json()["organisations"][LIVE]["warnings"]}
    assert "shadow" in {one["code"] for one in in_shadow.json()["organisations"][IN_SHADOW]["warnings"]}
    assert (data["standing"]["paused"], data["standing"]["reason"]) == (True, "onderhoud van het EPD")
    assert (line.ending, line.code) == (Ending.PAUSED, "paused")
    assert line.paused_since_ms
    # In FHIR too it is told in words; why it was paused is for the holder's own people.
    assert "Gepauzeerd door de instelling sinds" in found.text, found.text[:2000]
    assert "onderhoud" not in found.text


def test_p11_a_source_that_stands_still_holds_up_no_pause(watched: Watched) -> None:
    """The promise itself: a real server that gives no answer, a real agent, and our own command."""
    region = watched.region
    region.settle(LIVE)
    region.fault(LIVE, FaultKind.SLOW, seconds=60)
    ended: list[float] = []

    def ask() -> Any:
        line = region.ask(DINA.bsn, holders=[LIVE], seconds=50).holders[LIVE]
        ended.append(time.monotonic())
        return line

    try:
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(ask)
            threading.Event().wait(2.0)  # until it stands still; if it does not yet, it is no less paused
            ask_agent(watched.control(LIVE), Request("pause"))
            paused = time.monotonic()
            line = asking.result()
    finally:
        ask_agent(watched.control(LIVE), Request("resume"))
        region.heal(LIVE)
    print(f"ended {ended[0] - paused:.2f} s after the pause")  # noqa: T201 - for who measures

    assert (line.ending, line.records) == (Ending.PAUSED, 0)
    assert ended[0] - paused <= 5.0


@pytest.mark.e2e
@pytest.mark.parametrize(("holder", "language", "width"), [(LIVE, "nl", 1100), (LIVE, "en", 320), (IN_SHADOW, "en", 1100), (IN_SHADOW, "nl", 320)])
def test_axe_finds_nothing_on_the_page_of_a_running_agent(watched: Watched, holder: str, language: str, width: int) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    if not _CHROMIUM:
        pytest.skip("no chromium on this machine")
    base = f"http://127.0.0.1:{watched.ports[holder]}"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(bypass_csp=False, java_script_enabled=True, viewport={"width": width, "height": 1400}).new_page()
        heard: list[str] = []
        page.on("console", lambda message: heard.append(message.text))
        page.goto(f"{base}/login?lang={language}")
        page.fill("#code", CODE)
        page.click("main button")
        page.wait_for_url(lambda url: "/login" not in url)
        page.goto(f"{base}/?lang={language}&period=week")
        found = axe.Axe().run(page).response["violations"]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if folder := os.environ.get("NOABER_PICTURES"):
            page.screenshot(path=f"{folder}/it-{holder}-{language}-{width}.png", full_page=True)
        browser.close()

    assert found == []
    assert heard == []
    assert wide <= 0
