"""A visit to the patient's pages without a browser, as a patient makes it: log in, choose, confirm, see who looked.

with visiting(region.patients_url) as visit:
    visit.enter("dina")
    answer = visit.choose("looks:home-care", overall="objects")
    visit.log_in(answer, "dina")
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal

from testbed.login_walk import log_in

_CSRF: Final = re.compile(r'name="csrf" value="([^"]+)"')
_SECONDS: Final = 20.0


class PatientVisit:
    """One visitor; `text` is the page that they see, without its markup."""

    def __init__(self, portal: BlockingPortal, client: httpx2.AsyncClient) -> None:
        self._portal = portal
        self._client = client
        self._page = ""

    @property
    def text(self) -> str:
        """What stands on the page."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self._page).replace("&#39;", "'"))

    def get(self, path: str) -> str:
        """Look at a page; returns its text."""
        return self._portal.call(self._get, path)

    def post(self, path: str, **form: str) -> httpx2.Response:
        """Fill in the form of the page; redirects inside the pages are followed."""
        return self._portal.call(self._post, path, form)

    def enter(self, person: str) -> str:
        """Log in as somebody of `testbed.login_people`; returns the text of the first page inside."""
        self.get("/")
        return self.log_in(self.post("/inloggen"), person)

    def log_in(self, answer: httpx2.Response, person: str) -> str:
        """From a redirect to the login provider to the page that one comes back to; returns its text."""
        return self._portal.call(self._through_login, answer, person)

    def choose(self, subject: str, **answers: str) -> httpx2.Response:
        """Fill in the questions about a subject, and press on to the login that confirms it; returns the redirect there."""
        self.get("/keuzes")
        self.post("/keuzes", subject=subject)
        self.post("/keuzes/kiezen", **answers)
        return self.post("/keuzes/wijziging")

    async def _get(self, path: str) -> str:
        self._page = (await self._client.get(path)).text
        return self.text

    async def _post(self, path: str, form: dict[str, str]) -> httpx2.Response:
        token = _CSRF.search(self._page)
        answer = await self._client.post(path, data={"csrf": token[1] if token else ""} | form)
        return await self._inside(answer)

    async def _through_login(self, answer: httpx2.Response, person: str) -> str:
        back = await log_in(self._client, answer.headers["location"], person)
        await self._inside(await self._client.get(back))
        return self.text

    async def _inside(self, answer: httpx2.Response) -> httpx2.Response:
        while answer.is_redirect and answer.headers["location"].startswith("/"):
            answer = await self._client.get(answer.headers["location"])
        if not answer.is_redirect:
            self._page = answer.text
        return answer


@contextmanager
def visiting(url: str) -> Iterator[PatientVisit]:
    """A visitor at the pages of a region."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(httpx2.AsyncClient(base_url=url, timeout=_SECONDS)) as client:
        yield PatientVisit(portal, client)
