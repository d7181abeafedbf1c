"""The pages of a dossier."""

from typing import Final

from starlette.responses import Response

from gateway.viewer.paging import Page
from gateway.viewer.visits import Visit


async def whole(visit: Visit) -> Response:
    """Everything that arrived so far."""
    return visit.page("dossier/whole.html", dossier=visit.dossier)


#: Where each stands; the application takes them from here.
DOSSIER_PAGES: Final = (Page("/d/{token}/", whole),)
