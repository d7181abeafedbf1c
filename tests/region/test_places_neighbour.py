"""Two regions of real processes see each other's places: each asks the other's gateway, and a dead or frozen one holds up nobody."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from grpc import aio

from accord.audit.places_events import PlacesAsked
from accord.audit.verifying import events_of
from accord.terms.capacity import CareKind, PlacesQuestion
from accord.wire.v1 import placing_service_pb2 as pb
from accord.wire.v1.placing_service_pb2_grpc import PlacingServiceStub
from testbed.asking_places import Round
from testbed.holders import BY_NAME
from testbed.neighbour import NAME, OURS, NeighbourRegion
from testbed.neighbour_places import GATEWAY, HOLDERS, TELEPHONE, TITLE
from testbed.people import DINA
from testbed.places import OPENINGS
from testbed.region_files import DATA_USER
from testbed.region_office import GATEWAY as OUR_GATEWAY
from testbed.region_places import PlacesRegion

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

KIND = CareKind.SHORT_STAY_HIGH
OUR_OWN = ("weefgetouw", "havezate", "reviant")
_SECONDS = 60


@pytest.fixture(scope="module")
def region() -> Iterator[PlacesRegion]:
    """Ours, with another one beside it."""
    places = {name: OPENINGS[name] for name in OUR_OWN}
    with PlacesRegion.start(holders=OUR_OWN, story=False, people=40, places=places, neighbour=True) as running:
        yield running


@pytest.fixture
def neighbour(region: PlacesRegion) -> NeighbourRegion:
    """The other one, as sound as it began."""
    assert region.neighbour is not None
    region.neighbour.settle(region.asker())
    return region.neighbour


@asynccontextmanager
async def program(region: PlacesRegion) -> AsyncIterator[Any]:
    """A program of our data user, at its own proxy."""
    async with aio.insecure_channel(region.gateway_address) as channel:
        yield PlacingServiceStub(channel)


def need() -> pb.PlaceNeed:
    return pb.PlaceNeed(kind=KIND.value, since=(datetime.now(UTC).date() + timedelta(days=3)).isoformat())


async def found(region: PlacesRegion, meanwhile: Callable[[pb.FoundPlaces], None] = lambda _: None) -> pb.FoundPlaces:
    """How a round stands at its end; *meanwhile* is told how it stands before."""
    async with program(region) as stub:
        last = pb.FoundPlaces()
        async for answer in stub.Find(pb.PlacingServiceFindRequest(need=need()), timeout=_SECONDS):
            last = answer.found
            meanwhile(last)
        return last


def ends(told: pb.FoundPlaces) -> dict[str, tuple[str, str, str]]:
    """By title: of which region, how it ended, and whom to call."""
    return {one.title: (one.region, one.ending, one.telephone) for one in told.ends}


def heard(name: str) -> tuple[str, str, str]:
    return "", "answered", BY_NAME[name].telephone


@pytest.mark.usefixtures("neighbour")
async def test_p14_who_asks_here_sees_the_places_of_the_other_region_with_its_name_and_whom_to_call(region: PlacesRegion) -> None:
    told = await found(region)

    assert told.complete
    assert ends(told) == {
        **{BY_NAME[name].title: heard(name) for name in OUR_OWN},
        **{one.title: (TITLE, "answered", one.telephone) for one in HOLDERS},
        TITLE: (TITLE, "answered", TELEPHONE),
    }
    theirs = {one.service_title: one for one in told.proposals if one.region == TITLE}
    weide = theirs["Herstelafdeling De Weide"]
    assert (weide.group, weide.places, weide.telephone, weide.place) == ("free", 2, "0545-5550201", "Slingeveld")
    # It is not counted with ours, and nobody here can write to it.
    assert (told.registered, told.asked, told.answered) == (len(OUR_OWN), len(OUR_OWN), len(OUR_OWN))
    assert {one.provider for one in theirs.values()}.isdisjoint({one.name.value for one in HOLDERS})


async def test_p14_who_asks_there_sees_ours(neighbour: NeighbourRegion) -> None:
    async with neighbour.asker() as asker:
        told = await asker.ask(PlacesQuestion(frozenset({KIND})), patience=5.0, hops=1)

    ours = {name: one.ending for name, one in told.told.items() if one.region}
    assert ours == {**dict.fromkeys(OUR_OWN, "answered"), f"regio-{OURS.region}": "answered"}


async def test_p14_a_circle_of_two_ends_however_far_a_question_may_go(region: PlacesRegion, neighbour: NeighbourRegion) -> None:
    before = _asked(region, neighbour)
    async with region.asker() as asker:
        told: Round = await asker.ask(PlacesQuestion(frozenset({KIND})), patience=5.0, hops=99)

    assert {name for name, one in told.told.items() if one.region} == {NAME, *(one.name.value for one in HOLDERS)}
    here, there = _asked(region, neighbour)
    # Each gateway was asked once: ours by our data user, theirs by our gateway, and ours not by theirs.
    assert here[len(before[0]) :] == [(BY_NAME[DATA_USER].ura.value, (KIND.value,))]
    assert there[len(before[1]) :] == [(OUR_GATEWAY.value, (KIND.value,))]


async def test_p8_a_region_that_is_dead_is_told_with_its_name_and_telephone_and_nobody_waits_for_it(region: PlacesRegion, neighbour: NeighbourRegion) -> None:
    neighbour.kill()
    try:
        told = await found(region)
    finally:
        neighbour.start_again()

    # Unreachable and not too late: it was not waited for at all.
    assert ends(told) == {**{BY_NAME[name].title: heard(name) for name in OUR_OWN}, TITLE: (TITLE, "unreachable", TELEPHONE)}
    assert (told.is_over, told.complete) == (True, False)


async def test_p8_a_region_that_is_frozen_is_too_late_and_ours_are_heard_meanwhile(region: PlacesRegion, neighbour: NeighbourRegion) -> None:
    neighbour.freeze()
    try:
        told = await found(region)
    finally:
        neighbour.freeze(frozen=False)

    assert ends(told) == {**{BY_NAME[name].title: heard(name) for name in OUR_OWN}, TITLE: (TITLE, "too-late", TELEPHONE)}


async def test_p14_whoever_is_late_in_the_other_region_is_asked_once_more(region: PlacesRegion, neighbour: NeighbourRegion) -> None:
    slow, seen = HOLDERS[0], list[str]()
    neighbour.freeze_agent(slow.name.value)

    def thaw(told: pb.FoundPlaces) -> None:
        ending = ends(told).get(slow.title, ("", "", ""))[1]
        if ending and ending not in seen:
            seen.append(ending)
            neighbour.freeze_agent(slow.name.value, frozen=False)

    try:
        told = await found(region, thaw)
    finally:
        neighbour.freeze_agent(slow.name.value, frozen=False)

    assert seen == ["too-late", "answered"]
    assert ends(told)[slow.title] == (TITLE, "answered", slow.telephone)


async def test_p14_nothing_about_a_patient_comes_into_the_other_region(region: PlacesRegion, neighbour: NeighbourRegion) -> None:
    person = pb.PlacePerson(bsn=DINA.bsn, birth_date=DINA.birth_date, name="Dina Olde Wolbers-Nijkamp", contact="Ria Wolbers-Veldkamp")
    reply_by = (datetime.now(UTC) + timedelta(hours=4)).isoformat()
    gist = pb.PlaceGist(age=80, reason="nieuwe heup", words="valt in de nacht")
    async with program(region) as stub:
        await stub.Begin(pb.PlacingServiceBeginRequest(need=need(), person=person, gist=gist, reply_by=reply_by), timeout=_SECONDS)
        await found(region)

    there = b"".join(path.read_bytes() for path in neighbour.root.rglob("*") if path.is_file())
    assert GATEWAY.value.encode() in there
    for said in (DINA.bsn, DINA.birth_date, "Olde Wolbers", "Ria Wolbers", "nieuwe heup", "valt in de nacht"):
        assert said.encode() not in there


def _asked(region: PlacesRegion, neighbour: NeighbourRegion) -> tuple[list[tuple[str, tuple[str, ...]]], list[tuple[str, tuple[str, ...]]]]:
    """What either gateway was asked, and by whom, by its journal."""
    here, there = (
        [(event.peer, tuple(event.kinds)) for _, event in events_of(folder, kind="places-asked") if isinstance(event, PlacesAsked)]
        for folder in (region.root / "gateway" / "journal", neighbour.journal)
    )
    return here, there
