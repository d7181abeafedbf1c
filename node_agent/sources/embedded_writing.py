"""Writing to the embedded store: one writer at a time, in large transactions, readers undisturbed."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from accord.terms.identifiers import RecordRef
from accord.terms.records import TYPE_CODE, TYPE_NAME
from node_agent.ports import SourceUnavailable
from node_agent.sources.embedded_reading import bytes_and_splices
from node_agent.sources.embedded_schema import NOBODY, SERIAL_BITS, hold_the_lock, open_for_writing

_PATIENT: Final = TYPE_CODE["Patient"]
_RECORDS_PER_TRANSACTION: Final = 4_000
#: Numbers and people remembered between records; forgotten all at once when there are more.
_REMEMBERED: Final = 50_000
_EVERY_TYPE: Final = ",".join(str(code) for code in TYPE_CODE.values())


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it is to be kept, with what it is found by. `patients` and `named_bsns` say whose it is; neither: nobody's.

    `bsns`, `made_up_bsn` and `links` are of a Patient; `attachment` is where the base64 of a Binary stands, after its type.
    """

    ref: RecordRef
    fhir: bytes
    splices: bytes | None = None
    updated_ms: int | None = None
    version: str = ""
    patients: tuple[str, ...] = ()
    named_bsns: tuple[str, ...] = ()
    bsns: tuple[str, ...] = ()
    made_up_bsn: str | None = None
    links: tuple[str, ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()
    attachment: tuple[str, int, int] | None = None


class Stored(Enum):
    """What became of a record."""

    NEW = "new"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"
    SUPERSEDED = "superseded"


class StoreWriter:
    """The store, opened for one delivery. What was not committed when it fails is not kept; of one transaction that is all of it.

    Raises:
        SourceUnavailable: The store cannot be written, or another delivery is being taken in.
    """

    def __init__(self, path: Path, *, as_of_ms: int | None = None, is_one_transaction: bool = False) -> None:
        self._lock = hold_the_lock(path)
        try:
            self.connection = open_for_writing(path)
        except SourceUnavailable:
            os.close(self._lock)
            raise
        self._numbers: dict[tuple[str, str], int] = {}
        self._next_serial: dict[int, int] = {}
        self._here: set[str] = set()
        self._uncommitted = 0
        self._is_one_transaction = is_one_transaction
        self._as_of_ms = int((self.connection.execute("SELECT value FROM about WHERE name = 'as_of_ms'").fetchone() or (0,))[0])
        # Of two records that do not say when they were updated, that of the later delivery is the newer one.
        self._is_older_delivery = as_of_ms is not None and as_of_ms < self._as_of_ms
        self.connection.execute("BEGIN IMMEDIATE")
        self._clear_the_waiting()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self.connection.close()
        os.close(self._lock)

    def put(self, kept: Kept) -> Stored:
        """Keep a record, unless the store has it already or has a newer version of it."""
        code = TYPE_CODE[kept.ref.type]
        owners = self._owners(kept)
        row = self.connection.execute("SELECT place, updated_ms, version, fhir FROM record WHERE type = ? AND id = ?", (code, kept.ref.id)).fetchone()
        if row is None:
            self._insert(kept, code, self._place(owners[0]), owners)
            return Stored.NEW
        place, updated_ms, version, fhir = row
        if fhir == kept.fhir and place >> SERIAL_BITS == owners[0]:
            return Stored.UNCHANGED
        undated = kept.updated_ms is None and updated_ms is None and not (kept.version and version)
        if _is_older(kept, updated_ms, version) or (self._is_older_delivery and undated):
            return Stored.SUPERSEDED
        self._drop(code, kept.ref.id, place)
        stays = place >> SERIAL_BITS == owners[0]
        self._insert(kept, code, place if stays else self._place(owners[0]), owners)
        return Stored.NEW if fhir is None else Stored.REPLACED

    def remove(self, ref: RecordRef, updated_ms: int | None) -> Stored:
        """Take a record away, and remember when, so that an older version of it does not come back."""
        code = TYPE_CODE[ref.type]
        row = self.connection.execute("SELECT place, updated_ms, version, fhir FROM record WHERE type = ? AND id = ?", (code, ref.id)).fetchone()
        if row is not None and row[3] is None:
            return Stored.UNCHANGED
        if row is not None and _is_older(Kept(ref, b"", updated_ms=updated_ms), row[1], row[2]):
            return Stored.SUPERSEDED
        place = self._place(NOBODY) if row is None else row[0]
        if row is not None:
            self._drop(code, ref.id, place)
        self.connection.execute("INSERT INTO record (place, type, id, updated_ms) VALUES (?, ?, ?, ?)", (place, code, ref.id, updated_ms))
        self._here.discard(ref.id)
        self._written()
        return Stored.REPLACED

    def has_patient(self, logical_id: str) -> bool:
        """Whether this Patient record is here."""
        if logical_id in self._here:
            return True
        row = self.connection.execute("SELECT fhir IS NOT NULL FROM record WHERE type = ? AND id = ?", (_PATIENT, logical_id)).fetchone()
        if row is None or not row[0]:
            return False
        self._remember_here(logical_id)
        return True

    def has_bsn(self, bsn: str) -> bool:
        """Whether a Patient with this BSN is here."""
        return self.connection.execute("SELECT 1 FROM bsn WHERE value = ? LIMIT 1", (bsn,)).fetchone() is not None

    def links_to(self, logical_id: str) -> bool:
        """Whether a Patient that is here says that it was merged with this one."""
        return self.connection.execute("SELECT 1 FROM link WHERE other = ? LIMIT 1", (logical_id,)).fetchone() is not None

    def free_test_bsn(self, logical_id: str, candidates: Iterable[str]) -> str | None:
        """The number that this Patient was given before, or the first candidate that nobody has."""
        taken = "SELECT value FROM bsn WHERE patient = ? AND made_up AND value NOT IN (SELECT value FROM bsn WHERE patient <> ?)"
        row = self.connection.execute(taken, (logical_id, logical_id)).fetchone()
        return str(row[0]) if row else next((bsn for bsn in candidates if not self.has_bsn(bsn)), None)

    def doubly_used_test_bsns(self) -> list[RecordRef]:
        """Patients with a made-up BSN that turned out to be another Patient's own."""
        rows = self.connection.execute("SELECT patient FROM bsn WHERE made_up AND value IN (SELECT value FROM bsn WHERE NOT made_up)")
        return [RecordRef("Patient", patient) for (patient,) in rows.fetchall()]

    def bytes_and_splices(self, ref: RecordRef) -> tuple[bytes, bytes | None] | None:
        """A record as it is kept, and its splices."""
        return bytes_and_splices(self.connection, ref)

    def with_identifier(self, kind: str, system: str, value: str) -> RecordRef | None:
        """The one record with this business identifier; none when there is none, or more than one."""
        rows = self.connection.execute(
            "SELECT id FROM identifier WHERE type = ? AND system = ? AND value = ? LIMIT 2", (TYPE_CODE.get(kind, 0), system, value)
        ).fetchall()
        return RecordRef(kind, rows[0][0]) if len(rows) == 1 else None

    def with_id(self, logical_id: str) -> RecordRef | None:
        """The one record with this logical id, of whatever type."""
        rows = self.connection.execute(f"SELECT type FROM record WHERE type IN ({_EVERY_TYPE}) AND id = ? LIMIT 2", (logical_id,)).fetchall()  # noqa: S608  # numbers of our own
        return RecordRef(TYPE_NAME[rows[0][0]], logical_id) if len(rows) == 1 else None

    def finish(self, as_of_ms: int, bases: Iterable[str]) -> int:
        """End the delivery: what was left over from it is gone. Returns as of when the store is: time never goes back."""
        self._clear_the_waiting()
        as_of_ms = max(as_of_ms, self._as_of_ms)
        facts = [("as_of_ms", str(as_of_ms)), ("bases", json.dumps(list(bases)))]
        self.connection.executemany("INSERT INTO about VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", facts)
        self.connection.execute("COMMIT")
        self.connection.execute("PRAGMA optimize")
        return as_of_ms

    def _clear_the_waiting(self) -> None:
        for table in ("waiting", "loose", "arrival"):
            self.connection.execute(f"DELETE FROM {table}")  # noqa: S608  # three words

    def _owners(self, kept: Kept) -> list[int]:
        if kept.ref.type == "Patient":
            return [self._number("patient", kept.ref.id)]
        named = [self._number("patient", patient) for patient in kept.patients]
        return named or [self._number("bsn", bsn) for bsn in kept.named_bsns] or [NOBODY]

    def _number(self, column: str, value: str) -> int:
        known = self._numbers.get((column, value))
        if known is not None:
            return known
        row = self.connection.execute(f"SELECT number FROM owner WHERE {column} = ?", (value,)).fetchone()  # noqa: S608  # one of two words
        number = int(row[0]) if row else self.connection.execute(f"INSERT INTO owner ({column}) VALUES (?)", (value,)).lastrowid or 0  # noqa: S608
        if len(self._numbers) >= _REMEMBERED:
            self._numbers.clear()
        self._numbers[column, value] = number
        return number

    def _place(self, owner: int) -> int:
        serial = self._next_serial.get(owner)
        if serial is None:
            first = owner << SERIAL_BITS
            row = self.connection.execute("SELECT max(place) FROM record WHERE place >= ? AND place < ?", (first, (owner + 1) << SERIAL_BITS)).fetchone()
            serial = 0 if row[0] is None else int(row[0]) - first + 1
            if len(self._next_serial) >= _REMEMBERED:
                self._next_serial.clear()
        self._next_serial[owner] = serial + 1
        return owner << SERIAL_BITS | serial

    def _insert(self, kept: Kept, code: int, place: int, owners: list[int]) -> None:
        execute, many = self.connection.execute, self.connection.executemany
        execute(
            "INSERT INTO record (place, type, id, updated_ms, version, splices, fhir) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (place, code, kept.ref.id, kept.updated_ms, kept.version, kept.splices, kept.fhir),
        )
        if len(owners) > 1:
            many("INSERT INTO also VALUES (?, ?)", [(owner, place) for owner in owners[1:]])
        if code == _PATIENT:
            many("INSERT INTO bsn VALUES (?, ?, ?)", [(bsn, kept.ref.id, bsn == kept.made_up_bsn) for bsn in kept.bsns])
            many("INSERT OR IGNORE INTO link VALUES (?, ?)", [(kept.ref.id, other) for other in kept.links])
            self._remember_here(kept.ref.id)
        if kept.identifiers:
            many("INSERT OR IGNORE INTO identifier VALUES (?, ?, ?, ?)", [(code, *pair, kept.ref.id) for pair in kept.identifiers])
        if kept.attachment:
            execute("INSERT INTO attachment VALUES (?, ?, ?, ?)", (place, *kept.attachment))
        self._written()

    def _drop(self, code: int, logical_id: str, place: int) -> None:
        self.connection.execute("DELETE FROM record WHERE place = ?", (place,))
        self.connection.execute("DELETE FROM also WHERE place = ?", (place,))
        self.connection.execute("DELETE FROM attachment WHERE place = ?", (place,))
        self.connection.execute("DELETE FROM identifier WHERE type = ? AND id = ?", (code, logical_id))
        if code == _PATIENT:
            self.connection.execute("DELETE FROM bsn WHERE patient = ?", (logical_id,))
            self.connection.execute("DELETE FROM link WHERE patient = ?", (logical_id,))

    def _remember_here(self, logical_id: str) -> None:
        if len(self._here) >= _REMEMBERED:
            self._here.clear()
        self._here.add(logical_id)

    def _written(self) -> None:
        self._uncommitted += 1
        if self._uncommitted >= _RECORDS_PER_TRANSACTION and not self._is_one_transaction:
            self.connection.execute("COMMIT")
            self.connection.execute("BEGIN IMMEDIATE")
            self._uncommitted = 0


def _is_older(kept: Kept, updated_ms: int | None, version: str | None) -> bool:
    """By time first, then by version number; where neither can be compared, what comes last counts."""
    if kept.updated_ms is not None and updated_ms is not None and kept.updated_ms != updated_ms:
        return kept.updated_ms < updated_ms
    mine, theirs = kept.version, version or ""
    return mine.isascii() and mine.isdigit() and theirs.isascii() and theirs.isdigit() and int(mine) < int(theirs)
