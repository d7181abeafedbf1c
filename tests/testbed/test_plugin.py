"""The pytest plugin: twelve lines replay the story, regions are shared by options, and what a test spoilt is healed."""

from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow

TWELVE_LINES: Final = Path(__file__).resolve().parents[2] / "examples" / "test_story_in_twelve_lines.py"
#: Where the plugin is not installed with the package it has to be named.
NAMED: Final = () if entry_points(group="pytest11", name="noaber") else ("-p", "testbed.plugin")


def test_twelve_lines_replay_the_story(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_twelve=TWELVE_LINES.read_text(encoding="utf-8"))
    pytester.syspathinsert(TWELVE_LINES.parents[1])
    result = pytester.runpytest_subprocess(*NAMED, "-p", "no:cacheprovider", timeout=90)

    result.assert_outcomes(passed=1)


def test_the_twelve_lines_are_twelve() -> None:
    body = TWELVE_LINES.read_text(encoding="utf-8").partition("@pytest")[2]

    assert len([line for line in body.splitlines() if line.strip()]) <= 12


def test_equal_options_share_a_region_and_a_spoilt_one_is_healed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.noaber(story=False, holders=["brinkhof", "wieke"], people=40)
        seen = []

        def test_spoil(noaber_region):
            seen.append(noaber_region.gateway_address)
            noaber_region.fault("brinkhof", "dead")
            assert noaber_region.ask().holders["brinkhof"].ending == "unreachable"

        def test_find_it_healed(noaber_region):
            assert seen == [noaber_region.gateway_address]
            assert noaber_region.ask().holders["brinkhof"].ending == "answered"
        """
    )
    pytester.syspathinsert(TWELVE_LINES.parents[1])
    result = pytester.runpytest_subprocess(*NAMED, "-p", "no:cacheprovider", timeout=90)

    result.assert_outcomes(passed=2)
