"""Logging in at the demo's login provider without a browser: for tests, and for the story."""

import re
from typing import Final

import httpx2

_TRANSACTION: Final = re.compile(r'name="transaction" value="([^"]+)"')
_CODE: Final = re.compile(r'class="code">([0-9]{6})<')


class NotLoggedIn(Exception):
    """The provider showed another page than the one to log in on."""


async def log_in(client: httpx2.AsyncClient, url: str, person: str) -> str:
    """Follow *url* to the provider, log in as *person*, and return the address that it sends the browser back to.

    Raises:
        NotLoggedIn: The provider does not know the application, or nobody of this name.
    """
    page = await client.get(url, follow_redirects=False)
    if page.is_redirect:  # somebody whom it remembered
        return str(page.headers["location"])
    transaction, code = _TRANSACTION.search(page.text), _CODE.search(page.text)
    if transaction is None or code is None:
        raise NotLoggedIn
    form = {"transaction": transaction[1], "code": code[1], "person": person, "do": "login"}
    answer = await client.post(httpx2.URL(url).join("/login"), data=form, follow_redirects=False)
    if not answer.is_redirect:
        raise NotLoggedIn
    return str(answer.headers["location"])
