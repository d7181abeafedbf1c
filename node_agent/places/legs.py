"""Requests as they are kept: plain what is counted, sealed what says anything of a person."""

import sqlite3
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec
import structlog

from accord.rules.placing.provider import GIVEN, At, Leg
from accord.rules.placing.provider_leg import SHUT
from accord.terms.faults import Unavailable
from accord.terms.identifiers import Ura
from accord.terms.placing import FromProvider, Introduction, Received
from node_agent.places.keys import PlacesKey
from node_agent.places.ports import LegRef
from node_agent.places.tables import lost, micros

#: The asker, the provider, or time has ended it, and nobody has to do anything any more.
OVER: Final = frozenset({At.DECLINED, At.LAPSED, At.GONE, At.ENDED, At.WITHDRAWN, At.ARRIVED})
_NO_HANDOVER: Final = frozenset({At.DECLINED, At.ENDED, At.WITHDRAWN})
#: In the place of a person, for whoever need not know.
SOMEBODY: Final = Introduction("", "", "")
_log = structlog.get_logger("noaber.places")
_decoder: Final = msgspec.json.Decoder(Leg)
_COLUMNS: Final = "asker, request, state, kind, service, opening, amount, held_until, came, reply_by, since, arrived, answered, granted, declined, sealed"


def ref_of(leg: Leg) -> LegRef:
    """Which request it is."""
    return LegRef(leg.asker, leg.request)


def leg_of(connection: sqlite3.Connection, key: PlacesKey, ref: LegRef, *, whole: bool = False) -> Leg | None:
    """A request; *whole*: with the handover as far as it came, which else is left out.

    Raises:
        Unavailable: `source-unavailable`: it cannot be opened.
    """
    row = connection.execute("SELECT sealed FROM leg WHERE asker = ? AND request = ?", (ref.asker.value, ref.request)).fetchone()
    if row is None:
        return None
    leg = _opened(key, ref, row[0])
    return replace(leg, handover=handover_of(connection, key, ref)) if whole else leg


def all_legs(connection: sqlite3.Connection, key: PlacesKey) -> tuple[Leg, ...]:
    """All that are kept and can be opened, without their handovers: those that nobody answered first, the oldest of them before others.

    One that cannot hides no other; whoever looks after the agent is told.
    """
    rows = connection.execute("SELECT asker, request, sealed FROM leg ORDER BY state <> ?, CASE state WHEN ? THEN came ELSE -since END", (At.ASKED, At.ASKED))
    found = []
    for asker, request, sealed in rows:
        try:
            found.append(_opened(key, LegRef(Ura(asker), request), sealed))
        except Unavailable as failure:
            _log.error("a request for a place cannot be opened", asker=asker, request=request, code=failure.fault.value)
    return tuple(found)


def let_lapse(connection: sqlite3.Connection, ref: LegRef, now: datetime) -> bool:
    """Hold nothing any longer for a request that cannot be opened, of which nobody can be told; whether anything was held."""
    whose = (ref.asker.value, ref.request)
    query = "UPDATE leg SET state = ?, since = ? WHERE asker = ? AND request = ? AND state = ?"
    return connection.execute(query, (At.LAPSED, micros(now), *whose, At.OFFERED)).rowcount > 0


def handover_of(connection: sqlite3.Connection, key: PlacesKey, ref: LegRef) -> bytes:
    """What came of the handover."""
    rows = connection.execute("SELECT part, sealed FROM handover WHERE asker = ? AND request = ? ORDER BY part", (ref.asker.value, ref.request))
    return b"".join(key.open(_part_name(ref, part), sealed) for part, sealed in rows)


