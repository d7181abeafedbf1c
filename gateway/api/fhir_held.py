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
from gateway.ports import Completeness, DossierEvent, HolderBatch, Planned


@dataclass(slots=True)
class Held:
    """The answers of all holders. `most_bytes` and `most_records` are what a document may come to."""

    most_bytes: int
    most_records: int
    cards: dict[HolderName, DataHolder] = field(default_factory=dict)
    completeness: Completeness | None = None
    _batches: dict[HolderName, list[HolderBatch]] = field(default_factory=dict)
    _bytes: int = 0
    _records: int = 0

    async def take(self, event: DossierEvent) -> None:
        """Take in what happened.

        Raises:
            Unavailable: `document-too-large`.
        """
        match event:
            case Planned():
                self.cards = {card.name: card for card in event.asked}
            case HolderBatch():
                self._bytes += len(event.batch.blob)
                self._records += len(event.batch.columns) // ROW_BYTES
                if self._bytes > self.most_bytes or self._records > self.most_records:
                    raise Unavailable(Fault.DOCUMENT_TOO_LARGE)
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
            if line.ending not in SET_ASIDE and line.holder.name in self._batches:
                yield self._batches[line.holder.name]
