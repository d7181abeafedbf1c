"""Searches as rows: what a program must find them by stands in columns, and everything else is sealed."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Final

import structlog

from accord.letters import mailbox
from accord.rules.placing.asker import Standing
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from gateway.places.due import due
from gateway.places.kept import SETTLED, Kept, form_of, read_kept
from gateway.places.sealing import Seal

TABLES: Final = """
CREATE TABLE IF NOT EXISTS place_search (
    id TEXT PRIMARY KEY, standing TEXT NOT NULL, alarm TEXT NOT NULL, owner TEXT NOT NULL, watched INTEGER NOT NULL,
    made INTEGER NOT NULL, looked INTEGER NOT NULL, over INTEGER, due INTEGER, sealed BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS place_search_due ON place_search (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS place_leg (
    search TEXT NOT NULL, provider TEXT NOT NULL, ura TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (search, provider)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS place_leg_of ON place_leg (ura, at);
CREATE TABLE IF NOT EXISTS place_erased (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
"""
#: Searches that one asker has at the same time; each has its ending.
MOST_SEARCHES: Final = 20_000
#: Of `watched`: nobody was asked for it yet, and it is known what there was.
_FRESH: Final = 1
_WATCHED: Final = 2
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

_log = structlog.get_logger("noaber.places")


def find(connection: sqlite3.Connection, seal: Seal, search: str) -> Kept:
    """One search.

    Raises:
        BadInput: `not-found`.
        Unavailable: `source-unavailable`: it cannot be read.
    """
    row = connection.execute("SELECT sealed FROM place_search WHERE id = ?", (search,)).fetchone()
    if row is None:
        raise BadInput(Fault.NOT_FOUND)
    return read_kept(seal.opened(search, row[0]))


def has(connection: sqlite3.Connection, search: str) -> bool:
    """Whether there is one of this id.

    Raises:
        BadInput: `not-possible-now`: there was, and it is erased.
    """
    if connection.execute("SELECT 1 FROM place_erased WHERE id = ?", (search,)).fetchone() is not None:
        raise BadInput(Fault.NOT_POSSIBLE_NOW)
    return connection.execute("SELECT 1 FROM place_search WHERE id = ?", (search,)).fetchone() is not None


def find_named(connection: sqlite3.Connection, seal: Seal, search: str) -> Kept:
    """The search of this id; see `has` and `find`.

    Raises:
        BadInput: `not-found`, `not-possible-now`.
        Unavailable: `source-unavailable`.
    """
    if not has(connection, search):
        raise BadInput(Fault.NOT_FOUND)
    return find(connection, seal, search)


def find_all(connection: sqlite3.Connection, seal: Seal) -> list[Kept]:
    """All that can be read, the newest first."""
    return _read(connection.execute("SELECT id, sealed FROM place_search ORDER BY made DESC, id"), seal)


def find_watched(connection: sqlite3.Connection, seal: Seal) -> list[Kept]:
    """Those of which somebody wants to be told when something opens."""
    return _read(connection.execute("SELECT id, sealed FROM place_search WHERE watched ORDER BY made, id"), seal)


def count_fresh(connection: sqlite3.Connection) -> int:
    """Of how many of them nobody knows yet what there is."""
    found: int = connection.execute("SELECT count(*) FROM place_search WHERE watched = ?", (_FRESH,)).fetchone()[0]
    return found


def begin(connection: sqlite3.Connection, seal: Seal, kept: Kept) -> None:
    """Keep a new search.

    Raises:
        Unavailable: `too-many-questions`: there are as many as may be.
    """
    if connection.execute("SELECT count(*) FROM place_search").fetchone()[0] >= MOST_SEARCHES:
        raise Unavailable(Fault.TOO_MANY_QUESTIONS, "places: searches")
    write(connection, seal, kept)


def write(connection: sqlite3.Connection, seal: Seal, kept: Kept) -> None:
    """Keep a search as it is now."""
    case, request = kept.case, kept.request
    next_look = due(request) if kept.over is None else None
    row = (
        request.id,
        request.standing.value,
        case.request.alarm.value if case.request.alarm is not None else "",
        kept.owner,
        _WATCHED if kept.watched is not None and kept.free is not None else _FRESH if kept.watched is not None else 0,
        _stamp(request.made),
        _stamp(_needed_until(kept)),
        _stamp(kept.over) if kept.over is not None else None,
        _stamp(next_look) if next_look is not None else None,
        seal.closed(request.id, form_of(kept)),
    )
    connection.execute("INSERT OR REPLACE INTO place_search VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    legs = [(request.id, leg.provider.value, kept.peers[leg.provider.value].ura.value, leg.at.value) for leg in request.legs]
    connection.executemany("INSERT OR REPLACE INTO place_leg VALUES (?, ?, ?, ?)", legs)


def due_at(connection: sqlite3.Connection, now: datetime, most: int) -> list[str]:
    """Searches that time brings something to, by now."""
    query = "SELECT id FROM place_search WHERE due <= ? ORDER BY due LIMIT ?"
    return [row[0] for row in connection.execute(query, (_stamp(now), most))]


def past(connection: sqlite3.Connection, before: datetime, most: int) -> list[str]:
    """Searches that were over before then, or that nobody looked at since their day came."""
    query = "SELECT id FROM place_search WHERE coalesce(over, looked) < ? ORDER BY made LIMIT ?"
    return [row[0] for row in connection.execute(query, (_stamp(before), most))]


def erase(connection: sqlite3.Connection, search: str, now: datetime) -> None:
    """Nothing of it is kept any longer but the numbers of its letters, and what is still to be said to a provider: sealed for that one."""
    connection.execute("DELETE FROM place_search WHERE id = ?", (search,))
    connection.execute("DELETE FROM place_leg WHERE search = ?", (search,))
    connection.execute("INSERT OR REPLACE INTO place_erased VALUES (?, ?)", (search, _stamp(now)))


def gone_before(connection: sqlite3.Connection, before: datetime, most: int) -> list[str]:
    """Searches that were erased before then."""
    return [row[0] for row in connection.execute("SELECT id FROM place_erased WHERE at < ? LIMIT ?", (_stamp(before), most))]


def forget(connection: sqlite3.Connection, search: str) -> None:
    """What was still to be said about an erased search, and nobody came for, is not kept any longer either."""
    for (peer,) in connection.execute("SELECT DISTINCT peer FROM letter_out WHERE request = ?", (search,)).fetchall():
        mailbox.forget(connection, Ura(peer), search)
    connection.execute("DELETE FROM place_erased WHERE id = ?", (search,))


def open_peers(connection: sqlite3.Connection) -> set[Ura]:
    """Those that may have something to say: of a search that is not over, and not told that it is."""
    settled = ", ".join(f"'{at.value}'" for at in sorted(SETTLED))
    query = f"SELECT DISTINCT ura FROM place_leg JOIN place_search ON id = search WHERE over IS NULL AND at NOT IN ({settled})"  # noqa: S608 - constants
    return {Ura(row[0]) for row in connection.execute(query)}


def peers_to_call(connection: sqlite3.Connection) -> set[Ura]:
    """Those for whom something waits, or who may have something to say."""
    return open_peers(connection) | set(mailbox.peers_to_call(connection))


def knows(connection: sqlite3.Connection, ura: Ura) -> bool:
    """Whether anything was ever asked of it that is still kept."""
    return connection.execute("SELECT 1 FROM place_leg WHERE ura = ? LIMIT 1", (ura.value,)).fetchone() is not None


def has_alarm(connection: sqlite3.Connection, search: str) -> bool:
    """Whether a person has to look at this one."""
    return connection.execute("SELECT 1 FROM place_search WHERE id = ? AND alarm != ''", (search,)).fetchone() is not None


def count(connection: sqlite3.Connection) -> dict[Standing, int]:
    """How many searches stand how."""
    found = dict.fromkeys(Standing, 0)
    for standing, number in connection.execute("SELECT standing, count(*) FROM place_search WHERE over IS NULL GROUP BY standing"):
        found[Standing(standing)] = number
    return found


def alarms(connection: sqlite3.Connection) -> int:
    """How many searches a person has to look at."""
    found: int = connection.execute("SELECT count(*) FROM place_search WHERE alarm != '' AND over IS NULL").fetchone()[0]
    return found


def waiting(connection: sqlite3.Connection) -> int:
    """How many letters nobody is known to have taken in yet."""
    found: int = connection.execute("SELECT count(*) FROM letter_out").fetchone()[0]
    return found


def _needed_until(kept: Kept) -> datetime:
    """From when on it counts that nobody looks at it: what is arranged for a day weeks ahead is not old before that day."""
    return max(kept.looked, datetime.combine(kept.request.need.since, time(), UTC))


def _read(found: Iterable[tuple[str, bytes]], seal: Seal) -> list[Kept]:
    """Those that can be read. One that cannot hides no other; whoever looks after the process is told."""
    kept = []
    for search, sealed in found:
        try:
            kept.append(read_kept(seal.opened(search, sealed)))
        except Unavailable as failure:
            _log.error("a search cannot be read", search=search, code=failure.fault.value)
    return kept


def _stamp(moment: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND
