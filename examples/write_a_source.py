"""A source of your own, in fifty lines: a folder with `people.csv` (bsn, patients) and `records.csv` (ref, patients, fhir).

Set source.kind = "python", source.factory = "write_a_source:factory" and source.path, and start the agent with this folder on
PYTHONPATH. `testbed.contracts.source` is the acceptance suite; tests/examples/test_write_a_source.py puts this one through it.
"""

import csv
from base64 import b64decode
from collections.abc import AsyncGenerator, Sequence
from io import StringIO
from json import loads
from pathlib import Path

import anyio
from anyio.lowlevel import checkpoint

from accord.terms.identifiers import Bsn, RecordRef
from accord.terms.limits import ATTACHMENT_BYTES, CHUNK_BYTES
from accord.terms.queries import Selection
from accord.terms.records import RESOURCE_TYPES
from node_agent.ports import Attachment, LocalPatient, SourceRecord, SourceUnavailable
from node_agent.source_settings import SourceSettings


class CsvFolder:
    """Two files, read anew for every question. Column `patients` holds logical ids of Patient records, with spaces between them."""

    name, is_copy, bases = "CSV folder", False, ()
    types = frozenset(kind.name for kind in RESOURCE_TYPES)

    def __init__(self, folder: Path) -> None:
        self._folder: anyio.Path | None = anyio.Path(folder)

    async def data_as_of_ms(self) -> int:
        return 0

    async def check(self) -> None:
        await self._rows("people")

    async def everyone(self) -> AsyncGenerator[tuple[Bsn, LocalPatient], None]:
        for row in await self._rows("people"):
            yield Bsn(row["bsn"]), LocalPatient(frozenset(row["patients"].split()))

    async def find(self, bsn: Bsn) -> LocalPatient | None:
        found = [row["patients"] for row in await self._rows("people") if row["bsn"] == bsn.value]
        return LocalPatient(frozenset(" ".join(found).split())) if found else None

    async def patients(self, patient: LocalPatient) -> AsyncGenerator[list[SourceRecord], None]:
        if found := await self.read([RecordRef("Patient", one) for one in sorted(patient.ids)]):
            yield list(found.values())

    async def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:  # noqa: ARG002 - more may come, never less
        found = [SourceRecord(row["fhir"].encode()) for row in await self._rows("records") if not patient.ids.isdisjoint(row["patients"].split())]
        for begin in range(0, len(found), 100):
            await checkpoint()  # whoever gives up is heard between two lists
            yield found[begin : begin + 100]

    async def read(self, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:
        wanted = {str(ref): ref for ref in refs}
        return {wanted[row["ref"]]: SourceRecord(row["fhir"].encode()) for row in await self._rows("records") if row["ref"] in wanted}

    async def attachment(self, url: str) -> Attachment | None:
        found = [row["fhir"] for row in await self._rows("records") if row["ref"] == url and url.startswith("Binary/")]
        return Attachment(loads(found[0])["contentType"], _chunks(b64decode(loads(found[0])["data"]))) if found else None

    async def close(self) -> None:
        self._folder = None

    async def _rows(self, name: str) -> list[dict[str, str]]:
        try:
            if self._folder is not None:
                return list(csv.DictReader(StringIO((await (self._folder / f"{name}.csv").read_bytes()).decode(), newline="")))
        except (OSError, ValueError, csv.Error):
            pass
        raise SourceUnavailable(self.name)  # never "nothing" for what could not be read


async def _chunks(content: bytes) -> AsyncGenerator[bytes, None]:
    for begin in range(0, len(content), CHUNK_BYTES):
        yield content[begin : begin + CHUNK_BYTES]


def factory(settings: SourceSettings, folder: Path) -> CsvFolder:
    """What the agent calls, with its settings and the folder of its settings file."""
    csv.field_size_limit(2 * ATTACHMENT_BYTES)
    return CsvFolder(folder / settings.path)
