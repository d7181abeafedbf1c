"""The viewer as a web application: which page stands where, and what holds for all of them."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from accord.terms.faults import Fault, Faulted
from gateway.pages.forms import is_ours, read_form
from gateway.pages.headers import policy_of, with_headers
from gateway.pages.telling import Language, preferred
from gateway.viewer import entering, glass, launching
from gateway.viewer.pages import DOSSIER_PAGES
from gateway.viewer.paging import Page
from gateway.viewer.visits import LANGUAGE_COOKIE, Desk, Visit, go

_log = structlog.get_logger("gateway.viewer")

PAGES: Final = (
    Page("/", entering.home),
    Page("/openen", submit=entering.open_by_number),
    Page("/taal", submit=entering.switch_language),
    Page("/uitloggen", submit=entering.leave),
    Page("/uitgelogd", entering.outside),
    Page("/launch", launching.launch, queries=True, launches=True),
    Page("/login", launching.choose),
    Page("/login/{number}", launching.log_in, launches=True),
    Page("/login/{number}/plekken", launching.log_in_for_places, launches=True),
    Page("/terug", launching.come_back, queries=True, launches=True),
    Page("/d/{token}/opnieuw", launching.prove, inside=True, launches=True),
    Page("/d/{token}/noodtoegang", glass.ask_why, glass.break_the_glass, inside=True),
    Page("/d/{token}/bewijs", submit=glass.prove_anew, inside=True),
    Page("/d/{token}/sluiten", submit=entering.close_dossier, inside=True),
    *DOSSIER_PAGES,
)
#: With this a script of ours says that it fetches a page by itself.
BACKGROUND_HEADER: Final = "noaber-background"
#: Failures after which trying again may help, and those after which it does not.
_BUSY: Final = frozenset({Fault.TOO_MANY_QUESTIONS})


def make_viewer_app(desk: Desk, pages: tuple[Page, ...] = PAGES) -> ASGIApp:
    """The application. Sessions and dossiers live in *desk*, in memory, and end with it; style sheets and scripts are those of its packages."""
    routes: list[Route | Mount] = [Route(page.path, _endpoint(desk, page), methods=["GET", "POST"]) for page in pages]
    routes.append(Mount("/static", StaticFiles(packages=[(package, "static") for package in desk.packages])))
    lost = _endpoint(desk, Page(""))

    async def not_there(request: Request, _: Exception) -> Response:
        return await lost(request)

    app = Starlette(routes=routes, exception_handlers={HTTPException: not_there})
    # A path with a slash too many is not there: a redirect would repeat what somebody put into it.
    app.router.redirect_slashes = False
    return with_headers(app, policy_of(connects=True), is_https=desk.settings.is_https)


def _endpoint(desk: Desk, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        visit, is_new = _arrive(desk, request, page)
        try:
            response = await _answer(visit, page)
        except ClientDisconnect:
            raise
        except Faulted as failure:
            _log.warning("viewer page refused", page=page.path, code=failure.fault.value)
            response = launching.failed(visit, failure) if page.launches else _failed(visit, failure)
        except Exception as failure:  # noqa: BLE001 - no stack and no content may reach a log or a page
            _log.error("viewer page failed", page=page.path, kind=type(failure).__name__)
            response = visit.message("went-wrong", status=500, code=Fault.INTERNAL.value)
        if is_new and desk.session_cookie not in str(response.headers.get("set-cookie", "")):
            entering.set_session_cookie(visit, response, visit.cookie)
        return response

    return endpoint


def _arrive(desk: Desk, request: Request, page: Page) -> tuple[Visit, bool]:
    cookie = request.cookies.get(desk.session_cookie, "")
    session = desk.sessions.find(cookie, keeps=not is_in_background(request, page)) if cookie else None
    is_new = session is None
    if session is None:
        cookie, session = desk.sessions.begin()
    spoken = request.cookies.get(LANGUAGE_COOKIE, "")
    language = Language(spoken) if spoken in tuple(Language) else preferred(request.headers.get("accept-language", ""))
    return Visit(desk, request, cookie, session, language, desk.clock(), str(request.path_params.get("token", ""))), is_new


def is_in_background(request: Request, page: Page) -> bool:
    """Whether a script fetches it: nobody is there because of that."""
    return page.in_background or request.headers.get(BACKGROUND_HEADER) == "1"


async def _answer(visit: Visit, page: Page) -> Response:
    request = visit.request
    if not _is_for_us(visit):
        return visit.message("not-found", status=421)
    if (request.url.query and not page.queries) or (page.view is None and page.submit is None):
        return visit.message("not-found", status=404)
    if page.inside or page.is_of_a_dossier:
        if visit.session.person is None:
            return go("/uitgelogd" if visit.desk.session_cookie in request.cookies else "/")
        if page.is_of_a_dossier and visit.desk.dossiers.of(visit.session, visit.token, keeps=not is_in_background(request, page)) is None:
            # Closed, let go of, or somebody else's: nobody can tell.
            visit.session.misses += 1
            return visit.message("dossier-gone", status=404)
    if request.method != "POST":
        return await page.view(visit) if page.view else visit.message("not-found", status=404)
    form = await read_form(request)
    if form is None or not is_ours(request, form, visit.session.csrf):
        return visit.message("form-too-old", status=403)
    return await page.submit(visit, form) if page.submit else visit.message("not-found", status=404)


def _is_for_us(visit: Visit) -> bool:
    """Whether the browser meant us: a page elsewhere may have its own name lead to this machine."""
    host = visit.request.headers.get("host", "").lower()
    return host == urlsplit(visit.desk.settings.address.url).netloc.lower()


def _failed(visit: Visit, failure: Faulted) -> Response:
    code = failure.fault.value
    if failure.fault in _BUSY:
        return visit.message("too-busy", status=503, code=code)
    return visit.message("not-now", status=503, code=code)
