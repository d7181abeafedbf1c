"""The identical once, with all who said it; everything else as it came. In order of arrival, in bounded memory.

Records pair by the hints of their column rows, always with another holder's, and are confirmed on their bytes. A
group of the identical holds at most one record of each holder: what one holder states twice are two records.

The order of arrival does not matter for what folds together. The price: a record that may repeat another holder's,
while one of the two refers to a record that has not arrived yet, is held back until that one arrives or its
holder has nothing more to send (`settle`). All others pass at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, NamedTuple

from accord.terms.identifiers import HolderName
from accord.wire.columns import ENTERED_IN_ERROR, Row, rows
from gateway.dossier.sameness import HeldRecord, Memory, statement_of
from gateway.dossier.window import WINDOW_BYTES, Entry, KeptBatch, Origin, Window
from gateway.ports import HolderBatch

_MOST_REMEMBERED: Final = 20_000


class Folded(NamedTuple):
    """A record that is shown once for two holders: as `kept` has it."""

    kept: Origin
    also: Origin


class Placed(NamedTuple):
    """A record in its place: on its own, or as another saying of `fold`."""

    holder: HolderName
    row: Row
    content: bytes
    fold: Origin | None


#: What a record states, as a digest, and whether it was entered in error.
_Stated = tuple[bytes, int]


class _Read(NamedTuple):
    """A record that was read. Neither stated nor missing anything: it will never be identical to another."""

    entry: Entry
    stated: _Stated | None
    missing: frozenset[str]


class _Group:
    """Identical records, at most one of each holder."""

    __slots__ = ("holders", "kept")

    def __init__(self, kept: Entry) -> None:
        self.kept = kept.origin
        self.holders = {kept.holder}


@dataclass(slots=True)
class _Alike:
    """All groups that state the same; `full` counts, for each holder, the first ones that have a record of it."""

    groups: list[_Group] = field(default_factory=list)
    full: dict[HolderName, int] = field(default_factory=dict)

    def place_of(self, holder: HolderName) -> int:
        """The first group without a record of *holder*."""
        place = self.full.get(holder, 0)
        while place < len(self.groups) and holder in self.groups[place].holders:
            place += 1
        self.full[holder] = place
        return place


class _Bucket:
    """Records with the same hints, of which at least two arrived."""

    __slots__ = ("held", "shown_by", "size", "stated", "unread", "unresolved")

    def __init__(self, first: Entry) -> None:
        self.unread = [first]  # shown, while there was nothing to compare them with
        self.unresolved: list[_Read] = []  # shown, and they refer to what has not arrived
        self.held: list[_Read] = []
        self.stated: dict[_Stated, _Alike] = {}
        self.shown_by = {first.holder}
        self.size = 1

    def show(self, stated: _Stated, entry: Entry) -> None:
        """From now on others may fold into this one."""
        self.stated.setdefault(stated, _Alike()).groups.append(_Group(entry))
        self.shown_by.add(entry.holder)


class Folding:
    """Folds one dossier as it arrives.

    `folded` grows with every fold; who reads it may empty it. `unfolded_for_space` counts the records that left
    the window, with which nothing can be found identical any more. `bases` are the addresses under which holders'
    own records are also known.
    """

    def __init__(self, window_bytes: int = WINDOW_BYTES, bases: dict[HolderName, tuple[str, ...]] | None = None) -> None:
        self.folded: list[Folded] = []
        self.unfolded_for_space = 0
        self._bases = bases or {}
        self._window = Window(window_bytes)
        self._seen: dict[int, Entry | _Bucket] = {}
        self._patients: dict[HolderName, frozenset[str]] = {}
        self._awaited: dict[HolderName, dict[str, set[int]]] = {}
        self._settled: set[HolderName] = set()
        self._memory: Memory = {}

    @property
    def held_back(self) -> int:
        """How many records wait for one that they, or their like, refer to."""
        return sum(len(bucket.held) for bucket in self._seen.values() if isinstance(bucket, _Bucket))

    def fold(self, arrived: HolderBatch, ids: Sequence[str] | None = None) -> list[Placed]:
        """The records that now have their place: those of this batch but for the held back, and any that waited.

        *ids* are the logical ids of the batch, when the caller has them. Raises BadInput `broken-batch`.
        """
        holder, content = arrived.holder, arrived.batch.blob
        batch = KeptBatch(holder, arrived.batch.columns, content, ids)
        placed = [freed for oldest in self._window.keep(batch) for freed in self._let_go(oldest)]
        self._patients[holder] = self._patients.get(holder, frozenset()) | arrived.patients
        if self._awaited.get(holder):
            placed.extend(self._meet_the_awaited(batch))
        seen, start = self._seen, 0
        for number, row in enumerate(rows(batch.columns)):
            entry = Entry(batch, number, start, row)
            met = seen.setdefault(row.content_hint, entry) if row.content_hint else entry
            if met is entry:
                placed.append(Placed(holder, row, content[start : row.end], None))
            else:
                placed.extend(self._meet(met, entry))
            start = row.end
        return placed

    def settle(self, holder: HolderName) -> list[Placed]:
        """What need not wait any longer, because *holder* sends nothing more, or is not waited for."""
        self._settled.add(holder)
        return self._revisit(holder, self._awaited.pop(holder, {}))

    def finish(self) -> list[Placed]:
        """What was still held back. After this every record has its place."""
        return [placed for holder in list(self._awaited) for placed in self.settle(holder)]

    def _meet(self, met: Entry | _Bucket, entry: Entry) -> Iterable[Placed]:
        """Place a record whose hints were seen before."""
        hint = entry.row.content_hint
        bucket = met if isinstance(met, _Bucket) else _Bucket(met)
        self._seen[hint] = bucket
        bucket.size += 1
        if bucket.shown_by == {entry.holder}:
            bucket.unread.append(entry)
            return (_placed(entry),)
        self._read_the_shown(bucket)
        return self._place(bucket, self._read(entry))

    def _read_the_shown(self, bucket: _Bucket) -> None:
        """Find out what the records state that were shown while there was nothing to compare them with."""
        unread, bucket.unread = bucket.unread, []
        for read in map(self._read, unread):
            self._note_shown(bucket, read)

    def _note_shown(self, bucket: _Bucket, read: _Read) -> None:
        if read.stated:
            bucket.show(read.stated, read.entry)
        elif read.missing:
            bucket.unresolved.append(read)

    def _place(self, bucket: _Bucket, read: _Read) -> Iterator[Placed]:
        entry, holder = read.entry, read.entry.holder
        if read.stated is None:
            if read.missing:
                bucket.held.append(read)
            else:
                yield _placed(entry)
            return
        alike = bucket.stated.get(read.stated)
        place = alike.place_of(holder) if alike else 0
        if alike and place < len(alike.groups):
            group = alike.groups[place]
            group.holders.add(holder)
            self.folded.append(Folded(group.kept, entry.origin))
            yield _placed(entry, group.kept)
        elif any(shown.entry.holder != holder for shown in bucket.unresolved):
            bucket.held.append(read)
        else:
            bucket.show(read.stated, entry)
            yield _placed(entry)

    def _read(self, entry: Entry) -> _Read:
        """Read what a record states, and note what it waits for."""
        holder = entry.holder
        if len(self._memory) > _MOST_REMEMBERED:
            self._memory.clear()
        record = HeldRecord(holder, entry.content, self._patients[holder], self._bases.get(holder, ()))
        statement = statement_of(record, self._window.target, self._memory)
        if statement.text is not None:
            digest = blake2b(statement.text.encode(), digest_size=32).digest()
            return _Read(entry, (digest, entry.row.flags & ENTERED_IN_ERROR), frozenset())
        if holder in self._settled:
            return _Read(entry, None, frozenset())
        for name in statement.missing:
            self._awaited.setdefault(holder, {}).setdefault(name, set()).add(entry.row.content_hint)
        return _Read(entry, None, statement.missing)

    def _meet_the_awaited(self, batch: KeptBatch) -> list[Placed]:
        awaited = self._awaited[batch.holder]
        arrived = set(self._window.arrived(batch, awaited))
        return self._revisit(batch.holder, {name: awaited.pop(name) for name in arrived})

    def _revisit(self, holder: HolderName, names: dict[str, set[int]]) -> list[Placed]:
        """Read again what waited for *names* of *holder*, and place what then can be."""
        placed: list[Placed] = []
        for hint in sorted({hint for hints in names.values() for hint in hints}):
            bucket = self._seen.get(hint)
            if not isinstance(bucket, _Bucket):
                continue
            unresolved, bucket.unresolved = bucket.unresolved, []
            held, bucket.held = bucket.held, []
            for read in unresolved:
                self._note_shown(bucket, self._again(read, holder, names))
            if held:
                self._read_the_shown(bucket)
            for read in held:
                placed.extend(self._place(bucket, self._again(read, holder, names)))
        return placed

    def _again(self, read: _Read, holder: HolderName, names: dict[str, set[int]]) -> _Read:
        return self._read(read.entry) if read.entry.holder == holder and not read.missing.isdisjoint(names) else read

    def _let_go(self, batch: KeptBatch) -> Iterator[Placed]:
        """Forget a batch that left the window, and with it every pairing in which it has a part."""
        for row in rows(batch.columns):
            met = self._seen.get(row.content_hint)
            if isinstance(met, _Bucket):
                self.unfolded_for_space += met.size
                yield from (_placed(read.entry) for read in met.held)
                del self._seen[row.content_hint]
            elif met is not None and met.batch is batch:
                self.unfolded_for_space += 1
                del self._seen[row.content_hint]


def _placed(entry: Entry, fold: Origin | None = None) -> Placed:
    return Placed(entry.holder, entry.row, entry.content, fold)
