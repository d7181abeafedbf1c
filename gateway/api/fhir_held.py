"""What a question about a document brings, held in memory and within bounds until it is known who was heard.

A document begins with its Composition, and that says who was not heard: nothing of it can be sent before the last holder has ended. So
nothing was shown either of a holder whose answer must be set aside: it is left out, and takes nothing of the others with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import HolderName
from accord.terms.parties import DataHolder
from accord.wire.columns import ROW_BYTES
from gateway.api.fhir_account import SET_ASIDE
from gateway.ports import Completeness, DossierEvent, HolderBatch, HolderLine, Planned


@dataclass(slots=True)
class Room:
    """What all documents that are being put together may hold at one moment, in bytes of records."""

    most_bytes: int
    taken: int = 0

    def take(self, size: int) -> None:
        """Hold so much more.

        Raises:
            Unavailable: `too-many-questions`: others hold it; it passes within the time of a question.
        """
        if self.taken + size > self.most_bytes:
            raise Unavailable(Fault.TOO_MANY_QUESTIONS)
        self.taken += size

    def give_back(self, size: int) -> None:
        """Hold so much less."""
        self.taken -= size


@dataclass(slots=True)
class Held:
    """The answers of all holders. `most_bytes` and `most_records` are what a document may come to; `room` is shared with all others."""

    most_bytes: int
    most_records: int
    room: Room
    cards: dict[HolderName, DataHolder] = field(default_factory=dict)
    completeness: Completeness | None = None
    _batches: dict[HolderName, list[HolderBatch]] = field(default_factory=dict)
    _bytes: int = 0
    _records: int = 0

    async def take(self, event: DossierEvent) -> None:
        """Take in what happened.

        Raises:
            Unavailable: `document-too-large`, or `too-many-questions` when others hold too much.
        """
        match event:
            case Planned():
                self.cards = {card.name: card for card in event.asked}
            case HolderBatch():
                size = len(event.batch.blob)
                self._records += len(event.batch.columns) // ROW_BYTES
                if self._bytes + size > self.most_bytes or self._records > self.most_records:
                    raise Unavailable(Fault.DOCUMENT_TOO_LARGE)
                self.room.take(size)
                self._bytes += size
                self._batches.setdefault(event.holder, []).append(event)
            case Completeness():
                self.completeness = event
            case _:
                pass

    def account(self) -> Completeness:
        """The account of the question.

        Raises:
            Unavailable: `internal`: the region gave none.
        """
        if self.completeness is None:
            raise Unavailable(Fault.INTERNAL)
        return self.completeness

    def batches(self) -> Iterator[list[HolderBatch]]:
        """What may be shown, holder by holder in the order of the register: the order of arrival changes no document."""
        for line in self.account().holders:
            if not _is_taken_back(line) and line.holder.name in self._batches:
                yield self._batches[line.holder.name]

    def let_go(self) -> None:
        """Hold nothing any more."""
        self._batches.clear()
        self.room.give_back(self._bytes)
        self._bytes = 0


def _is_taken_back(line: HolderLine) -> bool:
    """Whether nothing of a holder may be used: its answer was not sound, or a choice changed under way (promise P11) and none of it was shown yet."""
    return line.ending in SET_ASIDE or line.code is Fault.SHARING_CHANGED
