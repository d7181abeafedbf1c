"""Coming in without an electronic health record, going out, and the other language."""

import re
from dataclasses import replace
from datetime import date
from typing import Final

from starlette.responses import Response

from accord.terms.faults import BadInput
from accord.terms.identifiers import Bsn
from gateway.pages.forms import Form
from gateway.pages.telling import Language
from gateway.viewer.ports import Question
from gateway.viewer.sessions import LoggedIn, Session
from gateway.viewer.visits import LANGUAGE_COOKIE, Visit, dossier_path, go

_PAGES: Final = re.compile(
    r"/(?:login|uitgelogd|plekken(?:/[A-Za-z0-9_-]{1,64}){0,2}|d/[A-Za-z0-9_-]{1,64}/(?:[a-z0-9-]{1,40}(?:/[a-z0-9-]{1,40}){0,3})?)?", re.ASCII
)
_FULL_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DUTCH_DATE: Final = re.compile(r"([0-9]{1,2})-([0-9]{1,2})-([0-9]{4})", re.ASCII)


async def home(visit: Visit) -> Response:
    """The demo's form; elsewhere, where to begin."""
    return _home(visit)


async def open_by_number(visit: Visit, form: Form) -> Response:
    """Open the dossier of the person whose number was filled in."""
    demo = visit.desk.settings.demo
    if demo is None:
        return visit.message("not-found", status=404)
    number = re.sub(r"[\s.]", "", form.get("bsn", ""))
    try:
        bsn = Bsn(number)
    except BadInput:
        return _home(visit, status=422, wrong="bsn")
    try:
        born = day_in(form.get("birth_date", "").strip())
    except ValueError:
        return _home(visit, status=422, wrong="birth_date")
    cookie = ""
    session = visit.session
    if session.person is None:
        cookie, session = come_in(visit, replace(demo, second_factor_at=visit.now))
    if session.person is None:
        raise RuntimeError("nobody is in")
    token = visit.desk.dossiers.open(session, Question(bsn, born, session.person.treating()))
    response = go(dossier_path(token))
    if cookie:
        set_session_cookie(visit, response, cookie)
    return response


def come_in(visit: Visit, person: LoggedIn) -> tuple[str, Session]:
    """A session under a new id for whoever came in. The same person keeps what is open; of somebody else nothing is left."""
    before, now = visit.session, visit.now
    # Launches of other patients may be under way in the same browser.
    session = Session(now, now, person=person, attempts=before.attempts)
    if person.is_the_same(before.person):
        # They change places: what the session before leaves behind when it ends is nothing.
        session.owner, before.owner = before.owner, session.owner
    return visit.desk.sessions.enter(visit.cookie, session), session


async def switch_language(visit: Visit, form: Form) -> Response:
    """The same page in the other language."""
    wanted = form.get("page", "/")
    response = go(wanted if _PAGES.fullmatch(wanted) else "/")
    language = Language.ENGLISH if form.get("language") == Language.ENGLISH else Language.DUTCH
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=365 * 86_400, httponly=True, samesite="lax", secure=visit.desk.settings.is_https)
    return response


async def close_dossier(visit: Visit, _: Form) -> Response:
    """Let go of one dossier."""
    visit.desk.dossiers.close(visit.token)
    return go("/")


async def leave(visit: Visit, _: Form) -> Response:
    """Out: nothing of the session is left."""
    visit.desk.sessions.end(visit.cookie)
    response = go("/uitgelogd")
    response.delete_cookie(visit.desk.session_cookie, path="/", secure=visit.desk.settings.is_https, httponly=True)
    return response


async def outside(visit: Visit) -> Response:
    """What somebody sees whose session has ended."""
    return visit.message("logged-out", status=200)


def set_session_cookie(visit: Visit, response: Response, cookie: str) -> None:
    """Give the browser the id of the session; gone when the browser closes. Lax: the way back from the health record must bring it."""
    response.set_cookie(visit.desk.session_cookie, cookie, path="/", httponly=True, samesite="lax", secure=visit.desk.settings.is_https)


def _home(visit: Visit, *, status: int = 200, wrong: str = "") -> Response:
    # What was filled in is not shown again: a wrong number may be somebody else's.
    open_here = [
        (token, dossier.opened) for token in visit.desk.dossiers.tokens_of(visit.session.owner) if (dossier := visit.desk.dossiers.of(visit.session, token))
    ]
    settings = visit.desk.settings
    ehrs = list(enumerate(settings.ehrs))
    return visit.page("home.html", status=status, path="/", wrong=wrong, works_as=visit.session.person or settings.demo, open_here=open_here, ehrs=ehrs)


def day_in(text: str) -> date | None:
    """A date as browsers send it, or as people write it; none for an empty text."""
    if not text:
        return None
    written = _DUTCH_DATE.fullmatch(text)
    if written:
        day, month, year = map(int, written.groups())
        return date(year, month, day)
    if not _FULL_DATE.fullmatch(text):
        raise ValueError
    return date.fromisoformat(text)
