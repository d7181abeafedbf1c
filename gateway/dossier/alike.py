"""Records of a dossier with the same hints, and which of them were found to state the identical thing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from accord.terms.identifiers import HolderName
from accord.wire.columns import Row
from gateway.dossier.window import Entry, Origin


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


#: A record that has its place, or a moment at which others may have their turn: one more record was read.
Step = Placed | None

#: What a record states, as a digest, and whether it was entered in error.
Stated = tuple[bytes, int]


class Read(NamedTuple):
    """A record that was read. Neither stated nor missing anything: it will never be identical to another."""

    entry: Entry
    stated: Stated | None
    missing: frozenset[str]


class Group:
    """Identical records, at most one of each holder. The first is shown, for all of them."""

    __slots__ = ("entries",)

    def __init__(self, kept: Entry) -> None:
        self.entries = {kept.holder: kept}

    @property
    def kept(self) -> Entry:
        """The one that is shown."""
        return next(iter(self.entries.values()))

    @property
    def also(self) -> list[Entry]:
        """Those that are shown as another holder has them."""
        return list(self.entries.values())[1:]


@dataclass(slots=True)
class Alike:
    """All groups that state the same; `full` counts, for each holder, the first ones that have a record of it."""

    groups: list[Group] = field(default_factory=list)
    full: dict[HolderName, int] = field(default_factory=dict)

    def place_of(self, holder: HolderName) -> int:
        """The first group without a record of *holder*."""
        place = self.full.get(holder, 0)
        while place < len(self.groups) and holder in self.groups[place].entries:
            place += 1
        self.full[holder] = place
        return place

    def forget(self, holder: HolderName) -> list[Group]:
        """Strike out what *holder* says; the groups that were shown as it has them, and now are shown by nobody."""
        orphaned = []
        for group in self.groups:
            was_shown = group.kept.holder == holder
            group.entries.pop(holder, None)
            if was_shown and group.entries:
                orphaned.append(group)
        self.groups = [group for group in self.groups if group.entries]
        self.full.clear()
        return orphaned


class Bucket:
    """Records with the same hints, of which at least two arrived."""

    __slots__ = ("held", "shown_by", "size", "stated", "unread", "unresolved")

    def __init__(self, first: Entry) -> None:
        self.unread = [first]  # shown, while there was nothing to compare them with
        self.unresolved: list[Read] = []  # shown, and they refer to what has not arrived
        self.held: list[Read] = []
        self.stated: dict[Stated, Alike] = {}
        self.shown_by = {first.holder}
        self.size = 1

    @property
    def groups(self) -> Iterator[Group]:
        """All groups, whatever they state."""
        return (group for alike in self.stated.values() for group in alike.groups)

    def show(self, stated: Stated, entry: Entry) -> None:
        """From now on others may fold into this one."""
        self.stated.setdefault(stated, Alike()).groups.append(Group(entry))
        self.shown_by.add(entry.holder)

    def forget(self, holder: HolderName) -> list[Group]:
        """Strike out what *holder* says; the groups that were shown as it has them, and now are shown by nobody."""
        self.unread = [entry for entry in self.unread if entry.holder != holder]
        self.unresolved = [read for read in self.unresolved if read.entry.holder != holder]
        self.held = [read for read in self.held if read.entry.holder != holder]
        orphaned = [group for alike in self.stated.values() for group in alike.forget(holder)]
        self.shown_by = {entry.holder for entry in self.unread} | {read.entry.holder for read in self.unresolved} | {g.kept.holder for g in self.groups}
        return orphaned
