"""A provider joins while somebody's `noaber connect` runs: it is found without a restart, and without anybody bringing the register."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from grpc import aio

from accord.link.certificates import read_anchor
from accord.link.live_register import LiveRegister
from accord.terms.members import Part
from accord.wire.v1 import placing_service_pb2 as pb
from accord.wire.v1.placing_service_pb2_grpc import PlacingServiceStub
from testbed.places_crowd import KIND, crowd
from testbed.region_places import CONNECT, GATEWAY, PlacesRegion

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
CROWD = crowd(2, places=2)
_SECONDS = 60
_JOINING = CROWD.holders[1].ura


@pytest.fixture
def region() -> Iterator[PlacesRegion]:
    """Two providers, of whom all know one, and a proxy to which nobody brings a register any more."""
    with PlacesRegion.start(holders=CROWD.holders, story=False, people=40, places=CROWD.places) as running:
        take_part(running, Part.DATA_USER)
        running.stay_at_address()
        running.kill(GATEWAY)
        running.start_again(GATEWAY)
        running.be_patient()
        running.office.keep_from(running.root / CONNECT)
        yield running


def take_part(region: PlacesRegion, part: Part) -> None:
    region.office.change(lambda draft: draft.change_member(_JOINING, lambda member: replace(member, parts=frozenset({part}))))


def known(folder: Path) -> int:
    """The version of the register that a process would begin with."""
    return LiveRegister(folder / "register.jws", [read_anchor(folder / "region.pub")], known=folder / "register.jws.known").newest.version


def answered(told: pb.FoundPlaces) -> set[str]:
    return {end.provider for end in told.ends if end.ending == "answered"}


async def until(call: Any, holds: Callable[[pb.FoundPlaces], bool]) -> pb.FoundPlaces:
    """What is told once it is so."""
    while True:
        told: pb.FoundPlaces = (await call.read()).found
        if holds(told):
            return told


async def test_p8_who_joins_while_connect_runs_is_found_and_counted_without_a_restart(region: PlacesRegion) -> None:
    folder, need = region.root / CONNECT, pb.PlaceNeed(kind=KIND.value, since=datetime.now(UTC).date().isoformat())
    async with aio.insecure_channel(region.gateway_address) as channel:
        call = PlacingServiceStub(channel).Watch(pb.PlacingServiceWatchRequest(need=need), timeout=_SECONDS)
        alone, before = await until(call, lambda told: told.is_over and len(answered(told)) == 1), known(folder)
        take_part(region, Part.DATA_HOLDER)
        both, after = await until(call, lambda told: told.is_over and len(answered(told)) == 2), known(folder)
        call.cancel()

    assert (answered(alone), alone.complete, alone.registered) == ({"huis-00"}, True, 1)
    assert {one.provider for one in both.proposals} == {"huis-00", "huis-01"}
    assert (both.complete, both.registered, both.unjudged, both.code) == (True, 2, 0, "")
    assert after == before + 1
