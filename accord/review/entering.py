"""How a reviewer comes in: a personal code once, and a session that ends by itself.

GET  /login     the form
POST /login     a code; sets the session's cookie
POST /logout    ends the session
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from accord.review.guarding import FIXED_HEADERS, WithHeaders
from accord.review.page import ReviewerOf, given_in, language_of, make_review_app
from accord.review.queue import Reviewer, ReviewQueue
from accord.review.reviewers import Known, Reviewers
from accord.review.showing import Showing
from accord.review.words import Language
from accord.terms.faults import BadInput

_COOKIE: Final = "noaber-review"
_SESSION_SECONDS: Final = 8 * 3_600.0
_IDLE_SECONDS: Final = 30 * 60.0
_MOST_SESSIONS: Final = 1_000


@dataclass(slots=True)
class _Session:
    known: Known
    reviewer: Reviewer
    begun: float
    seen: float


class Sessions:
    """Who is logged in, in memory: a restart ends every session. *clock* never goes back."""

    def __init__(self, reviewers: Reviewers, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._reviewers = reviewers
        self._clock = clock
        #: By the digest of the cookie: who reads memory at one moment has no cookie by it.
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()

    def begin(self, code: str) -> str | None:
        """A new session's cookie; none when the code is nobody's.

        Raises:
            BadInput: `invalid-setting`: the file of reviewers cannot be read.
        """
        known = self._reviewers.by_code(code)
        if known is None:
            return None
        cookie, now = secrets.token_urlsafe(32), self._clock()
        session = sha256(cookie.encode()).digest()
        self._sessions[session] = _Session(known, Reviewer(known.identifier, known.name, session), now, now)
        if len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return cookie

    def end(self, cookie: str) -> None:
        """End a session."""
        self._sessions.pop(sha256(cookie.encode()).digest(), None)

    def reviewer(self, cookie: str, *, is_there: bool = True) -> Reviewer | None:
        """Who is behind a cookie; none when the session is over, or they may not review any more.

        A page that asks by itself does not show that somebody *is_there*: the session ends all the same.
        """
        key, now = sha256(cookie.encode()).digest(), self._clock()
        session = self._sessions.get(key)
        if session is None:
            return None
        if now - session.begun > _SESSION_SECONDS or now - session.seen > _IDLE_SECONDS or not self._may_still(session.known):
            del self._sessions[key]
            return None
        if is_there:
            session.seen = now
        return session.reviewer

    def _may_still(self, known: Known) -> bool:
        try:
            return self._reviewers.still(known)
        except BadInput:
            return False


def make_review_site(queue: ReviewQueue, sessions: Sessions, *, secure: bool) -> ASGIApp:
    """The review page behind its login. *secure*: it is served over TLS, and the cookie goes over nothing else."""
    showing, reviewer_of = Showing(), reviewer_by(sessions, _COOKIE)
    page = make_review_app(queue, reviewer_of, key=secrets.token_bytes(32), leaves=True)

    def login(language: Language, *, wrong: bool) -> str:
        return showing.login(language=language, base="", wrong=wrong)

    return behind_login(page, sessions, reviewer_of, cookie=_COOKIE, login=login, secure=secure)


def reviewer_by(sessions: Sessions, cookie: str) -> ReviewerOf:
    """Who looks, by the cookie of this name."""

    async def reviewer_of(request: Request) -> Reviewer | None:
        return sessions.reviewer(request.cookies.get(cookie, ""))

    return reviewer_of


class LoginForm(Protocol):
    """What the form for a personal code looks like."""

    def __call__(self, language: Language, *, wrong: bool) -> str:
        """The page; *wrong* after a code that is nobody's."""


def behind_login(
    page: ASGIApp,
    sessions: Sessions,
    reviewer_of: ReviewerOf,
    *,
    cookie: str,
    login: LoginForm,
    secure: bool,
    headers: Mapping[str, str] = MappingProxyType(FIXED_HEADERS),
) -> ASGIApp:
    """A page behind a login with a personal code: the session is in the cookie of this name, and in no other page's. Every answer has the *headers*."""

    async def show_login(request: Request) -> Response:
        return HTMLResponse(login(language_of(request), wrong=False))

    async def log_in(request: Request) -> Response:
        if not _from_here(request):
            return Response(status_code=403)
        try:
            given, _ = await given_in(request)
            session = sessions.begin(given.get("code", ""))
        except BadInput:
            given, session = {}, None
        if session is None:
            return HTMLResponse(login(language_of(request, given), wrong=True), 403)
        answer = RedirectResponse(f"/?lang={language_of(request, given)}", 303)
        answer.set_cookie(cookie, session, httponly=True, samesite="strict", secure=secure, path="/")
        return answer

    async def log_out(request: Request) -> Response:
        if not _from_here(request):
            return Response(status_code=403)
        sessions.end(request.cookies.get(cookie, ""))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(cookie, path="/", httponly=True, samesite="strict", secure=secure)
        return answer

    routes = [Route("/login", show_login), Route("/login", log_in, methods=["POST"]), Route("/logout", log_out, methods=["POST"])]
    return WithHeaders(_Doorstep(Starlette(routes=[*routes, Mount("/", page)]), reviewer_of), headers)


class _Doorstep:
    """Whoever comes to the list with a browser and is not logged in is shown the form instead."""

    def __init__(self, app: ASGIApp, reviewer_of: ReviewerOf) -> None:
        self._app = app
        self._reviewer_of = reviewer_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/":
            request = Request(scope)
            if "text/html" in request.headers.get("accept", "") and await self._reviewer_of(request) is None:
                await RedirectResponse(f"/login?lang={language_of(request)}", 303)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _from_here(request: Request) -> bool:
    """Whether a form was sent by a page of this site; a program says nothing of it."""
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
