"""Step 3 of the story: 't Noaberhoes joins, tries in shadow, and answers; over a real HAPI server where there is one."""

from collections.abc import Iterator

import pytest

from testbed.story_joining import FACTS, Newcomer, somebody_joins

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def newcomer() -> Iterator[Newcomer]:
    with somebody_joins(seed=2026, hapi=True) as newcomer:
        yield newcomer


def test_every_must_hold_of_who_joins_holds(newcomer: Newcomer) -> None:
    told = [fact(newcomer) for fact in FACTS]

    assert newcomer.server in told[0]
