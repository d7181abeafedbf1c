"""No source at all, for a provider that takes part with its places only: nobody is known here, and nothing is ever read.

It does not say that it keeps nothing: the provider has records, and shares none of them. So whoever asks all the same is told
that more may be there (`node_agent.ports.Source.types`).
"""

from collections.abc import AsyncGenerator, Sequence

from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.queries import Selection
from node_agent.ports import Attachment, LocalPatient, SourceRecord


class NoSource:
    """A `Source` of nothing about nobody."""

    name = "none"
    types: frozenset[str] = frozenset()
    is_copy = False
    bases: tuple[str, ...] = ()

    async def data_as_of_ms(self) -> int:
        """There are none."""
        return 0

    async def check(self) -> None:
        """Nothing can be wrong with it."""

    async def everyone(self) -> AsyncGenerator[tuple[Bsn, LocalPatient], None]:
        """Nobody."""
        nobody: tuple[tuple[Bsn, LocalPatient], ...] = ()
        for one in nobody:
            yield one

    async def find(self, bsn: Bsn) -> LocalPatient | None:  # noqa: ARG002 - a source is asked so
        """Nobody is known here."""
        return None

    async def patients(self, patient: LocalPatient) -> AsyncGenerator[list[SourceRecord], None]:  # noqa: ARG002 - as above
        """None."""
        for records in _NOTHING:
            yield records

    async def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:  # noqa: ARG002 - as above
        """None."""
        for records in _NOTHING:
            yield records

    async def read(self, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:  # noqa: ARG002 - as above
        """None of them exists here."""
        return {}

    async def attachment(self, url: str) -> Attachment | None:  # noqa: ARG002 - as above
        """It does not exist here."""
        return None

    async def close(self) -> None:
        """There is nothing to let go of."""


_NOTHING: tuple[list[SourceRecord], ...] = ()
