"""The timeline: all sections together by month, the newest first."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from starlette.responses import Response

from accord.terms.vocabulary import Section
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.view import ClinicalView
from gateway.viewer.frames import around
from gateway.viewer.lining import Lining
from gateway.viewer.pages_section import page_number
from gateway.viewer.shapes import Month, TimelinePage
from gateway.viewer.speaking import Speech, moment_at
from gateway.viewer.visits import Visit

PER_PAGE: Final = 100


async def timeline(visit: Visit) -> Response:
    """A page of it. What was entered in error and who the person is are not on it: their sections have that."""
    page = around(visit, "timeline")
    lines = _newest_first(page.dossier.view)
    last = max(1, -(-len(lines) // PER_PAGE))
    number = min(page_number(visit), last)
    shown = lines[(number - 1) * PER_PAGE : number * PER_PAGE]
    title = page.speech("title.timeline")
    months = tuple(_months(shown, page.lining, page.speech))
    return page.page("timeline.html", page.head(title, "timeline"), page=TimelinePage(f"{page.root}tijdlijn", months, len(lines), number, last))


def _newest_first(view: ClinicalView) -> list[Line]:
    return sorted(
        (line for line in view.lines if not line.in_error and line.section is not Section.PERSON), key=lambda line: (line.order, -line.number), reverse=True
    )


def _months(lines: list[Line], lining: Lining, speech: Speech) -> Iterator[Month]:
    for (year, month), of in groupby(lines, key=_month_of):
        title = f"{speech.words.months[month - 1]} {year}" if month else speech("timeline.no_date")
        yield Month(f"m{year}-{month}", title, tuple(lining.row(line) for line in of))


def _month_of(line: Line) -> tuple[int, int]:
    at = None if line.moment is None else moment_at(line.moment.begin)
    return (0, 0) if at is None else (at.year, at.month)
