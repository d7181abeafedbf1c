"""What a page is to the application: where it stands, how it is shown, what its forms do, and who may see it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from gateway.pages.forms import Form
from gateway.viewer.visits import Visit

View = Callable[[Visit], Awaitable[Response]]
Submit = Callable[[Visit, Form], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `inside`: one must be in. `queries`: its address may have a query (never patient data).

    A page whose path begins with `/d/{token}/` is of a dossier: it is there for the clinician who opened that, and for
    nobody else. `in_background`: it is fetched by a script, and keeps neither session nor dossier from going idle. `launches`: what fails
    there is told as a launch that failed.
    """

    path: str
    view: View | None = None
    submit: Submit | None = None
    inside: bool = False
    queries: bool = False
    in_background: bool = False
    launches: bool = False

    @property
    def is_of_a_dossier(self) -> bool:
        """Whether it stands below a dossier."""
        return self.path.startswith("/d/{token}/")
