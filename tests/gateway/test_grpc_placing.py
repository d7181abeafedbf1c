"""Programs look for a place over gRPC: ranked with reasons, everybody accounted for, and told again when something changes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from grpc import aio

from accord.terms.answers import Standing
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.parties import Professional
from accord.terms.vocabulary import HolderKind
from accord.wire.v1 import placing_service_pb2 as pb
from accord.wire.v1.placing_service_pb2_grpc import PlacingServiceStub
from gateway.api.grpc_placing import PlacingFace
from gateway.api.placing_messages import draft_from_wire
from gateway.connect.applications import Application, Applications, new_token
from gateway.connect.placing_workers import PlacingWorkers
from gateway.connect.professionals import Professionals
from gateway.places.seeking import Seeking
from tests.gateway.places_world import KIND, World, now, statement

pytestmark = pytest.mark.anyio

HOMES = {"weefgetouw": HolderKind.NURSING_HOME, "havezate": HolderKind.NURSING_HOME}
WHO = Professionals(Professional("900000001", "01.015", "J. de Vries"), None)
NEED = pb.PlaceNeed(kind=KIND.value, since="2026-11-26")


@asynccontextmanager
async def program(folder: Path, region: World, applications: Applications | None = None) -> AsyncIterator[Any]:
    """The stub of a program on the machine of an asker in this region."""
    async with region.running(), region.asker() as asker:
        server = aio.server()
        face = PlacingFace(Seeking(asker, None, now, patience=2.0), PlacingWorkers(applications or Applications(), WHO))
        server.add_generic_rpc_handlers((face.handler(),))
        server.add_insecure_port(f"unix:{folder}/p")
        await server.start()
        async with aio.insecure_channel(f"unix:{folder}/p") as channel:
            yield PlacingServiceStub(channel)
        await server.stop(None)


async def test_p8_a_program_finds_places_in_order_with_reasons_and_everybody_has_an_end(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    region.agents["havezate"].says = None
    async with program(tmp_path, region) as stub:
        told = [answer.found async for answer in stub.Find(pb.PlacingServiceFindRequest(need=NEED), timeout=20)]

    last = told[-1]
    (proposal,) = last.proposals
    assert (proposal.provider, proposal.group, proposal.places, proposal.takes_requests) == ("weefgetouw", "free", 1, True)
    assert ("kind", "yes") in {(reason.point, reason.verdict) for reason in proposal.reasons}
    assert {end.provider: (end.ending, end.code) for end in last.ends} == {"weefgetouw": ("answered", ""), "havezate": ("incompatible", "missing-capability")}
    assert (last.is_over, last.complete, last.registered, last.asked, last.answered) == (True, False, 2, 2, 1)


async def test_p8_what_is_older_than_its_provider_vouches_for_is_not_called_free(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)

    async def stale(agent: Any, request: Any, _context: Any) -> AsyncIterator[Any]:
        said = statement(agent.member.title)
        yield agent.answer(agent.believed(request), replace(said, openings=tuple(replace(one, valid_until=one.observed_at) for one in said.openings)))

    region.agents["havezate"].says = stale  # type: ignore[assignment]  # an iterator is enough
    async with program(tmp_path, region) as stub:
        told = [answer.found async for answer in stub.Find(pb.PlacingServiceFindRequest(need=NEED), timeout=20)]

    assert [(one.provider, one.group, one.HasField("places")) for one in told[-1].proposals] == [("weefgetouw", "free", True), ("havezate", "unknown", False)]


async def test_a_program_that_watches_is_told_when_places_change(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    async with program(tmp_path, region) as stub:
        call = stub.Watch(pb.PlacingServiceWatchRequest(need=NEED), timeout=30)
        first = await call.read()
        region.presence.note(HolderName("weefgetouw"), Standing(1, serving=True, code=None, since_ms=0, data_as_of_ms=0, places_mark=9))
        second = await call.read()
        call.cancel()

    assert first.found.is_over
    assert second.found.is_over


@pytest.mark.parametrize(
    ("need", "code"),
    [
        (pb.PlaceNeed(kind="castle", since="2026-11-26"), "invalid-parameter"),
        (pb.PlaceNeed(kind=KIND.value, since="tomorrow"), "invalid-parameter"),
        (pb.PlaceNeed(kind=KIND.value, since="2026-11-26", amount=1_000), "invalid-parameter"),
        (pb.PlaceNeed(kind=KIND.value, since="2026-11-26", near="7511"), "invalid-parameter"),
        (pb.PlaceNeed(kind=KIND.value, since="2026-11-26", languages=["\x00"]), "invalid-parameter"),
    ],
)
async def test_p7_a_need_that_is_none_is_refused_with_a_code_and_nobody_is_asked(tmp_path: Path, need: pb.PlaceNeed, code: str) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    async with program(tmp_path, region) as stub:
        with pytest.raises(aio.AioRpcError) as failure:
            await stub.Find(pb.PlacingServiceFindRequest(need=need), timeout=20).read()

    assert failure.value.details() == code
    assert not region.agents["weefgetouw"].asked


@pytest.mark.parametrize("age", [83, 130])
def test_p9_how_old_somebody_is_leaves_a_program_by_ten_years_only(age: int) -> None:
    person = pb.PlacePerson(bsn="999900006", birth_date="1942-03-05", name="D. Voorbeeld")
    wish = pb.PlacingServiceBeginRequest(person=person, need=NEED, gist=pb.PlaceGist(age=age), reply_by="2026-11-25T10:00:00+01:00")
    with pytest.raises(BadInput) as refused:
        draft_from_wire(wish)
    wish.gist.age = 80

    assert (refused.value.fault, refused.value.where) == (Fault.INVALID_PARAMETER, "gist.age")
    assert draft_from_wire(wish).gist.age == 80


async def test_a_program_without_a_token_asks_nothing_and_where_no_searches_are_kept_none_can_begin(tmp_path: Path) -> None:
    token, line = new_token("ward")
    applications = Applications([(line.split()[1], Application("ward"))])
    async with program(tmp_path, World(tmp_path / "r", "twente", HOMES), applications) as stub:
        with pytest.raises(aio.AioRpcError) as refused:
            await stub.Find(pb.PlacingServiceFindRequest(need=NEED), timeout=20).read()
        with pytest.raises(aio.AioRpcError) as none_kept:
            await stub.List(pb.PlacingServiceListRequest(), timeout=20, metadata=(("authorization", f"Bearer {token}"),))

    assert (refused.value.details(), none_kept.value.details()) == ("login-required", "not-found")
