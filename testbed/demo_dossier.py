"""The dossier by section, one line per statement: what is said, since when, by whom, and where they differ."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from accord.rules.reading import category_of, read_record
from accord.terms.records import TYPE_BY_NAME
from accord.terms.vocabulary import SECTION_OF, Section
from gateway.dossier.words import Language
from testbed.asking import Dossier
from testbed.demo_merged import MergedDossier
from testbed.demo_reading import PERSON, Follow, Json, date_of, differing, line_of, read_exactly, subject_of
from testbed.demo_words import ORDER


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a section."""

    date: str
    line: str
    origins: tuple[str, ...]
    subject: str
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Stated:
    """A record, who said it, and how its references are followed."""

    json: bytes
    origins: tuple[str, ...]
    follow: Follow


def stated_in_merged(merged: MergedDossier) -> list[Stated]:
    """What the merged view has: identical statements once."""

    def follow(reference: str) -> Json | None:
        found = merged.by_ref.get(reference)
        return found.content if found else None

    return [Stated(record.json, record.origins, follow) for record in merged.records]


def stated_at_holders(dossier: Dossier) -> list[Stated]:
    """What came over gRPC: every holder's own records, nothing folded; references stay with their holder."""
    held: dict[str, dict[str, bytes]] = {}
    for record in dossier.records:
        held.setdefault(record.holder, {})[record.ref] = record.json

    def follow_at(holder: str) -> Follow:
        return lambda reference: read_exactly(held[holder][reference]) if reference in held[holder] else None

    return [Stated(record.json, (dossier.holders[record.holder].title,), follow_at(record.holder)) for record in dossier.records]


def rows_of_sections(statements: Iterable[Stated], language: Language) -> Iterator[tuple[Section, list[Row]]]:
    """Every section with its lines: what is about the same thing together, the newest first."""
    of_section: dict[Section, list[Row]] = {section: [] for section in ORDER}
    for stated in statements:
        section = section_of(stated.json)
        if section is not None:
            record = read_exactly(stated.json)
            line = line_of(record, stated.follow, language)
            of_section[section].append(Row(date_of(record), line, stated.origins, subject_of(record, stated.follow)))
    for section, rows in of_section.items():
        different = set(differing((row.subject, row.line) for row in rows))
        yield section, _together([replace(row, differs=row.subject in different) for row in rows])


def section_of(content: bytes) -> Section | None:
    """Where a record belongs; none for one that is here only because another refers to it."""
    record = read_record(content)
    kind = TYPE_BY_NAME.get(record.resourceType)
    return None if kind is None or kind.is_companion else SECTION_OF[category_of(record, kind)]


def _together(rows: list[Row]) -> list[Row]:
    """Newest first, but what is about the same thing stands at the place of its newest."""
    newest_first = sorted(_persons_once(rows), key=lambda row: row.date, reverse=True)
    keys = [row.subject or f"#{number}" for number, row in enumerate(newest_first)]
    return [row for _, row in sorted(zip(keys, newest_first, strict=True), key=lambda pair: keys.index(pair[0]))]


def _persons_once(rows: list[Row]) -> list[Row]:
    """Every holder has a Patient record of its own: for the eye, those that say the same stand in one line."""
    others = [row for row in rows if row.subject != PERSON]
    origins: dict[tuple[str, bool], tuple[str, ...]] = {}
    for row in rows:
        if row.subject == PERSON:
            origins[row.line, row.differs] = (*origins.get((row.line, row.differs), ()), *row.origins)
    return [*others, *(Row("", line, whose, PERSON, differs) for (line, differs), whose in origins.items())]
