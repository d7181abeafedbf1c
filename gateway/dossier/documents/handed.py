"""Which records of a dossier are handed over, and in which section of the handover each stands."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from accord.rules.reading import category_of, check_record, read_record
from accord.terms.faults import BadInput
from accord.terms.vocabulary import CareCategory, Section
from gateway.dossier.clinical.groups import Standing, Thread
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.view import ClinicalView
from gateway.dossier.documents.handover import HANDOVER, LAST_ONLY
from gateway.dossier.documents.plans import Candidate
from gateway.dossier.documents.summary import DIRECTIVES
from gateway.dossier.window import Origin

#: After every subject of planning ahead.
_NO_SUBJECT: Final = 1 << 30


@dataclass(slots=True)
class Handed:
    """A record that is handed over: the section it stands in, its first line on the screen, and the numbers of all of them.

    `has_address`: nothing else is handed over under its name. Of two records that a holder sends under one, nobody knows which is meant:
    both are told, and one of them is there.
    """

    line: Line
    code: str
    candidate: Candidate
    has_address: bool
    numbers: list[int] = field(default_factory=list)
    #: Of a wish, which subject of planning ahead it is of, in the order of the screen: what is asked first at the door stands first.
    subject: int = _NO_SUBJECT


@dataclass(slots=True)
class Chosen:
    """All that are handed over, wishes by subject, else the newest first; and how many of each section are not, because they are over or a mistake."""

    handed: list[Handed] = field(default_factory=list)
    earlier: Counter[str] = field(default_factory=Counter)
    in_error: Counter[str] = field(default_factory=Counter)


def choose(view: ClinicalView) -> Chosen:
    """What holds; of measurements the last; of wishes also those of before, for who reads has to know what differs."""
    found: dict[tuple[Origin, int], Handed] = {}
    names: set[Origin] = set()
    chosen = Chosen()
    for subject, thread in ((subject, thread) for section in Section for subject, thread in enumerate(view.threads(section))):
        for one, standing in _of(thread):
            key = (one.origin, id(one.content))
            handed = found.get(key) or _placed(view, one, names)
            if handed is None:
                continue
            if standing is Standing.IN_ERROR:
                chosen.in_error[handed.code] += 1
            elif _is_over(thread, one, standing, handed.code):
                chosen.earlier[handed.code] += 1
            else:
                handed.numbers.append(one.number)
                names.add(one.origin)
                found[key] = handed
                if thread.section is Section.PLANNING_AHEAD and handed.code == DIRECTIVES:
                    handed.subject = min(handed.subject, subject)
    newest = sorted(found.values(), key=lambda handed: handed.line.order, reverse=True)
    chosen.handed = sorted(newest, key=lambda handed: handed.subject)
    return chosen


def _of(thread: Thread) -> list[tuple[Line, Standing]]:
    return [(one, group.standing) for group in thread.groups for one in group.lines]


def _is_over(thread: Thread, line: Line, standing: Standing, code: str) -> bool:
    if standing is Standing.EARLIER:
        return line.section is not Section.PLANNING_AHEAD
    # The first group has the last value, with whatever contradicts it.
    return code in LAST_ONLY and not any(one is line for group in thread.groups[:1] for one in group.lines)


def _placed(view: ClinicalView, line: Line, names: set[Origin]) -> Handed | None:
    tree = view.tree(line)
    candidate = Candidate(line.origin.type, _category(line), tree, view.follow(line, tree))
    code = HANDOVER.place(candidate)
    return None if code is None else Handed(line, code, candidate, line.origin not in names)


def _category(line: Line) -> CareCategory:
    """The category under which the record travelled."""
    try:
        record = read_record(line.content)
        return category_of(record, check_record(record))
    except BadInput:
        return CareCategory.OTHER
