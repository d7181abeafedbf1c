"""What is the matter with the places of a provider on this machine: the file of services, the store, and counts that are too old."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from accord.ops.doctor.findings import Finding, command, ok, problem, warning
from accord.rules.placing.provider import At
from accord.terms.counts import counted
from accord.terms.faults import BadInput
from node_agent.places import openings
from node_agent.places.services_file import read_services
from node_agent.places.tables import micros, open_to_read
from node_agent.places_settings import PlacesSettings

#: Of whom it was promised so long ago that they would come, somebody should know where they are.
_LONG_PROMISED = timedelta(days=7)


def check_places(settings: PlacesSettings, folder: Path) -> list[Finding]:
    """How it stands; nothing is changed, and nothing personal is opened. Nothing of a provider that has no places."""
    if not settings.services:
        return []
    try:
        offerings = read_services(folder / settings.services)
    except BadInput as failure:
        return [problem("places", str(failure), failure.explanation.next_step)]
    told, store = counted(len(offerings), "service"), folder / settings.store
    if not store.exists():
        return [ok("places", f"{told}; {store.name} is made at the first start")]
    try:
        with closing(open_to_read(store)) as connection:
            return list(_looked(connection, told, frozenset(offerings)))
    except sqlite3.Error:
        return [problem("places", f"{store} is no store of places, or cannot be read by this user", f"see whose it is: {command('ls', '-l', store)}")]


def _looked(connection: sqlite3.Connection, told: str, services: frozenset[str]) -> Iterator[Finding]:
    now = datetime.now(UTC)
    kept = [one for one in openings.all_counted(connection) if one.service in services]
    stale = [one.id for one in kept if one.valid < now]
    (waiting,) = connection.execute("SELECT count(*) FROM leg WHERE state = ?", (At.ASKED,)).fetchone()
    (promised,) = connection.execute("SELECT count(*) FROM leg WHERE state = ? AND since < ?", (At.GRANTED, micros(now - _LONG_PROMISED))).fetchone()
    seen = f"{told}, {counted(len(kept), 'opening')}, {counted(waiting, 'request')} not answered yet"
    if not kept:
        yield warning("places", f"{told}, and nothing was ever counted: nobody sees a place here", "count what is free on the planners' page")
    elif stale:
        then = "count or confirm them on the planners' page, or see why their export stays out"
        yield warning("places", f"{seen}; too old to count, and shown as unknown: {', '.join(stale)}", then)
    else:
        yield ok("places", seen)
    if promised:
        then = "say on the planners' page that they arrived, or take the place back: it stays taken until somebody does"
        yield warning("promised places", f"{counted(promised, 'place')} promised more than {_LONG_PROMISED.days} days ago, and nobody arrived", then)
