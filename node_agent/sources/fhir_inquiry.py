"""One question to a FHIR server: records are fetched while it is still found out whose records they are.

Following a link between Patient records takes a request of its own. The records of those that are known first are
fetched at the same time, and held: a linked Patient is as much a part of the person, and may make them doubtful. So
nothing comes out before every Patient record was found and could be read. Only the waiting is shared.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Protocol

from accord.terms.identifiers import Bsn
from accord.terms.queries import Selection
from node_agent.ports import LocalPatient, SourceFailure, SourceIncapable, SourceRecord
from node_agent.sources.fhir_abilities import Abilities
from node_agent.sources.fhir_people import Begin
from node_agent.sources.fhir_search import PatientSearch

Learn = Callable[[], Awaitable[Abilities]]
#: Starts to search for what a selection may hold, beginning with the Patient records of these ids.
Start = Callable[[Abilities, Selection, frozenset[str]], PatientSearch]


class Find(Protocol):
    """Finds somebody, and tells *begin* the ids that are known first."""

    def __call__(self, bsn: Bsn, begin: Begin) -> Awaitable[LocalPatient | None]:
        """As `Source.find`."""


class FhirInquiry:
    """Implements `node_agent.ports.Inquiry`. Whoever made it ends it."""

    def __init__(self, name: str, selection: Selection, *, learn: Learn, find: Find, start: Start) -> None:
        self._search: PatientSearch | None = None
        self._name = name
        self._selection = selection
        self._learn = learn
        self._find = find
        self._start = start
        self._found: LocalPatient | None = None

    async def find(self, bsn: Bsn) -> LocalPatient | None:
        """The person with this BSN; what is on file about them is being fetched when this ends.

        Raises:
            SourceFailure: It could not be found out, or the server brought somebody else's record.
        """
        self.end()
        abilities = await self._learn()

        def begin(ids: frozenset[str]) -> None:
            self.end()
            self._search = self._start(abilities, self._selection, ids)

        self._found = await self._find(bsn, begin)
        if self._search is not None and self._found is not None:
            self._search.settle(self._found.ids)
        return self._found

    async def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:
        """What is on file about a person, a page at a time as the searches bring them.

        Raises:
            SourceIncapable: The server offers a type that is not asked for.
            SourceFailure: A search failed, or did not get to its end. What the others found was yielded.
        """
        abilities = await self._learn()
        # What was read ahead is for one reader.
        search, self._search = self._search, None
        if search is not None and (patient != self._found or selection != self._selection):
            search.end()
            search = None
        if search is None:
            search = self._start(abilities, selection, patient.ids)
            search.settle(patient.ids)
        try:
            async for records in search.received:
                yield records
        finally:
            search.end()
        if search.failures:
            raise _gravest(search.failures)
        if abilities.lacks(selection):
            raise SourceIncapable(self._name)

    def end(self) -> None:
        """Give up what is under way and was not taken."""
        search, self._search = self._search, None
        if search is not None:
            search.end()


def _gravest(failures: Sequence[Exception]) -> Exception:
    """The failure that says most: a fault of ours, then an answer that cannot be read, then none, then being too busy."""
    ranks = {"source-answer-invalid": 1, "source-unavailable": 2, "source-busy": 3}
    return min(failures, key=lambda failure: ranks.get(failure.fault, 1) if isinstance(failure, SourceFailure) else 0)
