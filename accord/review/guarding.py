"""What every answer of the page carries, and how it knows that a form was its own."""

import hashlib
import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from accord.review.queue import Reviewer

#: It is about people, so nothing keeps it; it runs nothing, and nothing of elsewhere.
FIXED_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "vary": "Accept, Accept-Language, Cookie",
}
#: The same for a page with a script of its own that asks this site, and no other, whether something changed.
LIVE_HEADERS: Final = {
    **FIXED_HEADERS,
    "content-security-policy": f"{FIXED_HEADERS['content-security-policy']}; script-src 'self'; connect-src 'self'",
}
_KEY_BYTES: Final = 32


class WithHeaders:
    """The application, with the fixed headers on every answer, also on those that say no."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str] = MappingProxyType(FIXED_HEADERS)) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_with_headers)


class FormTokens:
    """Tokens that a form of this page carries: bound to the reviewer and their session, worthless to anybody else.

    Raises:
        ValueError: The key is shorter than 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < _KEY_BYTES:
            raise ValueError("a key has at least 32 bytes")
        self._key = key

    def of(self, reviewer: Reviewer) -> str:
        """The token of this login."""
        session = hashlib.sha256(reviewer.session).digest()
        return hmac.new(self._key, b"noaber review form\0" + session + reviewer.identifier.encode(), "sha256").hexdigest()

    def is_own(self, reviewer: Reviewer, token: str, headers: Headers) -> bool:
        """Whether a form came from a page of ours that this reviewer has before them."""
        from_here = headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
        return from_here and hmac.compare_digest(self.of(reviewer).encode(), token.encode())
