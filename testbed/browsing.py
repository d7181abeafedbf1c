"""Chromium without a screen, for whoever checks what people see; it needs the extra `e2e` and a Chromium on this machine.

NoBrowser       there is none here, and what is missing
"""

import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

#: Quiet, and alone: nothing of the browser itself goes out.
_ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update", "--disable-sync")


class NoBrowser(Exception):
    """There is no browser here."""


@contextmanager
def chromium(*arguments: str) -> Iterator[Any]:
    """A browser of Playwright's. It must be used in the thread that made it, in which nothing else may be awaited.

    Raises:
        NoBrowser: Playwright or Chromium is missing.
    """
    try:
        playwright: Any = importlib.import_module("playwright.sync_api")  # only where a browser is
    except ImportError:
        raise NoBrowser("playwright is not installed (extra `e2e`)") from None
    path = os.environ.get("NOABER_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
    if not Path(path).exists():
        raise NoBrowser("no Chromium here: install the package chromium, or name one in NOABER_CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=[*_ARGUMENTS, *arguments])
        try:
            yield browser
        finally:
            browser.close()


def with_chromium(look: Callable[[Any], _T]) -> _T:
    """What *look* finds with a browser, in a thread of its own: whoever calls may have an event loop.

    Raises:
        NoBrowser: There is none here.
    """

    def run() -> _T:
        with chromium() as browser:
            return look(browser)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()
