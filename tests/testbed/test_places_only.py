"""A provider that takes part with its places only: it states them to the region, and no dossier is asked of it."""

import anyio
import pytest

from accord.terms.answers import Ending
from accord.terms.faults import Fault
from testbed.people import DINA
from testbed.places import OPENINGS
from testbed.region_places import PlacesRegion

pytestmark = pytest.mark.slow


def test_its_places_are_stated_and_its_line_in_a_dossier_says_that_it_shares_no_records() -> None:
    holders = ["brinkhof", "reviant"]
    with PlacesRegion.start(story=False, holders=holders, places={"reviant": OPENINGS["reviant"]}) as region:

        async def places() -> dict[str, int | None]:
            async with region.asker() as asker:
                return (await asker.ask(patience=10.0)).places()

        stated = anyio.run(places)
        line = region.ask(DINA.bsn).holders["reviant"]

    assert stated == {each.id: each.places for each in OPENINGS["reviant"]}
    assert (line.ending, line.code) == (Ending.NOT_ASKED, Fault.PLACES_ONLY)
