"""A real agent with places behind a real door: what a gateway gets from it, and what it refuses."""

from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from grpc import aio

from accord.audit.events import RefusedQuestion
from accord.audit.verifying import events_of
from accord.letters.collecting import collect
from accord.letters.mailbox import MOST_LETTERS
from accord.letters.signing import ask_places
from accord.link.certificates import read_signing_key
from accord.region.member_keys import signing_key_file
from accord.terms.capacity import PlacesQuestion
from accord.terms.faults import Fault
from accord.terms.members import KeyUse
from accord.terms.placing import Received
from tests.accord.link.small_region import GATEWAY, HOSPITAL
from tests.node_agent.places_agent import CLINIC, Gate, PlacesAgent, right_now
from tests.node_agent.places_world import known

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def refused(gate: Gate, *, question: str = "", comes: str = "", letters: list[str] | None = None) -> tuple[grpc.StatusCode, str | None]:
    """With which status and which words a call ended."""
    with pytest.raises(aio.AioRpcError) as failure:
        await (gate.stated(signed=question) if question else gate.bring(letters or [], signed=comes))
    return failure.value.code(), failure.value.details()


async def test_a_gateway_carries_a_question_and_letters_and_the_answers_are_signed(tmp_path: Path) -> None:
    agent = PlacesAgent.made(tmp_path)
    async with agent.store() as places:
        await places.planning.count("elv", 2, "gea")
    with agent.running():
        async with agent.called() as gate:
            stated = await gate.stated()
            heard = await gate.bring([agent.asker.envelope(stated.key, "a", agent.asker.asked(), stated.now)])
            again = await gate.bring([])

    assert [(opening.id, opening.places) for opening in known(stated)] == [("elv", 2)]
    assert (heard, again) == ({"a": 1}, {})
    assert agent.asker.told == {"a": [Received()]}


async def test_p14_a_gateway_that_asks_for_its_region_is_told_what_is_free_and_not_how_much_is_asked(tmp_path: Path) -> None:
    agent = PlacesAgent.made(tmp_path)
    async with agent.store() as places:
        await places.planning.count("elv", 2, "gea")
    key, question = read_signing_key(signing_key_file(tmp_path / "region" / "gateway", KeyUse.ANSWER)), PlacesQuestion(tally=True)
    with agent.running():
        async with agent.called() as gate:
            ours = await gate.stated(question)
            theirs = await gate.stated(signed=ask_places(GATEWAY.ura, question, agent.register.region, key, right_now()))

    assert ours.tallies
    # Not all of what is stated stands still: what nobody counted yet is as of now.
    free, same = ([(one.id, one.places) for one in said.openings] for said in (theirs, ours))
    assert (theirs.tallies, free) == ((), same)
    assert ("elv", 2) in free


async def test_p9_what_is_refused_is_a_code_and_has_a_line(tmp_path: Path) -> None:
    agent = PlacesAgent.made(tmp_path)
    asker, now = agent.asker, right_now()
    with agent.running():
        async with agent.called() as gate:
            other_region = await refused(gate, question=ask_places(asker.ura, PlacesQuestion(), "elders", asker.key, now))
            old = await refused(gate, comes=collect(asker.ura, CLINIC.ura, {}, asker.key, now - timedelta(minutes=3)))
            not_ours = await refused(gate, comes=collect(asker.ura, HOSPITAL.ura, {}, asker.key, now))
            nonsense = await refused(gate, question="a.b.c")
            too_many = await refused(gate, comes=collect(asker.ura, CLINIC.ura, {}, asker.key, now), letters=["x"] * (MOST_LETTERS + 1))
            too_large = await refused(gate, comes=collect(asker.ura, CLINIC.ura, {}, asker.key, now), letters=["x" * 600_000])
        async with agent.called(HOSPITAL.name.value) as gate:
            no_gateway = await refused(gate, question=ask_places(asker.ura, PlacesQuestion(), agent.register.region, asker.key, now))
    lines = [event.fault for _, event in events_of(agent.folder / "journal") if isinstance(event, RefusedQuestion)]

    told = [other_region[1], old[1], not_ours[1], nonsense[1], too_many[1], too_large[1], no_gateway[1]]
    faults = [
        Fault.TOKEN_INVALID,
        Fault.PROOF_EXPIRED,
        Fault.TOKEN_INVALID,
        Fault.TOKEN_INVALID,
        Fault.TOO_LARGE,
        Fault.TOO_LARGE,
        Fault.NOT_A_MEMBER,
    ]
    assert told == [fault.value for fault in faults]
    assert lines == faults


async def test_a_blocked_organisation_is_told_nothing(tmp_path: Path) -> None:
    agent = PlacesAgent.made(tmp_path)
    with agent.region.change() as draft:
        draft.block(HOSPITAL.ura)
    agent.bring_register()
    asker = agent.asker
    with agent.running():
        async with agent.called() as gate:
            asked = await refused(gate, question=ask_places(asker.ura, PlacesQuestion(), agent.register.region, asker.key, right_now()))
            came = await refused(gate, comes=collect(asker.ura, CLINIC.ura, {}, asker.key, right_now()))

    assert asked[1] == came[1] == Fault.ORGANISATION_BLOCKED.value


async def test_an_agent_without_services_says_that_it_has_no_places_and_loads_nothing_of_them(tmp_path: Path) -> None:
    agent = PlacesAgent.made(tmp_path)
    settings = (agent.folder / "agent.toml").read_text(encoding="utf-8")
    (agent.folder / "agent.toml").write_text(settings.replace('services = "services.toml"', ""), encoding="utf-8")
    asker = agent.asker
    with agent.running():
        async with agent.called() as gate:
            told = await refused(gate, question=ask_places(asker.ura, PlacesQuestion(), agent.register.region, asker.key, right_now()))

    assert told[1] == Fault.MISSING_CAPABILITY.value
    assert not (agent.folder / "places.db").exists()
