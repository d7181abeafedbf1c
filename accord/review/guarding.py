"""What every answer of the page carries, and how it knows that a form was its own."""

import hashlib
import hmac
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
_KEY_BYTES: Final = 32


class WithHeaders:
    """The application, with the fixed headers on every answer, also on those that say no."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in FIXED_HEADERS.items():
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
