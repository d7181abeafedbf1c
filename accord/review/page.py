"""The review queue as a web page without scripts, and the same as JSON.

    GET  /              the page                       ?lang=en  ?after=ITEM
    GET  /items         the list as JSON, with the token that marking needs
    POST /items/ITEM    mark as reviewed: a form, or JSON {"token": …, "remark": …}
    GET  /review.css

Who the reviewer is comes from outside. Nothing here runs in the browser, is kept by it, or goes anywhere else.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qsl

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from accord.review.guarding import FormTokens, WithHeaders
from accord.review.queue import ItemId, Remark, Reviewer, ReviewQueue, Waiting
from accord.review.showing import MOST_ITEMS, Showing, Typed, as_json, is_own
from accord.review.words import Language
from accord.rules.strictness import strict_json
from accord.terms.faults import BadInput, Fault, Faulted, Unavailable

#: A remark of a thousand characters is at most twelve thousand bytes in a form.
_BODY_BYTES: Final = 16 * 1024
_BODY_SECONDS: Final = 10.0
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_STATUS: Final[dict[Fault, int]] = {
    Fault.LOGIN_REQUIRED: 401,
    Fault.TOKEN_INVALID: 403,
    Fault.NOT_FOUND: 404,
    Fault.METHOD_NOT_ALLOWED: 405,
    Fault.TOO_LARGE: 413,
    Fault.JOURNAL_UNAVAILABLE: 503,
    Fault.INTERNAL: 500,
}

ReviewerOf = Callable[[Request], Awaitable[Reviewer | None]]


def _now() -> datetime:
    return datetime.now(UTC)


def make_review_app(queue: ReviewQueue, reviewer_of: ReviewerOf, *, key: bytes, now: Callable[[], datetime] = _now, leaves: bool = False) -> ASGIApp:
    """The page over a queue. *reviewer_of* says who looks; none is nobody who may. *key* (32 bytes) seals the forms.

    With *leaves* there is a form that posts to `logout` beside it.

    It may be mounted anywhere: its addresses are relative to its mount.
    """
    review = _Review(queue, reviewer_of, FormTokens(key), now, leaves=leaves)
    app = Starlette(
        routes=[
            Route("/", review.page),
            Route("/items", review.items),
            Route("/items/{item}", review.mark, methods=["POST"]),
            Route("/review.css", review.style),
        ],
        exception_handlers={Faulted: review.failed, HTTPException: review.failed},
    )
    app.router.redirect_slashes = False
    return WithHeaders(app)


class _Review:
    """One answer for each address."""

    def __init__(self, queue: ReviewQueue, reviewer_of: ReviewerOf, tokens: FormTokens, now: Callable[[], datetime], *, leaves: bool) -> None:
        self._leaves = leaves
        self._queue = queue
        self._reviewer_of = reviewer_of
        self._tokens = tokens
        self._now = now
        self._showing = Showing()
        self._style = files("accord.review").joinpath("static/review.css").read_bytes()

    async def page(self, request: Request) -> Response:
        """The list."""
        note = {"done": "done", "gone": "gone"}.get(request.query_params.get("note", ""), "")
        return await self._page(request, await self._reviewer(request), note=note)

    async def items(self, request: Request) -> Response:
        """The list as JSON."""
        reviewer = await self._reviewer(request)
        waiting, _ = await self._waiting(request, reviewer)
        return Response(as_json(waiting, reviewer, token=self._tokens.of(reviewer)), media_type=_JSON)

    async def mark(self, request: Request) -> Response:
        """Mark as reviewed; a form is sent back to the list."""
        reviewer = await self._reviewer(request)
        given, is_form = await given_in(request)
        if not self._tokens.is_own(reviewer, given.get("token", ""), request.headers):
            raise BadInput(Fault.TOKEN_INVALID)
        item_id = ItemId(request.path_params["item"])
        item = await self._queue.item(item_id)
        if item is not None and is_own(item, reviewer):
            raise BadInput(Fault.TOKEN_INVALID)
        text = " ".join(given.get("remark", "").split())
        try:
            remark = Remark(text)
        except BadInput:
            if not is_form:
                raise
            return await self._page(request, reviewer, status=422, typed=Typed(item_id, given.get("remark", "")), language=language_of(request, given))
        is_marked = await self._queue.mark(item_id, reviewer, remark, at=self._now())
        if is_form:
            return RedirectResponse(f"{_base(request)}/?note={'done' if is_marked else 'gone'}&lang={language_of(request, given)}", status_code=303)
        if not is_marked:
            raise BadInput(Fault.NOT_FOUND)
        return Response(b'{"reviewed":true}', media_type=_JSON)

    async def style(self, _request: Request) -> Response:
        """How it looks."""
        return Response(self._style, media_type="text/css")

    async def failed(self, request: Request, failure: Exception) -> Response:
        """One page, or one JSON object, for everything that goes wrong: its code and words, and nothing else."""
        fault = failure.fault if isinstance(failure, Faulted) else _fault_of(failure)
        status = _STATUS.get(fault, 503 if isinstance(failure, Unavailable) else 400)
        headers = {"allow": "POST" if request.url.path.startswith(f"{_base(request)}/items/") else "GET, HEAD"} if status == 405 else None
        if _JSON in request.headers.get("accept", "") or _JSON in request.headers.get("content-type", "") or request.url.path == f"{_base(request)}/items":
            return Response(b'{"code":"%b"}' % fault.value.encode(), status, headers, _JSON)
        page = self._showing.failure(status, fault.value, language=language_of(request), base=_base(request))
        return HTMLResponse(page, status, headers)

    async def _reviewer(self, request: Request) -> Reviewer:
        reviewer = await self._reviewer_of(request)
        if reviewer is None:
            raise Unavailable(Fault.LOGIN_REQUIRED)
        return reviewer

    async def _waiting(self, request: Request, reviewer: Reviewer) -> tuple[Waiting, ItemId | None]:
        text = request.query_params.get("after", "")
        after = ItemId(text) if text and request.method != "POST" else None
        return await self._queue.waiting(reviewer, after=after, most=MOST_ITEMS), after

    async def _page(
        self, request: Request, reviewer: Reviewer, *, status: int = 200, note: str = "", typed: Typed | None = None, language: Language | None = None
    ) -> Response:
        waiting, after = await self._waiting(request, reviewer)
        token, chosen = self._tokens.of(reviewer), language or language_of(request)
        page = self._showing.queue(
            waiting, reviewer, token=token, language=chosen, base=_base(request), after=after, leaves=self._leaves, note=note, typed=typed
        )
        return HTMLResponse(page, status)


def _base(request: Request) -> str:
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/")


def _fault_of(failure: Exception) -> Fault:
    status = failure.status_code if isinstance(failure, HTTPException) else 500
    return {404: Fault.NOT_FOUND, 405: Fault.METHOD_NOT_ALLOWED}.get(status, Fault.INTERNAL)


def language_of(request: Request, given: dict[str, str] | None = None) -> Language:
    """Dutch, unless English was chosen, or is the first that the browser asks for."""
    chosen = (given or {}).get("lang") or request.query_params.get("lang", "")
    if chosen in ("nl", "en"):
        return "en" if chosen == "en" else "nl"
    return "en" if request.headers.get("accept-language", "").lower().startswith("en") else "nl"


async def given_in(request: Request) -> tuple[dict[str, str], bool]:
    """What was sent, and whether it was a form.

    Raises:
        BadInput: It is too large, too slow, or neither a form nor JSON; a name occurs twice.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await _body(request)
    if kind == _JSON:
        content = strict_json(body, limit=_BODY_BYTES)
        if not isinstance(content, dict):
            raise BadInput(Fault.INVALID_QUESTION)
        return {name: value for name, value in content.items() if isinstance(value, str)}, False
    if kind != _FORM:
        raise BadInput(Fault.UNSUPPORTED_FORMAT)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=10, errors="strict")
    except ValueError:
        raise BadInput(Fault.INVALID_QUESTION) from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise BadInput(Fault.INVALID_QUESTION)
    return dict(pairs), True


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        with anyio.fail_after(_BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > _BODY_BYTES:
                    raise BadInput(Fault.TOO_LARGE)
    except (TimeoutError, ClientDisconnect):
        raise BadInput(Fault.INVALID_QUESTION) from None
    return bytes(body)
