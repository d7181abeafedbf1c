"""A planner at the page of their provider, by its forms alone, as a browser without scripts would send them.

TapRefused      the page did not take it: the screen was an old one, no place is left, or the request is over
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from html import unescape
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

import httpx2

from node_agent.places.page_words import GOOD_NOTES
from testbed.places_files import CODE

_FORM: Final = re.compile(r'<form method="post" action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_FIELD: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
#: The opening that the page proposes, where there are several.
_CHOSEN: Final = re.compile(r'<option value="([^"]*)" selected')
#: Somebody else tapped meanwhile: one looks again, and taps again.
_TRIES: Final = 5


def note_in(address: str) -> str:
    """What an address of the page says that was done, or could not be."""
    return parse_qs(urlsplit(address).query).get("note", [""])[0]


class TapRefused(Exception):
    """The page did not take it; its text is the page's own note."""


class PlannerAtPage:
    """Somebody who plans, logged in."""

    def __init__(self, url: str, code: str = CODE) -> None:
        self._client = httpx2.Client(base_url=url, trust_env=False, timeout=30.0)
        self._client.post("/login", data={"code": code})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def count(self, opening: str, places: int) -> None:
        """So many are free."""
        self._tap("/", {"opening": opening}, {"do": "count", "places": str(places)})

    def confirm(self, opening: str) -> None:
        """It is still so."""
        self._tap("/", {"do": "confirm", "opening": opening}, {})

    def stop(self, service: str, reason: str) -> None:
        """Take nobody."""
        self._tap("/", {"do": "stop", "service": service}, {"reason": reason})

    def start(self, service: str) -> None:
        """Take people again."""
        self._tap("/", {"do": "start", "service": service}, {})

    def answer(self, asker: str, request: str, do: str, **more: str) -> None:
        """Answer a request: `accept`, `part`, `decline`, `ask`, `interested`, `arrive`, `take_in`, `withdraw`."""
        spelled = urlsafe_b64encode(request.encode()).decode().rstrip("=")
        self._tap(f"/requests/{asker}/{spelled}", {"do": do}, more)

    def page(self, path: str = "/requests") -> str:
        """What is on a page."""
        return self._client.get(path, params={"lang": "nl"}).text

    def _tap(self, path: str, wanted: Mapping[str, str], more: Mapping[str, str]) -> None:
        """Send the first form of the page that carries all that is wanted.

        Raises:
            TapRefused: There is none, or it was not taken.
        """
        said = "no such form"
        for _ in range(_TRIES):
            form = self._form(self.page(path), wanted)
            if form is None:
                raise TapRefused(said)
            address, fields = form
            answer = self._client.post(address, data={**fields, **more}, headers={"origin": str(self._client.base_url).rstrip("/")})
            address = answer.headers.get("location", "")
            if answer.status_code == 303 and note_in(address) in GOOD_NOTES:
                return
            said = f"HTTP {answer.status_code} {note_in(address)}"
            if "changed" not in said and answer.status_code != 409:
                break
        raise TapRefused(said)

    @staticmethod
    def _form(page: str, wanted: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
        for address, inside in _FORM.findall(page):
            fields = {name: unescape(value) for name, value in _FIELD.findall(inside)}
            chosen = _CHOSEN.search(inside) if 'name="opening"' in inside and "opening" not in fields else None
            if wanted.items() <= fields.items():
                return unescape(address), fields | ({"opening": unescape(chosen[1])} if chosen else {})
        return None
