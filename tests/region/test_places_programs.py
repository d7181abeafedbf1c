"""A program looks for a place over gRPC, or FHIR, at the proxy of its organisation: the region is asked, two providers offer, one gives its place."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from grpc import aio

from accord.terms.identifiers import BSN_SYSTEM
from accord.wire.v1 import placing_service_pb2 as pb
from accord.wire.v1.placing_service_pb2_grpc import PlacingServiceStub
from testbed.people import DINA
from testbed.places_crowd import KIND, crowd
from testbed.region_places import PlacesRegion

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
CROWD = crowd(2, places=2, instant=True)
_SECONDS = 60


@pytest.fixture(scope="module")
def region() -> Iterator[PlacesRegion]:
    """Two providers whose offers come at once, and a proxy that keeps searches."""
    with PlacesRegion.start(holders=CROWD.holders, story=False, people=40, places=CROWD.places) as running:
        running.be_patient()
        yield running


@asynccontextmanager
async def program(region: PlacesRegion) -> AsyncIterator[Any]:
    async with aio.insecure_channel(region.gateway_address) as channel:
        yield PlacingServiceStub(channel)


def begun(**more: Any) -> pb.PlacingServiceBeginRequest:
    now = datetime.now(UTC)
    person = pb.PlacePerson(bsn=DINA.bsn, birth_date=DINA.birth_date, name="Dina Olde Wolbers-Nijkamp")
    need = pb.PlaceNeed(kind=KIND.value, since=now.date().isoformat())
    return pb.PlacingServiceBeginRequest(need=need, person=person, reply_by=(now + timedelta(hours=4)).isoformat(), **more)


async def until(stub: Any, case: str, holds: Callable[[pb.PlaceSearch], bool]) -> pb.PlaceSearch:
    """The search once it stands so: asked again when something changed."""
    mark = 0
    while True:
        listed = await stub.List(pb.PlacingServiceListRequest(after=mark), timeout=_SECONDS)
        found: pb.PlaceSearch = next(one for one in listed.searches if one.id == case)
        if holds(found):
            return found
        mark = listed.mark


def stands(search: pb.PlaceSearch) -> dict[str, str]:
    return {leg.provider: leg.at for leg in search.legs}


async def test_a_program_finds_two_places_asks_for_both_and_takes_up_one(region: PlacesRegion) -> None:
    async with program(region) as stub:
        need = begun().need
        told = [answer.found async for answer in stub.Find(pb.PlacingServiceFindRequest(need=need), timeout=_SECONDS)]
        proposals = {one.provider: one for one in told[-1].proposals}
        case = (await stub.Begin(begun(person_chooses=True), timeout=_SECONDS)).id
        wanted = [pb.PlaceAddressee(provider=one.provider, service=one.service, opening=one.opening) for one in proposals.values()]
        await stub.PutTo(pb.PlacingServicePutToRequest(id=case, providers=wanted), timeout=_SECONDS)
        offered = await until(stub, case, lambda search: set(stands(search).values()) == {"offered"})
        await stub.Choose(pb.PlacingServiceChooseRequest(id=case, provider="huis-01"), timeout=_SECONDS)
        placed = await until(stub, case, lambda search: search.standing == "placed" and "chosen" not in stands(search).values())
        got = (await stub.Get(pb.PlacingServiceGetRequest(id=case), timeout=_SECONDS)).search

    assert (told[-1].complete, {one.group for one in proposals.values()}, set(proposals)) == (True, {"free"}, {"huis-00", "huis-01"})
    assert [leg.offer.fit for leg in offered.legs] == ["full", "full"]
    assert stands(placed)["huis-01"] == "granted"
    assert stands(placed)["huis-00"] in ("ended", "offered")
    assert (got.id, got.standing, DINA.bsn in str(got)) == (case, "placed", False)


async def test_a_search_that_is_cancelled_stays_to_be_seen_and_takes_nobody_any_more(region: PlacesRegion) -> None:
    async with program(region) as stub:
        case = (await stub.Begin(begun(), timeout=_SECONDS)).id
        await stub.Cancel(pb.PlacingServiceCancelRequest(id=case, reason="condition-changed"), timeout=_SECONDS)
        got = (await stub.Get(pb.PlacingServiceGetRequest(id=case), timeout=_SECONDS)).search
        wanted = [pb.PlaceAddressee(provider="huis-00", service="huis-00-grz")]
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.PutTo(pb.PlacingServicePutToRequest(id=case, providers=wanted), timeout=_SECONDS)

    assert (got.standing, got.cancelled) == ("cancelled", "condition-changed")
    assert refused.value.details() == "not-possible-now"


async def test_p8_a_fhir_client_finds_them_in_a_searchset_that_says_how_complete_it_is(region: PlacesRegion) -> None:
    need = [{"name": "kind", "valueCode": KIND.value}, {"name": "since", "valueDate": datetime.now(UTC).date().isoformat()}]
    headers = {"content-type": "application/fhir+json"}
    async with httpx2.AsyncClient(trust_env=False, timeout=_SECONDS, headers=headers) as client:
        answer = await client.post(f"{region.fhir_url}/$find-places", json={"resourceType": "Parameters", "parameter": need})
        wrong = await client.post(f"{region.fhir_url}/$find-places", json={"resourceType": "Parameters", "parameter": need[:1]})
        read = await client.get(f"{region.fhir_url}/$find-places")

    *services, outcome = (entry["resource"] for entry in answer.json()["entry"])
    assert answer.status_code == 200, answer.text
    assert sorted(one["providedBy"]["identifier"]["value"] for one in services) == ["huis-00", "huis-01"]
    assert [one["code"] for one in outcome["issue"]] == ["informational"]
    assert (wrong.status_code, wrong.json()["issue"][0]["expression"]) == (400, ["http.since"])
    assert read.status_code == 405


def bundle() -> bytes:
    """A handover of Dina, in as few words as there can be."""
    patient = {"resourceType": "Patient", "identifier": [{"system": BSN_SYSTEM, "value": DINA.bsn}]}
    return json.dumps({"resourceType": "Bundle", "type": "document", "entry": [{"resource": patient}]}).encode()


async def test_whoever_died_after_it_was_chosen_is_given_up_and_another_one_has_the_handover(region: PlacesRegion) -> None:
    async with program(region) as stub:
        case = (await stub.Begin(begun(person_chooses=True), timeout=_SECONDS)).id
        wanted = [pb.PlaceAddressee(provider=name, service=f"{name}-grz") for name in ("huis-00", "huis-01")]
        await stub.PutTo(pb.PlacingServicePutToRequest(id=case, providers=wanted), timeout=_SECONDS)
        await stub.Tell(pb.PlacingServiceTellRequest(id=case, provider="huis-00", words="Zij komt met haar eigen rollator."), timeout=_SECONDS)
        await until(stub, case, lambda search: set(stands(search).values()) == {"offered"})
        region.kill("huis-01")
        await stub.Choose(pb.PlacingServiceChooseRequest(id=case, provider="huis-01"), timeout=_SECONDS)
        await stub.GiveUp(pb.PlacingServiceGiveUpRequest(id=case, provider="huis-01"), timeout=_SECONDS)
        await stub.Choose(pb.PlacingServiceChooseRequest(id=case, provider="huis-00"), timeout=_SECONDS)
        await until(stub, case, lambda search: stands(search) == {"huis-00": "granted", "huis-01": "given-up"})
        await stub.HandOver(pb.PlacingServiceHandOverRequest(id=case, bundle=bundle()), timeout=_SECONDS)
        got = (await stub.Get(pb.PlacingServiceGetRequest(id=case), timeout=_SECONDS)).search
        region.start_again("huis-01")

    assert (got.standing, got.handed_over) == ("placed", True)


async def test_a_program_that_watches_is_told_when_a_provider_goes_and_comes_back(region: PlacesRegion) -> None:
    async with program(region) as stub:
        call = stub.Watch(pb.PlacingServiceWatchRequest(need=begun().need), timeout=_SECONDS)
        first = await told(call, {"huis-00": "answered", "huis-01": "answered"})
        region.kill("huis-01")
        gone = await told(call, {"huis-00": "answered", "huis-01": "unreachable"})
        region.start_again("huis-01")
        back = await told(call, {"huis-00": "answered", "huis-01": "answered"})
        call.cancel()

    assert (first.complete, gone.complete, back.complete) == (True, False, True)
    assert {one.provider for one in gone.proposals} == {"huis-00"}


async def told(call: Any, ends: dict[str, str]) -> pb.FoundPlaces:
    """What is told as soon as providers end so."""
    while True:
        found: pb.FoundPlaces = (await call.read()).found
        if {end.provider: end.ending for end in found.ends} == ends:
            return found
