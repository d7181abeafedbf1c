"""Coming in and going out: the login provider, the way back from it, the language."""

from dataclasses import replace
from hmac import compare_digest

from starlette.responses import Response

from accord.rules.speaking import Denied, Identity, acting
from accord.terms.faults import BadInput
from gateway.pages.forms import Form
from gateway.pages.telling import Language
from gateway.patient.choosing import deliver
from gateway.patient.login import Attempt
from gateway.patient.sessions import Goal, Session
from gateway.patient.visits import LANGUAGE_COOKIE, Visit, go

#: Pages that the language switch may lead back to.
PAGES = frozenset({
    "/", "/overzicht", "/keuzes", "/keuzes/kiezen", "/keuzes/wijziging", "/keuzes/resultaat", "/inzage", "/afdrukken", "/hulp",
    "/toegankelijkheid", "/uitgelogd",
})  # fmt: skip


async def home(visit: Visit) -> Response:
    """What this is, and the way in."""
    return visit.page("home.html")


async def enter(visit: Visit, _: Form) -> Response:
    """Off to the login provider."""
    attempt, url = await visit.desk.login.begin(language=visit.language.value)
    visit.session.attempt, visit.session.goal = attempt, Goal.ENTER
    return go(url)


async def come_back(visit: Visit, code: str, state: str) -> Response:
    """Back from the login provider: inside, or with a choice that is confirmed."""
    attempt, goal = visit.session.attempt, visit.session.goal
    visit.session.attempt = None  # works once
    if attempt is None or not code or not compare_digest(attempt.state.encode(), state.encode()):
        return visit.message("login-failed", status=400)
    try:
        identity = await visit.desk.login.finish(attempt, code)
    except BadInput:
        return visit.message("login-failed", status=400)
    if goal is Goal.CONFIRM:
        return await _confirmed(visit, identity, attempt)
    who = acting(identity, visit.now)
    if isinstance(who, Denied):
        return visit.message(who.value, status=403)
    cookie = visit.desk.sessions.enter(visit.cookie, Session(visit.now, visit.now, identity=identity))
    response = go("/overzicht")
    set_session_cookie(visit, response, cookie)
    return response


async def _confirmed(visit: Visit, identity: Identity, attempt: Attempt) -> Response:
    known, pending = visit.session.identity, visit.session.pending
    if known is None or pending is None or not attempt.confirms:
        return visit.message("login-failed", status=400)
    same = (identity.subject, identity.patient, identity.represents) == (known.subject, known.patient, known.represents)
    if not same:
        return visit.message("other-person", status=403, action="choices")
    who = acting(identity, visit.now)
    if isinstance(who, Denied) or not who.choosing:
        return visit.message("may-only-look", status=403, action="overview")
    await deliver(replace(visit, acting=who), identity.token)
    return go("/keuzes/resultaat")


async def turned_back(visit: Visit) -> Response:
    """Back from the login provider without a login: cancelled, or it failed there."""
    goal = visit.session.goal
    visit.session.attempt = None
    return visit.message("login-cancelled", status=200, action="change" if goal is Goal.CONFIRM and visit.session.identity else "home")


async def stay(_: Visit, form: Form) -> Response:
    """Keep the session going, and back to where they were."""
    return go(_known_page(form))


async def switch_language(visit: Visit, form: Form) -> Response:
    """The same page in the other language."""
    response = go(_known_page(form))
    language = Language.ENGLISH if form.get("language") == Language.ENGLISH else Language.DUTCH
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=365 * 86_400, httponly=True, samesite="lax", secure=visit.desk.settings.is_https)
    return response


async def leave(visit: Visit, _: Form) -> Response:
    """Out: nothing of the session is left."""
    visit.desk.sessions.end(visit.cookie)
    response = go("/uitgelogd")
    response.delete_cookie(visit.desk.session_cookie, path="/", secure=visit.desk.settings.is_https, httponly=True)
    return response


async def outside(visit: Visit) -> Response:
    """What somebody sees whose session has ended."""
    return visit.page("message.html", name="logged-out", action="home", values={})


async def help_page(visit: Visit) -> Response:
    """Questions and answers, and whom to call."""
    return visit.page("help.html")


async def accessibility(visit: Visit) -> Response:
    """For whom these pages were made usable, how that was checked, and what to do when they are not."""
    return visit.page("accessibility.html")


def set_session_cookie(visit: Visit, response: Response, cookie: str) -> None:
    """Give the browser the id of the session; gone when the browser closes. Lax: the way back from the login provider must bring it."""
    response.set_cookie(visit.desk.session_cookie, cookie, path="/", httponly=True, samesite="lax", secure=visit.desk.settings.is_https)


def _known_page(form: Form) -> str:
    wanted = form.get("page", "/")
    return wanted if wanted in PAGES else "/"
