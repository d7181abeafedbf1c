"""What every answer says to the browser: keep nothing, load nothing from elsewhere, tell nobody where you came from."""

from collections.abc import MutableMapping
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STRICT: Final = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; {more}frame-ancestors 'none'; base-uri 'none'"


def policy_of(*, form_action: str = "'self'", connects: bool = False) -> str:
    """The content security policy: nothing of others. *form_action* is where forms may lead, *connects* whether a script may ask us for more."""
    more = f"connect-src 'self'; form-action {form_action}; " if connects else f"form-action {form_action}; "
    return _STRICT.format(more=more)


def with_headers(app: ASGIApp, policy: str, *, is_https: bool) -> ASGIApp:
    """The same application, with these headers on every answer."""
    fixed = {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
    }
    if is_https:
        fixed["strict-transport-security"] = "max-age=31536000"

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(message, fixed, keep=str(scope["path"]).startswith("/static/"))
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def _add(message: MutableMapping[str, Any], fixed: dict[str, str], *, keep: bool) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in fixed.items():
        headers[name] = value
    # Only style sheets, scripts and pictures may be kept: they are the same for everybody.
    headers["cache-control"] = "public, max-age=3600" if keep and message["status"] in (200, 304) else "no-store"
