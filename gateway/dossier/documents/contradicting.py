"""Which records of a document contradict each other, by the grouping of the clinical view: a reader of one line is told of the other."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from accord.terms.identifiers import HolderName
from accord.terms.vocabulary import Section
from accord.wire.columns import Row
from gateway.dossier.clinical.concepts import ConceptTable
from gateway.dossier.clinical.grouping import group
from gateway.dossier.clinical.groups import Group, Kind
from gateway.dossier.clinical.heads import OTHER_SHAPE
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.reading import Reader
from gateway.dossier.clinical.trees import Follow
from gateway.dossier.clinical.wish_reading import wishes_at
from gateway.dossier.window import Origin


@dataclass(frozen=True, slots=True)
class Stated:
    """A record that stands in a document: whose, as it came, how its references are followed, and who states the identical thing."""

    holder: HolderName
    row: Row
    content: bytes = field(repr=False)
    follow: Follow
    also: Sequence[Origin] = ()


def contradictions(records: Sequence[Stated], table: ConceptTable, at: datetime) -> Mapping[int, frozenset[HolderName]]:
    """Who contradicts a record, by its place among *records*; no place for a record that nobody contradicts.

    A holder may contradict itself. A record of a shape that cannot be read contradicts nothing. It takes about 60 µs a record.
    """
    reader = Reader(table, at, wishes_at(at))
    sections: defaultdict[Section, list[Line]] = defaultdict(list)
    for place, record in enumerate(records):
        for line in _lines(reader, record):
            line.number, line.also = place, list(record.also)
            sections[line.section].append(line)
    found: defaultdict[int, set[HolderName]] = defaultdict(set)
    for section, lines in sections.items():
        for thread in group(section, lines):
            for conflict in thread.groups:
                if conflict.kind is Kind.CONFLICT:
                    _tell(conflict, found)
    return {place: frozenset(holders) for place, holders in found.items()}


def _lines(reader: Reader, record: Stated) -> Iterable[Line]:
    try:
        return reader.lines_of(record.holder, record.row, record.content, record.follow)
    except OTHER_SHAPE:
        return ()


def _tell(conflict: Group, found: Mapping[int, set[HolderName]]) -> None:
    """Each line of a side is contradicted by all of the other sides."""
    stated = [frozenset[HolderName]().union(*(line.holders for line in side)) for side in conflict.sides]
    for at, side in enumerate(conflict.sides):
        others = frozenset[HolderName]().union(*(holders for place, holders in enumerate(stated) if place != at))
        for line in side:
            found[line.number] |= others
