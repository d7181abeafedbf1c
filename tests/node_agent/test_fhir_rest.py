"""The read-through adapter passes the acceptance suite of sources, over a real HTTP server."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from node_agent.ports import Source
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_rest import FhirServer
from testbed.contracts.source import SourceContract, SourceOver
from testbed.fhir_server import FhirFaults, fhir_server


@asynccontextmanager
async def _over(records: list[bytes], faults: FhirFaults, *, search_by_get: bool) -> AsyncGenerator[Source, None]:
    async with (
        fhir_server(records, faults) as running,
        FhirServer(FhirEndpoint(running.base, search_by_get=search_by_get, trust_total=not faults.another_total)) as source,
    ):
        yield source


class TestOverAnObligingServer(SourceContract):
    """Nothing is wrong with the server."""

    @pytest.fixture
    def source_over(self) -> SourceOver:
        """By POST, in large pages."""
        return lambda records: _over(records, FhirFaults(), search_by_get=False)


class TestOverAWilfulServer(SourceContract):
    """Everything that a server may do and still be right, and some of what it may not."""

    @pytest.fixture
    def source_over(self) -> SourceOver:
        """By GET, in small pages with relative links, with companions and wrong totals, and XML for the careless."""
        faults = FhirFaults(max_page=50, relative_next=True, companions=True, another_total=True, no_post_search=True, careless_xml=True, binary_as_json=True)
        return lambda records: _over(records, faults, search_by_get=True)
