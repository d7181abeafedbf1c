"""The emergency screen: what must be known before anything is done, on one screen; and the same on paper, in full."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from starlette.responses import Response

from accord.terms.vocabulary import Section
from gateway.dossier.clinical.contacts import Contact
from gateway.dossier.clinical.emergency import FED_BY, BlockName, emergency, holding
from gateway.dossier.clinical.groups import Group, Thread
from gateway.viewer.cards import heard
from gateway.viewer.fitting import fit
from gateway.viewer.frames import Around, around, section_path
from gateway.viewer.lining import Lining
from gateway.viewer.shapes import Block, Cluster, Row
from gateway.viewer.trending import trend_of
from gateway.viewer.visits import Visit

#: Where each block stands, always: one finds it again without reading.
_COLUMNS: Final = (
    (BlockName.WISHES, None, BlockName.KIDNEY),
    (BlockName.ALLERGIES, BlockName.BLOOD_THINNERS),
    (BlockName.MEDICATION, BlockName.PROBLEMS, BlockName.IMPLANTS),
)
_SECTION: Final = {
    BlockName.WISHES: Section.PLANNING_AHEAD,
    BlockName.ALLERGIES: Section.ALLERGIES,
    BlockName.BLOOD_THINNERS: Section.MEDICATION,
    BlockName.MEDICATION: Section.MEDICATION,
    BlockName.IMPLANTS: Section.DEVICES,
    BlockName.KIDNEY: Section.LAB,
    BlockName.PROBLEMS: Section.PROBLEMS,
}
#: More are never looked at for one screen.
_MOST_THREADS: Final = 30
_MOST_NAMES: Final = 3
#: Of one thing, so many that hold now; the others are counted.
_MOST_GROUPS: Final = 6
_PEOPLE: Final = "people"


async def emergency_screen(visit: Visit) -> Response:
    """What is there at this moment."""
    page = around(visit, "emergency")
    head = page.head(page.speech("title.emergency"), "emergency")
    fitted, columns = fit(head, _columns(page))
    return page.page("emergency.html", fitted, columns=columns)


async def printed(visit: Visit) -> Response:
    """The sheet for paper: the same, and planning ahead in full."""
    page = around(visit, "print")
    head = page.head(page.speech("title.print"))
    everybody = heard(page.dossier.hearing, page.speech, page.dossier.view.left_out)
    blocks = [block for column in _columns(page, in_full=True) for block in column]
    return page.page("print.html", replace(head, heard=everybody), blocks=blocks)


def _columns(page: Around, *, in_full: bool = False) -> tuple[tuple[Block, ...], ...]:
    dossier = page.dossier
    lining = page.lining
    screen = emergency(dossier.view, dossier.hearing.answered)
    made = {block.name: _block(page, lining, block.name, block.threads, in_full=in_full) for block in screen.blocks}
    people = _people(page, lining, screen.contacts)
    return tuple(tuple(people if name is None else made[name] for name in column) for column in _COLUMNS)


def _block(page: Around, lining: Lining, name: BlockName, threads: tuple[Thread, ...], *, in_full: bool) -> Block:
    shown = threads if in_full and name is BlockName.WISHES else threads[:_MOST_THREADS]
    path = section_path(page.root, _SECTION[name])
    clusters: list[Cluster] = []
    hidden = 0
    for thread in shown:
        groups = holding(thread)
        now = _now(name, groups, lining)
        take = len(now) if name is BlockName.WISHES else _MOST_GROUPS
        clusters += [lining.cluster(group, thread, first_only=not in_full) for group in now[:take]]
        hidden += max(0, len(now) - take)
        if name is BlockName.WISHES:
            past = [group for group in thread.groups if group not in groups][: None if in_full else 1]
            clusters += [lining.cluster(group, thread, first_only=not in_full) for group in past]
    trend = None
    if name is BlockName.KIDNEY:
        trend = next((found for thread in shown if (found := trend_of(lining.view, thread, lining.row(thread.lines[0]).what, page.speech, lining.title))), None)
    block = Block(name.value, page.speech(f"block.{name.value}"), path, tuple(clusters), len(threads) - len(shown) + hidden, trend=trend)
    return _with_missing(page, block, FED_BY[name])


def _now(name: BlockName, groups: tuple[Group, ...], lining: Lining) -> tuple[Group, ...]:
    """What of a thread must be seen: two products, two implants, two sides of a body are two, and the newest hides none of them."""
    if name is BlockName.PROBLEMS:
        return tuple(group for group in groups if any(line.says == "affirmed" for line in group.lines))
    if name in (BlockName.MEDICATION, BlockName.BLOOD_THINNERS):
        used = tuple(group for group in groups if any(line.medicated is not None and line.medicated.stage.says_how_it_is_used for line in group.lines))
        return used or groups[:1]
    if name is BlockName.KIDNEY:
        # One that was only asked for does not hide the last that has a value.
        measured = next((group for group in groups[:_MOST_THREADS] if any(lining.shown(line).value for line in group.lines[:_MOST_GROUPS])), groups[0])
        return groups[:1] if measured is groups[0] else (groups[0], measured)
    return groups


def _with_missing(page: Around, block: Block, sections: Iterable[Section]) -> Block:
    """The block with those who may have something for it and were not heard, as far as there is room to name them."""
    hearing = page.dossier.hearing
    sections = tuple(sections)
    return replace(
        block,
        missing=_named(page, [line.holder.title for line in hearing.missing(sections)]),
        waiting=_named(page, [card.title for card in hearing.waiting_for(sections)]),
    )


def _named(page: Around, titles: Sequence[str]) -> tuple[str, ...]:
    """The names, where they are few; else how many: at the top of the page all of them are named."""
    return tuple(titles) if len(titles) <= _MOST_NAMES else (page.speech("block.many", n=len(titles)),)


def _people(page: Around, lining: Lining, contacts: tuple[Contact, ...]) -> Block:
    """Representative and general practitioner, with their telephone numbers."""
    clusters = tuple(Cluster("single", "valid", ((_person(page, lining, contact),),)) for contact in contacts[:_MOST_THREADS])
    block = Block(
        _PEOPLE,
        page.speech("block.people"),
        section_path(page.root, Section.PERSON),
        clusters,
        max(0, len(contacts) - _MOST_THREADS),
    )
    return _with_missing(page, block, (Section.PERSON,)) if not contacts else block


def _person(page: Around, lining: Lining, contact: Contact) -> Row:
    role = page.speech(f"contact.{contact.role.value}")
    own = [word for word in contact.relation.split(", ") if word and word.casefold() != role.casefold()]
    relation = f"{role} ({', '.join(own)})" if own else role
    telephones = contact.telephones or (page.speech("contact.no_telephone"),)
    line = contact.line
    base = lining.row(line) if line is not None else None
    return Row(
        number=-1 if base is None else base.number,
        what=contact.name or page.speech("contact.no_name"),
        value=relation,
        when="" if base is None else base.when,
        sources=() if base is None else base.sources,
        telephones=telephones if contact.telephones else (),
        extra=() if contact.telephones else (("", telephones[0]),),
        is_late=base is not None and base.is_late,
    )
