"""One region for all tests of this folder: started once, and healed after every test that spoilt it."""

from collections.abc import Iterator

import pytest

from testbed.attack_kit import AttackKit
from testbed.region import BlockingRegion
from tests.region.bad_input_desk import Desk, running_desk, sound
from tests.region.trust_world import SMALL, with_victims


@pytest.fixture(scope="session")
def _running_region() -> Iterator[BlockingRegion]:
    with BlockingRegion.start(story=False, patient=True) as region:
        yield region


@pytest.fixture(scope="module")
def _running_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with running_desk(tmp_path_factory.mktemp("bad")) as desk:
        yield desk


@pytest.fixture
def desk(_running_desk: Desk) -> Desk:
    """A small region with a holder that may misbehave, and does not yet."""
    _running_desk.unsound.script = sound
    return _running_desk


@pytest.fixture
def region(_running_region: BlockingRegion) -> Iterator[BlockingRegion]:
    """A sound region: the story's holders, nothing the matter with any."""
    yield _running_region
    _running_region.restore({})


@pytest.fixture(scope="session")
def _attacked_region() -> Iterator[AttackKit]:
    with BlockingRegion.start(story=False, holders=SMALL, people=40, change=with_victims, patient=True) as region, AttackKit.of(region) as kit:
        yield kit


@pytest.fixture
def kit(_attacked_region: AttackKit) -> Iterator[AttackKit]:
    """A small region with everything on, the people of `trust_world` in it, and the means to attack it. Whoever is blocked is let in again."""
    yield _attacked_region
    _attacked_region.region.restore({})
