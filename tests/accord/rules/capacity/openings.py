"""Openings and needs to judge, named and drawn: a Monday morning in a small region."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from accord.rules.capacity.ranking import Offering
from accord.terms.capacity import CareKind, Certainty, Condition, Funding, Light, Need, Opening, Service, Spot, Stop, StopReason
from accord.terms.identifiers import HolderName

NOW: Final = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
MONDAY: Final = date(2026, 11, 23)
THURSDAY: Final = date(2026, 11, 26)
NEED: Final = Need(CareKind.GERIATRIC_REHABILITATION, THURSDAY)
SERVICE: Final = Service("s1", "Revalidatie", CareKind.GERIATRIC_REHABILITATION)
OPENING: Final = Opening("o1", SERVICE, NOW - timedelta(minutes=4), NOW + timedelta(hours=12), Certainty.CONFIRMED, places=1)


def opening(service: dict[str, Any] | None = None, **other: Any) -> Opening:
    """The one above, with something else about it or about its service."""
    return replace(OPENING, service=replace(SERVICE, **(service or {})), **other)


def offering(name: str, of: Opening = OPENING) -> Offering:
    return Offering(HolderName(name), of)


moments: Final = st.integers(-3_000, 3_000).map(lambda minutes: NOW + timedelta(minutes=minutes))
days: Final = st.integers(-5, 10).map(lambda number: MONDAY + timedelta(days=number))
kinds: Final = st.sampled_from([CareKind.GERIATRIC_REHABILITATION, CareKind.DISTRICT_NURSING, CareKind.EMERGENCY_DEPARTMENT])
conditions: Final = st.frozensets(st.sampled_from(Condition), max_size=2)
languages: Final = st.frozensets(st.sampled_from(["nl", "nl-BE", "tr", "de"]), max_size=2)
spots: Final = st.builds(Spot, st.floats(50.7, 53.6), st.floats(3.3, 7.3))
services: Final = st.builds(
    Service,
    id=st.sampled_from("ab"),
    title=st.just("t"),
    kind=kinds,
    specialty=st.sampled_from(["", "orthopaedics"]),
    conditions=conditions,
    languages=languages,
    funding=st.frozensets(st.sampled_from(Funding)),
    area=st.lists(st.sampled_from(["75", "7511", "76"]), max_size=2).map(tuple),
    spot=st.none() | spots,
)
openings: Final = st.builds(
    Opening,
    id=st.sampled_from("xy"),
    service=services,
    observed_at=moments,
    valid_until=moments,
    certainty=st.sampled_from(Certainty),
    places=st.none() | st.integers(-1, 5),
    light=st.none() | st.sampled_from(Light),
    since=st.none() | days,
    until=st.none() | days,
    stop=st.none() | st.builds(Stop, st.sampled_from(StopReason), st.none() | moments),
)
needs: Final = st.builds(
    Need,
    kind=kinds,
    since=days,
    amount=st.integers(1, 4),
    specialty=st.sampled_from(["", "orthopaedics"]),
    conditions=conditions,
    languages=languages,
    funding=st.none() | st.sampled_from(Funding),
    near=st.sampled_from(["", "7511"]),
    until=st.none() | days,
)
names: Final = st.sampled_from(["weefgetouw", "havezate", "reviant", "wieke"]).map(HolderName)
