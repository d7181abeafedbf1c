"""Two regions see each other's places by the word of their gateways, and no question goes in circles (promise P14)."""

from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from accord.link.jose import decoded
from accord.rules.rates import Rate
from accord.terms.answers import Ending
from accord.terms.capacity import CareKind, PlacesQuestion
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName
from accord.terms.members import MemberStatus, Part
from accord.terms.vocabulary import HolderKind
from gateway.connect.places_through_gateway import RegionThroughGateway
from gateway.places.ports import HolderSaid
from gateway.places.twice import Heard, ask_twice
from gateway.places_asking import Said
from gateway.places_stacking import vouched_for
from gateway.rates import QuestionRates
from tests.gateway.places_rounds import QUESTION
from tests.gateway.places_world import PLENTY, ScriptedAgent, World, honest, silent

pytestmark = pytest.mark.anyio


def three(folder: Path) -> tuple[World, World, World]:
    """Three regions, each with one home, of which each knows the next and the one before: a circle."""
    homes = ("marksveen", "havezate", "slangenburg")
    names = ("twente", "salland", "achterhoek")
    worlds = [
        World(folder / name, name, {home: HolderKind.NURSING_HOME}, first=91_000_000 + 1_000 * number)
        for number, (name, home) in enumerate(zip(names, homes, strict=True))
    ]
    for world in worlds:
        for other in worlds:
            if other is not world:
                world.know(other, f"regio-{other.name}")
    return worlds[0], worlds[1], worlds[2]


async def told(asker: RegionThroughGateway, patience: float = 5.0) -> list[HolderSaid]:
    """What came of a round."""
    async with asker.offers(QUESTION, frozenset(), patience=patience) as said:
        return [one async for one in said if isinstance(one, HolderSaid)]


def seen(heard: Iterable[HolderSaid]) -> set[tuple[str, str, Ending]]:
    """By title and region, how each provider ended; and each region that was not heard out."""
    told = (one for one in heard if not (one.provider.is_region and one.ending is Ending.ANSWERED))
    return {(one.provider.title, one.provider.region, one.ending) for one in told}


def heard_out(heard: Iterable[HolderSaid]) -> set[str]:
    """The regions that were."""
    return {one.provider.title for one in heard if one.provider.is_region and one.ending is Ending.ANSWERED}


async def asked_twice(asker: RegionThroughGateway, question: PlacesQuestion = QUESTION, patience: float = 3.0) -> list[HolderSaid]:
    """What stands at the end of a round as pages and faces hold it: the late ones were asked once more, and the last word counts."""
    ends: dict[tuple[str, HolderName], HolderSaid] = {}

    async def take(event: Heard) -> None:
        if isinstance(event, HolderSaid):
            ends[event.provider.region, event.provider.name] = event

    await ask_twice(asker, question, take, patience=patience, more=5.0)
    return list(ends.values())


async def late_at_first(agent: ScriptedAgent, request: Any, context: Any) -> AsyncGenerator[Any, None]:
    """Silent to the first question, and quick to the next."""
    agent.says = honest
    async for frame in silent(agent, request, context):
        yield frame


async def quick_at_first(agent: ScriptedAgent, request: Any, context: Any) -> AsyncGenerator[Any, None]:
    """The other way round."""
    agent.says = silent
    async for frame in honest(agent, request, context):
        yield frame


async def test_p14_two_regions_see_each_others_places_each_from_its_own_side(tmp_path: Path) -> None:
    twente, salland, _ = three(tmp_path)
    async with twente.running(), salland.running(), twente.asker() as here, salland.asker() as there:
        at_twente, at_salland = await told(here), await told(there)

    assert ("havezate salland", "Regio salland", Ending.ANSWERED) in seen(at_twente)
    assert ("marksveen twente", "Regio twente", Ending.ANSWERED) in seen(at_salland)
    theirs = next(one for one in at_twente if one.provider.title == "havezate salland")
    assert theirs.statement is not None
    assert (theirs.statement.openings[0].places, theirs.provider.ura, theirs.provider.telephone) == (1, None, "053-1")
    assert heard_out(at_twente) == {"Regio salland"}
    # Its third neighbour is not there, and that is told.
    assert ("Regio achterhoek", "Regio achterhoek", Ending.UNREACHABLE) in seen(at_twente)


async def test_p14_in_a_circle_of_three_nobody_is_asked_more_often_than_by_its_neighbours(tmp_path: Path) -> None:
    worlds = three(tmp_path)
    async with worlds[0].running(), worlds[1].running(), worlds[2].running(), worlds[0].asker() as asker:
        heard = await told(asker)

    assert seen(heard) == {
        ("marksveen twente", "", Ending.ANSWERED),
        ("havezate salland", "Regio salland", Ending.ANSWERED),
        ("slangenburg achterhoek", "Regio achterhoek", Ending.ANSWERED),
    }
    assert [len(next(iter(world.agents.values())).asked) for world in worlds] == [1, 1, 1]


async def test_p14_a_question_that_may_go_on_comes_to_an_end_and_never_back_to_whoever_asks(tmp_path: Path) -> None:
    """As often as an asker may wish: each region is asked by each other, twice at most, and what is heard twice is shown once."""
    worlds = three(tmp_path)
    async with worlds[0].running(), worlds[1].running(), worlds[2].running(), worlds[0].asker() as asker:
        asker.hops = 99
        heard = await told(asker)

    assert len(seen(heard)) == len([one for one in heard if one.statement is not None]) == 3
    assert [len(next(iter(world.agents.values())).asked) for world in worlds] == [1, 2, 2]


def _unvouched(said: Said) -> Said:
    return replace(said, vouched="")


def _another_text(said: Said) -> Said:
    return replace(said, said=said.said[:-8] + "AAAAAAAA")


