"""Which records of a document contradict each other, by the grouping of the clinical view: a reader of one line is told of the other."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from accord.terms.identifiers import HolderName
from accord.terms.vocabulary import Section
from accord.wire.columns import Row
from gateway.dossier.clinical.concepts import ConceptTable
from gateway.dossier.clinical.grouping import group
from gateway.dossier.clinical.groups import Group, Kind, Thread
from gateway.dossier.clinical.heads import OTHER_SHAPE
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.reading import Reader
from gateway.dossier.clinical.trees import Follow
from gateway.dossier.clinical.wish_reading import wishes_at
from gateway.dossier.window import Origin
from gateway.dossier.words import Wording


@dataclass(frozen=True, slots=True)
class Stated:
    """A record that stands in a document: whose, as it came, how its references are followed, and who states the identical thing."""

    holder: HolderName
    row: Row
    content: bytes = field(repr=False)
    follow: Follow
    also: Sequence[Origin] = ()


class Contradiction(NamedTuple):
    """By whom a record is contradicted; about what, where it says several things and the table knows this one."""

    holder: HolderName
    about: Wording | None


_Found = defaultdict[int, set[Contradiction]]


def contradictions(records: Sequence[Stated], table: ConceptTable, at: datetime) -> Mapping[int, frozenset[Contradiction]]:
    """What contradicts a record, by its place among *records*; no place for a record that nothing contradicts.

    A holder may contradict itself. A record of a shape that cannot be read contradicts nothing.
    """
    reader = Reader(table, at, wishes_at(at))
    sections: defaultdict[Section, list[Line]] = defaultdict(list)
    says_several = set[int]()
    for place, record in enumerate(records):
        lines = _lines(reader, record)
        says_several |= {place} if len(lines) > 1 else set()
        for line in lines:
            line.number, line.also = place, list(record.also)
            sections[line.section].append(line)
    return told_by((thread for section, lines in sections.items() for thread in group(section, lines)), says_several)


def told_by(threads: Iterable[Thread], says_several: Collection[int]) -> Mapping[int, frozenset[Contradiction]]:
    """What contradicts a line, by its number; of those of *says_several*, about what."""
    found = _Found(set)
    for thread in threads:
        for conflict in thread.groups:
            if conflict.kind is Kind.CONFLICT:
                _tell(conflict, says_several, found)
    return {place: frozenset(told) for place, told in found.items()}


def _lines(reader: Reader, record: Stated) -> list[Line]:
    try:
        return reader.lines_of(record.holder, record.row, record.content, record.follow)
    except OTHER_SHAPE:
        return []


def _tell(conflict: Group, says_several: Collection[int], found: _Found) -> None:
    """Each line of a side is contradicted by all of the other sides; there may be as many sides as lines."""
    stated = [frozenset[HolderName]().union(*(line.holders for line in side)) for side in conflict.sides]
    sides_of = Counter(holder for holders in stated for holder in holders)
    for side, own in zip(conflict.sides, stated, strict=True):
        others = [holder for holder, count in sides_of.items() if count > (holder in own)]
        for line in side:
            about = line.concept.label if line.number in says_several and line.concept is not None else None
            found[line.number].update(Contradiction(holder, about) for holder in others)
