"""The patient's pages as a web application: which page stands where, and what holds for all of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import as_file, files
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from accord.rules.speaking import Acting, Denied, acting
from accord.terms.faults import Fault, Faulted
from gateway.pages.forms import Form, is_ours, read_fields, read_form
from gateway.pages.headers import policy_of, with_headers
from gateway.pages.telling import Language, preferred
from gateway.pages.templates import make_templates
from gateway.patient import choosing, entering, looking
from gateway.patient.login import Login
from gateway.patient.ports import PatientDoor
from gateway.patient.sessions import make_sessions
from gateway.patient.settings import PatientSettings
from gateway.patient.visits import LANGUAGE_COOKIE, PACKAGE, Desk, Visit, go

_View = Callable[[Visit], Awaitable[Response]]
_Submit = Callable[[Visit, Form], Awaitable[Response]]

_QUERY_BYTES: Final = 4096
_log = structlog.get_logger("gateway.patient")


@dataclass(frozen=True, slots=True)
class Page:
    """One page: how it is shown, what its forms do, and whether one must be logged in for each."""

    path: str
    view: _View | None = None
    submit: _Submit | None = None
    inside: bool = False


PAGES: Final = (
    Page("/", entering.home),
    Page("/inloggen", submit=entering.enter),
    Page("/taal", submit=entering.switch_language),
    Page("/uitgelogd", entering.outside),
    Page("/uitloggen", submit=entering.leave),
    Page("/blijven", submit=entering.stay, inside=True),
    Page("/overzicht", looking.overview, inside=True),
    Page("/keuzes", choosing.overview_of_choices, choosing.open_subject, inside=True),
    Page("/keuzes/kiezen", choosing.choose, choosing.chosen, inside=True),
    Page("/keuzes/wijziging", choosing.show_change, choosing.confirm, inside=True),
    Page("/keuzes/resultaat", choosing.result, choosing.after_result, inside=True),
    Page("/inzage", looking.accesses, looking.choose_period, inside=True),
    Page("/afdrukken", choosing.printing),
    Page("/hulp", entering.help_page),
    Page("/toegankelijkheid", entering.accessibility),
)


def make_patient_app(door: PatientDoor, settings: PatientSettings, login: Login, *, clock: Callable[[], datetime] | None = None) -> ASGIApp:
    """The application. Sessions live in it, and end with it."""
    now = clock or (lambda: datetime.now(UTC))
    desk = Desk(door, settings, login, make_sessions(now, settings.most_sessions), make_templates(PACKAGE), now)
    routes: list[Route | Mount] = [Route(page.path, _endpoint(desk, page), methods=["GET", "POST"]) for page in PAGES]
    routes.append(Route("/terug", _endpoint(desk, Page("/terug")), methods=["GET"]))
    with as_file(files("gateway.patient") / "static") as folder:
        routes.append(Mount("/static", StaticFiles(directory=folder)))
    lost = _endpoint(desk, Page(""))

    async def not_there(request: Request, _: Exception) -> Response:
        return await lost(request)

    app = Starlette(routes=routes, exception_handlers={HTTPException: not_there})
    # A path with a slash too many is not there: a redirect would repeat what somebody put into it.
    app.router.redirect_slashes = False
    # A form may lead to the login provider and nowhere else.
    return with_headers(app, policy_of(form_action=f"'self' {login.origin}"), is_https=settings.is_https)


def _endpoint(desk: Desk, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        visit, is_new = await _arrive(desk, request)
        try:
            response = await _answer(visit, page)
        except ClientDisconnect:
            raise
        except Faulted as failure:
            response = _failed(visit, failure)
        except Exception as failure:  # noqa: BLE001 - no stack and no content may reach a log or a page
            _log.error("patient page failed", page=page.path, kind=type(failure).__name__)
            response = visit.message("went-wrong", status=500)
        if is_new and desk.session_cookie not in str(response.headers.get("set-cookie", "")):
            entering.set_session_cookie(visit, response, visit.cookie)
        return response

    return endpoint


async def _arrive(desk: Desk, request: Request) -> tuple[Visit, bool]:
    cookie = request.cookies.get(desk.session_cookie, "")
    session = desk.sessions.find(cookie) if cookie else None
    is_new = session is None
    if session is None:
        cookie, session = desk.sessions.begin()
    spoken = request.cookies.get(LANGUAGE_COOKIE, "")
    language = Language(spoken) if spoken in tuple(Language) else preferred(request.headers.get("accept-language", ""))
    return Visit(desk, request, cookie, session, language, desk.clock(), await desk.door.region_info()), is_new


async def _answer(visit: Visit, page: Page) -> Response:
    request = visit.request
    who: Acting | Denied | None = None
    if visit.session.identity is not None:
        who = acting(visit.session.identity, visit.now)
        if isinstance(who, Denied):
            # It ended while they were inside: at this very request, not at the next login.
            visit.desk.sessions.end(visit.cookie)
            cookie, session = visit.desk.sessions.begin()
            visit = replace(visit, cookie=cookie, session=session)
            response = visit.message(who.value, status=403)
            entering.set_session_cookie(visit, response, cookie)
            return response
        visit = replace(visit, acting=who)
    if page.path == "/terug":
        return await _come_back(visit)
    act = page.submit if request.method == "POST" else page.view
    if act is None or request.url.query:
        visit.session.misses += 1
        return visit.message("not-found", status=404)
    if page.inside and who is None:
        return go("/uitgelogd" if visit.desk.session_cookie in request.cookies else "/")
    if request.method != "POST":
        return await page.view(visit) if page.view else visit.message("not-found", status=404)
    form = await read_form(request)
    if form is None or not is_ours(request, form, visit.session.csrf):
        return visit.message("form-too-old", status=403)
    return await page.submit(visit, form) if page.submit else visit.message("not-found", status=404)


async def _come_back(visit: Visit) -> Response:
    query = visit.request.url.query
    if len(query) > _QUERY_BYTES:
        return visit.message("login-failed", status=400)
    said = read_fields(query, most=8)
    if said is None:
        return visit.message("login-failed", status=400)
    if "error" in said:
        return await entering.turned_back(visit)
    return await entering.come_back(visit, said.get("code", ""), said.get("state", ""))


def _failed(visit: Visit, failure: Faulted) -> Response:
    _log.warning("patient page refused", code=str(failure.fault))
    if failure.fault is Fault.LOGIN_REQUIRED:
        return visit.message("login-unavailable", status=503)
    if failure.fault is Fault.TOO_MANY_QUESTIONS:
        return visit.message("too-busy", status=503)
    return visit.message("not-now", status=503, action="overview" if visit.session.identity else "home")
