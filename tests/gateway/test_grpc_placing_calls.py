"""What a program says over gRPC comes to the provider: words, the end of waiting, and the handover."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from grpc import aio

from accord.rules.placing import provider as rules
from accord.wire.v1 import placing_service_pb2 as pb
from accord.wire.v1.placing_service_pb2_grpc import PlacingServiceStub
from gateway.api.grpc_placing import PlacingFace
from gateway.connect.applications import Applications
from gateway.connect.placing_workers import PlacingWorkers
from gateway.connect.professionals import Professionals
from gateway.places.seeking import Seeking
from tests.gateway.connect.placing_base import REPLY_BY
from tests.gateway.places.small_places import DINA, GERBEN, NEED, Around, Clock, SmallProvider, SmallRegion, at_home, bundle_about, opening

pytestmark = pytest.mark.anyio
_SECONDS = 20


@asynccontextmanager
async def program(folder: Path) -> AsyncIterator[tuple[Any, Around, list[SmallProvider]]]:
    """The stub of a program, and two providers with a place each."""
    clock = Clock()
    homes = [SmallProvider(number, 1, clock) for number in (1, 2)]
    region = SmallRegion(clock, *homes)
    region.openings = {home.name: (opening(),) for home in homes}
    around = at_home(folder, clock, region)
    server = aio.server()
    face = PlacingFace(Seeking(region, around.searches, clock), PlacingWorkers(Applications(), Professionals(GERBEN, None)))
    server.add_generic_rpc_handlers((face.handler(),))
    server.add_insecure_port(f"unix:{folder}/p")
    await server.start()
    async with aio.insecure_channel(f"unix:{folder}/p") as channel:
        yield PlacingServiceStub(channel), around, homes
    await server.stop(None)
    around.store.close()


async def asked(stub: Any, around: Around) -> str:
    """A search that was put to both, of which a person takes up the offer."""
    person = pb.PlacePerson(bsn=DINA.bsn, birth_date=DINA.birth_date, name=DINA.name)
    need = pb.PlaceNeed(kind=NEED.kind.value, since=NEED.since.isoformat())
    begun = await stub.Begin(pb.PlacingServiceBeginRequest(need=need, person=person, reply_by=REPLY_BY, person_chooses=True), timeout=_SECONDS)
    to = [pb.PlaceAddressee(provider=name, service="afdeling", opening="opening") for name in ("home-1", "home-2")]
    await stub.PutTo(pb.PlacingServicePutToRequest(id=begun.id, providers=to), timeout=_SECONDS)
    await around.settle(3)
    return str(begun.id)


async def stands(stub: Any, case: str) -> dict[str, str]:
    got = await stub.Get(pb.PlacingServiceGetRequest(id=case), timeout=_SECONDS)
    return {leg.provider: leg.at for leg in got.search.legs}


async def refused(stub: Any, case: str, bundle: bytes) -> str | None:
    """Why a handover is not sent."""
    with pytest.raises(aio.AioRpcError) as failure:
        await stub.HandOver(pb.PlacingServiceHandOverRequest(id=case, bundle=bundle), timeout=_SECONDS)
    return failure.value.details()


async def test_a_question_is_answered_and_the_words_are_read_by_that_provider_only(tmp_path: Path) -> None:
    async with program(tmp_path) as (stub, around, (first, second)):
        case = await asked(stub, around)
        first.do(case, lambda leg: rules.ask(leg, "Kan zij lopen?", around.clock()))
        await around.settle(3)
        questioned = (await stub.Get(pb.PlacingServiceGetRequest(id=case), timeout=_SECONDS)).search
        await stub.Tell(pb.PlacingServiceTellRequest(id=case, provider="home-1", words="Ja, met een rollator."), timeout=_SECONDS)
        await around.settle(3)
        with pytest.raises(aio.AioRpcError) as nothing:
            await stub.Tell(pb.PlacingServiceTellRequest(id=case, provider="home-1", words=" "), timeout=_SECONDS)

    assert [leg.questioned for leg in questioned.legs] == [True, False]
    assert [line.words for line in first.legs[case].lines] == ["Kan zij lopen?", "Ja, met een rollator."]
    assert second.legs[case].lines == ()
    assert nothing.value.details() == "invalid-parameter"


async def test_whoever_says_nothing_after_it_was_chosen_is_given_up_and_gives_its_place_back_when_it_hears(tmp_path: Path) -> None:
    async with program(tmp_path) as (stub, around, (first, second)):
        case = await asked(stub, around)
        for home in (first, second):
            home.offer(case)
        await around.settle(3)
        with pytest.raises(aio.AioRpcError) as too_soon:
            await stub.GiveUp(pb.PlacingServiceGiveUpRequest(id=case, provider="home-1"), timeout=_SECONDS)
        await stub.Choose(pb.PlacingServiceChooseRequest(id=case, provider="home-1"), timeout=_SECONDS)
        chosen = await stands(stub, case)
        await stub.GiveUp(pb.PlacingServiceGiveUpRequest(id=case, provider="home-1"), timeout=_SECONDS)
        await stub.Choose(pb.PlacingServiceChooseRequest(id=case, provider="home-2"), timeout=_SECONDS)
        await around.settle(5)
        after = await stands(stub, case)

    assert too_soon.value.details() == "not-possible-now"
    assert (chosen, after) == ({"home-1": "chosen", "home-2": "offered"}, {"home-1": "given-up", "home-2": "granted"})
    assert (first.free(), second.legs[case].at) == (1, rules.At.GRANTED)


async def test_a_handover_comes_whole_to_whose_place_it_has_and_one_about_somebody_else_goes_nowhere(tmp_path: Path) -> None:
    bundle, other = bundle_about(DINA, "x" * 400_000), bundle_about(DINA, "x").replace(DINA.bsn.encode(), b"999900018")
    async with program(tmp_path) as (stub, around, (first, second)):
        case = await asked(stub, around)
        too_soon = await refused(stub, case, bundle)
        first.offer(case)
        await around.settle(3)
        await stub.Choose(pb.PlacingServiceChooseRequest(id=case, provider="home-1"), timeout=_SECONDS)
        await around.settle(3)
        somebody_else = await refused(stub, case, other)
        await stub.HandOver(pb.PlacingServiceHandOverRequest(id=case, bundle=bundle), timeout=_SECONDS)
        await around.settle(5)
        got = (await stub.Get(pb.PlacingServiceGetRequest(id=case), timeout=_SECONDS)).search

    assert (too_soon, somebody_else) == ("not-possible-now", "other-patient")
    assert (got.standing, got.handed_over, first.legs[case].handover_whole, second.legs[case].handover_whole) == ("placed", True, True, False)
