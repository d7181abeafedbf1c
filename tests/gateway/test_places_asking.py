"""A region is asked for free places: everybody has one end, whoever is silent keeps nobody waiting, and nothing is believed unsigned."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import aio

from accord.audit.places_events import PlacesAsked
from accord.letters.believing import digest_of
from accord.letters.signing import ask_places
from accord.link.certificates import read_signing_key
from accord.region.member_keys import signing_key_file
from accord.rules.rates import Rate
from accord.terms.answers import Ending
from accord.terms.faults import Fault, Faulted, Unavailable
from accord.terms.identifiers import HolderName
from accord.terms.members import KeyUse, MemberStatus
from accord.wire.v1 import places_service_pb2 as pb
from gateway.connect.places_through_gateway import RegionThroughGateway
from gateway.places.ports import Accounted, HolderSaid
from gateway.rates import QuestionRates
from tests.gateway.places_rounds import HOMES, QUESTION, told
from tests.gateway.places_world import ASKER, KIND, PLENTY, ScriptedAgent, World, honest, now, silent

pytestmark = pytest.mark.anyio


async def test_p8_everybody_who_may_have_places_ends_in_one_frame_and_the_count_comes_last(tmp_path: Path) -> None:
    async with World(tmp_path / "r", "twente", HOMES).running() as region, region.asker() as asker:
        heard = await told(asker)

    assert {name: said.ending for name, said in heard.items() if name} == dict.fromkeys(("weefgetouw", "havezate", "esdoorn"), Ending.ANSWERED)
    assert heard[""] == Accounted(4, 3, 3)
    assert list(heard)[-1] == ""
    assert heard["weefgetouw"].statement.openings[0].places == 1
    assert region.agents["weefgetouw"].asked[0].question == QUESTION


async def unsigned(agent: ScriptedAgent, request: pb.OffersRequest, _context: Any) -> AsyncGenerator[pb.OffersResponse, None]:
    """Say it for somebody else: signed by another holder."""
    yield agent.region.agents["havezate"].answer(agent.believed(request))


async def old_answer(agent: ScriptedAgent, request: pb.OffersRequest, _context: Any) -> AsyncGenerator[pb.OffersResponse, None]:
    """Answer another question than the one that was put."""
    asked = agent.believed(request)
    yield agent.answer(type(asked)(asked.asker, asked.question, digest_of("another")))


async def twice(agent: ScriptedAgent, request: pb.OffersRequest, _context: Any) -> AsyncGenerator[pb.OffersResponse, None]:
    """Say it two times."""
    yield agent.answer(agent.believed(request))
    yield agent.answer(agent.believed(request))


async def too_much(_agent: ScriptedAgent, _request: pb.OffersRequest, _context: Any) -> AsyncGenerator[pb.OffersResponse, None]:
    """Say more than a statement may hold."""
    yield pb.OffersResponse(holder=pb.HolderOffers(said="a" * 600_000, ending="answered"))


async def paused(_agent: ScriptedAgent, _request: pb.OffersRequest, context: Any) -> AsyncGenerator[pb.OffersResponse, None]:
    """Be paused."""
    await context.abort(grpc.StatusCode.UNAVAILABLE, "paused")
    yield pb.OffersResponse()


async def nonsense(_agent: ScriptedAgent, _request: pb.OffersRequest, _context: Any) -> AsyncGenerator[pb.OffersResponse, None]:
    """An ending that is none."""
    yield pb.OffersResponse(holder=pb.HolderOffers(ending="splendid"))


@pytest.mark.parametrize(
    ("says", "ending", "code"),
    [
        (unsigned, Ending.REJECTED, Fault.TOKEN_INVALID),
        (old_answer, Ending.REJECTED, Fault.WRONG_QUESTION),
        (twice, Ending.REJECTED, Fault.BROKEN_BATCH),
        (too_much, Ending.REJECTED, Fault.OVER_LIMIT),
        (paused, Ending.PAUSED, Fault.PAUSED),
        (nonsense, Ending.REJECTED, Fault.BROKEN_BATCH),
        (None, Ending.INCOMPATIBLE, Fault.MISSING_CAPABILITY),
    ],
    ids=["somebody-elses-signature", "another-question", "twice", "too-much", "paused", "no-ending", "before-places"],
)
async def test_p8_whatever_one_holder_does_it_has_its_own_end_and_the_others_are_heard(tmp_path: Path, says: Any, ending: Ending, code: Fault) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    region.agents["weefgetouw"].says = says
    async with region.running(), region.asker() as asker:
        heard = await told(asker)

    assert (heard["weefgetouw"].ending, heard["weefgetouw"].code, heard["weefgetouw"].statement) == (ending, code, None)
    assert heard["havezate"].ending is Ending.ANSWERED
    assert heard[""].answered == 2


async def test_p7_who_is_silent_is_waited_for_as_long_as_we_are_patient_and_its_question_is_withdrawn(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    region.agents["weefgetouw"].says = silent
    async with region.running(), region.asker() as asker:
        heard = await told(asker, patience=2.0)
        await region.agents["weefgetouw"].withdrawn.wait()

    assert (heard["weefgetouw"].ending, heard["weefgetouw"].code) == (Ending.TOO_LATE, Fault.HOLDER_SILENT)
    assert heard["havezate"].ending is Ending.ANSWERED


async def test_p8_who_is_known_to_be_down_is_not_asked_and_ends_at_once(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    seen = region.presence.of(HolderName("weefgetouw"))
    seen.connected, seen.last_heard_ms = False, 1_795_000_000_000
    async with region.running(), region.asker() as asker:
        heard = await told(asker)

    assert (heard["weefgetouw"].ending, heard["weefgetouw"].code) == (Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE)
    assert heard["weefgetouw"].last_heard_ms == 1_795_000_000_000
    assert not region.agents["weefgetouw"].asked


async def test_p8_who_gave_no_sign_of_life_for_long_is_asked_all_the_same(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    for name, says in (("weefgetouw", silent), ("havezate", honest)):
        seen = region.presence.of(HolderName(name))
        seen.connected, seen.last_heard_ms = True, 1
        region.agents[name].says = says
    async with region.running(), region.asker() as asker:
        heard = await told(asker, patience=4.0)

    assert (heard["weefgetouw"].ending, heard["havezate"].ending) == (Ending.TOO_LATE, Ending.ANSWERED)
    assert not region.presence.is_silent(HolderName("havezate"))


async def test_p8_who_does_not_take_part_yet_and_who_is_unknown_are_told_as_not_asked(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    region.change("havezate", status=MemberStatus.PLANNED)
    async with region.running(), region.asker() as asker:
        everybody = await told(asker)
        chosen = await told(asker, "weefgetouw", "apotheek")

    assert (everybody["havezate"].ending, everybody["havezate"].code) == (Ending.NOT_ASKED, Fault.NOT_ACTIVE)
    assert everybody[""] == Accounted(4, 2, 2)
    assert {name: said.ending for name, said in chosen.items() if name} == {"weefgetouw": Ending.ANSWERED, "apotheek": Ending.ANSWERED}


async def test_a_question_for_places_has_its_line_in_the_journal_and_names_nobody(tmp_path: Path) -> None:
    async with World(tmp_path / "r", "twente", HOMES).running() as region, region.asker() as asker:
        await told(asker)

    assert [line for line in region.ledger.lines if isinstance(line, PlacesAsked)] == [
        PlacesAsked(peer=region.member(ASKER).ura.value, kinds=(KIND.value,), count=3)
    ]


async def test_p1_nobody_asks_with_the_question_of_somebody_else(tmp_path: Path) -> None:
    """A holder that was asked has the question; it may not put it to the region."""
    region = World(tmp_path / "r", "twente", HOMES)
    key = read_signing_key(signing_key_file(region.folder / ASKER, KeyUse.MANDATE))
    request = pb.OffersRequest(question=ask_places(region.member(ASKER).ura, QUESTION, "twente", key, now()))
    refused = []
    async with region.running():
        for name in ("weefgetouw", "gateway"):
            async with region.channel(name) as channel:
                call = channel.current().unary_stream("/accord.wire.v1.PlacesService/Offers", pb.OffersRequest.SerializeToString, pb.OffersResponse.FromString)
                with pytest.raises(aio.AioRpcError) as failure:
                    await call(request, timeout=5).read()
                refused.append(failure.value.details())

    assert refused == ["not-a-member", "not-a-member"]
    assert not region.agents["weefgetouw"].asked


async def test_p8_where_there_is_no_gateway_everybody_has_an_end_and_the_reason_is_told(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    heard: list[HolderSaid | Accounted] = []

    async def listen(asker: RegionThroughGateway) -> None:
        async with asker.offers(QUESTION, frozenset(), patience=1) as said:
            while True:
                heard.append(await anext(said))

    async with region.asker() as asker:
        with pytest.raises(Unavailable) as failure:
            await listen(asker)

    assert failure.value.fault is Fault.GATEWAY_UNREACHABLE
    assert {(one.provider.name.value, one.ending, one.code) for one in heard if isinstance(one, HolderSaid)} == {
        (name, Ending.UNREACHABLE, Fault.GATEWAY_UNREACHABLE) for name in ("weefgetouw", "havezate", "esdoorn")
    }


async def test_p7_a_reader_that_leaves_withdraws_every_question(tmp_path: Path) -> None:
    region = World(tmp_path / "r", "twente", HOMES)
    region.agents["weefgetouw"].says = silent
    async with region.running(), region.asker() as asker:
        async with asker.offers(QUESTION, frozenset(), patience=5) as said:
            await anext(said)
        await region.agents["weefgetouw"].withdrawn.wait()


async def test_p7_a_question_too_many_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    world = World(tmp_path / "r", "twente", HOMES)
    world.questions = QuestionRates(Rate(0.001, 2), PLENTY)
    async with world.running() as region, region.asker() as asker:
        await told(asker)
        await told(asker)
        with pytest.raises(Faulted) as refused:
            await told(asker)

    assert refused.value.fault is Fault.TOO_MANY_QUESTIONS
    assert len(region.agents["weefgetouw"].asked) == 2
