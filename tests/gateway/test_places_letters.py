"""Letters about places go to one provider through the gateway, and come back as they are."""

from pathlib import Path
from typing import Any

import pytest

from accord.letters.collecting import read_collect, receipt
from accord.link.certificates import read_signing_key
from accord.region.member_keys import signing_key_file
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import HolderName
from accord.terms.members import KeyUse
from accord.wire.v1 import places_service_pb2 as pb
from gateway.places.ports import Brought
from tests.gateway.places_rounds import HOMES
from tests.gateway.places_world import ScriptedAgent, World, echo, now

pytestmark = pytest.mark.anyio


async def test_letters_go_to_one_holder_and_come_back_as_they_are(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)

    async def taking(agent: ScriptedAgent, request: pb.LettersRequest, _context: Any) -> pb.LettersResponse:
        agent.brought.append(request)
        collected = read_collect(request.collect, agent.member.ura, region.live("taking").newest, now())
        key = read_signing_key(signing_key_file(region.folder / agent.member.name.value, KeyUse.ANSWER))
        signed = receipt(agent.member.ura, collected.asker, request.collect, {"r1": 2}, key, now())
        return pb.LettersResponse(letters=["theirs"], receipt=signed, more=True)

    region.agents["weefgetouw"].carries = taking
    async with region.running(), region.asker() as asker:
        brought = await asker.letters(HolderName("weefgetouw"), {"r1": 1}, ("first", "b" * 400_000))

    assert brought == Brought(("theirs",), {"r1": 2}, more=True)
    assert list(region.agents["weefgetouw"].brought[0].letters) == ["first", "b" * 400_000]
    assert not region.agents["havezate"].brought


async def test_a_receipt_that_the_holder_did_not_sign_says_nothing(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    region.agents["weefgetouw"].carries = echo
    async with region.running(), region.asker() as asker:
        with pytest.raises(BadInput) as failure:
            await asker.letters(HolderName("weefgetouw"), {}, ())

    assert failure.value.fault is Fault.TOKEN_INVALID


@pytest.mark.parametrize(
    ("holder", "letters", "fault"),
    [
        ("nobody", (), Fault.UNKNOWN_HOLDER),
        ("weefgetouw", ("a",) * 65, Fault.OVER_LIMIT),
        ("weefgetouw", ("a" * 300_000, "b" * 300_000), Fault.OVER_LIMIT),
        ("havezate", (), Fault.HOLDER_UNREACHABLE),
    ],
)
async def test_p7_what_cannot_be_brought_is_refused(tmp_path: Path, holder: str, letters: tuple[str, ...], fault: Fault) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    region.presence.of(HolderName("havezate")).connected = False
    async with region.running(), region.asker() as asker:
        with pytest.raises(Faulted) as failure:
            await asker.letters(HolderName(holder), {}, letters)

    assert failure.value.fault is fault
    assert not region.agents["weefgetouw"].brought
