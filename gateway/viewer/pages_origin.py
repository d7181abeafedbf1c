"""Where a line comes from: who states it, how it came here, what it was put together with and why, and its bytes as they are kept."""

from typing import Final

from starlette.responses import Response

from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import HolderName, RecordRef
from accord.terms.queries import ORIGINAL
from gateway.dossier.clinical.groups import Group, Rule
from gateway.dossier.clinical.lines import Line
from gateway.dossier.window import Origin as Placed
from gateway.dossier.words import SECTIONS
from gateway.viewer.attaching import FetchedAttachment
from gateway.viewer.frames import Around, around, section_path
from gateway.viewer.lining import Lining
from gateway.viewer.pages_section import line_number
from gateway.viewer.shapes import Origin, OriginPage
from gateway.viewer.visits import Visit

_MOST_OTHERS: Final = 40


async def origin(visit: Visit) -> Response:
    """Everything about one line."""
    line = visit.dossier.view.line(line_number(visit))
    if line is None:
        return visit.message("not-found", status=404, action="dossier")
    page = around(visit, f"line-{line.number}")
    section = line.section
    return page.page("origin.html", page.head(page.speech("title.origin"), section.value), page=_page(page, line))


async def record(visit: Visit) -> Response:
    """The record as its holder's answer has it, byte for byte."""
    line = visit.dossier.view.line(line_number(visit))
    if line is None:
        return visit.message("not-found", status=404, action="dossier")
    return Response(line.content, media_type="text/plain; charset=utf-8")


async def attachment(visit: Visit) -> Response:
    """Something that a record points to, fetched at its holder at this moment.

    Raises:
        Faulted: It cannot be had.
    """
    line = visit.dossier.view.line(line_number(visit))
    place = int(visit.request.path_params.get("place", -1))
    found = () if line is None else around(visit, "attachment").lining.shown(line).attachments
    if line is None or not 0 <= place < len(found):
        return visit.message("not-found", status=404, action="dossier")
    return _fetched(visit, line, found[place].url)


async def original(visit: Visit) -> Response:
    """What a converted or mapped record was made from, fetched at its holder at this moment.

    Raises:
        Faulted: It cannot be had.
    """
    line = visit.dossier.view.line(line_number(visit))
    if line is None or not line.is_derived:
        return visit.message("not-found", status=404, action="dossier")
    return _fetched(visit, line, ORIGINAL)


def _fetched(visit: Visit, line: Line, url: str) -> Response:
    try:
        ref = RecordRef(line.origin.type, line.origin.id)
    except BadInput as failure:
        raise Faulted(Fault.NOT_FOUND) from failure
    fetched = visit.desk.asking.fetch(visit.dossier.question, line.holder, ref, url)
    return FetchedAttachment(fetched, lambda fault: visit.message("not-now", status=502, code=fault.value, action="dossier"))


def _page(page: Around, line: Line) -> OriginPage:
    lining, speech = page.lining, page.speech
    shown = lining.shown(line)
    group = _group_of(page, line)
    others = [] if group is None else [other for other in group.lines if other is not line][:_MOST_OTHERS]
    return OriginPage(
        row=lining.whole_row(line),
        section=speech.say(SECTIONS[line.section]),
        section_path=section_path(page.root, line.section),
        details=tuple((one.label, one.text) for one in shown.details),
        origins=tuple(_origin(page, lining, line, name) for name in lining.holders(line)),
        rule="" if group is None or group.rule is Rule.ALONE else speech(f"rule.{group.rule.value}"),
        kind="single" if group is None else group.kind.value,
        standing="" if group is None or group.standing.value == "valid" else speech(f"standing.{group.standing.value}"),
        others=tuple(lining.row(other) for other in others),
        attachments=tuple((place, one.title or speech("origin.untitled"), one.media_type) for place, one in enumerate(shown.attachments)),
        bytes_path=f"{page.root}regel/{line.number}/gegeven",
    )


def _group_of(page: Around, line: Line) -> Group | None:
    thread = page.dossier.view.thread_of(line)
    return None if thread is None else next((group for group in thread.groups if any(one is line for one in group.lines)), None)


def _origin(page: Around, lining: Lining, line: Line, name: HolderName) -> Origin:
    card = page.dossier.hearing.card(name)
    telephone = "" if card is None else card.telephone
    placed: Placed = line.origin if name == line.holder else next((one for one in line.also if one.holder == name), line.origin)
    is_derived = line.is_derived and name == line.holder
    return Origin(
        title=lining.title(name),
        telephone=telephone,
        dial="".join(letter for letter in telephone if letter.isdecimal() or letter == "+"),
        kind="" if card is None else page.speech(f"kind.{card.kind.value}"),
        record=f"{placed.type}/{placed.id}",
        is_derived=is_derived,
        mapping=page.dossier.view.mapping_of(name) if is_derived else "",
        original=f"{page.root}regel/{line.number}/origineel" if is_derived else "",
    )
