"""What the settings say of looking for a place is what its pages do: the region's own table, and no more patience than was set."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from accord.link.needing_file import NEEDING_FILE, default_needs
from accord.terms.capacity import PlacesQuestion
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from gateway.connect.places_pages import places_beside
from gateway.connect.settings import PlacesSettings
from gateway.places.bureau import Seeker, opened
from gateway.places.neighbourhoods import Neighbourhoods
from gateway.places.ports import Accounted, HolderSaid
from tests.accord.link import small_region
from tests.gateway.places.small_places import ASKER, ASKER_KEY, Clock, SmallProvider, SmallRegion

pytestmark = pytest.mark.anyio

OWN = """
version = "twente-1"
[[occasion]]
key = "shoulder-replacement"
codes = ["35646002"]
nl = "schouderprothese"
en = "shoulder replacement"
row = [{ kind = "district-nursing", after_days = 2 }]
"""


class PatientRegion(SmallRegion):
    """Remembers how patient whoever asked was."""

    patience: float = 0.0

    @asynccontextmanager
    async def offers(
        self, question: PlacesQuestion, holders: frozenset[HolderName], *, patience: float
    ) -> AsyncIterator[AsyncGenerator[HolderSaid | Accounted, None]]:
        """See `TheRegion`."""
        self.patience = patience
        async with super().offers(question, holders, patience=patience) as said:
            yield said


@pytest.mark.parametrize(("needing", "proposes"), [("needs.toml", ["shoulder-replacement"]), ("", [one.key for one in default_needs().occasions])])
async def test_pages_propose_by_the_table_of_the_settings_and_ask_with_their_patience(tmp_path: Path, needing: str, proposes: list[str]) -> None:
    clock = Clock()
    region = PatientRegion(clock, SmallProvider(1, 1, clock))
    (tmp_path / "needs.toml").write_text(OWN, encoding="utf-8")
    settings = PlacesSettings("places", needing=needing, patience_ms=150)
    live = small_region.SmallRegion(tmp_path / "register").live()
    with opened(tmp_path / "places", Seeker(ASKER, ASKER_KEY, lambda _: region.register, clock), region, Neighbourhoods()) as bureau:
        async with anyio.create_task_group() as tasks:
            site = places_beside(settings, tmp_path, bureau, live, ASKER).site(tasks)
            site.rounds.begin("a search", PlacesQuestion())

    assert [one.key for one in site.needs.occasions] == proposes
    assert region.patience == 0.15


async def test_a_table_that_is_none_is_refused_before_anybody_works_with_it(tmp_path: Path) -> None:
    clock = Clock()
    region = SmallRegion(clock)
    (tmp_path / "needs.toml").write_text(NEEDING_FILE.read_text(encoding="utf-8").replace("after_days", "after"), encoding="utf-8")
    live = small_region.SmallRegion(tmp_path / "register").live()
    with (
        opened(tmp_path / "places", Seeker(ASKER, ASKER_KEY, lambda _: region.register, clock), region, Neighbourhoods()) as bureau,
        pytest.raises(BadInput) as refused,
    ):
        places_beside(PlacesSettings("places", needing="needs.toml"), tmp_path, bureau, live, ASKER)

    assert refused.value.fault is Fault.INVALID_SETTING
