"""The embedded store: a source in one SQLite file, for what cannot be queried where it lives.

It is filled by import and read by everybody else. What a stream yields next is asked for when it is wanted; nothing
stays open in between.
"""

import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from accord.terms.faults import BadInput
from accord.terms.identifiers import Bsn, RecordRef, record_ref
from accord.terms.queries import Selection
from accord.terms.records import RESOURCE_TYPES
from node_agent.ports import Attachment, LocalPatient, SourceRecord, SourceUnavailable
from node_agent.sources import embedded_reading as reading
from node_agent.sources.embedded_attachments import content_of, inline_attachment, kept_attachment
from node_agent.sources.embedded_schema import bases_of, fact, open_for_reading
from node_agent.sources.sqlite_calls import SqliteCalls

_TYPES: Final = frozenset(kind.name for kind in RESOURCE_TYPES)


class EmbeddedStore:
    """A `Source` in a file that import made. `copy`: it was filled from another system.

    Raises:
        SourceUnavailable: There is no such store.
    """

    def __init__(self, path: Path, *, name: str = "embedded store", copy: bool = True) -> None:
        self._name = name
        self._copy = copy
        self._calls = SqliteCalls(lambda: open_for_reading(path), lambda: SourceUnavailable(name))
        with closing(open_for_reading(path)) as connection:
            self._bases = bases_of(connection)

    @property
    def name(self) -> str:
        """A word for diagnostics."""
        return self._name

    @property
    def types(self) -> frozenset[str]:
        """Every type that can be imported."""
        return _TYPES

    @property
    def is_copy(self) -> bool:
        """Whether it was filled from another system."""
        return self._copy

    @property
    def bases(self) -> tuple[str, ...]:
        """The addresses of the system that it was filled from, as the import was told."""
        return self._bases

    async def writable(self) -> frozenset[str]:
        """Nothing: the file is opened for reading, and only import writes it."""
        return frozenset()

    async def try_write(self) -> bool | None:
        """There is nothing to try."""
        return None

    async def data_as_of_ms(self) -> int:
        """When the last import was true; 0 when this is no copy.

        Raises:
            SourceUnavailable: The store cannot be read.
        """
        return int(await self._calls.call(lambda connection: fact(connection, "as_of_ms")) or 0) if self._copy else 0

    async def check(self) -> None:
        """Whether the store can be read now.

        Raises:
            SourceUnavailable: It cannot.
        """
        await self._calls.call(lambda connection: connection.execute("SELECT 1 FROM record LIMIT 1").fetchone())

    async def rights(self) -> frozenset[str]:
        """None beside reading: whoever answers opens the store so that it cannot be written."""
        return frozenset()

    async def everyone(self) -> AsyncGenerator[tuple[Bsn, LocalPatient], None]:
        """Everybody with a valid BSN; who has two is there with each.

        Raises:
            SourceUnavailable: What was yielded is not everybody.
        """
        last = ""
        while people := await self._calls.call(lambda connection, last=last: reading.people_after(connection, last)):  # type: ignore[misc]  # bound now
            for bsn, ids in people:
                if ids:
                    yield Bsn(bsn), LocalPatient(ids)
            last = people[-1][0]

    async def find(self, bsn: Bsn) -> LocalPatient | None:
        """The person with this BSN.

        Raises:
            SourceUnavailable: It could not be found out.
        """
        ids = await self._calls.call(lambda connection: reading.ids_of(connection, bsn.value))
        return LocalPatient(ids) if ids else None

    async def patients(self, patient: LocalPatient) -> AsyncGenerator[list[SourceRecord], None]:
        """The Patient record(s) of a person.

        Raises:
            SourceUnavailable: What was yielded is not everything.
        """
        found = await self.read([RecordRef("Patient", logical_id) for logical_id in sorted(patient.ids)])
        if found:
            yield list(found.values())

    async def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:
        """What is on file about a person, in small lists.

        Raises:
            SourceUnavailable: What was yielded is not everything.
        """
        types = reading.type_codes(selection)
        owners = await self._calls.call(lambda connection: reading.owners_of(connection, patient.ids)) if types else []
        ways: list[int | list[int]] = [*owners, owners]
        for which in ways:
            place = -1
            while which:
                records, place = await self._calls.call(_records_after(which, types, place))
                if not records:
                    break
                yield records

    async def read(self, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:
        """These very records, as far as they are here.

        Raises:
            SourceUnavailable: It could not be found out.
        """
        return await self._calls.call(lambda connection: reading.records_named(connection, refs)) if refs else {}

    async def attachment(self, url: str) -> Attachment | None:
        """The content of a Binary of this store, or the n-th that is inside a record (`DocumentReference/9#0`).

        Raises:
            SourceUnavailable: It could not be read.
        """
        base = next((base for base in self._bases if url.startswith(base)), "")
        name, _, number = url.removeprefix(base).partition("#")
        try:
            ref = record_ref(name)
        except BadInput:
            return None
        if number:
            return await self._calls.call(lambda connection: inline_attachment(connection, ref, number))
        kept = await self._calls.call(lambda connection: kept_attachment(connection, ref))
        return None if kept is None else Attachment(kept.content_type, content_of(kept, self._calls.call))

    async def close(self) -> None:
        """Let go of the file. Calls under way end first."""
        self._calls.close()


def _records_after(which: int | list[int], types: str, place: int) -> Callable[[sqlite3.Connection], tuple[list[SourceRecord], int]]:
    """What lies with one owner; or, of all owners of a person, what lies with somebody else and names them too."""
    if isinstance(which, int):
        return lambda connection: reading.records_after(connection, which, types, place)
    return lambda connection: reading.records_also_after(connection, which, types, place)
