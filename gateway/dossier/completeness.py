"""Who was heard and who was not, for the dossier and for each of its sections (promise P8).

Conservation is a law here: every holder of the register has exactly one line. An account that breaks it is a
mistake of ours and is never shown.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

from accord.terms.answers import Ending
from accord.terms.identifiers import HolderName, QueryId
from accord.terms.vocabulary import Section, sections_fed_by
from gateway.ports import Completeness, HolderClosed, HolderLine, NotAsked, RegisteredHolder, SectionLine

#: On every dossier alike, so that it tells nothing about this one (promise P9).
CONSTANT_NOTE_EN: Final = "Some data may not be shared. What is not shown may still exist."
CONSTANT_NOTE_NL: Final = "Sommige gegevens worden misschien niet gedeeld. Wat hier niet staat, kan wel bestaan."


class HeardHolder(Protocol):
    """What became of one asked holder: its last word as it stands, and its records per section."""

    @property
    def holder(self) -> RegisteredHolder:
        """The holder."""

    @property
    def closed(self) -> HolderClosed | None:
        """Its last word."""

    @property
    def sections(self) -> "Counter[Section]":
        """Its records per section."""


class NotConserved(Exception):
    """The endings do not add up to the register: a mistake of ours."""


def account(query_id: QueryId, register: Sequence[RegisteredHolder], heard: Sequence[HeardHolder], not_asked: Sequence[NotAsked]) -> Completeness:
    """The account of a dossier.

    Raises:
        NotConserved: Some holder has no line, or two.
    """
    lines: dict[HolderName, HolderLine] = {}
    for one in heard:
        if one.closed is None or one.holder.name in lines:
            raise NotConserved
        lines[one.holder.name] = _line(one.holder, one.closed)
    for left_out in not_asked:
        if left_out.holder.name in lines:
            raise NotConserved
        lines[left_out.holder.name] = HolderLine(left_out.holder, Ending.NOT_ASKED, left_out.code, 0, 0, 0, 0, 0, copy=False, data_as_of_ms=0)
    if lines.keys() != {holder.name for holder in register} or len(lines) != len(register):
        raise NotConserved
    ordered = tuple(lines[holder.name] for holder in register)
    return Completeness(query_id, ordered, _sections(ordered, heard))


def _line(holder: RegisteredHolder, closed: HolderClosed) -> HolderLine:
    counts = closed.counts
    return HolderLine(
        holder.card,
        closed.ending,
        closed.code,
        counts.records,
        counts.unfit,
        counts.oversized,
        closed.elapsed_ms,
        closed.last_heard_ms,
        copy=closed.copy,
        data_as_of_ms=closed.data_as_of_ms,
    )


def _sections(lines: Sequence[HolderLine], heard: Sequence[HeardHolder]) -> tuple[SectionLine, ...]:
    numbers: Counter[Section] = Counter()
    for one in heard:
        numbers.update(one.sections)
    gaps = [(line.holder.name, sections_fed_by(line.holder.kind)) for line in lines if line.ending.leaves_a_gap or line.unfit or line.oversized]
    return tuple(
        SectionLine(section, numbers[section], tuple(name for name, fed in gaps if section in fed)) for section in Section
    )
