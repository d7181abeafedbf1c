"""What a provider states to a question: its openings of the kinds that are asked for, with what is stopped, however old they are.

Of a service that nobody counted yet it states that, too: who asks would else take it for a provider without such places.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime

from accord.terms.capacity import Certainty, Opening, PlacesQuestion
from node_agent.places import openings
from node_agent.places.ports import ServiceKept
from node_agent.places.services_file import Offering


def openings_for(connection: sqlite3.Connection, offerings: Mapping[str, Offering], question: PlacesQuestion, now: datetime) -> tuple[Opening, ...]:
    """What is stated. An opening that is too old to count is stated too: the reader shows it as unknown, which is more than nothing."""
    stopped = {service: stopped.at for service, stopped in openings.stops(connection).items()}
    closed = openings.closed(connection)
    asked = (service for service in openings.kept(connection, offerings, now) if not question.kinds or service.service.kind in question.kinds)
    return tuple(
        opening
        for service in asked
        for opening in (
            *_of(service, stopped.get(service.service.id), offerings[service.service.id]),
            *_uncounted(service, offerings[service.service.id], now, is_closed=service.service.id in closed),
        )
        if _counts(opening, question)
    )


def _of(service: ServiceKept, stopped: datetime | None, offering: Offering) -> Iterator[Opening]:
    for one in service.openings:
        yield one.opening
    if not service.openings and service.stop is not None and stopped is not None:
        # Nobody counted anything; that it takes nobody is known all the same.
        until = service.stop.expected_end or stopped + offering.valid
        yield Opening(service.service.id, service.service, stopped, until, Certainty.CONFIRMED, stop=service.stop)


def _uncounted(service: ServiceKept, offering: Offering, now: datetime, *, is_closed: bool) -> Iterator[Opening]:
    """Neither a number nor a light: nobody knows (`accord.rules.capacity.standing.Doubt.NOTHING_SAID`)."""
    if not service.openings and service.stop is None and not is_closed:
        yield Opening(service.service.id, service.service, now, now + offering.valid, Certainty.DERIVED)


def _counts(opening: Opening, question: PlacesQuestion) -> bool:
    """Whether it is still there on the day that is asked for."""
    return question.since is None or opening.until is None or opening.until >= question.since
