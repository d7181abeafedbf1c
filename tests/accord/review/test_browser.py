"""The review page in a browser: nothing for axe to find, nothing in the console, and it works without scripts."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request

from accord.review.page import make_review_app
from accord.review.queue import Reviewer
from accord.review.words import PAGE
from tests.accord.review.memory_queue import BUDGET, EMERGENCY, FINDING, OFFICER, OWN, MemoryQueue

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


@contextmanager
def served(queue: MemoryQueue) -> Iterator[str]:
    """The page on a port of its own."""

    async def reviewer_of(_request: Request) -> Reviewer | None:
        return OFFICER

    app = make_review_app(queue, reviewer_of, key=bytes(32))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 60
        while not server.started and time.monotonic() < until:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def page() -> Iterator[Any]:
    """A page in a browser without scripts of its own; what it says in its console is in `page.heard`."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not _CHROMIUM:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        # axe is put into the page by the test, which our policy forbids to everybody else.
        page = browser.new_context(bypass_csp=False, locale="nl-NL", viewport={"width": 900, "height": 1200}).new_page()
        page.heard = []
        page.on("console", lambda message: page.heard.append(message.text))
        page.on("pageerror", lambda error: page.heard.append(str(error)))
        yield page
        browser.close()


def violations(page: Any) -> list[str]:
    """What axe finds."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    return [f"{found['id']}: {found['help']}" for found in axe.Axe().run(page).response["violations"]]


def test_the_list_has_no_axe_violations_and_says_nothing_in_the_console(page: Any) -> None:
    with served(MemoryQueue(EMERGENCY, BUDGET, FINDING, OWN)) as address:
        found = {}
        for path in ("/", "/?lang=en", "/?note=done", "/nowhere"):
            page.goto(address + path)
            found[path] = violations(page)

    assert found == {"/": [], "/?lang=en": [], "/?note=done": [], "/nowhere": []}
    assert [text for text in page.heard if "404" not in text] == []


def test_a_reviewer_marks_one_with_the_keyboard_alone(page: Any) -> None:
    queue = MemoryQueue(EMERGENCY, BUDGET)
    with served(queue) as address:
        page.goto(address)
        page.get_by_label(PAGE["remark"].nl).first.focus()
        page.keyboard.type("Terecht, met de arts besproken.")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("status").wait_for()
        said = page.get_by_role("status").inner_text()
        left = page.get_by_role("article").count()

    assert (said, left) == (PAGE["done"].nl, 1)
    assert [marked[:3] for marked in queue.marked] == [("e-1", "officer-1", "Terecht, met de arts besproken.")]
    assert page.heard == []


def test_a_remark_that_cannot_be_taken_stays_where_it_was_typed(page: Any) -> None:
    queue = MemoryQueue(EMERGENCY, BUDGET)
    with served(queue) as address:
        page.goto(address)
        page.get_by_label(PAGE["remark"].nl).first.fill(" \n ")
        page.get_by_role("button", name=PAGE["mark"].nl).first.click()
        page.get_by_text(PAGE["remark_needed"].nl).wait_for()
        found = violations(page)

    assert (found, queue.marked) == ([], [])


def test_a_narrow_screen_shows_everything_without_scrolling_sideways(page: Any) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    with served(MemoryQueue(EMERGENCY, BUDGET, FINDING)) as address:
        page.goto(address)

        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        assert violations(page) == []
