"""A region of real processes is asked for places: who has some, who is stale, who is dead, and what is seen of a change."""

from collections.abc import Iterator
from datetime import UTC, datetime

import anyio
import pytest

from accord.rules.capacity.standing import Doubt, Stand, State, stand
from accord.terms.capacity import CareKind, Certainty, Opening, PlacesQuestion, Stop, StopReason
from testbed.asking_places import Round
from testbed.places import OPENINGS
from testbed.region_places import PlacesRegion

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def region() -> Iterator[PlacesRegion]:
    """Everybody who has places."""
    with PlacesRegion.start(holders=list(OPENINGS), story=False, people=40, places=OPENINGS) as running:
        yield running


def _asked(region: PlacesRegion, *kinds: CareKind) -> Round:
    async def ask() -> Round:
        async with region.asker() as asker:
            return await asker.ask(PlacesQuestion(frozenset(kinds)), patience=5.0)

    return anyio.run(ask)


def test_everybody_who_may_have_places_states_what_was_counted(region: PlacesRegion) -> None:
    said = _asked(region)

    assert set(said.endings) == set(OPENINGS)
    assert set(said.endings.values()) == {"answered"}
    assert said.places() == {each.id: each.places for of_one in OPENINGS.values() for each in of_one}


def test_a_number_of_26_hours_is_unknown_and_one_of_four_minutes_is_free(region: PlacesRegion) -> None:
    said, now = _asked(region, CareKind.GERIATRIC_REHABILITATION), datetime.now(UTC)
    states: dict[str, Stand] = {}
    for one in said.told.values():
        assert one.statement is not None
        states |= {opening.id: stand(opening, now, now.date()) for opening in one.statement.openings}

    assert (states["havezate-grz-1"].state, states["havezate-grz-1"].doubt) == (State.UNKNOWN, Doubt.STALE)
    assert states["havezate-grz-1"].places is None
    assert (states["weefgetouw-herstel-1"].state, states["weefgetouw-herstel-1"].places) == (State.LATER, 1)


@pytest.mark.parametrize(("provider", "opening"), [("reviant", "reviant-grz"), ("eschrand", "eschrand-opname")], ids=["csv", "fhir"])
def test_what_changes_in_a_system_of_a_provider_is_seen_by_whoever_asks(region: PlacesRegion, provider: str, opening: str) -> None:
    system = region.system_of(provider)
    assert system is not None
    before = _asked(region).places()[opening]
    system.count(opening, 7)
    system.until_taken()
    seen = _asked(region).places()[opening]
    system.stop(opening, Stop(StopReason.OUTBREAK))
    system.until_taken()
    (stopped,) = (one for one in _openings(_asked(region)) if one.id == opening)
    system.stop(opening, None)
    system.count(opening, before or 0)
    system.until_taken()

    assert (before, seen) == ({"reviant": 3, "eschrand": 1}[provider], 7)
    assert stopped.stop is not None
    assert stopped.certainty is Certainty.DERIVED
    assert _asked(region).places()[opening] == before


def _openings(said: Round) -> list[Opening]:
    return [opening for one in said.told.values() if one.statement is not None for opening in one.statement.openings]


def test_only_kinds_of_provider_that_may_have_it_are_asked(region: PlacesRegion) -> None:
    assert set(_asked(region, CareKind.MENTAL_HEALTH_BED).told) == {"eschrand", "dinkelhorst", "reggerbrug"}


def test_whoever_is_dead_has_an_ending_and_holds_up_nobody(region: PlacesRegion) -> None:
    region.kill("marksveen")
    try:
        said = _asked(region)
    finally:
        region.start_again("marksveen")

    assert {name for name, ending in said.endings.items() if ending != "answered"} == {"marksveen"}
    assert said.endings["marksveen"] == "unreachable"


def test_the_provider_without_a_dossier_is_asked_for_places_and_for_nothing_else(region: PlacesRegion) -> None:
    assert _asked(region).told["reviant"].statement is not None
    assert region.ask().holders["reviant"].ending == "not-asked"
