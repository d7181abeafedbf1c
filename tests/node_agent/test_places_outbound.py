"""An agent that opens no port is asked for its places, and brought letters, over the session in which it calls its gateway; and its marks are told there."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from accord.letters.believing import digest_of
from accord.letters.collecting import collect, read_receipt
from accord.letters.signing import ask_places, read_statement
from accord.rules.consent import Choice
from accord.terms.capacity import PlacesQuestion
from accord.terms.identifiers import Bsn
from accord.terms.placing import Received
from accord.wire.v1 import holder_service_pb2
from accord.wire.v1 import places_service_pb2 as pb
from accord.wire.v1.holder_service_pb2_grpc import HolderServiceStub
from accord.wire.v1.places_service_pb2_grpc import PlacesServiceStub
from node_agent.api.places_servicer import PlacesService
from node_agent.api.servicer import HolderService
from node_agent.holder import Holder
from node_agent.locating import Locating
from node_agent.server import serving
from testbed.memory_source import MemorySource
from testbed.outbound import OutboundRegion, outbound_member
from testbed.plain import PlainDoor, PlainExchange, plain_safeguards
from tests.node_agent.places_world import PROVIDER, World, known, provider_with_places
from tests.region.outbound_world import KEY, until_here

pytestmark = pytest.mark.anyio


class NoChoices:
    """Nobody chose anything."""

    async def choices_of(self, _: Bsn) -> tuple[Choice, ...]:
        """None."""
        return ()

    async def close(self) -> None:
        """Nothing to let go of."""


async def _nothing_refused(*_: object) -> None:
    raise AssertionError


async def test_questions_and_letters_go_over_the_agents_own_session(tmp_path: Path) -> None:
    region = OutboundRegion(tmp_path / "region", [outbound_member("weefgetouw", PROVIDER)])
    async with provider_with_places(tmp_path / "places") as world, region.door() as door:
        await world.places.planning.count("elv", 2, "gea")
        service, places = services_of(world)
        async with serving(service, world.pausing, None, grace=0.2, outbound=region.agent("weefgetouw", [door.address]).to, places=places):
            await until_here(door)
            stub: Any = PlacesServiceStub(door.channel_to(PROVIDER))
            asker = world.hospital
            asked = ask_places(asker.ura, PlacesQuestion(), world.register.region, asker.key, world.clock())
            frames = [frame async for frame in stub.Offers(pb.OffersRequest(question=asked), timeout=20)]
            comes = collect(asker.ura, PROVIDER, {}, asker.key, world.clock())
            letter = asker.envelope(world.public, "a", asker.asked(), world.clock())
            given = await stub.Letters(pb.LettersRequest(collect=comes, letters=[letter]), timeout=20)
            asker.read(given.letters, world.register, world.clock())

    said = read_statement(frames[0].holder.said, PROVIDER, digest_of(asked), world.register, world.clock()).statement
    assert [(one.id, one.places) for one in known(said)] == [("elv", 2)]
    assert read_receipt(given.receipt, PROVIDER, comes, world.register, world.clock()) == {"a": 1}
    assert asker.told == {"a": [Received()]}


async def test_whoever_watches_is_told_at_once_that_places_or_letters_changed(tmp_path: Path) -> None:
    region = OutboundRegion(tmp_path / "region", [outbound_member("weefgetouw", PROVIDER)])
    async with provider_with_places(tmp_path / "places") as world, region.door() as door:
        service, places = services_of(world)
        async with serving(service, world.pausing, None, grace=0.2, outbound=region.agent("weefgetouw", [door.address]).to, places=places):
            await until_here(door)
            stub: Any = HolderServiceStub(door.channel_to(PROVIDER))
            standings = aiter(stub.Watch(holder_service_pb2.WatchRequest(), timeout=30))
            with anyio.fail_after(20):
                first = await anext(standings)
                await world.places.planning.count("elv", 2, "gea")
                counted = await anext(standings)
                await world.say("a", world.hospital.asked())
                written = await anext(standings)

    assert 0 < first.places_mark < counted.places_mark == written.places_mark
    assert 0 < first.letters_mark == counted.letters_mark < written.letters_mark


def services_of(world: World) -> tuple[HolderService, PlacesService]:
    """What the agent serves: a dossier of nobody, and its places. Its heartbeat is so slow that nothing is told by it."""
    holder = Holder(PROVIDER, MemorySource([]), NoChoices(), world.pausing, plain_safeguards(PROVIDER, pseudonym_of=KEY.pseudonym))
    service = HolderService(holder, "weefgetouw", Locating(holder, KEY), PlainDoor(), PlainExchange(), heartbeat_seconds=600)
    return service, PlacesService(world.places.desk, PROVIDER, world.key, PlainDoor(), lambda: world.register, world.clock, _nothing_refused)
