"""What a form was made for: a digest of what the planner had before them, so that a tap on an older screen changes nothing."""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from accord.rules.placing.provider import Leg
from accord.terms.capacity import Certainty, Opening
from node_agent.places.ports import OpeningKept, ServiceKept

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def openings_of(kept: ServiceKept) -> tuple[OpeningKept, ...]:
    """The openings of a service. What it has from now on need not be opened first: it has the id of the service, and is not counted yet."""
    if any(one.opening.since is None and one.opening.until is None for one in kept.openings):
        return kept.openings
    opening = Opening(kept.service.id, kept.service, _NEVER, _NEVER, Certainty.CONFIRMED)
    return (OpeningKept(opening, None, 0, 0, ""), *kept.openings)


def of_opening(kept: OpeningKept) -> str:
    """The state of an opening; what is shown of it and can be changed."""
    one = kept.opening
    return _digest(one.id, one.observed_at.isoformat(), kept.counted, kept.held, kept.promised, one.light, one.since, one.until)


def of_service(kept: ServiceKept) -> str:
    """The state of a service: whether it takes people, and which openings it has."""
    stop = kept.stop
    return _digest(kept.service.id, stop.reason if stop else "", stop.expected_end if stop else "", *sorted(one.opening.id for one in kept.openings))


def of_leg(leg: Leg) -> str:
    """The state of a request. An alarm changes nothing that is answered."""
    said = [(line.at.isoformat(), line.ours, line.words) for line in leg.lines]
    return _digest(
        leg.asker.value, leg.request, leg.at, leg.since.isoformat(), leg.number, leg.interested, leg.who is None, leg.handover_whole, leg.taken_in, *said
    )


def _digest(*parts: object) -> str:
    return blake2b(repr(parts).encode(), digest_size=9).hexdigest()
