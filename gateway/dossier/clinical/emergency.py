"""The emergency screen: of a whole dossier, what must be known before anything is done."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from accord.terms.parties import DataHolder
from accord.terms.vocabulary import Section
from gateway.dossier.clinical.contacts import Contact, contacts
from gateway.dossier.clinical.groups import Group, Standing, Thread
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.rules_of_statements import REFUTED
from gateway.dossier.clinical.view import ClinicalView


class BlockName(StrEnum):
    """The blocks, in the order of reading."""

    WISHES = "wishes"
    ALLERGIES = "allergies"
    BLOOD_THINNERS = "blood-thinners"
    MEDICATION = "medication"
    IMPLANTS = "implants"
    KIDNEY = "kidney"
    PROBLEMS = "problems"


#: Which sections feed a block: who feeds one of them and was not heard is missed here.
FED_BY: Final[dict[BlockName, frozenset[Section]]] = {
    BlockName.WISHES: frozenset({Section.PLANNING_AHEAD}),
    BlockName.ALLERGIES: frozenset({Section.ALLERGIES}),
    BlockName.BLOOD_THINNERS: frozenset({Section.MEDICATION}),
    BlockName.MEDICATION: frozenset({Section.MEDICATION}),
    BlockName.IMPLANTS: frozenset({Section.DEVICES, Section.PROCEDURES}),
    BlockName.KIDNEY: frozenset({Section.LAB}),
    BlockName.PROBLEMS: frozenset({Section.PROBLEMS}),
}


@dataclass(frozen=True, slots=True)
class Block:
    """One block: all threads that belong in it, the most important first. A page that shows fewer says how many more there are."""

    name: BlockName
    threads: tuple[Thread, ...]


@dataclass(frozen=True, slots=True)
class EmergencyScreen:
    """All blocks, always all of them, and whom to call."""

    blocks: tuple[Block, ...]
    contacts: tuple[Contact, ...]

    def block(self, name: BlockName) -> Block:
        """The block of a name."""
        return next(block for block in self.blocks if block.name is name)


def emergency(view: ClinicalView, holders: Iterable[DataHolder]) -> EmergencyScreen:
    """What the emergency screen has at this moment; *holders* are those that answered."""
    in_use = _holding(view, Section.MEDICATION)
    thinners = [thread for thread in in_use if _has_role(thread, "blood-thinner")]
    blocks = {
        BlockName.WISHES: _wishes(view),
        BlockName.ALLERGIES: _allergies(view),
        BlockName.BLOOD_THINNERS: thinners,
        BlockName.MEDICATION: [thread for thread in in_use if thread not in thinners],
        BlockName.IMPLANTS: _implants(view),
        BlockName.KIDNEY: [thread for thread in _holding(view, Section.LAB) if _has_role(thread, "kidney-function")],
        BlockName.PROBLEMS: [thread for thread in _holding(view, Section.PROBLEMS) if _any_line(thread, lambda line: line.says == "affirmed")],
    }
    return EmergencyScreen(tuple(Block(name, tuple(blocks[name])) for name in BlockName), contacts(view, holders))


def holding(thread: Thread) -> tuple[Group, ...]:
    """The groups of a thread that hold now."""
    return tuple(group for group in thread.groups if group.standing is Standing.VALID)


def _holding(view: ClinicalView, section: Section) -> list[Thread]:
    return [thread for thread in view.threads(section) if holding(thread)]


def _any_line(thread: Thread, says: Callable[[Line], bool]) -> bool:
    return any(says(line) for group in holding(thread) for line in group.lines)


def _has_role(thread: Thread, role: str) -> bool:
    return _any_line(thread, lambda line: line.concept is not None and role in line.concept.roles)


def _wishes(view: ClinicalView) -> list[Thread]:
    return [thread for thread in _holding(view, Section.PLANNING_AHEAD) if _any_line(thread, lambda line: line.wish is not None)]


def _allergies(view: ClinicalView) -> list[Thread]:
    """What is affirmed, contradictions first. "None known" after it: alone, for want of room, it would deny what somebody affirms."""
    threads = [thread for thread in _holding(view, Section.ALLERGIES) if _any_line(thread, lambda line: line.says != REFUTED)]
    none_known = [thread for thread in threads if _has_role(thread, "no-known-allergy")]
    named = [thread for thread in threads if not _has_role(thread, "no-known-allergy")]
    return [*sorted(named, key=lambda thread: (not thread.has_conflict, not _any_line(thread, lambda line: line.says == "affirmed"))), *none_known]


def _implants(view: ClinicalView) -> list[Thread]:
    """What is implanted, then every other device; and the operations that leave something behind."""
    devices, procedures = _holding(view, Section.DEVICES), _holding(view, Section.PROCEDURES)
    left_behind = [thread for thread in procedures if _has_role(thread, "implant")]
    return [*sorted(devices, key=lambda thread: not _has_role(thread, "implant")), *left_behind]
