"""No line, no data (promise P2): nothing reaches an application that is not in a durable line at its holder and at the gateway.

Once by killing processes under load and laying what was shown beside the journals; once by watching the system calls, where a
journal that does not sync, or is not waited for, must be noticed.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from accord.audit.events import Release
from accord.terms.answers import Ending
from testbed.asking import Dossier, RegionDidNotAnswer
from testbed.bulk import grown
from testbed.killing import Account, Disclosed, KillableRegion, count_without_line, kill_at_random, releases
from testbed.line_order import STRACE, LineOrder, line_order
from testbed.people import DINA

pytestmark = pytest.mark.slow

PROJECT: Final = Path(__file__).resolve().parents[2]
ROUNDS: Final = 200 if os.environ.get("NOABER_LONG") == "1" else 10
CARELESS: Final = Path(__file__).with_name("careless_party.py")
HOLDER: Final = "reggerbrug"
#: So large that every batch but the first is larger than all that surrounds it.
BYTES: Final = 900_000
_PATIENCE: Final = 120.0


def test_p2_nothing_was_disclosed_without_a_line_on_both_sides_however_often_processes_were_killed() -> None:
    account = kill_at_random(ROUNDS)

    assert account.rounds == ROUNDS
    assert account.records > 0
    assert account.without_line_at_holder == 0
    assert account.without_line_at_gateway == 0
    assert account.digests_missing == 0
    assert account.breaks == []
    assert account.differences == []
    # Not a figure of speed: whoever is restarted must be there again before people give up.
    assert account.slowest_restart <= 10.0


@pytest.fixture(scope="module")
def traceable() -> Iterator[KillableRegion]:
    with KillableRegion.start(story=False, holders=(HOLDER, "brinkhof"), change=grown({HOLDER: BYTES}), patient=True) as region:
        region.stay_at_address()
        yield region


@pytest.fixture
def calling_out() -> Iterator[KillableRegion]:
    """The same region, of which our holder has no port: its agent calls the gateway."""
    with KillableRegion.start(story=False, holders=(HOLDER, "brinkhof"), change=grown({HOLDER: BYTES}), outbound=(HOLDER,), patient=True) as region:
        region.stay_at_address()
        yield region


def test_what_has_no_line_or_two_is_counted(traceable: KillableRegion) -> None:
    dossier = _answer(traceable)
    # Of this answer alone: there may have been one before it that did not come whole.
    lines = [line for line in releases(traceable.root / "agents" / HOLDER / "journal") if line.query == dossier.query_id]
    passed = [line for line in releases(traceable.root / "gateway" / "journal") if line.query == dossier.query_id]
    shown = [
        Disclosed(line.query, HOLDER, line.digest, line.records, next(other.records for other in passed if other.digest == line.digest))
        for line in lines
    ]  # fmt: skip

    assert _counted(shown, lines, passed) == (0, 0, 0)
    last = lines[-1].count
    assert _counted(shown, lines[:-1], passed) == (last, 0, 1)
    assert _counted(shown, lines, passed[:-1]) == (0, passed[-1].count, 1)
    assert _counted(shown, [*lines, lines[-1]], passed) == (last, 0, 1)


def _counted(shown: list[Disclosed], lines: list[Release], passed: list[Release]) -> tuple[int, int, int]:
    account = Account()
    count_without_line(account, shown, {HOLDER: lines}, passed)
    return account.without_line_at_holder, account.without_line_at_gateway, account.digests_missing


def test_p2_at_the_holder_every_batch_left_after_its_line_was_synced(traceable: KillableRegion, tmp_path: Path) -> None:
    order = _order(traceable, HOLDER, "as-it-is", tmp_path)

    assert order.batches > 3
    assert order.sent > BYTES
    assert order.too_early == []


def test_p2_at_a_holder_without_a_port_every_batch_left_after_its_line_was_synced(calling_out: KillableRegion, tmp_path: Path) -> None:
    order = _order(calling_out, HOLDER, "as-it-is", tmp_path)
    # And that it would be seen if it were not so.
    careless = _order(calling_out, HOLDER, "unsynced", tmp_path)

    assert order.batches > 3
    assert order.sent > BYTES
    assert order.too_early == []
    assert careless.too_early


def test_p2_at_the_gateway_every_batch_left_after_its_line_was_synced(traceable: KillableRegion, tmp_path: Path) -> None:
    order = _order(traceable, "gateway", "as-it-is", tmp_path)

    assert order.batches > 3
    assert order.sent > BYTES
    assert order.too_early == []


@pytest.mark.parametrize("party", [HOLDER, "gateway"])
@pytest.mark.parametrize("journal", ["unsynced", "hasty"])
def test_p2_a_journal_that_does_not_sync_or_is_not_waited_for_is_noticed(traceable: KillableRegion, party: str, journal: str, tmp_path: Path) -> None:
    order = _order(traceable, party, journal, tmp_path)

    # How much was sent tells nothing here: some of it may have left before anything said of which question it is.
    assert order.batches > 3
    assert order.too_early


def _order(region: KillableRegion, party: str, journal: str, folder: Path) -> LineOrder:
    trace = folder / "trace"
    with _traced(region, party, journal, trace):
        dossier = _answer(region)
        assert dossier.holders[HOLDER].ending is Ending.ANSWERED
    with trace.open(encoding="ascii", errors="replace") as lines:
        # The gateway sends questions to holders by sockets of this machine; batches leave it by TCP.
        return line_order(lines, over=("TCP",)) if party == "gateway" else line_order(lines)


def _answer(region: KillableRegion) -> Dossier:
    """The first answer of our holder: whoever was started anew has to be found first."""
    until = time.monotonic() + _PATIENCE
    while True:
        with suppress(RegionDidNotAnswer):
            dossier = region.ask(DINA.bsn, holders=[HOLDER])
            if dossier.holders[HOLDER].ending is Ending.ANSWERED or time.monotonic() > until:
                return dossier
        assert time.monotonic() < until
        time.sleep(0.1)


@contextmanager
def _traced(region: KillableRegion, party: str, journal: str, trace: Path) -> Iterator[None]:
    """While the block runs, a traced process with this journal stands in the place of a party of the region."""
    _skip_where_nothing_can_be_traced()
    package, folder = ("gateway", region.root / "gateway") if party == "gateway" else ("node_agent", region.files[party].agent)
    command = (sys.executable, str(CARELESS), package, journal, "run", "--config", str(folder / f"{package.removeprefix('node_')}.toml"))
    region.kill(party)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "HOME": str(folder), "TMPDIR": str(folder)}
    log = trace.with_suffix(".log").open("wb")
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*STRACE, str(trace), *command], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        yield
    finally:
        # The tracer ends when whom it traces does; a tracer that is ended would leave it running.
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split():
            os.kill(int(child), signal.SIGTERM)
        process.wait(_PATIENCE)
        if process.stdout is not None:
            process.stdout.close()
        log.close()
        region.start_again(party)


def _skip_where_nothing_can_be_traced() -> None:
    if sys.platform != "linux" or shutil.which("strace") is None:
        pytest.skip("strace is not installed here: without it nobody can see the order of system calls")
    tried = subprocess.run([*STRACE, os.devnull, "true"], capture_output=True, check=False)  # noqa: S603 - our own arguments
    if tried.returncode != 0:
        pytest.skip("this machine lets nobody trace a process (ptrace), not even one's own")
