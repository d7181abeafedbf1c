"""The planners' page in a browser, on a phone and on a desk: from one tap to somebody who arrived, with nothing for axe, the console or the edge of the screen."""

import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from accord.review.entering import Sessions
from accord.review.reviewers import Reviewers, entry_of, fresh_code
from accord.review.words import Language
from accord.rules.placing.provider import At, Leg
from accord.terms.placing import Chosen, HandedOver, Introduced, Reminded, Told
from node_agent.places.page_serving import Whose, make_places_site
from node_agent.places.page_words import PAGE, STANDINGS
from testbed.fhir_server_serving import serving
from tests.node_agent.places_world import DINA, PROVIDER, World, provider_with_places

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or ""
CODE: Final = fresh_code()
_NARRATIVE: Final = (
    "<div><p>Graag bij <b>Ria</b> in de buurt.</p><table><tr><th>Middel</th><th>Dosis</th></tr><tr><td>Metoprolol</td><td>50 mg</td></tr></table></div>"
)
#: How far the page is scrolled, where what came of a tap begins and ends, and where the title of the second service begins.
WHERE: Final = """() => {
  const note = document.querySelector("main > .note.good").getBoundingClientRect();
  return [scrollY, note.top, note.bottom, document.querySelector("#h-s2").getBoundingClientRect().top];
}"""
BUNDLE: Final = msgspec.json.encode({
    "resourceType": "Bundle",
    "entry": [
        {"resource": {"resourceType": "Composition", "title": "Overdracht", "section": [
            {"title": "Wensen", "text": {"div": _NARRATIVE}},
            {"title": "Wonden", "text": {"div": "<div>" + "Kniewond, droog, om de dag verbinden. " * 12 + "</div>"}},
        ]}},
        {"resource": {"resourceType": "MedicationRequest"}},
    ],
})  # fmt: skip


@asynccontextmanager
async def provider(folder: Path) -> AsyncIterator[tuple[str, World]]:
    """The page of a provider at an address of its own."""
    async with provider_with_places(folder) as world:
        people = folder / "planners.toml"
        people.write_text(entry_of("planner-1", "Ans Planner", CODE, table="planner"), encoding="utf-8")
        sessions = Sessions(Reviewers(people, table="planner"))
        site = make_places_site(world.places.planning, sessions, Whose("Zorghuis 't Weefgetouw", PROVIDER), secure=False, now=world.clock)
        async with serving(site) as base:
            yield base, world


@dataclass
class Planner:
    """Somebody at the page; *portal* leads to the provider's own loop."""

    page: Any
    base: str
    world: World
    portal: BlockingPortal
    language: Language
    heard: list[str]
    found: dict[str, object]
    size: str

    def words(self, name: str) -> str:
        """A word of the page."""
        return PAGE[name].in_language(self.language)

    def say(self, *letters: Any) -> None:
        """The hospital says something about its request."""
        self.portal.call(lambda: self.world.say("r1", *letters))

    def leg(self) -> Leg:
        """The request, as it is kept."""
        return self.portal.call(self.world.places.planning.leg, self.world.ref("r1"))

    def look(self, name: str, there: str) -> None:
        """What axe finds here, and whether anything is wider than the screen.

        *there* is on this page and not on the one before it: after a click there is a moment without any document to look at.
        """
        self.page.locator(there).first.wait_for()
        self.page.wait_for_load_state()
        axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        wrong = [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in axe.Axe().run(self.page).response["violations"]]
        if wrong or wide > 0:
            self.found[name] = (wrong, wide)
        if folder := os.environ.get("NOABER_PICTURES"):
            self.page.screenshot(path=f"{folder}/{name}-{self.language}-{self.size}.png", full_page=True)

    def waits(self, selector: str, text: str) -> None:
        """Wait until the page says so."""
        self.page.locator(selector).filter(has_text=text).first.wait_for()


