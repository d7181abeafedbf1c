"""A clinician's browser that keeps time: when the first section and when all of it was on the screen, and how long the page did not react."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benches.records import BSN
from testbed.browsing import NoBrowser, chromium

#: Runs before any script of a page. What was drawn is on the screen with the frame after it.
_WATCH = """(() => {
  const times = {first: 0, heard: 0, complete: 0, tasks: [], asked: ""};
  window.noaberTimes = times;
  const drawn = (name) => requestAnimationFrame(() => setTimeout(() => { times[name] = performance.timeOrigin + performance.now(); }, 0));
  const seen = new Set();
  const once = (name, holds) => { if (!seen.has(name) && holds()) { seen.add(name); drawn(name); } };
  const look = () => {
    once("first", () => document.querySelector(".block .item"));
    once("heard", () => times.asked && (document.querySelector("#heard summary") || {innerText: ""}).innerText.includes(times.asked));
    once("complete", () => document.querySelector("main[data-complete]"));
  };
  times.look = look;
  new MutationObserver(look).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ["data-complete"]});
  new PerformanceObserver((list) => list.getEntries().forEach((task) => times.tasks.push(task.duration))).observe({type: "longtask", buffered: true});
})();"""
#: Two frames: whatever was to be done for them is done, and a task that was long is told.
_DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 60))))"
_LONGEST_MS = 60_000


@dataclass(slots=True)
class Screen:
    """One tab. `clicked` is when the dossier was asked for, in seconds of the clock on the wall, as all times here."""

    page: Any
    url: str
    root: str = ""
    clicked: float = 0.0

    def open(self) -> None:
        """Open a dossier from the demonstration's form."""
        self.page.goto(f"{self.url}/")
        self.page.locator("input[name=bsn]").fill(BSN.value)
        self.clicked = float(self.page.evaluate("() => performance.timeOrigin + performance.now()")) / 1000
        self.page.locator("main button.main").click(no_wait_after=True)
        self.page.wait_for_url("**/d/**", wait_until="commit")
        self.page.locator("main[data-stream]").wait_for()
        self.root = self.page.url

    def wait_for(self, name: str) -> float:
        """When something was on the screen: `first`, `heard` or `complete`."""
        self.page.wait_for_function(f"() => window.noaberTimes && noaberTimes.{name} > 0", timeout=_LONGEST_MS, polling=20)
        return float(self.page.evaluate(f"() => noaberTimes.{name}")) / 1000

    def wait_for_heard(self, words: str) -> float:
        """When the page said that so many were heard."""
        self.page.evaluate("words => { noaberTimes.asked = words; noaberTimes.look(); }", words)
        return self.wait_for("heard")

    def go(self, path: str) -> float:
        """Another page of the dossier; the milliseconds that the server took for it."""
        self.page.goto(f"{self.root}{path}")
        self.settle()
        return float(self.page.evaluate("() => { const [one] = performance.getEntriesByType('navigation'); return one.responseEnd - one.requestStart; }"))

    def settle(self) -> None:
        """Wait until all is drawn."""
        self.page.evaluate(_DRAWN)

    @property
    def longest(self) -> float:
        """The longest task of this page so far, in milliseconds; 0 where none took 50."""
        return float(self.page.evaluate("() => Math.max(0, ...noaberTimes.tasks)"))


@contextmanager
def screen(url: str) -> Iterator[Screen]:
    """A browser with one tab.

    Raises:
        SystemExit: There is no browser here: nothing is measured.
    """
    try:
        with chromium() as browser:
            window = browser.new_context(locale="nl-NL", viewport={"width": 1366, "height": 768})
            window.add_init_script(_WATCH)
            yield Screen(window.new_page(), url)
    except NoBrowser as missing:
        raise SystemExit(f"nothing was measured: {missing}") from None
