"""A SQL database as a source: every question becomes the SELECTs of a mapping, and every row that comes back a derived record."""

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import structlog
from sqlalchemy import Connection, TextClause

from accord.rules.leaving_out import LeftOut
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, RecordRef, record_ref
from accord.terms.limits import ATTACHMENT_BYTES, CHUNK_BYTES
from accord.terms.queries import Selection
from accord.terms.records import categories_of_type
from node_agent.pacing import Pace
from node_agent.ports import Attachment, LocalPatient, Original, SourceAnswerInvalid, SourceFailure, SourceRecord, SourceUnavailable
from node_agent.sources.sql_database import Asked, Database, Row, first_mistake, statement
from node_agent.sources.sql_dialects import SqlAddress, dialect_for
from node_agent.sources.sql_mapping import SqlMapping, mistake
from node_agent.sources.sql_people import SqlPeople
from node_agent.sources.sql_records import Made, RecordMaker, UnfitRow, leaf_value
from node_agent.sources.sql_values import plain_value

_log = structlog.get_logger("noaber.agent.sql")

_KEYS_AT_ONCE: Final = 500
_encode: Final = msgspec.json.Encoder().encode


class _Table:
    """One table of the mapping, ready to be asked."""

    __slots__ = ("by_id", "maker", "of_patient", "table")

    def __init__(self, maker: RecordMaker) -> None:
        self.maker = maker
        self.table = maker.table
        self.by_id: TextClause = statement(self.table.by_id)
        self.of_patient: TextClause | None = statement(self.table.of_patient) if self.table.of_patient else None

    def asked(self, patient: str | int) -> "Asked[tuple[_Table, Made]]":
        """What is asked about one patient."""
        assert self.of_patient is not None  # noqa: S101 - for the type only: nobody is asked for by patient without it
        return Asked(self.table.type, self.of_patient, {"patient": patient}, lambda rows: (self, self.maker.make(rows)))


