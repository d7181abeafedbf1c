"""A FHIR server that writes anew what it was given: its records, found to say the same, in the words in which they were given."""

import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Any, Final

from accord.terms.identifiers import RecordRef
from accord.terms.queries import Selection
from accord.terms.records import RESOURCE_TYPES
from node_agent.ports import LocalPatient, SourceRecord
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_rest import FhirServer

#: Those of the acceptance suite: some servers offer more than sixty, and each takes a search.
TYPES: Final = frozenset({"AllergyIntolerance", "Appointment", "Coverage", "Observation", "RelatedPerson", "Task"})
#: What such a server offers beside these: the suite puts none of it there, so that it is no lack not to ask for it.
NOT_KEPT: Final = frozenset(kind.name for kind in RESOURCE_TYPES if kind.owner) - TYPES


def stated(record: bytes) -> Any:
    """What a record says, to the last digit: without what a server keeps about its version, and the empty strings that FHIR does not know."""
    said = json.loads(record, parse_float=Decimal)
    return {name: value for name, value in said.items() if name != "meta" and value != ""}


class AsGiven(FhirServer):
    """The adapter, whose records are told in the words in which they were given to the server."""

    def __init__(self, endpoint: FhirEndpoint, given: Iterable[bytes]) -> None:
        super().__init__(endpoint)
        self._given = {(said["resourceType"], said["id"]): record for record in given for said in (stated(record),)}

    def _restored(self, records: Iterable[SourceRecord]) -> list[SourceRecord]:
        restored = []
        for record in records:
            said = stated(record.fhir_json)
            given = self._given[said["resourceType"], said["id"]]
            assert said == stated(given)
            restored.append(SourceRecord(given))
        return restored

    async def patients(self, patient: LocalPatient) -> AsyncGenerator[list[SourceRecord], None]:
        """As it says, in those words."""
        async with aclosing(super().patients(patient)) as lists:
            async for some in lists:
                yield self._restored(some)  # noqa: ASYNC119 - it holds nothing but the generator below, as that says

    async def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:
        """As it says, in those words."""
        async with aclosing(super().records_of(patient, selection)) as lists:
            async for some in lists:
                yield self._restored(some)  # noqa: ASYNC119 - it holds nothing but the generator below, as that says

    async def read(self, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:
        """As it says, in those words."""
        found = await super().read(refs)
        return dict(zip(found, self._restored(found.values()), strict=True))
