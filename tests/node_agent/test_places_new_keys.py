"""A provider replaces or loses a key while a request is under way: what it wrote is signed anew, and what it cannot read is not said to be heard."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accord.terms.placing import DeclineReason, Reminded
from tests.node_agent.places_world import provider_with_places

pytestmark = pytest.mark.anyio
_BY = "planner"


async def test_what_waits_while_the_signing_key_is_replaced_is_believed_under_the_new_one(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path) as world:
        await world.say("r1", world.hospital.asked())
        await world.places.planning.decline(world.ref("r1"), DeclineReason.NO_STAFF, "", _BY)
    # The office takes the old key out of the register, and the agent starts with the new one.
    world.key = Ed25519PrivateKey.generate()
    async with provider_with_places(tmp_path, before=world) as world:
        await world.bring(world.hospital, [])

        assert [type(letter).__name__ for letter in world.hospital.told["r1"]] == ["Received", "Declined"]


async def test_a_provider_that_lost_its_key_with_its_store_does_not_say_that_it_heard_us(tmp_path: Path) -> None:
    async with provider_with_places(tmp_path / "before") as world:
        await world.say("r1", world.hospital.asked())
        sealed_for_the_old_key = world.public
    async with provider_with_places(tmp_path / "after", before=world) as world:
        envelope = world.hospital.envelope(sealed_for_the_old_key, "r1", Reminded(), world.clock())
        given = await world.bring(world.hospital, [envelope])
        under_the_new_key = world.hospital.envelope(world.public, "r1", Reminded(), world.clock(), seq=2)
        behind = await world.bring(world.hospital, [under_the_new_key])

    assert (given.heard, behind.heard) == ({"r1": 0}, {"r1": 0})
