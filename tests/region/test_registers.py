"""Mitz leads at a holder of a running region: what a patient chose there, and only there, decides; and at once when it changes.

Mitz is the testbed's, as a process of its own; the agent is told of changes by it.
"""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from accord.audit.events import Decision
from accord.audit.verifying import events_of
from accord.terms.answers import Ending
from testbed import asking
from testbed.asking import HolderAnswer
from testbed.free_ports import free_port
from testbed.people import DINA
from testbed.people import Region as Generated
from testbed.people.desk import KeptRecord
from testbed.region import BlockingRegion

pytestmark = pytest.mark.slow

HOLDER = "dinkelhorst"
#: All data about treatment, for hospitals.
ALL_DATA, HOSPITALS = "GGC002", "RPZAC104"
LEASE_SECONDS = 3.0
_RESULTS = 600


@dataclass
class Mitz:
    """The running stand-in for Mitz, and who runs it."""

    base: str
    control: str
    process: "subprocess.Popen[bytes]"

    def choose(self, *, permits: bool | None) -> None:
        """Dina makes a choice at Mitz, or takes it back."""
        self._told("POST", "choices", {"bsn": DINA.bsn, "data": ALL_DATA, "provider": HOSPITALS, "permits": permits})

    def faults(self, **faults: Any) -> None:
        """What goes wrong from now on."""
        self._told("PUT", "faults", faults)

    def witness(self) -> dict[str, Any]:
        """What happened there."""
        with urllib.request.urlopen(f"{self.control}/witness", timeout=10) as answer:  # noqa: S310 - on this machine
            told: dict[str, Any] = json.load(answer)
        return told

    def _told(self, method: str, path: str, content: dict[str, Any]) -> None:
        request = urllib.request.Request(f"{self.control}/{path}", json.dumps(content).encode(), method=method)  # noqa: S310 - on this machine
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - as above
            pass


