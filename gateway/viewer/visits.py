"""One visit: who is there, in which language, at which dossier, and how a page is made for them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from accord.terms.policies import EmergencyPolicy
from gateway.pages.sessions import Sessions
from gateway.pages.telling import Language, Words, joined
from gateway.viewer.dossiers import OpenDossier, OpenDossiers
from gateway.viewer.ehr_calls import EhrCalls
from gateway.viewer.ports import Asking
from gateway.viewer.sessions import LoggedIn, Session
from gateway.viewer.settings import ViewerSettings

LANGUAGE_COOKIE: Final = "taal"
#: Where the words and the templates of these pages are.
PACKAGE: Final = "gateway.viewer"


@dataclass(frozen=True)
class Desk:
    """What every page needs. `emergency` is the region's policy of this moment; none: glass is never broken. `packages`: where the words are."""

    asking: Asking
    settings: ViewerSettings
    dossiers: OpenDossiers
    sessions: Sessions[Session]
    templates: Environment
    clock: Callable[[], datetime]
    emergency: Callable[[], EmergencyPolicy | None]
    calls: EhrCalls
    packages: tuple[str, ...] = (PACKAGE,)

    @property
    def session_cookie(self) -> str:
        """The name of the session cookie."""
        return self.settings.address.cookie("noaber-viewer")


@dataclass(frozen=True)
class Visit:
    """One request of one visitor. `token` is that of the dossier in the address, empty where there is none."""

    desk: Desk
    request: Request
    cookie: str
    session: Session
    language: Language
    now: datetime
    token: str = ""

    @property
    def words(self) -> Words:
        """The catalogue in their language."""
        return joined(self.desk.packages, self.language)

    @property
    def person(self) -> LoggedIn:
        """Who is at work; only on pages where one must be in."""
        if self.session.person is None:
            raise RuntimeError("this page is open to everybody")
        return self.session.person

    @property
    def dossier(self) -> OpenDossier:
        """The dossier of the address; only on pages of one."""
        found = self.desk.dossiers.of(self.session, self.token, keeps=False)
        if found is None:
            raise RuntimeError("this page is of no dossier")
        return found

    def page(self, template: str, *, status: int = 200, path: str | None = None, **context: object) -> Response:
        """A page. *path* is where the language switch leads back to."""
        text = self.desk.templates.get_template(template).render(
            t=self.words,
            language=self.language.value,
            csrf=self.session.csrf,
            person=self.session.person,
            demo=self.desk.settings.demo is not None,
            has_ehrs=bool(self.desk.settings.ehrs),
            has_places=self.desk.settings.has_places,
            path=self.request.url.path if path is None else path,
            token=self.token,
            **context,
        )
        return HTMLResponse(text, status_code=status)

    def message(self, name: str, *, status: int, code: str = "", action: str = "home", **values: object) -> Response:
        """A page that says one thing: what happened, and what to do; *code* is for support. *action* is where the one button leads."""
        return self.page("message.html", status=status, path="/", name=name, code=code, action=action, values=values)


def go(path: str) -> Response:
    """On to another page, as a page to read."""
    return RedirectResponse(path, status_code=303)


def dossier_path(token: str, rest: str = "") -> str:
    """Where a dossier stands; *rest* is a page of it."""
    return f"/d/{token}/{rest}"
