"""How a provider's places stand in numbers, for whoever looks after the machine: counts, and nothing about anybody."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from accord.rules.placing.provider import At
from node_agent.places import openings
from node_agent.places.services_file import Offering


@dataclass(slots=True)
class Measured:
    """As it was when it was last looked at: places that the region is told are free, openings too old to count, requests that nobody answered."""

    free: int = 0
    stale: int = 0
    waiting: int = 0

    def measure(self, connection: sqlite3.Connection, offerings: Mapping[str, Offering], now: datetime) -> None:
        """Look again."""
        kept = [one.opening for service in openings.kept(connection, offerings, now) for one in service.openings]
        self.stale = sum(one.valid_until < now for one in kept)
        self.free = sum(one.places or 0 for one in kept if one.valid_until >= now and one.stop is None)
        (self.waiting,) = connection.execute("SELECT count(*) FROM leg WHERE state = ?", (At.ASKED,)).fetchone()