@contextmanager
def running_mitz() -> Iterator[Mitz]:
    with subprocess.Popen([sys.executable, "-m", "testbed.mitz_stub"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        try:
            yield Mitz(told["base"], told["control"], process)
        finally:
            process.terminate()


def without_choices_of_dina(generated: Generated) -> Generated:
    """Nobody told any holder what Dina decided: she went to Mitz."""
    kept = {name: tuple(choice for choice in choices if DINA.bsn not in json.dumps(choice)) for name, choices in generated.choices.items()}
    return replace(generated, choices=kept, kept={**generated.kept, HOLDER: (*generated.kept[HOLDER], *_many_of_dina(generated))})


def _many_of_dina(generated: Generated) -> Iterator[KeptRecord]:
    """So many of her results that they come page after page."""
    patients = {record.id for record in generated.kept[HOLDER] if record.type == "Patient" and DINA.bsn.encode() in record.json}
    results = (
        record
        for record in generated.kept[HOLDER]
        if record.type == "Observation" and any(f'"Patient/{patient}"'.encode() in record.json for patient in patients)
    )
    result = json.loads(next(results).json)
    for number in range(_RESULTS):
        name = f"many-{number}"
        yield KeptRecord("Observation", name, json.dumps(result | {"id": name}).encode())


@pytest.fixture(scope="module")
def mitz() -> Iterator[Mitz]:
    with running_mitz() as running:
        yield running


@contextmanager
def led_region(mitz: Mitz, lease_seconds: float) -> Iterator[BlockingRegion]:
    at = f"127.0.0.1:{free_port()}"
    led: dict[str, str | bool | float] = {"base": mitz.base, "notify": f"http://{at}/mitz/notifications", "listen": at, "lease_seconds": lease_seconds}
    piece_by_piece: dict[str, str | bool | float] = {"page_size": 50}
    with BlockingRegion.start(
        holders=[HOLDER], story=False, seconds=30.0, change=without_choices_of_dina, more={HOLDER: {"mitz": led, "source": piece_by_piece}}, patient=True
    ) as region:
        yield region


@pytest.fixture(scope="module")
def _led_region(mitz: Mitz) -> Iterator[BlockingRegion]:
    with led_region(mitz, LEASE_SECONDS) as region:
        yield region


@pytest.fixture
def region(_led_region: BlockingRegion, mitz: Mitz) -> Iterator[BlockingRegion]:
    """Dina consented at Mitz to hospitals, and nothing is the matter."""
    mitz.faults()
    mitz.choose(permits=True)
    yield _led_region
    _led_region.restore({})


@contextmanager
def slow_page_by_page(region: BlockingRegion) -> Iterator[None]:
    """Every page of the source takes a second: an answer is under way for long enough that Mitz can tell of a change meanwhile."""
    files = region.files[HOLDER]
    region._at._tell_source(files, {"delay-each": 0.02})
    try:
        yield
    finally:
        region._at._tell_source(files, {})


def line(region: BlockingRegion) -> HolderAnswer:
    """How the holder ends a question about Dina."""
    return region.ask(DINA.bsn).holders[HOLDER]


def until(says: Callable[[], bool], seconds: float = 90.0) -> float:
    """Wait for something that happens by itself; the seconds it took."""
    begin = time.monotonic()
    while not says():
        assert time.monotonic() < begin + seconds, "it did not come to that"
        time.sleep(0.05)
    return time.monotonic() - begin


def test_who_chose_at_mitz_only_is_located_and_shown(region: BlockingRegion, mitz: Mitz) -> None:
    until(lambda: line(region).ending is Ending.ANSWERED)

    dossier = region.ask(DINA.bsn)

    assert dossier.of(HOLDER)
    assert {said["purpose"] for said in mitz.witness()["asked"]} == {"TREAT"}
    decisions = [event for _, event in events_of(region.files[HOLDER].agent / "journal", kind="decision") if isinstance(event, Decision)]
    evidence = next(event for event in decisions if event.query == dossier.query_id).evidence
    assert any(text.startswith("mitz 3.") for text in evidence)
    assert any(text.startswith("GGC002=permit urn:uuid:") for text in evidence)


def test_who_chose_nowhere_is_not_shown(region: BlockingRegion, mitz: Mitz) -> None:
    mitz.choose(permits=None)
    until(lambda: line(region).ending is Ending.NOTHING_SHOWN)

    assert not region.ask(DINA.bsn).records


def test_p11_a_choice_revoked_at_mitz_cuts_the_answer_that_is_under_way() -> None:
    # A lease that is longer than the answer: nothing but what Mitz tells can cut it.
    with running_mitz() as mitz, led_region(mitz, 60.0) as region:
        mitz.choose(permits=True)
        until(lambda: line(region).ending is Ending.ANSWERED)
        until(lambda: mitz.witness()["subscribed"] > 0)
        seen, revoked_at, closed_at = [], 0.0, 0.0
        with slow_page_by_page(region):
            for moment, event in asking.events(region.gateway_address, asking.request(DINA.bsn)):
                if event.WhichOneof("event") == "batch" and not revoked_at:
                    mitz.choose(permits=False)
                    revoked_at = time.monotonic()
                if event.WhichOneof("event") == "closed":
                    closed_at = time.monotonic()
                seen.append((moment, event))

        closed = asking.Dossier(tuple(seen)).holders[HOLDER]
        assert revoked_at, "it was under way"
        assert (closed.ending, closed.code) == (Ending.CUT_OFF, "sharing-changed")
        assert closed_at - revoked_at <= 5.0  # the promise itself
        # The agent cuts first, and then thanks Mitz for telling it.
        until(lambda: 204 in mitz.witness()["pushed"])
        # The very next question shows nothing.
        assert line(region).ending is Ending.NOTHING_SHOWN


def test_p11_where_no_push_comes_through_it_ends_with_the_lease(region: BlockingRegion, mitz: Mitz) -> None:
    until(lambda: line(region).ending is Ending.ANSWERED)
    mitz.faults(push_lost=True)
    mitz.choose(permits=False)

    took = until(lambda: line(region).ending is Ending.NOTHING_SHOWN, LEASE_SECONDS + 10)

    assert took < LEASE_SECONDS + 10


def test_without_mitz_nothing_is_shown_and_nobody_says_that_there_is_nothing(region: BlockingRegion, mitz: Mitz) -> None:
    until(lambda: line(region).ending is Ending.ANSWERED)
    mitz.faults(status=503)

    until(lambda: line(region).ending is not Ending.ANSWERED)

    closed = line(region)
    assert (closed.ending, closed.code) == (Ending.UNREACHABLE, "source-unavailable")
    nobody = region.ask("999990019").holders[HOLDER]
    assert nobody.ending is closed.ending, "who is not known here looks the same"
