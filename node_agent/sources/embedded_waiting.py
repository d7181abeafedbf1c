"""What waits, in the store itself, until the delivery is complete: records that refer to what is still to come."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from accord.terms.identifiers import RecordRef, record_ref
from accord.terms.records import TYPE_CODE, TYPE_NAME
from node_agent.sources.embedded_writing import StoreWriter

_AT_A_TIME: Final = 100
_PATIENT: Final = TYPE_CODE["Patient"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record as it came, with the splices it has so far, and where in the delivery it stood."""

    file: int
    line: int
    entry: int
    ref: RecordRef
    original: bytes
    splices: bytes
    number: int = 0


class WaitingRoom:
    """The waiting records of one delivery, and the URLs under which its records arrived."""

    def __init__(self, writer: StoreWriter) -> None:
        self._connection = writer.connection

    def wait(self, record: Waiting) -> None:
        """Let a record wait."""
        self._connection.execute(
            "INSERT INTO waiting (file, line, entry, type, id, splices, original) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (record.file, record.line, record.entry, TYPE_CODE[record.ref.type], record.ref.id, record.splices, record.original),
        )

    def patients(self) -> Iterator[Waiting]:
        """The waiting Patients, in the order in which they came."""
        return self._some(f"type = {_PATIENT}")

    def others(self) -> Iterator[Waiting]:
        """The other waiting records, in the order in which they came."""
        return self._some(f"type <> {_PATIENT}")

    def leave(self, record: Waiting) -> None:
        """It waits no longer."""
        self._connection.execute("DELETE FROM waiting WHERE number = ?", (record.number,))

    def keep_in_mind(self, ref: RecordRef) -> None:
        """A record is kept, and refers to something that may still come."""
        self._connection.execute("INSERT OR IGNORE INTO loose VALUES (?, ?)", (TYPE_CODE[ref.type], ref.id))

    def kept_in_mind(self) -> int:
        """How many there are."""
        return int(self._connection.execute("SELECT count(*) FROM loose").fetchone()[0])

    def next_in_mind(self) -> RecordRef | None:
        """One of them, which is then forgotten."""
        row = self._connection.execute("DELETE FROM loose WHERE (type, id) IN (SELECT type, id FROM loose LIMIT 1) RETURNING type, id").fetchone()
        return None if row is None else RecordRef(TYPE_NAME[row[0]], row[1])

    def arrived(self, url: str, ref: RecordRef) -> None:
        """A record came under this URL. The last one counts when two do."""
        self._connection.execute("INSERT INTO arrival VALUES (?, ?) ON CONFLICT (url) DO UPDATE SET ref = excluded.ref", (url, str(ref)))

    def arrival(self, url: str) -> RecordRef | None:
        """The record that came under this URL in this delivery."""
        row = self._connection.execute("SELECT ref FROM arrival WHERE url = ?", (url,)).fetchone()
        return None if row is None else record_ref(row[0])

    def _some(self, which: str) -> Iterator[Waiting]:
        """A few at a time, because the store is written to in between."""
        last = 0
        query = f"SELECT number, file, line, entry, type, id, original, splices FROM waiting WHERE number > ? AND {which} ORDER BY number LIMIT {_AT_A_TIME}"  # noqa: S608
        while rows := self._connection.execute(query, (last,)).fetchall():
            for number, file, line, entry, code, logical_id, original, splices in rows:
                yield Waiting(file, line, entry, RecordRef(TYPE_NAME[code], logical_id), original, splices, number)
            last = rows[-1][0]
