"""A week in a region of real processes comes to what the rules alone come to, and no place is given twice or lost in it."""

from datetime import UTC, datetime

import pytest

from testbed.week import week
from testbed.week_telling import by_rules, in_processes

pytestmark = pytest.mark.slow


def test_real_parts_come_to_what_the_rules_come_to() -> None:
    planned = week(3, datetime.now(UTC).date(), requests=8, days=2)
    by_the_rules, in_the_region = by_rules(planned), in_processes(planned)

    assert in_the_region.as_json() == by_the_rules.as_json()
    assert in_the_region.placed
    assert (in_the_region.twice, in_the_region.lost) == (0, 0)
