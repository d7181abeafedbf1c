"""Who was heard and who was not: the account that closes every dossier (promise P8)."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from accord.terms.answers import Ending
from accord.terms.faults import Fault, Faulted
from accord.terms.identifiers import HolderName, QueryId
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import SECTION_OF, CareCategory, Section
from gateway.ports import Completeness, HolderClosed, HolderLine, NotAsked, SectionLine


class AccountDoesNotClose(Faulted):
    """A holder of the register has no ending or more than one, or somebody ended who is not in it: a broken promise."""

    def __init__(self, holders: Iterable[HolderName]) -> None:
        super().__init__(Fault.INTERNAL, "completeness: " + ", ".join(sorted(map(str, holders))))


def account(
    query_id: QueryId,
    register: Collection[DataHolder],
    not_asked: Collection[NotAsked],
    closed: Collection[HolderClosed],
    records: Mapping[CareCategory, int],
    sections: Collection[Section] = tuple(Section),
) -> Completeness:
    """The account of one dossier: a line for every holder of the register, in its order, and one for every section.

    *records* counts what was shown by category. *sections* are those that the question is about; a section in which
    something was shown has a line in any case.

    Raises:
        AccountDoesNotClose: The register is not the sum of the endings.
    """
    endings = Counter([entry.holder.name for entry in not_asked] + [entry.holder for entry in closed])
    endings.subtract(holder.name for holder in register)
    if any(endings.values()) or len({holder.name for holder in register}) != len(register):
        raise AccountDoesNotClose(name for name, surplus in endings.items() if surplus)
    left_out = {entry.holder.name: entry.code for entry in not_asked}
    last_words = {entry.holder: entry for entry in closed}
    lines = tuple(_not_asked(holder, left_out[holder.name]) if holder.name in left_out else _closed(holder, last_words[holder.name]) for holder in register)
    return Completeness(query_id, lines, _sections(lines, records, sections))


def _not_asked(holder: DataHolder, code: Fault) -> HolderLine:
    return HolderLine(
        holder=holder, ending=Ending.NOT_ASKED, code=code, records=0, unfit=0, oversized=0, elapsed_ms=0, last_heard_ms=0, copy=False, data_as_of_ms=0
    )


def _closed(holder: DataHolder, last: HolderClosed) -> HolderLine:
    return HolderLine(
        holder=holder,
        ending=last.ending,
        code=last.code,
        records=last.counts.records,
        unfit=last.counts.unfit,
        oversized=last.counts.oversized,
        elapsed_ms=last.elapsed_ms,
        last_heard_ms=last.last_heard_ms,
        copy=last.copy,
        data_as_of_ms=last.data_as_of_ms,
        paused_since_ms=last.paused_since_ms,
        lacking=last.lacking,
    )


def _sections(lines: Iterable[HolderLine], records: Mapping[CareCategory, int], sections: Collection[Section]) -> tuple[SectionLine, ...]:
    """What was shown, and who feeds the section and may have more: not heard out, not asked for all of it, or records of it could not be sent."""
    shown: Counter[Section] = Counter()
    for category, count in records.items():
        shown[SECTION_OF[category]] += count
    gaps = [(line.holder.name, line.gaps) for line in lines if line.leaves_a_gap]
    return tuple(
        SectionLine(section, shown[section], tuple(name for name, harmed in gaps if section in harmed))
        for section in Section
        if section in sections or shown[section]
    )
