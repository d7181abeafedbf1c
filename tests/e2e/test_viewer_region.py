"""The clinician's page over a real region in which a holder is frozen, or dies while the page is open."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from testbed.browsing import NoBrowser, with_chromium
from testbed.clinician import Look, at_work
from testbed.faults import FaultKind
from testbed.holders import BY_NAME
from testbed.region import BlockingRegion
from testbed.story_evidence import BRIEF_SECONDS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_T = TypeVar("_T")
HOLDERS = ("dinkelhorst", "reggerbrug", "brinkhof", "twickelaar", "wieke")
_DINA = 0


@pytest.fixture
def region() -> Iterator[BlockingRegion]:
    # One for each test: who was killed stays dead.
    with BlockingRegion.start(story=False, holders=HOLDERS, viewer=True) as region:
        yield region


def seen(look: Callable[[Any], _T]) -> _T:
    """What a clinician saw, or a skip."""
    try:
        return with_chromium(look)
    except NoBrowser as missing:
        pytest.skip(str(missing))


def test_while_a_holder_is_frozen_what_there_is_of_the_others_is_on_the_screen(region: BlockingRegion) -> None:
    region.fault("brinkhof", FaultKind.FROZEN)

    def look(browser: Any) -> tuple[Look, Look]:
        with at_work(browser, region.ehr_url) as clinician:
            opened = clinician.open(_DINA)
            early = opened.wait_until(BRIEF_SECONDS, lambda now: "4 gehoord" in now.strip)
            opened.keep("story-3-frozen")
            return early, opened.filled()

    early, late = seen(look)

    assert early.seconds <= BRIEF_SECONDS
    assert early.blocks["allergies"].items[0].conflict
    assert "34 mL/min" in early.blocks["kidney"].items[0].text
    assert "De Brinkhof" in early.strip
    assert "De Brinkhof" in early.blocks["problems"].lack
    assert "De Brinkhof te laat" in late.strip
    assert BY_NAME["brinkhof"].telephone in late.strip
    assert late.is_same


def test_a_holder_that_dies_while_the_page_is_open_is_named_there_without_a_reload(region: BlockingRegion) -> None:
    holder = "reggerbrug"
    # Its source takes its time, so that the page stands there while it is waited for.
    region.fault(holder, FaultKind.SLOW, seconds=6.0)
    title = BY_NAME[holder].title

    def look(browser: Any) -> tuple[Look, Look]:
        with at_work(browser, region.ehr_url) as clinician:
            opened = clinician.open(_DINA)
            waits = opened.wait_until(5.0, lambda now: f"{title}: gevraagd" in now.strip and bool(now.blocks["wishes"].items))
            process = region.process_of(holder)
            assert process is not None
            os.kill(process.pid, signal.SIGKILL)
            late = opened.filled()
            opened.keep("story-3-killed")
            return waits, late

    waits, late = seen(look)

    assert f"{title}: gevraagd" in waits.strip
    # How the end of a process reaches the other side is for the connection to say: closed, or reset in the middle of the call.
    assert any(f"{title} {words}" in late.strip for words in ("niet bereikbaar", "brak af")), late.strip
    assert BY_NAME[holder].telephone in late.strip
    assert title in late.blocks["allergies"].lack
    assert late.blocks["wishes"].items[0].conflict
    assert late.is_same
