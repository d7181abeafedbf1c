"""Records that belong to no patient, fetched because a released record refers to them, each once per answer."""

from collections.abc import Iterable, Sequence
from typing import Final

from accord.terms.identifiers import RecordRef
from node_agent.disclosure import Gate
from node_agent.packing import ReleasedRecord
from node_agent.ports import Source, SourceRecord

#: A role names its practitioner and organisation, which names another: so far and no further.
_DEPTH: Final = 3
_READ_AT_ONCE: Final = 100


class Companions:
    """The companions of one answer."""

    __slots__ = ("_fetched", "_gate", "_seen", "_source")

    def __init__(self, gate: Gate, source: Source) -> None:
        self._gate = gate
        self._source = source
        self._seen: set[RecordRef] = set()
        self._fetched: dict[RecordRef, ReleasedRecord] = {}

    async def fetch(self, records: Iterable[ReleasedRecord]) -> None:
        """Read what *records* refer to, and what that refers to in turn.

        Raises:
            SourceFailure: Not everything could be read.
        """
        wanted = self._unseen(records)
        for _ in range(_DEPTH):
            if not wanted:
                return
            found: dict[RecordRef, ReleasedRecord] = {}
            for begin in range(0, len(wanted), _READ_AT_ONCE):
                read = await self._read(wanted[begin : begin + _READ_AT_ONCE])
                await self._gate.look_into_companions(read, self._source)
                for ref, given in read.items():
                    released = self._gate.accompany(ref, given)
                    if released is not None:
                        found[ref] = released
            self._fetched |= found
            wanted = self._unseen(found.values())

    def before(self, records: Sequence[ReleasedRecord]) -> list[ReleasedRecord]:
        """What was fetched and goes ahead of *records*; what a companion refers to goes ahead of that companion."""
        ahead: list[ReleasedRecord] = []
        for record in records:
            self._take(record, ahead)
        return ahead

    def among(self, records: Sequence[ReleasedRecord]) -> list[ReleasedRecord]:
        """*records*, and ahead of each what was fetched for it.

        Not ahead of all: that would tell in which lists a source brought them, and so that something between was withheld.
        """
        together: list[ReleasedRecord] = []
        for record in records:
            self._take(record, together)
            together.append(record)
        return together

    async def _read(self, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:
        """These, some of which were read already."""
        found = {ref: given for ref in refs if (given := self._gate.companion_read(ref)) is not None}
        unread = [ref for ref in refs if ref not in found]
        return found | (await self._source.read(unread) if unread else {})

    def _take(self, record: ReleasedRecord, ahead: list[ReleasedRecord]) -> None:
        for ref in record.companions:
            companion = self._fetched.pop(ref, None)
            if companion is not None:
                self._take(companion, ahead)
                ahead.append(companion)

    def _unseen(self, records: Iterable[ReleasedRecord]) -> list[RecordRef]:
        new = [ref for ref in dict.fromkeys(ref for record in records for ref in record.companions) if ref not in self._seen]
        self._seen.update(new)
        return new