def keep(connection: sqlite3.Connection, key: PlacesKey, before: Leg | None, leg: Leg, said: tuple[FromProvider, ...], now: datetime) -> Leg:
    """Keep a leg as it is after a step; returns what is kept of it, which is less once it is over.

    *before* and *leg* have their handover where the step is about it, and none of them has it where it is not.
    """
    ref = ref_of(leg)
    earlier = connection.execute("SELECT answered, granted FROM leg WHERE asker = ? AND request = ?", (ref.asker.value, ref.request)).fetchone()
    answered, granted = earlier or (None, 0)
    if before is not None and before.came != leg.came:
        # It was put to us once more: nobody answered that yet.
        answered, granted = None, 0
    leg = lessened(leg, granted=bool(granted) or leg.at in GIVEN)
    if answered is None and any(not isinstance(one, Received) for one in said):
        answered = micros(now)
    connection.execute(
        f"INSERT OR REPLACE INTO leg ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
        (
            ref.asker.value,
            ref.request,
            leg.at,
            leg.need.kind,
            leg.asked.service,
            leg.opening,
            leg.offer.terms.amount if leg.offer is not None else 0,
            micros(leg.offer.held_until) if leg.offer is not None else None,
            micros(leg.came),
            micros(leg.asked.reply_by),
            micros(leg.since),
            micros(leg.arrived) if leg.arrived is not None else None,
            answered,
            int(granted or leg.at in GIVEN),
            leg.declined,
            key.seal(_row_name(ref), msgspec.json.encode(replace(leg, handover=b""))),
        ),
    )
    _keep_handover(connection, key, before, leg)
    return leg


def lessened(leg: Leg, *, granted: bool) -> Leg:
    """What need not be kept any more is gone: who it was about, once it is over and was never *granted*; the handover, once nobody comes."""
    if leg.at in SHUT and not granted:
        leg = replace(leg, who=None, referral="")
    if leg.at in _NO_HANDOVER:
        leg = replace(leg, handover=b"", handover_parts=0, handover_digest=b"", handover_whole=False)
    return leg


def of_somebody(leg: Leg) -> Leg:
    """The same without who it is about: that this was told is seen, and not what was told."""
    return leg if leg.who is None else replace(leg, who=SOMEBODY, referral="")


def erase(connection: sqlite3.Connection, ref: LegRef) -> None:
    """Nothing of it is kept any more, apart from its letters."""
    whose = (ref.asker.value, ref.request)
    connection.execute("DELETE FROM handover WHERE asker = ? AND request = ?", whose)
    connection.execute("DELETE FROM leg WHERE asker = ? AND request = ?", whose)


def _keep_handover(connection: sqlite3.Connection, key: PlacesKey, before: Leg | None, leg: Leg) -> None:
    """Each part that came is a row of its own, so that a large one is not written anew with every part."""
    ref = ref_of(leg)
    whose = (ref.asker.value, ref.request)
    earlier, had = (before.handover, before.handover_parts) if before is not None else (b"", 0)
    has, gone = leg.handover_parts, before is not None and before.handover_whole and not leg.handover_whole
    if leg.handover == earlier and has == had and has and not gone:
        return
    grown = bool(earlier) and has == had + 1 and leg.handover.startswith(earlier)
    if not grown:
        connection.execute("DELETE FROM handover WHERE asker = ? AND request = ?", whose)
    if leg.handover:
        content = leg.handover[len(earlier) :] if grown else leg.handover
        connection.execute("INSERT INTO handover VALUES (?, ?, ?, ?)", (*whose, has, key.seal(_part_name(ref, has), content)))


def _opened(key: PlacesKey, ref: LegRef, sealed: bytes) -> Leg:
    try:
        return _decoder.decode(key.open(_row_name(ref), sealed))
    except (msgspec.DecodeError, ValueError):
        raise lost() from None


def _row_name(ref: LegRef) -> bytes:
    return b"leg\0" + sha256(f"{ref.asker}\0{ref.request}".encode()).digest()


def _part_name(ref: LegRef, part: int) -> bytes:
    return b"handover\0" + part.to_bytes(4, "big") + sha256(f"{ref.asker}\0{ref.request}".encode()).digest()
