"""Keeping what messages say in the store: of each record the version that counts is current, whatever the order of arrival."""

import json
import sqlite3
import time
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from accord.terms.faults import Fault
from accord.terms.identifiers import BSN_SYSTEM, RecordRef
from accord.terms.records import TYPE_CODE
from node_agent.feeding.belonging import Merges, owner_of
from node_agent.feeding.drafts import Draft, Merge, Told
from node_agent.feeding.er7 import Message
from node_agent.feeding.refusing import MessageRefused, StoreBusy
from node_agent.feeding.values import Json
from node_agent.ports import SourceUnavailable
from node_agent.sources.embedded_schema import bases_of
from node_agent.sources.embedded_writing import Kept, StoreWriter
from node_agent.sources.fed_schema import FEED_MAPPING

_PATIENT: Final = TYPE_CODE["Patient"]
#: A Patient that import brought: it knows more than a result mentions, and less than patient administration tells.
_OF_IMPORT: Final = "0.~"
#: What a result says of itself that takes the place of one that was told wrong, also of one that was told of somebody else.
_CORRECTING: Final = frozenset({"amended", "corrected", "cancelled", "entered-in-error"})


class Keeping:
    """A prepared store, opened for some messages; at `finish` they are on the disk, all of them or, before it, none.

    Raises:
        StoreBusy: It cannot be written now.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._writer = StoreWriter(path, is_one_transaction=True)
        except (SourceUnavailable, sqlite3.Error):
            raise StoreBusy from None
        self._connection = self._writer.connection
        self._merges = Merges(self._connection)
        try:
            # What is acknowledged must outlive a power cut too. The writer has begun; nothing is in its transaction yet.
            self._connection.execute("COMMIT")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            self._writer.__exit__(None, None, None)
            raise StoreBusy from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.__exit__(kind, failure, trace)

    def finish(self) -> None:
        """Put it all on the disk."""
        self._writer.finish(time.time_ns() // 1_000_000, bases_of(self._connection))

    def knows(self, message: Message) -> bool:
        """Whether all of this very message was kept before."""
        return self._connection.execute("SELECT 1 FROM message WHERE digest = ?", (_digest(message),)).fetchone() is not None

    def keep(self, message: Message, told: Told) -> None:
        """Keep what a message says, and the message.

        Raises:
            MessageRefused: `bsn-changed`, `order-clash`, `unsupported-value`; nothing was kept.
        """
        self._check_who(message, told)
        self._check_which(told)
        self._check_whose(message, told)
        header, now_ms = message.header, time.time_ns() // 1_000_000
        row = (f"{header.text(3)}|{header.text(4)}", header.text(10), now_ms, FEED_MAPPING, message.raw)
        number = self._connection.execute("INSERT INTO message (sender, control, received_ms, mapping, text) VALUES (?, ?, ?, ?, ?)", row).lastrowid or 0
        for merge in told.merges:
            self._note_merge(merge)
        for draft in told.drafts:
            self._keep(draft, number, told)
        for ref in self._told_of_by(told):
            self._again(ref, number)
        # Last: with fewer than all its records the message would be taken for known when it is sent again.
        self._connection.execute("UPDATE message SET digest = ? WHERE number = ?", (_digest(message), number))

    def note_refusal(self, code: str) -> None:
        """Count it; nothing else is known of a message that was refused."""
        self._connection.execute(
            "INSERT INTO refused VALUES (?, 1, ?) ON CONFLICT (code) DO UPDATE SET times = times + 1, last_ms = excluded.last_ms",
            (code, time.time_ns() // 1_000_000),
        )

    def _check_who(self, message: Message, told: Told) -> None:
        """Only patient administration may say that a number belongs to another person; of a result it would be the wrong patient's."""
        if message.header.text(9) == "ADT":
            return
        for draft in told.drafts:
            known = self._merges.bsns_of(draft.ref.id) if draft.bsns else set()
            if known and not known.issuperset(draft.bsns):
                raise MessageRefused(Fault.BSN_CHANGED, "PID^1^3")

    def _check_which(self, told: Told) -> None:
        """Of several values that only their order tells apart, fewer than before are told now: nobody knows which are meant."""
        here = {draft.ref.id for draft in told.drafts}
        query = "SELECT 1 FROM record WHERE type = ? AND id = ? AND fhir IS NOT NULL"
        for draft in told.drafts:
            if draft.next_id and draft.next_id not in here and self._connection.execute(query, (TYPE_CODE["Observation"], draft.next_id)).fetchone():
                raise MessageRefused(Fault.UNSUPPORTED_VALUE, draft.where)

    def _check_whose(self, message: Message, told: Told) -> None:
        """An order number that was somebody else's, and no correction: numbers are given out anew, and of two results one would be gone."""
        if message.header.text(9) == "ADT":
            return
        statuses = set()
        for draft in told.drafts:
            code = TYPE_CODE[draft.ref.type]
            owner = owner_of(self._connection, code, draft.ref.id) if draft.patient else None
            if owner is None or self._merges.is_same_person(owner, draft.patient, told.bsns):
                continue
            query = "SELECT made.rank, record.fhir FROM record LEFT JOIN made ON made.place = record.place WHERE type = ? AND id = ?"
            rank, fhir = self._connection.execute(query, (code, draft.ref.id)).fetchone()
            # What corrects is the later of the two, whichever came first.
            later = draft.content if draft.rank > (rank or _OF_IMPORT) else json.loads(fhir)
            statuses.add(later.get("status", ""))
        if statuses and statuses.isdisjoint(_CORRECTING):
            raise MessageRefused(Fault.ORDER_CLASH, "OBR^1^3")

    def _told_of_by(self, told: Told) -> list[RecordRef]:
        """The records that may be others now because of what is said elsewhere in the message."""
        people = {merge.replaced for merge in told.merges} | {draft.ref.id for draft in told.drafts if draft.ref.type == "Patient"}
        found = {RecordRef("Patient", patient) for patient in self._merges.all_with(people)}
        return sorted(found | {draft.listed_in for draft in told.drafts if draft.listed_in}, key=str)

    def _keep(self, draft: Draft, number: int, told: Told) -> None:
        code = TYPE_CODE[draft.ref.type]
        if draft.listed_in and self._is_of(draft.listed_in, told):
            listed = (draft.listed_in.id, draft.listed_as, draft.place, str(draft.ref))
            self._connection.execute("INSERT OR IGNORE INTO listed VALUES (?, ?, ?, ?)", listed)
        row = self._connection.execute(
            "SELECT made.rank, made.message, record.fhir FROM record LEFT JOIN made ON made.place = record.place WHERE record.type = ? AND record.id = ?",
            (code, draft.ref.id),
        ).fetchone()
        was = None if row is None or row[2] is None else (row[0] or _OF_IMPORT)
        fhir = self._written(draft.ref, draft.content)
        if was is not None and draft.rank <= was:
            if fhir != row[2] and draft.rank != was:
                self._to_former(code, draft.ref.id, draft.rank, number, fhir)
            return
        if was is not None and fhir != row[2] and row[0]:
            self._to_former(code, draft.ref.id, was, row[1], row[2])
        if draft.ref.type == "DiagnosticReport" and not self._is_of(draft.ref, told):
            # It was told of somebody else: what it listed of theirs goes nowhere with it.
            self._connection.execute("DELETE FROM listed WHERE report = ?", (draft.ref.id,))
            fhir = self._written(draft.ref, draft.content)
        self._put(draft.ref, fhir, draft.patient, draft.bsns)
        # A Patient that was replaced may have borne the number of somebody else, which was taken away: it stays away.
        as_told = draft.ref.type != "Patient" or fhir == msgspec.json.encode(draft.content)
        self._note_made(draft.ref, draft.rank, number, draft.original if as_told else b"")

    def _is_of(self, report: RecordRef, told: Told) -> bool:
        """Whether a report is of the person of this message, as far as it is here."""
        owner = owner_of(self._connection, TYPE_CODE[report.type], report.id)
        return owner is None or self._merges.is_same_person(owner, told.patient, told.bsns)

    def _note_made(self, ref: RecordRef, rank: str, number: int, original: bytes) -> None:
        place = self._connection.execute("SELECT place FROM record WHERE type = ? AND id = ?", (TYPE_CODE[ref.type], ref.id)).fetchone()[0]
        self._connection.execute("INSERT OR REPLACE INTO made (place, rank, message, original) VALUES (?, ?, ?, ?)", (place, rank, number, original or None))

    def _to_former(self, code: int, logical_id: str, rank: str, number: int, fhir: bytes) -> None:
        self._connection.execute("INSERT OR IGNORE INTO former VALUES (?, ?, ?, ?, ?)", (code, logical_id, rank, number, fhir))

    def _put(self, ref: RecordRef, fhir: bytes, patient: str, bsns: tuple[str, ...]) -> None:
        content: Json = json.loads(fhir) if ref.type in ("Patient", "Binary") else {}
        links = tuple(link["other"]["reference"].removeprefix("Patient/") for link in content.get("link", []))
        numbers = tuple((one.get("system", ""), one["value"]) for one in content.get("identifier", []))
        still = tuple(bsn for bsn in bsns if (BSN_SYSTEM, bsn) in numbers)
        attachment = None
        if ref.type == "Binary":
            begin = fhir.index(b'"data":"') + len(b'"data":"')
            attachment = (content["contentType"], begin, begin + len(content["data"]))
        owners = (patient,) if patient else ()
        self._writer.put(Kept(ref, fhir, patients=owners, bsns=still, links=links, identifiers=numbers, attachment=attachment))

    def _again(self, ref: RecordRef, number: int) -> None:
        """Write a record anew that changes with what others say of it: a replaced Patient, a report and its results."""
        row = self._connection.execute(
            "SELECT record.fhir, made.rank, made.message, made.original FROM record LEFT JOIN made ON made.place = record.place "
            "WHERE record.type = ? AND record.id = ? AND record.fhir IS NOT NULL",
            (TYPE_CODE[ref.type], ref.id),
        ).fetchone()
        if row is None:
            return
        content = json.loads(row[0])
        fhir = self._written(ref, content)
        if fhir == row[0]:
            return
        bsns = [one["value"] for one in content.get("identifier", []) if one.get("system") == BSN_SYSTEM]
        self._put(ref, fhir, str(content.get("subject", {}).get("reference", "")).removeprefix("Patient/"), tuple(bsns))
        self._note_made(ref, row[1] or _OF_IMPORT, row[2] or number, row[3] if row[3] and ref.type != "Patient" else b"")

    def _written(self, ref: RecordRef, content: Json) -> bytes:
        """The bytes of a record, with what others say of it."""
        if ref.type == "DiagnosticReport":
            listed = self._connection.execute("SELECT element, ref FROM listed WHERE report = ? ORDER BY element, place, ref", (ref.id,)).fetchall()
            results = [{"reference": other} for element, other in listed if element == "result"]
            files = [{"contentType": self._media_type(other), "url": other} for element, other in listed if element == "presentedForm"]
            content = {name: value for name, value in content.items() if name not in ("result", "presentedForm")}
            content |= ({"result": results} if results else {}) | ({"presentedForm": files} if files else {})
        elif ref.type == "Patient":
            content = self._as_merged(ref, content)
        return msgspec.json.encode(content)

    def _media_type(self, ref: str) -> str:
        query = "SELECT content_type FROM attachment JOIN record ON record.place = attachment.place WHERE type = ? AND id = ?"
        row = self._connection.execute(query, (TYPE_CODE["Binary"], ref.removeprefix("Binary/"))).fetchone()
        return str(row[0]) if row else "application/octet-stream"

    def _as_merged(self, ref: RecordRef, content: Json) -> Json:
        survivor = self._merges.replaced_by(ref.id)
        if survivor is None:
            return self._as_taken_back(ref, content)
        query = "SELECT fhir FROM record WHERE type = ? AND id = ?"
        # The one at the end of all merges: in between, a mistaken number may have been taken away already.
        whole = self._connection.execute(query, (_PATIENT, self._merges.survivor_of(survivor))).fetchone()
        theirs = _bsns(json.loads(whole[0])) if whole and whole[0] else set()
        # A number that is not the survivor's was a mistake: by it nobody may be found any more.
        identifiers = [one for one in content["identifier"] if one.get("system") != BSN_SYSTEM or not theirs or one["value"] in theirs]
        link = [{"other": {"reference": f"Patient/{survivor}"}, "type": "replaced-by"}]
        return content | {"identifier": identifiers, "active": False, "link": link}

    def _as_taken_back(self, ref: RecordRef, content: Json) -> Json:
        """A Patient that was replaced by another, and then the other by it."""
        row = self._connection.execute("SELECT survivor FROM merged WHERE patient = ?", (ref.id,)).fetchone()
        link = [{"other": {"reference": f"Patient/{row[0]}"}, "type": "replaced-by"}] if row is not None else []
        if not link or content.get("link") != link:
            return content
        return {name: value for name, value in content.items() if name != "link"} | {"active": True}

    def _note_merge(self, merge: Merge) -> None:
        self._connection.execute(
            "INSERT INTO merged VALUES (?, ?, ?) ON CONFLICT (patient) DO UPDATE SET survivor = excluded.survivor, rank = excluded.rank "
            "WHERE excluded.rank > merged.rank",
            (merge.replaced, merge.survivor, merge.rank),
        )
        self._merges.forget()


def _bsns(content: dict[str, Any]) -> set[str]:
    return {str(one["value"]) for one in content.get("identifier", []) if one.get("system") == BSN_SYSTEM}


def _digest(message: Message) -> bytes:
    header = message.header
    return sha256(f"{header.text(3)}|{header.text(4)}|{header.text(10)}|".encode() + message.raw).digest()
