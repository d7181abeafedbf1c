"""A planner at a real browser of telephone size, and how whoever walks through pages waits for what shall be on them."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from node_agent.places.page_words import GOOD_NOTES
from testbed.places_files import CODE
from testbed.planner_page import note_in
from testbed.region_places import PlacesRegion

LONGEST_MS: Final = 30_000
_PHONE: Final = {"width": 390, "height": 844}


@contextmanager
def planning(region: PlacesRegion, browser: Any, provider: str) -> Iterator[Any]:
    """A planner of a provider, logged in on a telephone."""
    window = browser.new_context(locale="nl-NL", viewport=_PHONE, has_touch=True, is_mobile=True)
    try:
        page = window.new_page()
        page.goto(f"{region.files[provider].planners_url}/login?lang=nl")
        page.fill("input[name=code]", CODE)
        page.locator("form[action^='/login'] button").click()
        # Not before the answer is there: whoever goes on breaks off what is under way.
        page.wait_for_url(lambda url: "/login" not in url)
        yield page
    finally:
        window.close()


def first_request(planner: Any) -> None:
    """Open the newest request of the inbox, once it is there."""
    origin = origin_of(planner)
    until_there(planner, f"{origin}/requests?lang=nl", "a[href^='/requests/']")
    planner.locator("a[href^='/requests/']").first.click()
    planner.wait_for_url(re.compile(r"/requests/\d+/"))


def unfold(planner: Any, details: str) -> None:
    """Open one of the answers. The page may bring itself up to date under a hand that is as quick as this one: then it is tapped again."""
    until = time.monotonic() + LONGEST_MS / 1000
    while not planner.locator(f"{details}[open]").count():
        if time.monotonic() > until:
            raise TimeoutError(f"{details} does not open")
        planner.locator(f"{details} summary").click()


def write(planner: Any, field: str, words: str) -> None:
    """Fill in a field. What is written in it is what the page has from then on."""
    until = time.monotonic() + LONGEST_MS / 1000
    while planner.input_value(field) != words:
        if time.monotonic() > until:
            raise TimeoutError(f"{field} does not keep what is written")
        planner.fill(field, words)


def until_kept(planner: Any) -> None:
    """Wait until the page says that what was tapped is kept.

    Raises:
        TimeoutError: It does not; with what it says instead.
    """
    until = time.monotonic() + LONGEST_MS / 1000
    while note_in(str(planner.url)) not in GOOD_NOTES:
        if time.monotonic() > until:
            raise TimeoutError(f"not kept: {' '.join(planner.inner_text('body').split())[:300]}")
        planner.wait_for_timeout(20)
    planner.wait_for_load_state()


def until_there(page: Any, url: str, selector: str) -> None:
    """Look at a page until something is on it: the proof is what whoever looks sees, and not how it came there."""
    until = time.monotonic() + LONGEST_MS / 1000
    page.goto(url)
    while not page.locator(selector).count():
        if time.monotonic() > until:
            raise TimeoutError(f"{selector} is not on the page")
        page.wait_for_timeout(100)
        page.goto(url)


def keep(page: Any, name: str) -> None:
    """A picture, where somebody wants pictures (`NOABER_SCREENSHOTS`)."""
    if folder := os.environ.get("NOABER_SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def origin_of(page: Any) -> str:
    """Where the site of a page is."""
    return "/".join(str(page.url).split("/")[:3])