def _another_holder(said: Said) -> Said:
    return replace(said, holder="somebody")


def _another_end(said: Said) -> Said:
    return replace(said, ending=Ending.PAUSED, said="")


@pytest.mark.parametrize("lie", [_unvouched, _another_text, _another_holder, _another_end])
async def test_p14_what_a_neighbour_does_not_vouch_for_is_not_passed_on_and_ends_that_region(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: Callable[[Said], Said]
) -> None:
    twente, salland, _ = three(tmp_path)
    async with twente.running(), salland.running(), twente.asker() as asker:
        monkeypatch.setattr("gateway.api.grpc_places.vouched_for", lambda said, asked, ours: lie(vouched_for(said, asked, ours)))
        heard = await told(asker)

    ends = {one.provider.title: one.ending for one in heard}
    assert ends["Regio salland"] is Ending.REJECTED
    assert ends["marksveen twente"] is Ending.ANSWERED
    assert "havezate salland" not in ends


async def test_p14_a_region_that_is_silent_keeps_nobody_waiting(tmp_path: Path) -> None:
    twente, salland, _ = three(tmp_path)
    salland.agents["havezate"].says = silent
    async with twente.running(), salland.running(), twente.asker() as asker:
        # What is left for the way back is a part of it: half a second, which a busy machine may need.
        heard = await told(asker, patience=5.0)

    assert ("havezate salland", "Regio salland", Ending.TOO_LATE) in seen(heard)
    assert ("marksveen twente", "", Ending.ANSWERED) in seen(heard)


async def test_p14_a_provider_of_a_neighbour_that_is_late_is_asked_once_more_with_more_patience(tmp_path: Path) -> None:
    twente, salland, _ = three(tmp_path)
    salland.agents["havezate"].says = late_at_first
    async with twente.running(), salland.running(), twente.asker() as asker:
        heard = await asked_twice(asker)

    assert ("havezate salland", "Regio salland", Ending.ANSWERED) in seen(heard)
    # Of our own nobody was late, so nobody was asked twice.
    assert [len(world.agents[name].asked) for world, name in ((twente, "marksveen"), (salland, "havezate"))] == [1, 1]


async def test_p14_a_gateway_that_is_late_is_asked_once_more_and_what_was_said_meanwhile_still_counts(tmp_path: Path) -> None:
    twente, salland, _ = three(tmp_path)
    salland.change("dinkelhorst", parts=frozenset({Part.DATA_HOLDER}), kind=HolderKind.NURSING_HOME)
    salland.agents["dinkelhorst"] = ScriptedAgent(salland, salland.member("dinkelhorst"), late_at_first)
    salland.agents["havezate"].says = quick_at_first
    async with twente.running(), salland.running(), twente.asker() as asker:
        heard = await asked_twice(asker)

    told = seen(heard)
    assert ("dinkelhorst salland", "Regio salland", Ending.TOO_LATE) not in told
    # It said what it has a second before, and is not forgotten because it is silent now.
    assert ("havezate salland", "Regio salland", Ending.ANSWERED) in told


async def test_p14_a_neighbour_is_told_the_kind_of_care_and_the_day_and_who_asks_and_nothing_else(tmp_path: Path) -> None:
    twente, salland, _ = three(tmp_path)
    questions: list[str] = []

    async def overheard(agent: ScriptedAgent, request: Any, context: Any) -> AsyncGenerator[Any, None]:
        questions.append(request.question)
        async for frame in honest(agent, request, context):
            yield frame

    salland.agents["havezate"].says = overheard
    async with twente.running(), salland.running(), twente.asker() as asker:
        await asked_twice(asker, PlacesQuestion(frozenset({CareKind.GERIATRIC_REHABILITATION}), tally=True))

    (question,) = questions
    claims = msgspec.json.decode(decoded(question.split(".")[1]))
    assert set(claims) == {"iss", "aud", "iat", "exp", "nonce", "question"}
    # Of whom only the region is known; and how much they are asked for is its own providers' and not for us.
    assert claims["iss"] == f"ura:{twente.member('gateway').ura}"
    assert salland.agents["havezate"].asked[0].question == PlacesQuestion(frozenset({CareKind.GERIATRIC_REHABILITATION}))


async def test_p14_a_gateway_that_is_blocked_here_neither_asks_nor_is_asked(tmp_path: Path) -> None:
    twente, salland, _ = three(tmp_path)
    twente.change("regio-salland", status=MemberStatus.BLOCKED)
    async with twente.running(), salland.running(), twente.asker() as here, salland.asker() as there:
        at_twente, at_salland = await told(here), await told(there)

    assert not [one for one in at_twente if one.provider.region == "Regio salland"]
    assert {one.ending for one in at_salland if one.provider.region == "Regio twente"} == {Ending.REFUSED}
    assert len(salland.agents["havezate"].asked) == 1


async def test_p14_a_neighbour_is_in_no_dossiers_account(tmp_path: Path) -> None:
    twente, _, _ = three(tmp_path)

    assert [member.name.value for member in twente.live("look").newest.holders] == ["marksveen"]


async def test_p7_a_neighbour_that_is_asked_too_often_ends_as_that_and_takes_nothing_from_ours(tmp_path: Path) -> None:
    twente, salland, _ = three(tmp_path)
    salland.questions = QuestionRates(Rate(0.001, 1), PLENTY)
    async with twente.running(), salland.running(), twente.asker() as asker:
        await told(asker)
        heard = await told(asker)

    ends = {one.provider.title: (one.ending, one.code) for one in heard}
    assert ends["Regio salland"] == (Ending.REFUSED, Fault.TOO_MANY_QUESTIONS)
    assert ends["marksveen twente"] == (Ending.ANSWERED, None)
    assert len(salland.agents["havezate"].asked) == 1
