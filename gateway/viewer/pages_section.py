"""A section: its threads newest first, a page of them at a time, through the filter that the reader set; and a single thread in full."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from starlette.responses import Response

from accord.terms.vocabulary import Section
from gateway.dossier.clinical.groups import Thread
from gateway.dossier.words import SECTIONS
from gateway.pages.forms import Form
from gateway.viewer.cards import cards_of, waiting_cards
from gateway.viewer.filtering import chosen, read_filter
from gateway.viewer.frames import Around, around, section_path
from gateway.viewer.lining import Lining
from gateway.viewer.paging import Submit, View
from gateway.viewer.shapes import Filter, SectionPage
from gateway.viewer.visits import Visit, go

#: Threads on one page, and lines in these: what a browser takes in without a pause. A thread that has very many folds most of them away
#: (`Lining.strand`), and counts for no more than this.
PER_PAGE: Final = 50
_LINES_PER_PAGE: Final = 800
_LINES_OF_ONE: Final = 100
#: Of one thread, when it is looked at by itself.
_WHOLE: Final = 500


def page_of(section: Section) -> tuple[View, Submit]:
    """How a section is shown, and what its form does."""

    async def view(visit: Visit) -> Response:
        return _show(visit, section)

    async def submit(visit: Visit, form: Form) -> Response:
        dossier = visit.dossier
        dossier.filters[section.value] = read_filter(form, (card.name.value for card in dossier.hearing.cards))
        return go(section_path(around(visit, section.value).root, section))

    return view, submit


def _show(visit: Visit, section: Section) -> Response:
    page = around(visit, section.value)
    dossier = page.dossier
    wanted = dossier.filters.get(section.value, Filter())
    lining = page.lining
    threads = dossier.view.threads(section)
    unread = 0
    if wanted.is_set:
        threads, unread = chosen(threads, wanted, lining)
    pages = _pages(threads)
    number = min(page_number(visit), len(pages))
    title = page.speech.say(SECTIONS[section])
    shown = _page(page, section, lining, pages[number - 1], wanted)
    shown = replace(shown, number=number, last=len(pages), shown=sum(len(thread.lines) for thread in threads), unread=unread)
    return page.page("section.html", page.head(title, section.value), page=shown)


def _pages(threads: Sequence[Thread]) -> list[list[Thread]]:
    """The threads by page; where there are none, one page without any."""
    pages: list[list[Thread]] = [[]]
    lines = 0
    for thread in threads:
        weight = min(len(thread.lines), _LINES_OF_ONE)
        if len(pages[-1]) == PER_PAGE or (pages[-1] and lines + weight > _LINES_PER_PAGE):
            pages.append([])
            lines = 0
        pages[-1].append(thread)
        lines += weight
    return pages


async def whole_thread(visit: Visit) -> Response:
    """Everything that is said about one thing."""
    dossier = visit.dossier
    line = dossier.view.line(line_number(visit))
    thread = None if line is None else dossier.view.thread_of(line)
    if line is None or thread is None:
        return visit.message("not-found", status=404, action="dossier")
    page = around(visit, f"thread-{line.number}")
    section = line.section
    shown = _page(page, section, page.lining, (thread,), Filter(), most=_WHOLE).at(1, 1, len(thread.lines))
    return page.page("section.html", page.head(page.speech.say(SECTIONS[section]), section.value), page=shown)


def page_number(visit: Visit) -> int:
    """The page in the address; the first where there is none."""
    return max(1, int(visit.request.path_params.get("page", 1)))


def line_number(visit: Visit) -> int:
    """The line in the address."""
    return int(visit.request.path_params.get("number", -1))


def _page(page: Around, section: Section, lining: Lining, threads: Sequence[Thread], wanted: Filter, *, most: int | None = None) -> SectionPage:
    dossier, speech = page.dossier, page.speech
    hearing = dossier.hearing
    strands = (lining.strand(thread) if most is None else lining.strand(thread, most=most) for thread in threads)
    return SectionPage(
        path=section_path(page.root, section),
        title=speech.say(SECTIONS[section]),
        missing=cards_of(hearing.missing((section,)), speech, dossier.view.left_out),
        waiting=waiting_cards(hearing.waiting_for((section,)), hearing, speech),
        strands=tuple(strands),
        total=dossier.view.count(section),
        filter=wanted,
        holders=tuple((card.name.value, card.title) for card in hearing.cards),
        is_whole=most is not None,
    )
