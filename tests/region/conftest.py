"""One region for all tests of this folder: started once, and healed after every test that spoilt it."""

from collections.abc import Iterator

import pytest

from testbed.region import BlockingRegion


@pytest.fixture(scope="session")
def _running_region() -> Iterator[BlockingRegion]:
    with BlockingRegion.start(story=False) as region:
        yield region


@pytest.fixture
def region(_running_region: BlockingRegion) -> Iterator[BlockingRegion]:
    """A sound region: the story's holders, nothing the matter with any."""
    yield _running_region
    _running_region.restore({})
