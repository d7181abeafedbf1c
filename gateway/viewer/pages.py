"""The pages of a dossier, and where each stands. An address has a token, the name of a page and a number: nothing of the person."""

from typing import Final

from starlette.responses import Response

from accord.terms.vocabulary import Section
from gateway.viewer.cards import heard
from gateway.viewer.frames import around
from gateway.viewer.pages_emergency import emergency_screen, printed
from gateway.viewer.pages_origin import attachment, origin, original, record
from gateway.viewer.pages_section import page_of, whole_thread
from gateway.viewer.pages_timeline import timeline
from gateway.viewer.paging import Page
from gateway.viewer.streaming import stream
from gateway.viewer.visits import Visit


async def everybody(visit: Visit) -> Response:
    """All holders of the register: who was heard, who was not, and how to reach them."""
    page = around(visit, "holders")
    cards = heard(page.dossier.hearing, page.speech, page.dossier.view.left_out).everybody
    return page.page("holders.html", page.head(page.speech("title.holders"), "holders"), cards=cards)


_ROOT: Final = "/d/{token}/"


def _section_pages(section: Section) -> tuple[Page, Page]:
    view, submit = page_of(section)
    path = f"{_ROOT}{section.value}"
    return Page(path, view, submit), Page(f"{path}/{{page:int}}", view)


#: Where each stands; the application takes them from here.
DOSSIER_PAGES: Final = (
    Page(_ROOT, emergency_screen),
    Page(f"{_ROOT}tijdlijn", timeline),
    Page(f"{_ROOT}tijdlijn/{{page:int}}", timeline),
    Page(f"{_ROOT}holders", everybody),
    Page(f"{_ROOT}print", printed),
    Page(f"{_ROOT}stroom", stream, in_background=True),
    Page(f"{_ROOT}regel/{{number:int}}", origin),
    Page(f"{_ROOT}regel/{{number:int}}/alles", whole_thread),
    Page(f"{_ROOT}regel/{{number:int}}/gegeven", record),
    Page(f"{_ROOT}regel/{{number:int}}/origineel", original),
    Page(f"{_ROOT}regel/{{number:int}}/bijlage/{{place:int}}", attachment),
    *(page for section in Section for page in _section_pages(section)),
)
