"""The read-through adapter passes the acceptance suite of sources over a second real server, Helios, which shares nothing with HAPI.

It is not run in CI: to build that server takes most of the time that there is. Whoever changes the adapter builds it once.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest

from accord.terms.identifiers import RecordRef
from accord.terms.queries import Selection
from node_agent.ports import Source, SourceAnswerInvalid
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_rest import FhirServer
from testbed.contracts.records import ANNA, TOUCHY, companions, observation, patient, resource
from testbed.contracts.source import SourceContract, SourceOver, everything, known
from testbed.helios import HeliosUnavailable, helios_server, program
from tests.node_agent.as_given import NOT_KEPT, TYPES, AsGiven

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]

try:
    program()
except HeliosUnavailable as reason:
    pytest.skip(f"no Helios here: {reason}", allow_module_level=True)


class TestOverHelios(SourceContract):
    """By POST, for the types of the suite; each test has a server of its own."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def source_over(self) -> SourceOver:
        """A new server."""

        @asynccontextmanager
        async def over(records: list[bytes]) -> AsyncGenerator[Source, None]:
            with helios_server(records) as base:
                async with AsGiven(FhirEndpoint(base, types=TYPES, not_kept=NOT_KEPT, patience=300, request_seconds=60), records) as source:
                    yield source

        return over

    async def test_only_what_is_about_this_person_and_never_patients_or_companions(self) -> None:  # type: ignore[override]
        """Asked for patient `a`, this server also brings what is about patient `A`: that type is stopped, and nobody else's record is told."""
        allergy = resource("AllergyIntolerance", "1", patient={"reference": "Patient/a"})
        records = [patient("a", ANNA), *companions(), allergy, observation("1", "a"), observation("3", "ab"), observation("4", "A")]
        with helios_server(records) as base:
            async with AsGiven(FhirEndpoint(base, types=TYPES, not_kept=NOT_KEPT), records) as source:
                who = await known(source, ANNA)
                with pytest.raises(SourceAnswerInvalid, match="another patient"):
                    await everything(source, who)
                assert await everything(source, who, Selection(types=frozenset({"AllergyIntolerance"}))) == [allergy]

    async def test_bytes_are_sacred(self) -> None:  # type: ignore[override]
        """What it serves to anybody else."""
        refs = [RecordRef("Observation", f"t{place}") for place in range(1, len(TOUCHY) + 1)]
        with helios_server([patient("a", ANNA), *TOUCHY]) as base:
            async with httpx2.AsyncClient(trust_env=False, timeout=60) as client, FhirServer(FhirEndpoint(base, types=TYPES, not_kept=NOT_KEPT)) as source:
                served = [(await client.get(f"{base}/{ref}")).content for ref in refs]

                assert sorted(await everything(source, await known(source, ANNA))) == sorted(served)
                assert [(await source.read(refs))[ref].fhir_json for ref in refs] == served
