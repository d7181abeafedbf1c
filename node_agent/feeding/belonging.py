"""Whose a record is, after all that messages said of who was merged with whom.

Merges come in any order, one after another and back again. What counts of them is worked out anew each time from all that
were told, so that it does not depend on which came first: whoever was replaced, and by whom, and who is left at the end.
Where they go round in a circle, the oldest of them was taken back by the others.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

_EDGE: Final = "SELECT survivor, rank FROM merged WHERE patient = ?"


class Merges:
    """All merges that were told, as long as nobody else writes. Each is followed once: a chain may be long, and all of it may be asked about."""

    __slots__ = ("_connection", "_survivors")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._survivors: dict[str, str] = {}

    def forget(self) -> None:
        """A merge was noted: what was worked out before may be otherwise."""
        self._survivors.clear()

    def replaced_by(self, patient: str) -> str | None:
        """The Patient that this one was replaced by; none when it counts itself."""
        if self.survivor_of(patient) == patient:
            return None
        row = self._connection.execute(_EDGE, (patient,)).fetchone()
        return str(row[0])

    def survivor_of(self, patient: str) -> str:
        """Who is left at the end of all merges."""
        at, ranks = patient, dict[str, str]()
        while at not in ranks and at not in self._survivors and (row := self._connection.execute(_EDGE, (at,)).fetchone()) is not None:
            ranks[at], at = row[1], row[0]
        survivor = self._survivors.get(at, at)
        if at in ranks:
            passed = list(ranks)
            survivor = min(passed[passed.index(at) :], key=lambda one: (ranks[one], one))
        self._survivors.update(dict.fromkeys((*ranks, at), survivor))
        return survivor

    def all_with(self, patients: Iterable[str]) -> set[str]:
        """All Patients that any merge has to do with, from these on, with these."""
        found, pending = set[str](), list(patients)
        while pending:
            patient = pending.pop()
            if patient not in found:
                found.add(patient)
                query = "SELECT survivor FROM merged WHERE patient = ? UNION SELECT patient FROM merged WHERE survivor = ?"
                pending += [other for (other,) in self._connection.execute(query, (patient, patient))]
        return found

    def is_same_person(self, one: str, other: str, bsns: Iterable[str] = ()) -> bool:
        """Whether two Patients are one person: merged, or with one BSN; *bsns* are what is said now of the second."""
        if one == other or self.survivor_of(one) == self.survivor_of(other):
            return True
        theirs = self.bsns_of(other) | set(bsns)
        return not theirs.isdisjoint(self.bsns_of(one))

    def bsns_of(self, patient: str) -> set[str]:
        """The BSNs of a Patient, and of whoever is left of it."""
        query = "SELECT value FROM bsn WHERE patient = ? OR patient = ?"
        return {bsn for (bsn,) in self._connection.execute(query, (patient, self.survivor_of(patient)))}


def owner_of(connection: sqlite3.Connection, code: int, logical_id: str) -> str | None:
    """The Patient whose a record is now; none when it is not here, or nobody's."""
    query = (
        "SELECT owner.patient FROM record JOIN owner ON owner.number = record.place >> 32 "
        "WHERE record.type = ? AND record.id = ? AND record.fhir IS NOT NULL AND owner.patient IS NOT NULL"
    )
    row = connection.execute(query, (code, logical_id)).fetchone()
    return None if row is None else str(row[0])
