"""A clinician at a browser: logs in at the health record, opens a patient with one click, and keeps what was on the screen."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from testbed.ehr_records import DOCTOR

_LONGEST_MS: Final = 30_000
#: How a page is read: as one reads it, block by block, and as it came.
_READ: Final = """() => {
  const words = (node) => (node ? node.innerText : "").split(/\\s+/).join(" ").trim();
  const item = (node) => ({text: words(node), conflict: node.matches(".conflict"), sides: [...node.querySelectorAll(".side, .sides > li")].map(words)});
  const block = (node) => ({lack: words(node.querySelector(".lack")), items: [...node.querySelectorAll(".items > li")].map(item)});
  const blocks = [...document.querySelectorAll(".block")].map((node) => [node.classList[1], block(node)]);
  const strands = [...document.querySelectorAll(".strand")].map((node) => item(node.querySelector(".conflict") || node));
  const rows = [...document.querySelectorAll("table.holders tbody tr")].map((row) => [...row.cells].map(words));
  return {
    text: words(document.body), html: document.documentElement.outerHTML, title: document.title, height: document.documentElement.scrollHeight,
    blocks: Object.fromEntries(blocks), strands, rows, strip: words(document.querySelector(".strip")), red: words(document.querySelector(".broken")),
    kept: [localStorage.length, sessionStorage.length, history.state === null ? 0 : 1], mark: window.noaberMark === true,
  };
}"""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a block or a section; of a conflict, its sides."""

    text: str
    conflict: bool
    sides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the emergency screen: who is not heard for it, and what is in it."""

    lack: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """What was on the screen at a moment, so many seconds after the click that opened it.

    `is_same` says that it is the page that was marked: it was not loaded anew. `kept` counts what the browser keeps of it.
    """

    url: str
    seconds: float
    text: str
    html: str
    title: str
    height: int
    blocks: Mapping[str, Block]
    strands: tuple[Item, ...]
    rows: tuple[tuple[str, ...], ...]
    strip: str
    red: str
    kept: int
    is_same: bool

    @property
    def is_complete(self) -> bool:
        """Whether nothing more comes."""
        return "data-complete" in self.html


@dataclass(slots=True)
class Opened:
    """A dossier in a tab of its own."""

    page: Any
    clicked: float
    root: str = ""

    def look(self) -> Look:
        """What is there now."""
        read, seconds = self.page.evaluate(_READ), time.monotonic() - self.clicked
        return Look(
            self.page.url, seconds, read["text"], read["html"], read["title"], read["height"],
            {name: Block(block["lack"], tuple(map(_item, block["items"]))) for name, block in read["blocks"].items()},
            tuple(map(_item, read["strands"])), tuple(map(tuple, read["rows"])), read["strip"], read["red"], sum(read["kept"]), read["mark"],
        )  # fmt: skip

    def wait_until(self, seconds: float, holds: Callable[[Look], bool]) -> Look:
        """The first look at which something holds, or else the last one before so many seconds after the click."""
        seen = self.look()
        while not holds(seen):
            self.page.wait_for_timeout(30)
            now = self.look()
            if now.seconds > seconds:
                return seen
            seen = now
        return seen

    def mark(self) -> None:
        """Mark the page: after it was loaded anew, the mark is gone."""
        self.page.evaluate("() => { window.noaberMark = true; }")

    def filled(self) -> Look:
        """The page when nothing more comes."""
        self.page.locator("main[data-complete]").wait_for(timeout=_LONGEST_MS)
        return self.look()

    def go(self, path: str) -> Look:
        """Another page of the same dossier."""
        self.page.goto(f"{self.root}{path}")
        return self.look()

    def keep(self, name: str) -> None:
        """A picture, where somebody wants pictures (`NOABER_SCREENSHOTS`)."""
        if folder := os.environ.get("NOABER_SCREENSHOTS"):
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


@dataclass(slots=True)
class Clinician:
    """Somebody at work: where their browser went, which pages it showed them, and what it said on its console."""

    window: Any
    worklist: Any
    went: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def open(self, patient: int) -> Opened:
        """Press the one button of tonight's first or second patient, and be where it leads."""
        button = self.worklist.locator("a.button").nth(patient)
        with self.window.expect_page() as tab:
            clicked = time.monotonic()
            button.click()
        opened = Opened(tab.value, clicked)
        opened.page.wait_for_url("**/d/**", wait_until="commit")
        opened.page.locator("main").wait_for()
        opened.mark()
        opened.root = opened.page.url
        return opened

    def break_the_glass(self, opened: Opened, reason: str) -> Opened:
        """From the link at the top of the dossier: the reason, and the button."""
        page = opened.page
        page.locator("a.glass-link").click()
        page.locator(f"input[value={reason}]").check()
        clicked = time.monotonic()
        page.locator("form.glass button").click()
        page.locator("p.broken").wait_for()
        return Opened(page, clicked, page.url)


@contextmanager
def at_work(browser: Any, ehr_url: str, who: str = DOCTOR) -> Iterator[Clinician]:
    """A window in which somebody of the staff has logged in at the health record, and sees their patients."""
    window = browser.new_context(locale="nl-NL", viewport={"width": 1366, "height": 768})
    clinician = Clinician(window, window.new_page())
    window.on("request", lambda request: clinician.went.append(request.url))
    window.on("console", lambda message: clinician.console.append(message.text))
    window.on("page", lambda page: page.on("framenavigated", lambda frame: clinician.shown.append(frame.url)))
    try:
        clinician.worklist.goto(f"{ehr_url}/")
        clinician.worklist.locator(f"button[value='{who}']").click()
        clinician.worklist.locator("a.button").first.wait_for()
        yield clinician
    finally:
        window.close()


def named_in(look: Look, title: str, disguises: Sequence[tuple[str, str]]) -> list[str]:
    """Every smallest piece of a page that names a holder, with the name and what else is its own put in disguise."""
    pieces = [piece for piece in _pieces(look.html) if title in piece]
    for own, disguise in ((title, "NAME"), *disguises):
        pieces = [piece.replace(own, disguise) for piece in pieces]
    return pieces


def _pieces(html: str) -> Iterator[str]:
    for end in ("</li>", "</tr>", "</option>"):
        for part in html.split(end)[:-1]:
            start = max(part.rfind(f"<{end[2:-1]} "), part.rfind(f"<{end[2:-1]}>"))
            if start >= 0:
                yield part[start:]


def _item(read: Mapping[str, Any]) -> Item:
    return Item(read["text"], read["conflict"], tuple(read["sides"]))
