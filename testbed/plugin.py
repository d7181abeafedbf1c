"""The pytest plugin: the fixture `noaber_region` is a simulated region of real processes, for your own tests.

    @pytest.mark.noaber(seed=2026, story=False)
    def test_my_application(noaber_region):
        noaber_region.fault("pharmacy", "slow", seconds=2.4)
        ...  # point your application at noaber_region.fhir_url or noaber_region.gateway_address

The marker takes what `BlockingRegion.start` takes. Tests with equal options share one region; what a test spoilt is
healed before the next one begins. With pytest-xdist every worker has its own.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from testbed.region import BlockingRegion

_MARKER: Final = "noaber"
#: More regions than this do not run at the same time: the one that was used longest ago is ended.
_MOST_REGIONS: Final = 2


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", f"{_MARKER}(**options): the region that the fixture noaber_region starts: holders, seed, people, story, seconds")


class Regions:
    """The regions that run in this test session, by their options."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[ExitStack, BlockingRegion]] = {}

    def with_options(self, options: dict[str, Any]) -> "BlockingRegion":
        """The region with these options, started when it does not run yet."""
        from testbed.region import BlockingRegion  # noqa: PLC0415 - whoever does not use the fixture need not load it

        key = repr(sorted(options.items()))
        if key in self._running:
            self._running[key] = self._running.pop(key)  # now the one that was used last
            return self._running[key][1]
        while len(self._running) >= _MOST_REGIONS:
            self._running.pop(next(iter(self._running)))[0].close()
        stack = ExitStack()
        region = stack.enter_context(BlockingRegion.start(**options))
        self._running[key] = (stack, region)
        return region

    def end(self) -> None:
        """End them all."""
        for stack, _ in self._running.values():
            stack.close()
        self._running.clear()


@pytest.fixture(scope="session")
def _noaber_regions() -> Iterator[Regions]:
    regions = Regions()
    try:
        yield regions
    finally:
        regions.end()


@pytest.fixture
def noaber_region(request: pytest.FixtureRequest, _noaber_regions: Regions) -> Iterator["BlockingRegion"]:
    """A simulated region of real processes; `@pytest.mark.noaber(...)` says which."""
    marker = request.node.get_closest_marker(_MARKER)
    region = _noaber_regions.with_options(dict(marker.kwargs) if marker else {})
    before = region.spoilt
    yield region
    region.restore(before)
