"""What a holder's own system has now, as its agent may tell it: the bytes that must reach a reader unchanged."""

from contextlib import closing
from pathlib import Path

import anyio

from accord.terms.identifiers import RecordRef, record_ref
from node_agent.opening import open_source
from node_agent.source_settings import SourceSettings
from node_agent.sources.embedded_reading import records_named
from node_agent.sources.embedded_schema import open_for_reading
from testbed import gp_system
from testbed.people import KeptRecord
from testbed.people.older import told
from testbed.region_files import HolderFiles


def kept_records(files: HolderFiles, records: tuple[KeptRecord, ...]) -> dict[str, bytes]:
    """By reference: of a store that is fed what was made of the messages, of a database what was made of its rows, of STU3 what it is in R4."""
    refs = [record_ref(record.ref) for record in records]
    if files.has_database:
        return anyio.run(_of_database, files.source / "practice.db", refs)
    if files.is_fed:
        with closing(open_for_reading(files.source / "records.db")) as connection:
            return {str(ref): record.fhir_json for ref, record in records_named(connection, refs).items()}
    return {record.ref: told(files.holder, record.json) if files.is_older else record.json for record in records}


async def _of_database(path: Path, refs: list[RecordRef]) -> dict[str, bytes]:
    settings = SourceSettings(kind="sql", url=f"sqlite:///{path}", mapping=str(gp_system.MAPPING))
    async with open_source(settings, path.parent) as source:
        return {str(ref): record.fhir_json for ref, record in (await source.read(refs)).items()}
