"""Whether an agent gets in at a FHIR server with given settings, and reads everything there."""

from pathlib import Path
from typing import Any

import pytest

from accord.terms.identifiers import Bsn, RecordRef
from node_agent.opening import open_source
from node_agent.ports import LocalPatient, SourceFailure, SourceUnavailable
from node_agent.source_settings import SourceSettings
from testbed.contracts.records import ANNA, observation, patient, resource
from testbed.contracts.source import everything

A = LocalPatient(frozenset({"a"}))
OBSERVATIONS = [observation(f"o{number}", "a") for number in range(10)]
RECORDS = [patient("a", ANNA), *OBSERVATIONS, resource("Binary", "7", contentType="text/plain", data="aGk=")]


def settings(base: str, **more: Any) -> SourceSettings:
    """Those of a FHIR server."""
    return SourceSettings(kind="fhir-server", base=base, **more)


async def opens(given: SourceSettings, folder: Path) -> None:
    """With these settings everything is read: people, records, one record, an attachment."""
    async with open_source(given, folder) as source:
        await source.check()
        assert await source.find(Bsn(ANNA)) == A
        assert sorted(await everything(source, A)) == sorted(OBSERVATIONS)
        assert set(await source.read([RecordRef("Observation", "o1")])) == {RecordRef("Observation", "o1")}
        attachment = await source.attachment("Binary/7")
        assert attachment is not None
        assert b"".join([chunk async for chunk in attachment.chunks]) == b"hi"


async def stays_shut(given: SourceSettings, folder: Path, failure: type[SourceFailure] = SourceUnavailable) -> str:
    """With these settings nothing is read; what the failure says."""
    async with open_source(given, folder) as source:
        with pytest.raises(failure) as raised:
            await source.find(Bsn(ANNA))
        with pytest.raises(failure):
            await source.attachment("Binary/7")
    return str(raised.value)
