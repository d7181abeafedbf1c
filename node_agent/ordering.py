"""The global order: newest first, from a cursor on, as many as are asked for."""

from collections.abc import Iterable
from typing import Final

from accord.terms.limits import ANSWER_BYTES, ANSWER_RECORDS
from accord.terms.queries import Selection
from node_agent.packing import ReleasedRecord
from node_agent.telling import AnswerTooLarge

#: Tidying at twice the limit keeps its cost per record constant.
_SLACK: Final = 256


class Collection:
    """Collects what was released and keeps what is wanted of it, in order.

    With a limit it holds little more than that many records, whatever the size of the dossier.
    """

    __slots__ = ("_after", "_bytes", "_inclusive", "_keep", "_most_bytes", "_most_records", "_records", "more")

    def __init__(self, selection: Selection, *, most_records: int = ANSWER_RECORDS, most_bytes: int = ANSWER_BYTES) -> None:
        self._after = selection.after.rank if selection.after else None
        self._inclusive = selection.after_inclusive
        self._keep = selection.limit
        self._records: list[ReleasedRecord] = []
        self._bytes = 0
        self._most_records = most_records
        self._most_bytes = most_bytes
        #: More records matched than the limit lets through.
        self.more = False

    def add(self, records: Iterable[ReleasedRecord]) -> None:
        """Take these in.

        Raises:
            AnswerTooLarge: There is no room for more; what was collected stands.
        """
        for record in records:
            if self._is_wanted(record):
                if len(self._records) >= self._most_records or self._bytes + len(record.fhir_json) > self._most_bytes:
                    raise AnswerTooLarge
                self._records.append(record)
                self._bytes += len(record.fhir_json)
        if self._keep and len(self._records) > 2 * self._keep + _SLACK:
            self._tidy()

    def in_order(self) -> list[ReleasedRecord]:
        """What is wanted, in the global order."""
        self._tidy()
        return self._records

    def _is_wanted(self, record: ReleasedRecord) -> bool:
        if self._after is None:
            return True
        rank = record.sort_key.rank
        return rank > self._after or (self._inclusive and rank == self._after)

    def _tidy(self) -> None:
        self._records.sort(key=lambda record: record.sort_key.rank)
        if self._keep and len(self._records) > self._keep:
            self.more = True
            del self._records[self._keep :]
            self._bytes = sum(len(record.fhir_json) for record in self._records)
