"""The transfer desk with Dina's night behind it, for whoever looks at its pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.places.page_hands import MONDAY
from tests.gateway.places.pages_world import PlacesKit, places_kit
from tests.gateway.viewer.night import dinas_night


@pytest.fixture
async def places(tmp_path: Path) -> AsyncIterator[PlacesKit]:
    async with places_kit(tmp_path, MONDAY) as made:
        made.kit.region.events = dinas_night()
        yield made
