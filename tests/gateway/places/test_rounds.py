"""A round of asking: of whoever is not heard it is known when it was heard last, by the gateway or by ourselves."""

from collections.abc import AsyncGenerator
from datetime import timedelta

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.answers import Ending
from accord.terms.capacity import PlacesQuestion, Wishes
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName
from accord.wire.v1 import places_service_pb2 as pb
from gateway.adapters.grpc_places import frame_from_wire
from gateway.pages.telling import Language, joined
from gateway.places.pages_found import Wanted, finding
from gateway.places.ports import Accounted, HolderSaid, Provider
from gateway.places.rounds import Round, Rounds
from gateway.places.site import PACKAGE
from gateway.places_asking import Said
from gateway.viewer.speaking import Speech
from gateway.viewer.visits import PACKAGE as VIEWER
from tests.gateway.places.small_places import NEED, NOW, Clock, SmallProvider, SmallRegion

QUESTION = PlacesQuestion()


class FallingRegion(SmallRegion):
    """Its providers fall silent when the test says so."""

    silent = False
    told_ms = 0

    async def _said(self, holders: frozenset[HolderName]) -> AsyncGenerator[HolderSaid | Accounted, None]:
        async for event in super()._said(holders):
            if self.silent and isinstance(event, HolderSaid):
                yield HolderSaid(event.provider, Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE, None, self.told_ms)
            else:
                yield event


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("told", "known"), [(timedelta(0), timedelta(0)), (timedelta(minutes=5), timedelta(minutes=5))], ids=["by-ourselves", "by-the-gateway"]
)
async def test_of_whoever_fell_silent_it_is_told_when_it_was_heard_last(told: timedelta, known: timedelta) -> None:
    clock = Clock()
    provider = SmallProvider(1, 1, clock)
    region = FallingRegion(clock, provider)
    async with anyio.create_task_group() as tasks:
        rounds = Rounds(region, tasks, clock)
        first = rounds.begin("a", QUESTION)
        await anyio.wait_all_tasks_blocked()
        clock.pass_(minutes=10)
        region.silent, region.told_ms = True, int((NOW + told).timestamp() * 1000) if told else 0
        second = rounds.begin("b", QUESTION)
        await anyio.wait_all_tasks_blocked()

    assert [one.last_heard_ms for one in first.said.values()] == [0]
    assert [one.last_heard_ms for one in second.said.values()] == [int((NOW + known).timestamp() * 1000)]


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (Accounted(1, 1, 0, 2, Fault.REGISTER_OUTDATED), "Niet iedereen staat in het register hier. Niet te beoordelen: 2."),
        (Accounted(1, 1, 0, 0, Fault.REGISTER_OUTDATED), "Het register hier is ouder dan dat van de gateway."),
        (Accounted(1, 1, 0), ""),
    ],
)
def test_p8_who_may_be_missing_is_told_on_the_page_also_when_only_the_second_asking_shows_it(later: Accounted, words: str) -> None:
    made = Round(QUESTION, NOW)
    made.take(Accounted(1, 1, 1))
    made.take(later)
    shown = finding(made, Wanted(NEED, Wishes(), None, {}), Speech(joined((VIEWER, PACKAGE), Language.DUTCH), NOW))

    assert shown.missing.startswith(words)
    assert bool(shown.missing) is bool(words)
    assert shown.asked == 1 + later.unjudged


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_whatever_moment_a_gateway_names_the_page_is_made(milliseconds: int) -> None:
    frame = frame_from_wire(pb.OffersResponse(holder=pb.HolderOffers(holder="home-1", ending="unreachable", last_heard_ms=milliseconds)))
    assert isinstance(frame, Said)
    made = Round(QUESTION, NOW)
    made.take(HolderSaid(Provider(HolderName("home-1"), "Huis", "053", None), Ending.UNREACHABLE, None, None, frame.last_heard_ms))
    speech = Speech(joined((VIEWER, PACKAGE), Language.DUTCH), NOW)
    (unheard,) = finding(made, Wanted(NEED, Wishes(), None, {}), speech).unheard

    assert unheard.last_heard
