"""Letters that wait to be fetched, and how far those of the other side were taken in: tables beside what the letters change.

Every function works inside the transaction of its caller, so that a letter is taken in together with what it brings about
and with the answers to it, or not at all. Whoever dies in between finds all of it or nothing of it.
"""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

from accord.terms.identifiers import Ura
from accord.terms.limits import KIB

TABLES: Final = """
CREATE TABLE IF NOT EXISTS letter_thread (
    peer TEXT NOT NULL, request TEXT NOT NULL, sent INTEGER NOT NULL DEFAULT 0, heard INTEGER NOT NULL DEFAULT 0,
    told INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (peer, request)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS letter_out (
    number INTEGER PRIMARY KEY AUTOINCREMENT, peer TEXT NOT NULL, request TEXT NOT NULL, seq INTEGER NOT NULL, envelope TEXT NOT NULL,
    UNIQUE (peer, request, seq)
);
CREATE INDEX IF NOT EXISTS letter_out_of ON letter_out (peer, number);
"""
#: What one call brings or fetches.
MOST_LETTERS: Final = 64
MOST_CHARACTERS: Final = 512 * KIB


def put(connection: sqlite3.Connection, peer: Ura, request: str, write: Callable[[int], str]) -> int:
    """Lay a letter ready for *peer*; *write* makes the envelope of the number that it gets, which is returned."""
    _begin(connection, peer, request)
    seq: int = connection.execute("UPDATE letter_thread SET sent = sent + 1 WHERE peer = ? AND request = ? RETURNING sent", (peer.value, request)).fetchone()[0]
    connection.execute("INSERT INTO letter_out (peer, request, seq, envelope) VALUES (?, ?, ?, ?)", (peer.value, request, seq, write(seq)))
    return seq


def waiting(connection: sqlite3.Connection, peer: Ura, *, characters: int = MOST_CHARACTERS) -> tuple[list[str], bool]:
    """The oldest envelopes for *peer* that fit, and whether there are more. One that alone is too large is given alone."""
    envelopes: list[str] = []
    room = characters
    for (envelope,) in connection.execute("SELECT envelope FROM letter_out WHERE peer = ? ORDER BY number LIMIT ?", (peer.value, MOST_LETTERS + 1)):
        room -= len(envelope)
        if envelopes and (room < 0 or len(envelopes) == MOST_LETTERS):
            return envelopes, True
        envelopes.append(envelope)
    return envelopes, False


def let_go(connection: sqlite3.Connection, peer: Ura, heard: Mapping[str, int]) -> int:
    """*peer* took these in: they need not wait any longer. Returns how many waited."""
    rows = [(peer.value, request, seq) for request, seq in heard.items()]
    return connection.executemany("DELETE FROM letter_out WHERE peer = ? AND request = ? AND seq <= ?", rows).rowcount


def is_next(connection: sqlite3.Connection, peer: Ura, request: str, seq: int) -> bool:
    """Whether a letter is the one that comes now: not an earlier one once more, and not one with a gap before it."""
    row = connection.execute("SELECT heard FROM letter_thread WHERE peer = ? AND request = ?", (peer.value, request)).fetchone()
    return seq == (row[0] if row is not None else 0) + 1


def note_heard(connection: sqlite3.Connection, peer: Ura, request: str, seq: int) -> None:
    """A letter was taken in."""
    _begin(connection, peer, request)
    connection.execute("UPDATE letter_thread SET heard = ? WHERE peer = ? AND request = ?", (seq, peer.value, request))


def has_thread(connection: sqlite3.Connection, peer: Ura, request: str) -> bool:
    """Whether anything was ever said to or heard of *peer* about this request."""
    return connection.execute("SELECT 1 FROM letter_thread WHERE peer = ? AND request = ?", (peer.value, request)).fetchone() is not None


def heard_of(connection: sqlite3.Connection, peer: Ura, requests: frozenset[str]) -> dict[str, int]:
    """How far the letters of *peer* about these requests were taken in; 0 where there are none."""
    found = dict.fromkeys(requests, 0)
    for request in requests:
        row = connection.execute("SELECT heard FROM letter_thread WHERE peer = ? AND request = ?", (peer.value, request)).fetchone()
        if row is not None:
            found[request] = row[0]
    return found


def untold(connection: sqlite3.Connection, peer: Ura, most: int) -> dict[str, int]:
    """How far we took in letters of *peer* where it is not known to know."""
    query = "SELECT request, heard FROM letter_thread WHERE peer = ? AND heard > told LIMIT ?"
    return dict(connection.execute(query, (peer.value, most)).fetchall())


def note_told(connection: sqlite3.Connection, peer: Ura, heard: Mapping[str, int]) -> None:
    """It knows now."""
    rows = [(seq, peer.value, request, seq) for request, seq in heard.items()]
    connection.executemany("UPDATE letter_thread SET told = ? WHERE peer = ? AND request = ? AND told < ?", rows)


def peers_to_call(connection: sqlite3.Connection) -> list[Ura]:
    """Those for whom a letter waits, or who do not know yet how far we took in theirs."""
    query = "SELECT peer FROM letter_out UNION SELECT peer FROM letter_thread WHERE heard > told ORDER BY 1"
    return [Ura(row[0]) for row in connection.execute(query)]


def forget(connection: sqlite3.Connection, peer: Ura, request: str) -> None:
    """Nothing of what was said is kept any longer; how far it was, stays: two numbers, by which an old letter is known as old."""
    connection.execute("DELETE FROM letter_out WHERE peer = ? AND request = ?", (peer.value, request))


def _begin(connection: sqlite3.Connection, peer: Ura, request: str) -> None:
    connection.execute("INSERT OR IGNORE INTO letter_thread (peer, request) VALUES (?, ?)", (peer.value, request))
