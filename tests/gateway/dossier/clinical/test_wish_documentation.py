"""The table of rules of planning ahead names tests that exist."""

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_every_test_that_the_rules_of_planning_ahead_name_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (HERE.parents[3] / "docs" / "planning-ahead.md").read_text(encoding="utf-8")))
    there = {name for path in HERE.glob("test_wish_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)}

    assert len(named) > 60
    assert named <= there
