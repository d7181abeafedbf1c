"""The brakes of a holder in a running region, as real processes: paused in mid-answer, through a restart, and in shadow."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from accord.audit.events import Release
from accord.audit.shadow_events import ShadowClosing
from accord.audit.verifying import events_of
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from gateway.dossier.words import fault_words
from node_agent.control import Request, ask_agent
from testbed.bulk import grown
from testbed.faults import FaultKind
from testbed.people import DINA
from testbed.region import BlockingRegion
from testbed.revoking import read_slowly
from tests.region.trust_world import within_five_seconds

pytestmark = pytest.mark.slow

HOLDER, IN_SHADOW = "reggerbrug", "brinkhof"
BYTES = 16_000_000


@pytest.fixture(scope="module")
def region() -> Iterator[BlockingRegion]:
    more = {IN_SHADOW: {"holder": {"shadow": True}}}
    with BlockingRegion.start(
        story=False, holders=(HOLDER, IN_SHADOW), change=grown({HOLDER: BYTES, IN_SHADOW: 20_000}), seconds=30.0, more=more, patient=True
    ) as region:
        yield region


def control(region: BlockingRegion, holder: str) -> Path:
    return region.files[holder].agent / "journal.control"


def told_of(journal: Path) -> list[ShadowClosing]:
    """What would have left; whoever starts a region asks about nobody."""
    return [event for _, event in events_of(journal, kind="shadow-closing") if isinstance(event, ShadowClosing) and event.count]


def noaber(*arguments: str) -> str:
    """What our own command prints."""
    done = subprocess.run([sys.executable, "-m", "node_agent", *arguments], capture_output=True, text=True, check=True)  # noqa: S603 - fixed arguments
    return done.stdout


def test_p11_a_pause_in_mid_answer_ends_it_and_stays_after_a_restart(region: BlockingRegion) -> None:
    folder = control(region, HOLDER)

    def pause() -> None:
        ask_agent(folder, Request("pause", "disk full"))

    reading = read_slowly(region.gateway_address, HOLDER, after_batches=5, then=pause, pause=0.02)
    print(f"last byte {reading.seconds_to_last_byte:.2f} s, end {reading.seconds_to_end:.2f} s after the pause, {reading.bytes} bytes")  # noqa: T201 - for who measures

    assert (reading.ending, reading.code) == (Ending.PAUSED, "paused")
    assert 0 < reading.bytes < BYTES
    assert reading.seconds_to_last_byte <= 5.0  # the promise itself
    assert "paused since" in noaber("pause", "--at", str(folder), "--reason", "still full")

    region.fault(HOLDER, "dead")
    # Healed, it would be waited for until it answers.
    region._at.repair(region.files[HOLDER], FaultKind.DEAD)
    region._spoilt.pop(HOLDER)
    region.settle(HOLDER, frozenset({Ending.PAUSED}))
    line = region.ask(DINA.bsn, holders=[HOLDER]).holders[HOLDER]
    assert (line.ending, line.code, line.records) == (Ending.PAUSED, "paused", 0)
    until = time.monotonic() + 60
    while not line.paused_since_ms and time.monotonic() < until:
        line = region.ask(DINA.bsn, holders=[HOLDER]).holders[HOLDER]

    assert fault_words(Fault.PAUSED, paused_since_ms=line.paused_since_ms).nl.startswith("Gepauzeerd door de instelling sinds ")

    assert "serving" in noaber("resume", "--at", str(folder))
    assert within_five_seconds(lambda: region.ask(DINA.bsn, holders=[HOLDER], types=["Patient"]).holders[HOLDER].ending is Ending.ANSWERED)


def test_p8_a_holder_in_shadow_ends_as_paused_and_shows_its_own_what_would_have_left(region: BlockingRegion) -> None:
    line = region.ask(DINA.bsn, holders=[IN_SHADOW]).holders[IN_SHADOW]
    assert (line.ending, line.code, line.records) == (Ending.PAUSED, "shadow", 0)

    journal = region.files[IN_SHADOW].agent / "journal"
    until = time.monotonic() + 60
    while not (found := told_of(journal)) and time.monotonic() < until:
        time.sleep(0.1)
    assert found
    closing = found[0]
    assert closing.ending is Ending.ANSWERED
    assert [event for _, event in events_of(journal, kind="release") if isinstance(event, Release)] == []
    told = noaber("shadow", "--journal", str(journal))
    print(told)  # noqa: T201 - for who looks
    assert "Nothing left." in told
    assert DINA.bsn not in told
    assert closing.patient not in told
