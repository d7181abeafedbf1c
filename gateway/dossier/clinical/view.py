"""The clinical view of one dossier: fed with what holders say as they say it, read section by section at any moment.

Identical records are folded first, whoever comes first; what is left are lines, and these are put together by the rules
of their section. All of it is in memory and bounded; nothing of it is written anywhere.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from accord.terms.identifiers import HolderName
from accord.terms.limits import MIB
from accord.terms.vocabulary import Section
from accord.wire.columns import ROW_BYTES
from gateway.dossier.alike import Placed
from gateway.dossier.clinical.concepts import ConceptTable
from gateway.dossier.clinical.grouping import Grouping
from gateway.dossier.clinical.groups import Thread
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.reading import Reader, ReadWishes, name_of
from gateway.dossier.clinical.trees import Follow, Tree, read_tree, read_tree_fast, with_contained
from gateway.dossier.clinical.wish_reading import wishes_at
from gateway.dossier.folding import Folding
from gateway.dossier.window import Origin
from gateway.ports import HolderBatch

#: What one record takes beside its bytes.
_RECORD_OVERHEAD: Final = 1_500
#: What one dossier may take in memory.
VIEW_BYTES: Final = 96 * MIB


class ClinicalView:
    """The lines and threads of one dossier.

    `version` changes with every change, and `versions` says with which a section changed last. `left_out` counts, by
    holder, the records that there was no place for: *most_bytes* is the bound. `at` is the moment for which it holds.
    """

    def __init__(self, table: ConceptTable, at: datetime, *, wishes: ReadWishes | None = None, most_bytes: int = VIEW_BYTES) -> None:
        self.at = at
        self.table = table
        self.version = 0
        self.versions: Counter[Section] = Counter()
        self.left_out: Counter[HolderName] = Counter()
        self.size = 0
        self._taken: Counter[HolderName] = Counter()
        self._most = most_bytes
        self._reader = Reader(table, at, wishes or wishes_at(at))
        self._folding: Folding | None = Folding(window_bytes=most_bytes)
        self._lines: list[Line | None] = []
        self._of_origin: dict[Origin, list[Line]] = {}
        self._content: dict[tuple[HolderName, str], bytes] = {}
        # What waits for a record that it refers to, and what is read again since one came; each record once.
        self._waiting: dict[tuple[HolderName, str], dict[int, Placed]] = {}
        self._due: dict[int, Placed] = {}
        self._sections: dict[Section, Grouping] = {}
        #: Sections of which lines were taken away since somebody looked.
        self._stale: set[Section] = set()
        self._mappings: dict[HolderName, str] = {}

    # -- What holders say

    def take(self, arrived: HolderBatch) -> None:
        """Take a batch in. What there is no place for is counted and left out.

        Raises:
            BadInput: `broken-batch`.
        """
        if self._folding is None:
            raise RuntimeError("this dossier is closed")
        taken = len(arrived.batch.blob) + _RECORD_OVERHEAD * (len(arrived.batch.columns) // ROW_BYTES)
        if self.size + taken > self._most:
            self.left_out[arrived.holder] += len(arrived.batch.columns) // ROW_BYTES
            self.version += 1
            return
        self.size += taken
        self._taken[arrived.holder] += taken
        if arrived.mapping:
            self._mappings[arrived.holder] = arrived.mapping
        self._place(self._folding.fold(arrived))

    def settle(self, holder: HolderName) -> None:
        """A holder sends nothing more."""
        if self._folding is not None:
            self._place(self._folding.settle(holder))

    def withdraw(self, holder: HolderName) -> None:
        """Nothing of a holder may be used: its lines go, and what was shown as it had it is shown after all."""
        if self._folding is None:
            raise RuntimeError("this dossier is closed")
        # What is gone leaves its place to others.
        self.size -= self._taken.pop(holder, 0)
        self._content = {key: content for key, content in self._content.items() if key[0] != holder}
        self._waiting = {key: waiting for key, waiting in self._waiting.items() if key[0] != holder}
        self._due = {key: placed for key, placed in self._due.items() if placed.holder != holder}
        for origin in [origin for origin in self._of_origin if origin.holder == holder]:
            for line in self._of_origin.pop(origin):
                self._lines[line.number] = None
        for line in self.lines:
            line.also = [origin for origin in line.also if origin.holder != holder]
        self._stale |= set(self._sections)
        self.versions.update(list(self._sections))
        self._place(self._folding.withdraw(holder))

    def finish(self) -> None:
        """All holders are done: what was only needed to compare with is let go."""
        if self._folding is not None:
            self._place(self._folding.finish())
            self._folding = None
            self._read_due()
            self._waiting.clear()

    # -- What a reader sees

    @property
    def lines(self) -> Iterator[Line]:
        """All lines, in the order in which they came."""
        self._read_due()
        return (line for line in self._lines if line is not None)

    @property
    def newest(self) -> int:
        """The number that the next line will have: lines from here on arrived after this was asked."""
        self._read_due()
        return len(self._lines)

    def line(self, number: int) -> Line | None:
        """The line of this number; none when there is none, or its holder's answer was set aside."""
        self._read_due()
        return self._lines[number] if 0 <= number < len(self._lines) else None

    def threads(self, section: Section) -> tuple[Thread, ...]:
        """What a section has, in the order of reading."""
        grouping = self._grouping(section)
        return grouping.threads() if grouping is not None else ()

    def thread_of(self, line: Line) -> Thread | None:
        """The thread in which a line stands."""
        return next((thread for thread in self.threads(line.section) if any(one is line for one in thread.lines)), None)

    def count(self, section: Section) -> int:
        """How many lines a section has."""
        grouping = self._grouping(section)
        return grouping.count if grouping is not None else 0

    def mapping_of(self, holder: HolderName) -> str:
        """How the holder's derived records were made; empty where it did not say."""
        return self._mappings.get(holder, "")

    def tree(self, line: Line) -> Tree:
        """A line's record, read."""
        return read_tree(line.content)

    def follow(self, line: Line, tree: Tree) -> Follow:
        """How the references of a line's record are followed: into itself, or to a record of the same holder in this dossier."""

        def found(reference: str) -> Tree | None:
            content = self.content_of(line.holder, reference)
            return None if content is None else read_tree(content)

        return with_contained(tree, found)

    def content_of(self, holder: HolderName, reference: str) -> bytes | None:
        """The bytes of the record that a reference leads to, at the same holder in this dossier."""
        return self._content.get((holder, reference.partition("/_history/")[0]))

    # -- Lines and their places

    def _place(self, placed: Iterable[Placed]) -> None:
        for one in placed:
            if one.fold is not None and (known := self._shown_as(one, one.fold)):
                origin = Origin(one.holder, *name_of(one.row, one.content))
                for line in known:
                    line.also.append(origin)
                    if line.section not in self._stale:
                        self._sections[line.section].touch(line)
                    self.versions[line.section] += 1
            else:
                self._add(one)
            self.version += 1

    def _shown_as(self, placed: Placed, kept: Origin) -> list[Line]:
        """The lines of the record that is shown for this one. Of several under one id it is that with the same content."""
        alike = [line for line in self._of_origin.get(kept, ()) if line.hint == placed.row.content_hint]
        content = next((line.content for line in alike if placed.holder not in line.holders), None)
        return [line for line in alike if line.content is content]

    def _add(self, placed: Placed) -> None:
        holder, lines = placed.holder, self._read(placed)
        name = "/".join(lines[0].origin[1:] if lines else name_of(placed.row, placed.content))
        self._content[holder, name] = placed.content
        for line in lines:
            if line.section not in self._stale:
                self._sections.setdefault(line.section, Grouping(line.section)).add(line)
        self._due |= self._waiting.pop((holder, name), {})

    def _read(self, placed: Placed, numbers: Iterable[int] = ()) -> list[Line]:
        """The lines of a record, each under a number: of *numbers*, then new ones."""
        holder, missing, again = placed.holder, set[str](), iter(numbers)

        def follow(reference: str) -> Tree | None:
            content = self.content_of(holder, reference)
            if content is None:
                missing.add(reference.partition("/_history/")[0])
            return None if content is None else read_tree_fast(content)

        lines = self._reader.lines_of(holder, placed.row, placed.content, follow)
        for line in lines:
            line.number = next(again, len(self._lines))
            if line.number == len(self._lines):
                self._lines.append(line)
            else:
                self._lines[line.number] = line
            self._of_origin.setdefault(line.origin, []).append(line)
            self.versions[line.section] += 1
        for reference in missing:
            self._waiting.setdefault((holder, reference), {})[id(placed.content)] = placed
        return lines

    def _read_due(self) -> None:
        """Read again what refers to something that came: when somebody looks, so once for however many came."""
        due, self._due = self._due, {}
        for placed in due.values():
            self._read_again(placed)

    def _read_again(self, placed: Placed) -> None:
        """Read a record anew, now that one is here that it refers to. Its lines keep their numbers."""
        of_origin = self._of_origin.pop(origin := Origin(placed.holder, *name_of(placed.row, placed.content)), [])
        # A holder may send several records under one id: the lines of the others stay.
        known = [line for line in of_origin if line.content is placed.content]
        self._of_origin[origin] = [line for line in of_origin if line.content is not placed.content]
        for line in known:
            self._lines[line.number] = None
        lines = self._read(placed, [line.number for line in known])
        for line in lines:
            line.also = list(known[0].also) if known else []
        self._stale |= {line.section for line in (*known, *lines)}

    def _grouping(self, section: Section) -> Grouping | None:
        """The threads of a section; put together anew where lines of it were taken away."""
        self._read_due()
        if section in self._stale:
            self._stale.discard(section)
            self._sections[section] = Grouping(section)
            for line in self.lines:
                if line.section is section:
                    self._sections[section].add(line)
        return self._sections.get(section)
