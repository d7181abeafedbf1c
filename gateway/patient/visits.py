"""One visit: who is there, in which language, and how a page is made for them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from accord.rules.speaking import Acting, Identity
from gateway.pages.sessions import Sessions
from gateway.pages.telling import Language, Words, spoken_number, words
from gateway.patient.login import Login
from gateway.patient.ports import PatientDoor, RegionInfo
from gateway.patient.sessions import Session
from gateway.patient.settings import PatientSettings

LANGUAGE_COOKIE: Final = "taal"

#: Where the words and the templates of these pages are.
PACKAGE: Final = "gateway.patient"


@dataclass(frozen=True)
class Desk:
    """What every page needs."""

    door: PatientDoor
    settings: PatientSettings
    login: Login
    sessions: Sessions[Session]
    templates: Environment
    clock: Callable[[], datetime]

    @property
    def session_cookie(self) -> str:
        """The name of the session cookie; over TLS one that no other host or path can set."""
        return self.settings.address.cookie("noaber")


@dataclass(frozen=True)
class Visit:
    """One request of one visitor."""

    desk: Desk
    request: Request
    cookie: str
    session: Session
    language: Language
    now: datetime
    region: RegionInfo
    acting: Acting | None = None

    @property
    def words(self) -> Words:
        """The catalogue in their language."""
        return words(PACKAGE, self.language)

    @property
    def here(self) -> Acting:
        """For whom they act; only on pages where one must be logged in."""
        if self.acting is None:
            raise RuntimeError("this page is open to everybody")
        return self.acting

    @property
    def identity(self) -> Identity:
        """Who logged in; only on pages where one must be."""
        if self.session.identity is None:
            raise RuntimeError("this page is open to everybody")
        return self.session.identity

    def page(self, template: str, *, status: int = 200, path: str | None = None, **context: object) -> Response:
        """A page. *path* is where the language switch leads back to."""
        ends = self.session.ends() if self.session.identity else None
        text = self.desk.templates.get_template(template).render(
            t=self.words,
            language=self.language.value,
            csrf=self.session.csrf,
            acting=self.acting,
            region=self.region,
            path=self.request.url.path if path is None else path,
            ends=self.words.time(ends) if ends else "",
            seconds=int((ends - self.now).total_seconds()) if ends else 0,
            spoken_number=spoken_number,
            **context,
        )
        return HTMLResponse(text, status_code=status)

    def message(self, name: str, *, status: int, action: str = "home", **values: object) -> Response:
        """A page that says one thing: what happened, and what to do. *action* is where the one button leads."""
        return self.page("message.html", status=status, path="/", name=name, action=action, values=values)


def go(path: str) -> Response:
    """On to another page, as a page to read."""
    return RedirectResponse(path, status_code=303)
