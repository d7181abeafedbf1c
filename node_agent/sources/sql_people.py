"""Who is who in a SQL database: by BSN, by merged records, and everybody."""

from collections.abc import AsyncGenerator, Iterable
from typing import Any, Final

from accord.terms.faults import BadInput
from accord.terms.identifiers import Bsn
from node_agent.ports import LocalPatient, SourceAnswerInvalid
from node_agent.sources.sql_database import Asked, Database, Row, statement
from node_agent.sources.sql_mapping import SqlMapping
from node_agent.sources.sql_values import UnfitValue

_PEOPLE_AT_ONCE: Final = 500
#: Records that are merged with each other in longer chains than this are a loop of the mapping's SQL, or nobody's.
_MOST_MERGES: Final = 20


class SqlPeople:
    """The people of a database, by the SQL of `[people]`."""

    def __init__(self, database: Database, mapping: SqlMapping) -> None:
        self._database = database
        self._patient = mapping.patient
        self._find = statement(mapping.people["find"])
        self._everyone = statement(mapping.people["everyone"], ordered_by="bsn")
        self._merged = statement(mapping.people["merged"]) if "merged" in mapping.people else None

    async def find(self, bsn: Bsn) -> LocalPatient | None:
        """The person with this BSN, with all records that were merged with one that has it.

        Raises:
            SourceFailure: It could not be found out.
        """
        rows = await self._database.rows("Patient", self._find, {"bsn": bsn.value})
        ids = frozenset(self._id(row["patient"]) for row in rows if row["patient"] is not None)
        return LocalPatient(ids | await self._merged_with(ids)) if ids else None

    async def everyone(self) -> AsyncGenerator[tuple[Bsn, LocalPatient], None]:
        """Everybody with a valid BSN; who has two is there with each.

        Raises:
            SourceFailure: What was yielded is not everybody.
        """
        waiting: dict[str, set[str]] = {}
        last = ""
        lists = self._database.stream([Asked("Patient", self._everyone, {}, self._pairs)])
        try:
            async for pairs in lists:
                for bsn, logical_id in pairs:
                    waiting.setdefault(bsn, set()).add(logical_id)
                    last = bsn
                if len(waiting) > _PEOPLE_AT_ONCE:
                    # The last one may go on in the next rows.
                    unfinished = waiting.pop(last)
                    for person in await self._persons(waiting):
                        yield person
                    waiting = {last: unfinished}
        finally:
            await lists.aclose()
        for person in await self._persons(waiting):
            yield person

    async def _persons(self, people: dict[str, set[str]]) -> list[tuple[Bsn, LocalPatient]]:
        groups = await self._groups({logical_id for ids in people.values() for logical_id in ids})
        found = []
        for value, ids in people.items():
            try:
                bsn = Bsn(value)
            except BadInput:
                continue
            found.append((bsn, LocalPatient(frozenset().union(*(groups.get(logical_id, {logical_id}) for logical_id in ids)))))
        return found

    async def _merged_with(self, ids: Iterable[str]) -> frozenset[str]:
        return frozenset[str]().union(*(await self._groups(set(ids))).values())

    async def _groups(self, ids: set[str]) -> dict[str, frozenset[str]]:
        """For each of these Patient records, all that it was merged with, directly and by way of others."""
        if self._merged is None:
            return {}
        linked: dict[str, set[str]] = {}
        asked: set[str] = set()
        pending = ids
        for _ in range(_MOST_MERGES):
            keys = [key for key in (self._patient.key_of(logical_id) for logical_id in sorted(pending - asked)) if key is not None]
            asked |= pending
            for begin in range(0, len(keys), _PEOPLE_AT_ONCE):
                for row in await self._database.rows("Patient", self._merged, {"ids": keys[begin : begin + _PEOPLE_AT_ONCE]}):
                    one, other = self._id(row["patient"]), self._id(row["other"])
                    linked.setdefault(one, set()).add(other)
                    linked.setdefault(other, set()).add(one)
            pending = set(linked) - asked
            if not pending:
                return {logical_id: _reached(logical_id, linked) for logical_id in ids if logical_id in linked}
        raise SourceAnswerInvalid("people.merged")

    def _pairs(self, rows: list[Row]) -> list[tuple[str, str]]:
        return [(_bsn_text(row["bsn"]), self._id(row["patient"])) for row in rows if row["bsn"] is not None and row["patient"] is not None]

    def _id(self, key: Any) -> str:
        """The logical id of the Patient record whose row has this key."""
        try:
            return str(self._patient.id.value({self._patient.id.columns[0]: key}))
        except UnfitValue:
            raise SourceAnswerInvalid("people") from None


def _reached(start: str, linked: dict[str, set[str]]) -> frozenset[str]:
    found, pending = {start}, [start]
    while pending:
        fresh = linked.get(pending.pop(), set()) - found
        found |= fresh
        pending.extend(fresh)
    return frozenset(found)


def _bsn_text(value: Any) -> str:
    """A BSN as nine digits: one that is kept as a number has lost the noughts before it."""
    return f"{value:09d}" if isinstance(value, int) else str(value)
