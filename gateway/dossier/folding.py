"""The identical once, with all who said it; everything else as it came. In order of arrival, in bounded memory.

Records pair by the hints of their column rows, always with another holder's, and are confirmed on their bytes. A
group of the identical holds at most one record of each holder: what one holder states twice are two records.

The order of arrival does not matter for what folds together. The price: a record that may repeat another holder's,
while one of the two refers to a record that has not arrived yet, is held back until that one arrives or its
holder has nothing more to send (`settle`). All others pass at once.

A holder whose answer is set aside takes nothing of the others with it (`withdraw`): what was shown as it had it is
shown after all.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Final

from accord.terms.identifiers import HolderName
from accord.wire.columns import ENTERED_IN_ERROR, Row, rows
from gateway.dossier.alike import Bucket, Folded, Group, Placed, Read, Step
from gateway.dossier.sameness import HeldRecord, Memory, statement_of
from gateway.dossier.window import WINDOW_BYTES, Entry, KeptBatch, Origin, Window
from gateway.ports import HolderBatch

_MOST_REMEMBERED: Final = 20_000


class Folding:
    """Folds one dossier as it arrives.

    `folded` grows with every fold; who reads it may empty it. `unfolded_for_space` counts the records that left
    the window, with which nothing can be found identical any more. `lost` counts, by holder, the records that were
    shown as a withdrawn holder had them and are no longer here to be shown. `bases` are the addresses under which
    holders' own records are also known; *shown_anyway* says of which records a fold changes nothing.
    """

    def __init__(
        self,
        window_bytes: int = WINDOW_BYTES,
        bases: dict[HolderName, tuple[str, ...]] | None = None,
        shown_anyway: Callable[[Row], bool] = lambda _: False,
    ) -> None:
        self.folded: list[Folded] = []
        self.unfolded_for_space = 0
        self.lost: Counter[HolderName] = Counter()
        self._bases = bases or {}
        self._shown_anyway = shown_anyway
        self._window = Window(window_bytes)
        self._seen: dict[int, Entry | Bucket] = {}
        self._patients: dict[HolderName, frozenset[str]] = {}
        self._awaited: dict[HolderName, dict[str, set[int]]] = {}
        self._settled: set[HolderName] = set()
        self._memory: Memory = {}
        # Folds that left the window while the holder of the record that is shown may still be withdrawn.
        self._out_of_reach: dict[HolderName, Counter[HolderName]] = {}

    @property
    def held_back(self) -> int:
        """How many records wait for one that they, or their like, refer to."""
        return sum(len(bucket.held) for bucket in self._seen.values() if isinstance(bucket, Bucket))

    def fold(self, arrived: HolderBatch, ids: Sequence[str] | None = None) -> list[Placed]:
        """The records that now have their place: those of this batch but for the held back, and any that waited.

        *ids* are the logical ids of the batch, when the caller has them. Raises BadInput `broken-batch`.
        """
        return _all(self.folding(arrived, ids))

    def settle(self, holder: HolderName) -> list[Placed]:
        """What need not wait any longer, because *holder* sends nothing more, or is not waited for."""
        return _all(self.settling(holder))

    def withdraw(self, holder: HolderName) -> list[Placed]:
        """What has to be shown now that nothing of *holder* may be used: it sends nothing more, and stands for nobody."""
        return _all(self.withdrawing(holder))

    def finish(self) -> list[Placed]:
        """What was still held back. After this every record has its place."""
        return _all(self.finishing())

    # -- The same in steps, between which others may have their turn. Each must be taken to its end before the next.

    def folding(self, arrived: HolderBatch, ids: Sequence[str] | None = None) -> Iterator[Step]:
        """As `fold`."""
        holder, content = arrived.holder, arrived.batch.blob
        batch = KeptBatch(holder, arrived.batch.columns, content, ids)
        for oldest in self._window.keep(batch):
            yield from self._let_go(oldest)
        self._patients[holder] = self._patients.get(holder, frozenset()) | arrived.patients
        if self._awaited.get(holder):
            yield from self._meet_the_awaited(batch)
        seen, start = self._seen, 0
        for number, row in enumerate(rows(batch.columns)):
            entry = Entry(batch, number, start, row)
            met = seen.setdefault(row.content_hint, entry) if row.content_hint else entry
            if met is entry:
                yield Placed(holder, row, content[start : row.end], None)
            else:
                yield from self._meet(met, entry)
            start = row.end

    def settling(self, holder: HolderName) -> Iterator[Step]:
        """As `settle`."""
        self._settled.add(holder)
        # Whatever ended so stands: what was folded into it need not come back.
        self._out_of_reach.pop(holder, None)
        yield from self._revisit(holder, self._awaited.pop(holder, {}))

    def withdrawing(self, holder: HolderName) -> Iterator[Step]:
        """As `withdraw`."""
        self.lost.update(self._out_of_reach.pop(holder, Counter()))
        for hint, met in list(self._seen.items()):
            yield None
            if isinstance(met, Bucket):
                for group in met.forget(holder):
                    yield from self._shown_again(group)
            elif met.holder == holder:
                del self._seen[hint]
        yield from self.settling(holder)

    def finishing(self) -> Iterator[Step]:
        """As `finish`."""
        for holder in list(self._awaited):
            yield from self.settling(holder)

    def _shown_again(self, group: Group) -> Iterator[Placed]:
        kept = group.kept
        for entry in group.entries.values():
            if entry is not kept:
                self.folded.append(Folded(kept.origin, entry.origin))
            if not self._shown_anyway(entry.row):
                yield _placed(entry, None if entry is kept else kept.origin)

    def _meet(self, met: Entry | Bucket, entry: Entry) -> Iterator[Step]:
        """Place a record whose hints were seen before."""
        hint = entry.row.content_hint
        bucket = met if isinstance(met, Bucket) else Bucket(met)
        self._seen[hint] = bucket
        bucket.size += 1
        if bucket.shown_by == {entry.holder}:
            bucket.unread.append(entry)
            yield _placed(entry)
            return
        yield from self._read_the_shown(bucket)
        yield from self._place(bucket, self._read(entry))

    def _read_the_shown(self, bucket: Bucket) -> Iterator[None]:
        """Find out what the records state that were shown while there was nothing to compare them with."""
        unread, bucket.unread = bucket.unread, []
        for entry in unread:
            self._note_shown(bucket, self._read(entry))
            yield None

    def _note_shown(self, bucket: Bucket, read: Read) -> None:
        if read.stated:
            bucket.show(read.stated, read.entry)
        elif read.missing:
            bucket.unresolved.append(read)

    def _place(self, bucket: Bucket, read: Read) -> Iterator[Placed]:
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
            group.entries[holder] = entry
            self.folded.append(Folded(group.kept.origin, entry.origin))
            yield _placed(entry, group.kept.origin)
        elif any(shown.entry.holder != holder for shown in bucket.unresolved):
            bucket.held.append(read)
        else:
            bucket.show(read.stated, entry)
            yield _placed(entry)

    def _read(self, entry: Entry) -> Read:
        """Read what a record states, and note what it waits for."""
        holder = entry.holder
        if len(self._memory) > _MOST_REMEMBERED:
            self._memory.clear()
        if not entry.can_be_shown:
            return Read(entry, None, frozenset())
        record = HeldRecord(holder, entry.content, self._patients[holder], self._bases.get(holder, ()))
        statement = statement_of(record, self._window.target, self._memory)
        if statement.text is not None:
            digest = blake2b(statement.text.encode(), digest_size=32).digest()
            return Read(entry, (digest, entry.row.flags & ENTERED_IN_ERROR), frozenset())
        if holder in self._settled:
            return Read(entry, None, frozenset())
        for name in statement.missing:
            self._awaited.setdefault(holder, {}).setdefault(name, set()).add(entry.row.content_hint)
        return Read(entry, None, statement.missing)

    def _meet_the_awaited(self, batch: KeptBatch) -> Iterator[Step]:
        awaited = self._awaited[batch.holder]
        arrived = set(self._window.arrived(batch, awaited))
        yield from self._revisit(batch.holder, {name: awaited.pop(name) for name in arrived})

    def _revisit(self, holder: HolderName, names: dict[str, set[int]]) -> Iterator[Step]:
        """Read again what waited for *names* of *holder*, and place what then can be."""
        for hint in sorted({hint for hints in names.values() for hint in hints}):
            bucket = self._seen.get(hint)
            if not isinstance(bucket, Bucket):
                continue
            unresolved, bucket.unresolved = bucket.unresolved, []
            held, bucket.held = bucket.held, []
            for read in unresolved:
                self._note_shown(bucket, self._again(read, holder, names))
                yield None
            if held:
                yield from self._read_the_shown(bucket)
            for read in held:
                yield from self._place(bucket, self._again(read, holder, names))
                yield None

    def _again(self, read: Read, holder: HolderName, names: dict[str, set[int]]) -> Read:
        return self._read(read.entry) if read.entry.holder == holder and not read.missing.isdisjoint(names) else read

    def _let_go(self, batch: KeptBatch) -> Iterator[Placed]:
        """Forget a batch that left the window, and with it every pairing in which it has a part."""
        for row in rows(batch.columns):
            met = self._seen.get(row.content_hint)
            if isinstance(met, Bucket):
                self.unfolded_for_space += met.size
                self._count_out_of_reach(met)
                yield from (_placed(read.entry) for read in met.held)
                del self._seen[row.content_hint]
            elif met is not None and met.batch is batch:
                self.unfolded_for_space += 1
                del self._seen[row.content_hint]

    def _count_out_of_reach(self, bucket: Bucket) -> None:
        for group in bucket.groups:
            kept = group.kept.holder
            if kept not in self._settled:
                also = (entry.holder for entry in group.also if not self._shown_anyway(entry.row))
                self._out_of_reach.setdefault(kept, Counter()).update(also)


def _placed(entry: Entry, fold: Origin | None = None) -> Placed:
    return Placed(entry.holder, entry.row, entry.content, fold)


def _all(steps: Iterator[Step]) -> list[Placed]:
    return [placed for placed in steps if placed is not None]
