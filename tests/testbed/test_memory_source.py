"""The source in memory passes the acceptance suite."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from node_agent.ports import Source
from testbed.contracts.source import SourceContract, SourceOver
from testbed.memory_source import MemorySource


class TestMemorySource(SourceContract):
    """Every promise of the port."""

    @pytest.fixture
    def source_over(self) -> SourceOver:
        """A source over exactly these resources."""

        @asynccontextmanager
        async def over(records: list[bytes]) -> AsyncGenerator[Source, None]:
            source = MemorySource(records, bases=("https://ehr.example/fhir",))
            yield source
            await source.close()

        return over
