"""Free places counted at a FHIR server, over HTTP: what it says plainly is a number, and whatever else it says is unknown."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.capacity import StopReason
from node_agent.places.inputs.fhir_asking import FhirPlaces, gentle
from node_agent.places.inputs.fhir_counting import Unclear, free_beds, free_slots, has_below, has_identifier, is_active, references, stop_in
from node_agent.places.inputs.keeping import Asking
from node_agent.places.ports import Observation, Seen
from node_agent.places_input_settings import CountedSettings
from node_agent.ports import SourceFailure
from node_agent.sources.fhir_client import FhirClient
from node_agent.sources.fhir_endpoint import FhirEndpoint
from testbed.contracts.records import resource
from testbed.fhir_server import RunningFhirServer, fhir_server, read_faults

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)
BED = {"coding": [{"code": "bd"}]}
BEDS = CountedSettings("elv", locations=["ward"])
SLOTS = CountedSettings("wijk", count="slots", healthcare_service="urn:teams|zuid", horizon_hours=24)
TYPES = frozenset({"Location", "HealthcareService", "Schedule", "Slot"})


def bed(name: str, code: object, room: str = "room", **more: object) -> bytes:
    """A bed with a code of table 0116."""
    return resource("Location", name, partOf={"reference": f"Location/{room}"}, physicalType=BED, operationalStatus={"code": code}, **more)


def slot(name: str, hours: float, status: object = "free", schedule: str = "open", **more: object) -> bytes:
    """A slot that begins so many hours from now."""
    start = f"{NOW + timedelta(hours=hours):%Y-%m-%dT%H:%M:%S+00:00}"
    return resource("Slot", name, **{"schedule": {"reference": f"Schedule/{schedule}"}, "status": status, "start": start, **more})


WARD = [
    resource("Location", "ward", name="Afdeling 3"),
    resource("Location", "room", partOf={"reference": "Location/ward"}),
    resource("Location", "shut", partOf={"reference": "Location/ward"}, status="suspended"),
    resource("Location", "elsewhere"),
    bed("b1", "U"),
    bed("b2", "O"),
    bed("b3", "U", status="inactive"),
    bed("b4", "U", "ward"),
    bed("b5", "H"),
    bed("b6", "U", "elsewhere"),
    bed("b7", "U", "shut"),
]
TEAM = [
    resource("HealthcareService", "hs", identifier=[{"system": "urn:teams", "value": "zuid"}], active=True),
    resource("Schedule", "open", actor=[{"reference": "HealthcareService/hs"}]),
    resource("Schedule", "over", actor=[{"reference": "HealthcareService/hs"}], active=False),
    resource("Schedule", "other", actor=[{"reference": "HealthcareService/other"}]),
    slot("s1", 1),
    slot("s2", 23.5),
    slot("s3", -1),
    slot("s4", 25),
    slot("s5", 2, "busy"),
    slot("s6", 2, schedule="over"),
    slot("s7", 2, schedule="other"),
]


@asynccontextmanager
async def counting(records: Sequence[bytes], faults: str = "", **settings: Any) -> AsyncGenerator[tuple[FhirPlaces, RunningFhirServer], None]:
    """Who counts, at a server with these records; as gently as always but for the time between requests."""
    async with fhir_server(records, read_faults(faults), types=TYPES) as running:
        endpoint = FhirEndpoint(running.base, **{"request_seconds": 5.0, **settings})
        client = FhirClient(endpoint)
        try:
            yield FhirPlaces(client, endpoint, lambda: NOW), running
        finally:
            await client.close()


async def counted(records: Sequence[bytes], wanted: CountedSettings, faults: str = "", **settings: Any) -> Seen:
    """What is told of one service."""
    async with counting(records, faults, **settings) as (places, _):
        observation, _ = await places.look(wanted)
    (seen,) = observation.seen
    return seen


async def test_beds_that_are_unoccupied_are_counted_at_and_below_a_ward_that_is_open() -> None:
    seen = await counted(WARD, BEDS)

    assert (seen.places, seen.observed_at, seen.valid_until) == (2, NOW, NOW + timedelta(minutes=15))


async def test_free_slots_of_active_schedules_are_counted_until_the_horizon_and_none_of_the_past() -> None:
    assert (await counted(TEAM, SLOTS)).places == 2


async def test_a_service_that_is_closed_says_until_when_whether_or_not_it_can_be_counted() -> None:
    away = [{"during": {"start": "2026-11-20"}}, {"during": {"start": "2026-11-23", "end": "2026-11-24T08:00:00+01:00"}}]
    closed = resource("HealthcareService", "hs", identifier=[{"system": "urn:teams", "value": "zuid"}], notAvailable=away[1:])
    seen = await counted([closed], SLOTS)

    assert seen.places is None
    assert seen.stop is not None
    assert (seen.stop.reason, seen.stop.expected_end) == (StopReason.CLOSED, datetime(2026, 11, 24, 7, 0, 1, tzinfo=UTC))


@pytest.mark.parametrize("ignored", ["partof", "_id", "schedule", "start", "actor", "identifier"])
async def test_a_server_that_heeds_no_parameter_does_not_lend_us_the_places_of_others(ignored: str) -> None:
    beds = await counted(WARD, BEDS, f"ignores={ignored}")
    slots = await counted(TEAM, SLOTS, f"ignores={ignored}")

    assert beds.places in (2, None)
    assert slots.places in (2, None)


@pytest.mark.parametrize(
    "fault", ["html", "not-a-bundle", "broken-json", "endless", "endless-fresh", "foreign-next=http://elsewhere.example", "no-post-search"]
)
async def test_what_answers_otherwise_makes_unknown_and_is_told_as_trouble(fault: str) -> None:
    async with counting(WARD, fault) as (places, _):
        observation, trouble = await places.look(BEDS)
    (seen,) = observation.seen

    assert (seen.places, seen.light, seen.valid_until) == (None, None, NOW)
    assert trouble in ("source-answer-invalid", "source-unavailable")


@pytest.mark.parametrize("fault", ["max-page=1", "max-page=1,relative-next", "empty-first", "companions", "no-total", "packed=gzip", "max-page=2,lenient"])
async def test_a_server_with_habits_is_counted_all_the_same(fault: str) -> None:
    assert (await counted(WARD, BEDS, fault)).places == 2


@pytest.mark.parametrize("fault", ["fail-after-pages=0", "fail-after-pages=1,max-page=1", "cut", "complaint=error", "authorization=Basic x", "frozen"])
async def test_a_server_that_cannot_be_asked_fails_without_a_word_of_content(fault: str) -> None:
    async with counting(WARD, fault, request_seconds=0.3) as (places, _):
        with pytest.raises(SourceFailure) as failure:
            await places.look(BEDS)

    assert "Afdeling" not in str(failure.value)
    assert "room" not in str(failure.value)


async def test_what_was_counted_grows_old_when_the_server_fails_and_another_service_is_counted_all_the_same() -> None:
    told: list[Observation] = []

    class Takes:
        async def observe(self, observation: Observation) -> None:
            told.append(observation)

    async with counting([*WARD, *TEAM], "fail-after-pages=0,only=Location") as (places, running):
        asking = Asking(places, [BEDS, SLOTS], Takes(), 60)
        await asking.look()
        assert (asking.trouble, [one.seen[0].places for one in told]) == ("source-unavailable", [2])
        running.desk.faults = read_faults("")
        await asking.look()

    assert asking.trouble == ""
    assert [one.source for one in told] == ["FHIR wijk", "FHIR elv"]


async def test_the_server_is_asked_one_thing_at_a_time_by_post_and_nothing_about_a_patient() -> None:
    async with counting([*WARD, *TEAM]) as (places, running):
        for wanted in (BEDS, SLOTS):
            await places.look(wanted)
        witness = running.desk.witness

    assert witness.high_water == 1
    assert {seen.path for seen in witness.seen} == {f"{kind}/_search" for kind in TYPES}
    assert all(not seen.in_url for seen in witness.seen)
    asked = gentle(FhirEndpoint("http://127.0.0.1/fhir", concurrency=9, per_second=50))
    assert (asked.concurrency, asked.per_second) == (1, 4)


@pytest.mark.parametrize(
    "odd",
    [
        bed("b9", 7),
        bed("b9", None),
        bed("b9", "vrij"),
        bed("b9", "U", status="gesloten"),
        resource("Location", "b9", partOf={"reference": "Location/room"}, physicalType=BED),
        resource("Location", "b9", partOf={"reference": "Location/room"}, physicalType=BED, operationalStatus=["U"]),
        resource("Location", "b9", partOf={"reference": "Location/room"}, physicalType=[3], operationalStatus={"code": "U"}),
        resource("Location", "b9", partOf={"reference": "Location/room"}, mode=["kind"], physicalType=BED, operationalStatus={"code": "U"}),
    ],
)
async def test_one_bed_that_nobody_can_read_makes_the_ward_unknown(odd: bytes) -> None:
    assert (await counted([*WARD, odd], BEDS)).places is None


@pytest.mark.parametrize("odd", [slot("s9", 1, "vrij"), slot("s9", 1, None), slot("s9", 1, start="morgen"), slot("s9", 1, start="")])
async def test_one_slot_that_nobody_can_read_makes_the_team_unknown(odd: bytes) -> None:
    assert (await counted([*TEAM, odd], SLOTS)).places is None


async def test_a_ward_that_is_not_there_twice_there_or_below_itself_is_unknown() -> None:
    circle = [resource("Location", f"l{number}", partOf={"reference": f"Location/l{number - 1}"}) for number in range(1, 12)]
    twice = [resource("HealthcareService", name, identifier=[{"system": "urn:teams", "value": "zuid"}]) for name in ("a", "b")]

    assert (await counted([], BEDS)).places is None
    assert (await counted([resource("Location", "l0"), *circle], CountedSettings("elv", locations=["l0"]))).places is None
    assert (await counted([resource("Location", "ward", partOf={"reference": "Location/ward"})], BEDS)).places is None
    assert (await counted([*twice, *TEAM[1:]], SLOTS)).places is None


_names = st.sampled_from(
    ["status", "active", "mode", "physicalType", "operationalStatus", "coding", "code", "start", "end", "during", "notAvailable", "reference", "partOf"]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8) | st.sampled_from(["U", "free", "bd"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(_names, inside, max_size=4),
    max_leaves=12,
)
_bodies = st.dictionaries(_names, _json, max_size=6).map(msgspec.json.encode) | _json.map(msgspec.json.encode) | st.binary(max_size=12)


@given(st.lists(_bodies, max_size=4))
def test_whatever_a_server_says_it_is_counted_or_unknown(bodies: list[bytes]) -> None:
    for found in (free_beds(bodies), free_slots(bodies, NOW, NOW + timedelta(hours=1))):
        assert found is None or 0 <= found <= len(bodies)
    for body in bodies:
        for look in (
            partial(stop_in, now=NOW),
            has_below,
            is_active,
            partial(references, member="partOf", kind="Location"),
            partial(has_identifier, token="a|b"),
        ):
            try:
                look(body)
            except Unclear:
                continue