@contextmanager
def planner(folder: Path, language: Language, size: tuple[int, int]) -> Iterator[Planner]:
    """A browser at the login of the page."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not _CHROMIUM:
        pytest.skip("no chromium on this machine")
    width, height = size
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(provider(folder)) as (base, world), sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(bypass_csp=False, viewport={"width": width, "height": height}).new_page()
        heard: list[str] = []
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.goto(f"{base}/login?lang={language}")
        yield Planner(page, base, world, portal, language, heard, {}, f"{width}")
        browser.close()


def counts_undoes_and_stops(planner: Planner) -> None:
    """The page of places: each of it one tap."""
    page = planner.page
    page.fill("#code", CODE)
    page.click("main button")
    page.locator("#s1 button.step").nth(1).click()
    planner.waits("#s1 .now strong", "1")
    page.locator("#s1 button.step").nth(1).click()
    planner.waits("#s1 .now strong", "2")
    page.locator("#s1 button.step").nth(0).click()
    planner.waits("#s1 .now strong", "1")
    page.locator("#s1 button.halt").click()
    planner.waits("#s1 .stop", planner.words("stopped"))
    planner.look("stopped", "#s1 .stop")
    page.locator("#s1 .stop button").click()
    page.locator("#s1 button.halt").wait_for()
    for number in ("2", "3", "4"):
        page.locator("#s1 button.step").nth(1).click()
        planner.waits("#s1 .now strong", number)
    planner.look("places", "#s1 button.halt")


def accepts_in_part(planner: Planner) -> None:
    """From the inbox, which fills by itself, to an offer of three of four."""
    page, world = planner.page, planner.world
    planner.say(world.hospital.asked(opening="elv", amount=4), Reminded())
    page.locator("nav .badge").wait_for()
    page.locator("nav a").nth(1).click()
    planner.waits(".legs .alarm", "Dinkelhorst")
    planner.look("inbox", ".legs .alarm")
    page.locator(".legs a").first.click()
    planner.look("request", "#part summary")
    page.locator("#part summary").click()
    page.fill("#part-amount", "3")
    page.fill("#part-words", "Vanaf donderdag drie plekken.")
    page.locator("#part button").click()
    planner.waits(".standing strong", STANDINGS[At.OFFERED].in_language(planner.language))


def reads_who_comes(planner: Planner) -> None:
    """The grant, who it is and the handover come by themselves."""
    page, leg = planner.page, planner.leg()
    planner.say(Chosen(leg.number), Introduced(DINA, "verwijzing"), Told("Mevrouw komt om tien uur."), HandedOver(1, 1, sha256(BUNDLE).digest(), BUNDLE))
    planner.waits(".who", DINA.name)
    planner.look("granted", ".who")
    page.get_by_role("link", name=planner.words("handover_read")).click()
    planner.waits(".handover", "Graag bij Ria")
    planner.look("handover", ".handover")
    page.locator("a.back").click()
    page.locator("#arrive summary").click()
    planner.look("arrives-early", "#arrive[open] button")
    page.get_by_role("button", name=planner.words("arrive_early_do")).click()
    planner.waits(".standing strong", STANDINGS[At.ARRIVED].in_language(planner.language))
    planner.look("arrived", ".standing.at-arrived")


@pytest.mark.parametrize(("language", "size"), [("nl", (390, 844)), ("nl", (1366, 768)), ("en", (390, 844))])
def test_a_planner_counts_undoes_stops_accepts_in_part_reads_and_sees_somebody_arrive(tmp_path: Path, language: Language, size: tuple[int, int]) -> None:
    with planner(tmp_path, language, size) as one:
        one.look("login", "#code")
        counts_undoes_and_stops(one)
        accepts_in_part(one)
        reads_who_comes(one)
        leg, title = one.leg(), one.page.title()

    assert leg.at is At.ARRIVED
    assert leg.offer is not None
    assert leg.offer.terms.amount == 3
    assert not re.search(f"{DINA.name}|{DINA.bsn}", title)
    assert one.found == {}
    assert one.heard == []


def test_what_came_of_a_tap_far_down_is_in_view_and_hides_nothing_that_was_tapped(tmp_path: Path) -> None:
    with planner(tmp_path, "nl", (390, 560)) as one:
        one.page.fill("#code", CODE)
        one.page.click("main button")
        one.page.locator("#s2 button.step").nth(1).click()
        one.waits("#s2 .now strong", "1")
        one.page.wait_for_load_state()
        # At one moment: the page fetches itself anew now and then.
        scrolled, top, bottom, title = one.page.evaluate(WHERE)
        one.look("noted", "main > .note.good")

    assert scrolled > 0
    assert 0 <= top < bottom <= title < 560
    assert one.found == {}


def test_two_planners_see_each_others_taps_without_a_tap_of_their_own(tmp_path: Path) -> None:
    with planner(tmp_path, "nl", (390, 844)) as one:
        one.page.fill("#code", CODE)
        one.page.click("main button")
        one.page.locator("#s1 button.step").nth(1).click()
        one.waits("#s1 .now strong", "1")
        one.portal.call(one.world.places.planning.count, "elv", 5, "planner-2")
        one.waits("#s1 .now strong", "5")

    assert one.heard == []