class SqlSource:
    """A `Source` that also `Derives` and `KnowsItsRights`, over a database that is only read.

    Attributes:
        unfit: How many rows made no record that FHIR accepts, by table and element; no value of theirs is kept anywhere.

    Raises:
        BadInput: `invalid-setting`.
    """

    def __init__(self, address: SqlAddress, mapping: SqlMapping, folder: Path) -> None:
        self._dialect = dialect_for(address, folder)
        self._database = Database(self._dialect, address)
        self._mapping = mapping
        self._tables = [_Table(RecordMaker(table)) for table in mapping.tables]
        self._patients = next(table for table in self._tables if table.table is mapping.patient)
        self._people = SqlPeople(self._database, mapping)
        self._types = frozenset(table.type for table in mapping.tables)
        self._verified = False
        self._told: tuple[Fault, str] | None = None
        self.unfit: Counter[tuple[str, str]] = Counter()

    @property
    def name(self) -> str:
        """A word for diagnostics."""
        return f"{self._database.name} database"

    @property
    def types(self) -> frozenset[str]:
        """The types that the mapping has tables for."""
        return self._types

    @property
    def is_copy(self) -> bool:
        """It is asked anew for every question."""
        return False

    @property
    def bases(self) -> tuple[str, ...]:
        """None: a mapping writes relative references."""
        return ()

    @property
    def pace(self) -> Pace:
        """How fast it is asked."""
        return self._database.pace

    @property
    def mapping(self) -> str:
        """The mapping's name and version."""
        return f"{self._mapping.name} {self._mapping.version}"

    async def begin(self) -> None:
        """Verify, before anything is asked, that the user can only read and that the mapping fits the database.

        A database that is down is verified when it is back, before it is asked anything.

        Raises:
            BadInput: `source-writable` or `mapping-invalid`.
        """
        try:
            await self._verify()
        except SourceFailure as failure:
            _log.warning("the database could not be verified yet", source=self.name, code=failure.fault.value)

    async def left_out(self) -> LeftOut:
        """Implements `node_agent.ports.LeavesOut`: types without a table of which the mapping does not say that they are not kept."""
        return self._mapping.left_out

    async def data_as_of_ms(self) -> int:
        """0: live."""
        return 0

    async def check(self) -> None:
        """Whether the database can be used now, and its user still can only read.

        Raises:
            SourceFailure: It cannot; `source-writable` or `mapping-invalid` where that is why. Who asks a question hears that it is unavailable.
        """
        self._verified = False
        try:
            await self._verify()
        except BadInput as refused:
            self._tell(refused)
            raise SourceFailure(refused.fault, refused.where) from None

    async def everyone(self) -> AsyncGenerator[tuple[Bsn, LocalPatient], None]:
        """Everybody with a valid BSN.

        Raises:
            SourceFailure: What was yielded is not everybody.
        """
        await self._ready()
        people = self._people.everyone()
        try:
            async for person in people:
                yield person
        finally:
            await people.aclose()

    async def find(self, bsn: Bsn) -> LocalPatient | None:
        """The person with this BSN.

        Raises:
            SourceFailure: It could not be found out.
        """
        await self._ready()
        return await self._people.find(bsn)

    async def patients(self, patient: LocalPatient) -> AsyncGenerator[list[SourceRecord], None]:
        """The Patient record(s) of a person. One that is unfit is there without its content: its absence must not go unseen.

        Raises:
            SourceFailure: What was yielded is not everything.
        """
        await self._ready()
        made = await self._named(self._patients, sorted(patient.ids))
        if made.records:
            yield made.records

    async def records_of(self, patient: LocalPatient, selection: Selection) -> AsyncGenerator[list[SourceRecord], None]:
        """What is on file about a person, table by table.

        Raises:
            SourceFailure: What was yielded is not everything.
        """
        await self._ready()
        keys = [key for key in (self._patients.table.key_of(logical_id) for logical_id in sorted(patient.ids)) if key is not None]
        tables = [table for table in self._tables if table.of_patient is not None and _wanted(table.table.type, selection)]
        if not (keys and tables):
            return
        lists = self._database.stream([table.asked(key) for table in tables for key in keys])
        try:
            async for table, made in lists:
                self._count(table, made)
                yield made.records
        finally:
            await lists.aclose()

    async def read(self, refs: Sequence[RecordRef]) -> dict[RecordRef, SourceRecord]:
        """These very records.

        Raises:
            SourceFailure: It could not be found out.
        """
        await self._ready()
        found: dict[RecordRef, SourceRecord] = {}
        for table in self._tables:
            wanted = list(dict.fromkeys(ref.id for ref in refs if ref.type == table.table.type))
            made = await self._named(table, wanted)
            asked = frozenset(wanted)
            # A database may compare more loosely than FHIR does (collations, padding): only the very id counts.
            found |= {RecordRef(table.table.type, name): record for name, record in zip(made.ids, made.records, strict=True) if name in asked}
        return found

    async def original(self, ref: RecordRef) -> Original | None:
        """The row that a record was made from, as JSON with the names of its columns: those that the mapping names.

        Raises:
            SourceFailure: It could not be read.
        """
        await self._ready()
        found = await self._row(ref)
        if found is None:
            return None
        table, row = found
        # A view or `SELECT *` may well give more: a remark for colleagues, what belongs to somebody else.
        content = _encode({column: plain_value(value) for column, value in row.items() if column in table.table.columns})
        return Original("application/json", content, table.maker.make([row]).records[0])

    async def attachment(self, url: str) -> Attachment | None:
        """The content of a Binary, where the mapping has a table of them.

        Raises:
            SourceFailure: It could not be read.
        """
        await self._ready()
        try:
            ref = record_ref(url)
        except BadInput:
            return None
        found = await self._row(ref) if ref.type == "Binary" else None
        if found is None:
            return None
        table, row = found
        try:
            kind, data = leaf_value(table.table, "contentType", row), leaf_value(table.table, "data", row)
        except UnfitRow:
            raise SourceAnswerInvalid("Binary") from None
        content = msgspec.json.decode(_encode(data or ""), type=bytes)
        if not kind or len(content) > ATTACHMENT_BYTES:
            raise SourceAnswerInvalid("Binary")
        return Attachment(str(kind), _chunks(content))

    async def rights(self) -> frozenset[str]:
        """What this user could do beside reading, by the same look without which nothing is asked.

        Raises:
            SourceFailure: It could not be found out.
        """
        return frozenset(await self._database.call("metadata", lambda connection: list(self._dialect.ways_to_write(connection))))

    async def close(self) -> None:
        """Let go of all connections."""
        await self._database.close()

    async def _ready(self) -> None:
        if self._verified:
            return
        try:
            await self._verify()
        except BadInput as refused:
            self._tell(refused)
            raise SourceUnavailable(self.name) from None

    def _tell(self, refused: BadInput) -> None:
        """Log it when it begins, or is for another reason; each question looks again, and none has a line of its own."""
        told, self._told = self._told, (refused.fault, refused.where)
        if told != self._told:
            _log.error("the database may not be asked", source=self.name, code=refused.fault.value, where=refused.where)

    async def _verify(self) -> None:
        await self._database.call("metadata", self._verified_on)
        self._verified = True
        if self._told is not None:
            self._told = None
            _log.info("the database may be asked again", source=self.name)

    def _verified_on(self, connection: Connection) -> None:
        for way in self._dialect.ways_to_write(connection):
            raise BadInput(Fault.SOURCE_WRITABLE, way)
        wrong = first_mistake(self._dialect, connection, self._mapping.statements())
        if wrong is not None:
            raise mistake(self._mapping.file, *wrong)

    async def _named(self, table: _Table, ids: Sequence[str]) -> Made:
        """The records of a table with these logical ids."""
        keys = [key for key in (table.table.key_of(one) for one in ids) if key is not None]
        all_made = Made([], [], [])
        for begin in range(0, len(keys), _KEYS_AT_ONCE):
            # No stream: this is asked while a stream of the same question is open, and must always have its turn.
            made = await self._database.call(table.table.type, partial(_made_of, table, keys[begin : begin + _KEYS_AT_ONCE]))
            self._count(table, made)
            all_made.records.extend(made.records)
            all_made.ids.extend(made.ids)
        return all_made

    async def _row(self, ref: RecordRef) -> tuple[_Table, Row] | None:
        for table in self._tables:
            key = table.table.key_of(ref.id) if table.table.type == ref.type else None
            if key is None:
                continue
            for row in await self._database.rows(ref.type, table.by_id, {"ids": [key]}):
                if table.table.id.value(row) == ref.id:
                    return table, row
        return None

    def _count(self, table: _Table, made: Made) -> None:
        for path, count in Counter(made.unfit).items():
            self.unfit[table.table.name, path] += count
            _log.warning("rows make no record that FHIR accepts", table=table.table.name, element=path, rows=count, mapping=self.mapping)


def _made_of(table: _Table, keys: list[str | int], connection: Connection) -> Made:
    return table.maker.make(dict(row) for row in connection.execute(table.by_id, {"ids": keys}).mappings())


def _wanted(kind: str, selection: Selection) -> bool:
    if selection.types and kind not in selection.types:
        return False
    return not selection.categories or not selection.categories.isdisjoint(categories_of_type(kind))


async def _chunks(content: bytes) -> AsyncGenerator[bytes, None]:
    for begin in range(0, len(content), CHUNK_BYTES):
        yield content[begin : begin + CHUNK_BYTES]
