"""P6: no patient content at rest. A mixed run through observed processes, and a look everywhere afterwards."""

from pathlib import Path
from typing import NamedTuple

import anyio
import anyio.to_thread
import pytest

from testbed.canary import CLEAN, LEAKING, CanaryRun, Detector, Report
from testbed.canary_leaks import OF_CONTENT
from testbed.canary_load import Load, mixed_load
from testbed.canary_watch import why_not
from testbed.canary_world import CanaryWorld

pytestmark = pytest.mark.slow


class Ran(NamedTuple):
    """One run: what was asked and what came of it, what was found, and where the care providers' own systems were."""

    load: Load
    report: Report
    sources: Path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One mixed run, for all tests of this file."""
    if reason := why_not():
        pytest.skip(f"processes cannot be observed here: {reason}")
    return anyio.run(_run, tmp_path_factory.mktemp("canary"))


async def _run(folder: Path) -> Ran:
    with CanaryRun(folder / "observed") as run:
        async with CanaryWorld.start(run, folder / "region") as world:
            load = await mixed_load(world)
            report = await anyio.to_thread.run_sync(run.finish)
    assert not list((folder / "observed" / "traces").iterdir())
    return Ran(load, report, folder / "region" / "sources")


def test_p6_a_mixed_run_leaves_nothing_of_a_patient_on_any_disk_of_the_gateway_or_a_read_through_agent(ran: Ran) -> None:
    assert ran.report.void == ()
    assert ran.report.findings == ()


def test_p6_every_leak_that_is_planted_is_found_in_the_same_run(ran: Ran) -> None:
    found = {finding.canary for finding in ran.report.controls if finding.process == LEAKING}
    detectors = {finding.detector for finding in ran.report.controls}

    assert set(OF_CONTENT) <= found
    assert detectors >= {Detector.WRITTEN, Detector.LEFT, Detector.NAMED, Detector.OUTPUT, Detector.MAPPED, Detector.ELSEWHERE}


def test_p6_a_process_that_leaks_nothing_is_cleared(ran: Ran) -> None:
    assert [finding for finding in ran.report.controls if finding.process == CLEAN] == []


def test_p6_only_the_care_providers_own_systems_are_left_out_of_the_look(ran: Ran) -> None:
    assert all(Path(name).is_relative_to(ran.sources) for name in ran.report.excluded)


def test_p6_there_was_something_to_leave(ran: Ran) -> None:
    """Every canary went through, and the load was as mixed as it claims to be."""
    assert ran.load.passed == {"name", "free text", "code", "BSN", "attachment"}
    assert {"explodes: cut-off", "explodes: refused"} & set(ran.load.done)
    assert set(ran.load.done) >= {
        "patient",
        "big answer",
        "page",
        "attachment 200",
        "gRPC answered",
        "gRPC attachment",
        "gRPC INVALID_ARGUMENT",
        "gRPC NOT_FOUND",
        "refused by the person: nothing-shown",
        "breaks_off: cut-off",
        "lies: rejected",
        "source broken: unreachable",
        "source cut: cut-off",
        "source fails: cut-off",
        "left",
        "left before the answer",
        *(f"bad question {status}" for status in (400, 404, 405, 406, 415)),
    }
