"""A region of real processes for clients made by others: two hospitals' worth of equal ids, and one holder that is dead."""

from collections.abc import Iterator

import pytest

from testbed.region import BlockingRegion

pytest.register_assert_rewrite("tests.e2e.dossier")  # before it is imported: its assertions are the tests'

from tests.e2e.dossier import HOLDERS, with_encounters  # noqa: E402 - after it is said to be rewritten


@pytest.fixture(scope="session")
def region() -> Iterator[BlockingRegion]:
    """Four holders of the story, of which the out-of-hours post is dead."""
    with BlockingRegion.start(holders=HOLDERS, change=with_encounters, patient=True) as region:
        yield region
