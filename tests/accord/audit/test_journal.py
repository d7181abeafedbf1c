"""The journal: durable when `append` returns, closed when it cannot be, and never half."""

import errno
import os
import stat
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
import structlog

from accord.audit.content import Event
from accord.audit.events import ChoiceChanged, Release, Started, Stopped
from accord.audit.journal import Journal
from accord.audit.recovering import Tail
from accord.audit.segments import segments
from accord.audit.verifying import events_of, verify
from accord.audit.writing import Writer
from accord.terms.faults import BadInput, Fault, Unavailable
from tests.accord.audit.scenes import NOON, SYSTEM, closing, decision, journal_of, lines_in, opened, release

pytestmark = pytest.mark.anyio


class FailingWriter(Writer):
    """A disk that fails when it is told to: the first half of a group is written, and then comes the error."""

    failure: int | None = None
    mistake = False
    tried = 0

    def write(self, payloads: Sequence[bytes]) -> Tail:
        """Write, or fail half way."""
        type(self).tried += 1
        if self.mistake:
            raise ValueError("as told")
        if self.failure is not None:
            os.write(self._descriptor, payloads[0][: len(payloads[0]) // 2])
            raise OSError(self.failure, "as told")
        return super().write(payloads)


class SlowWriter(Writer):
    """A disk whose sync returns when it is let go."""

    go = threading.Event()
    reached = threading.Event()
    slow = False

    def _sync(self, descriptor: int) -> None:
        super()._sync(descriptor)
        if self.slow:
            self.reached.set()
            self.go.wait(30)


class StubbornWriter(Writer):
    """A disk whose writes arrive and whose syncs fail, and that takes nothing back meanwhile."""

    bad = False
    tried = 0

    def __init__(self, folder: Path, **options: Any) -> None:
        """Fail before anything was looked at, while the disk is bad."""
        type(self).tried += 1
        if self.bad:
            raise OSError(errno.EIO, "as told")
        super().__init__(folder, **options)

    def cut_back(self) -> None:
        """Take back what can be taken back."""
        if not self.bad:
            super().cut_back()

    def _sync(self, descriptor: int) -> None:
        super()._sync(descriptor)
        if self.bad:
            raise OSError(errno.EIO, "as told")


async def until(journal: Journal, holds: Callable[[], bool]) -> None:
    """Wait until it holds: the journal's own thread makes it so."""

    def wait() -> bool:
        with journal._turn:
            for _ in range(1_500):
                if holds():
                    return True
                journal._turn.wait(0.02)
        return False

    assert await anyio.to_thread.run_sync(wait)


async def opened_again(journal: Journal) -> None:
    """Wait until the door is open, and nobody opened it."""
    await until(journal, lambda: journal.open)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> type[FailingWriter]:
    monkeypatch.setattr(FailingWriter, "failure", None)
    monkeypatch.setattr(FailingWriter, "mistake", False)
    monkeypatch.setattr(FailingWriter, "tried", 0)
    return FailingWriter


@pytest.fixture
def stubborn(monkeypatch: pytest.MonkeyPatch) -> type[StubbornWriter]:
    monkeypatch.setattr(StubbornWriter, "bad", False)
    monkeypatch.setattr(StubbornWriter, "tried", 0)
    return StubbornWriter


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> type[SlowWriter]:
    monkeypatch.setattr(SlowWriter, "slow", False)
    SlowWriter.go.clear()
    SlowWriter.reached.clear()
    return SlowWriter


def events(folder: Path) -> list[Event]:
    return [event for _, event in events_of(folder)]


async def test_p2_a_line_is_on_disk_and_verified_when_append_returns(tmp_path: Path) -> None:
    with opened(tmp_path, SYSTEM, clock=lambda: NOON) as journal:
        n = await journal.append(decision())

        assert journal.durable.n == n == 2
        assert [type(event).__name__ for event in events(tmp_path)] == ["Started", "Decision"]
        assert events(tmp_path)[1] == decision(moment=NOON, system=SYSTEM)
        assert not verify(tmp_path).breaks


async def test_e7_fifty_writers_get_fifty_numbers_each_and_the_order_is_total(tmp_path: Path) -> None:
    numbers: dict[str, int] = {}

    async def write(journal: Journal, writer: int) -> None:
        for i in range(20):
            query = f"w{writer}-{i}"
            numbers[query] = await journal.append(release(query))

    with opened(tmp_path, SYSTEM, segment_bytes=64 * 1024) as journal:
        async with anyio.create_task_group() as tasks:
            for writer in range(50):
                tasks.start_soon(write, journal, writer)

    assert sorted(numbers.values()) == list(range(2, 1002))
    assert {event.query: n for n, event in events_of(tmp_path) if isinstance(event, Release)} == numbers
    for writer in range(50):
        mine = [numbers[f"w{writer}-{i}"] for i in range(20)]
        assert mine == sorted(mine)
    assert len(segments(tmp_path)) > 3
    assert not verify(tmp_path).breaks


async def test_lines_of_one_call_have_nothing_between_them(tmp_path: Path) -> None:
    with opened(tmp_path, SYSTEM) as journal:
        assert await journal.append_many([decision(), release(), closing()]) == (2, 3, 4)
        assert await journal.append_many([]) == ()
        assert journal.open


async def test_e7_a_second_process_is_refused_while_the_first_one_has_it(tmp_path: Path) -> None:
    with opened(tmp_path, SYSTEM):
        with pytest.raises(Unavailable) as refusal:
            opened(tmp_path, SYSTEM)
        assert (refusal.value.fault, refusal.value.where) == (Fault.JOURNAL_IN_USE, "")

    opened(tmp_path, SYSTEM).close()
    assert not verify(tmp_path).breaks


async def test_its_files_are_for_nobody_else(tmp_path: Path) -> None:
    journal_of(tmp_path / "journal", [decision()])

    for path in [tmp_path / "journal", *(tmp_path / "journal").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_who_is_cancelled_has_written_a_whole_line_or_none(tmp_path: Path, slow: type[SlowWriter]) -> None:
    with opened(tmp_path, SYSTEM, writer_of=slow) as journal:
        slow.slow = True
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(journal.append, decision("cancelled"))
            await anyio.to_thread.run_sync(slow.reached.wait)
            tasks.start_soon(journal.append, decision("cancelled too"))
            await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        slow.slow = False
        slow.go.set()
        await journal.append(decision("after"))

    assert not verify(tmp_path).breaks
    assert "after" in [getattr(event, "query", "") for event in events(tmp_path)]


@pytest.mark.parametrize(("failure", "reason"), [(errno.ENOSPC, "disk-full"), (errno.EROFS, "read-only"), (errno.EIO, "failed")])
async def test_p2_a_disk_that_fails_closes_the_door_for_who_waits_and_who_comes_later(
    tmp_path: Path, failing: type[FailingWriter], failure: int, reason: str
) -> None:
    refusals = []

    async def refused(journal: Journal) -> None:
        with pytest.raises(Unavailable) as refusal:
            await journal.append(release())
        refusals.append((refusal.value.fault, refusal.value.where))

    with opened(tmp_path, SYSTEM, writer_of=failing) as journal:
        await journal.append(decision())
        failing.failure = failure
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(refused, journal)
        await refused(journal)

        assert refusals == [(Fault.JOURNAL_UNAVAILABLE, reason)] * 6
        assert (journal.open, journal.reason) == (False, reason)

        failing.failure = None
        await opened_again(journal)
        assert (journal.open, journal.reason) == (True, "")
        await journal.append(closing())

    assert not verify(tmp_path).breaks
    assert [type(event) for event in events(tmp_path)] == [Started, type(decision()), Started, type(closing()), Stopped]


async def test_p2_a_sync_that_takes_too_long_closes_the_door_and_its_line_is_taken_back(tmp_path: Path, slow: type[SlowWriter]) -> None:
    with opened(tmp_path, SYSTEM, writer_of=slow) as journal, structlog.testing.capture_logs() as logged:
        slow.slow = True
        journal._sync_seconds = 0.2
        with pytest.raises(Unavailable) as refusal:
            await journal.append(release("never acknowledged"))
        assert refusal.value.where == journal.reason == "slow"

        # The sync itself may have taken that long: whoever writes has to have come to where it waits.
        await anyio.to_thread.run_sync(slow.reached.wait)
        slow.slow = False
        journal._sync_seconds = 30
        assert not journal.open  # the write still hangs
        slow.go.set()
        await opened_again(journal)
        await journal.append(release("acknowledged"))

    assert [event.query for event in events(tmp_path) if isinstance(event, Release)] == ["acknowledged"]
    assert not verify(tmp_path).breaks
    assert [(line["event"], line.get("reason")) for line in logged] == [
        ("the journal is closed: nothing is shared", "slow"),
        ("the journal is open again", None),
    ]


async def test_p2_the_door_stays_closed_while_a_first_line_is_not_durable(tmp_path: Path, failing: type[FailingWriter]) -> None:
    with opened(tmp_path, SYSTEM, writer_of=failing) as journal, structlog.testing.capture_logs() as logged:
        failing.failure = errno.EIO
        with pytest.raises(Unavailable):
            await journal.append(decision())
        failing.failure = errno.ENOSPC
        await until(journal, lambda: journal.reason == "disk-full")
        tried = failing.tried
        await until(journal, lambda: failing.tried > tried + 1)
        assert not journal.open

        failing.failure = None
        await opened_again(journal)

    assert [type(event) for event in events(tmp_path)] == [Started, Started, Stopped]
    assert [line.get("reason") for line in logged] == ["failed", "disk-full", None]
    assert not verify(tmp_path).breaks


@pytest.mark.parametrize("segment_bytes", [64 * 1024, 1])
async def test_p2_lines_that_a_bad_disk_would_not_take_back_are_not_there_twice(tmp_path: Path, stubborn: type[StubbornWriter], segment_bytes: int) -> None:
    """The write is whole and the sync fails, and so does taking it back: whoever was refused asks again."""
    with opened(tmp_path, SYSTEM, writer_of=stubborn, segment_bytes=segment_bytes) as journal:
        durable = await journal.append(release("before"))
        stubborn.bad = True
        with pytest.raises(Unavailable):
            await journal.append_many([release("again", 1), release("again", 2)])
        await until(journal, lambda: stubborn.tried > 1)
        assert lines_in(tmp_path)[durable:]  # what nobody was told of stands in the file

        stubborn.bad = False
        await opened_again(journal)
        numbers = await journal.append_many([release("again", 1), release("again", 2)])

    assert [(event.query, event.batch) for event in events(tmp_path) if isinstance(event, Release)] == [("before", 1), ("again", 1), ("again", 2)]
    assert numbers == (durable + 2, durable + 3)
    assert [event.cut > 0 for event in events(tmp_path) if isinstance(event, Started)] == [False, True]
    assert not verify(tmp_path).breaks


async def test_a_journal_that_was_changed_while_the_door_was_closed_stays_closed(tmp_path: Path, failing: type[FailingWriter]) -> None:
    with opened(tmp_path, SYSTEM, writer_of=failing) as journal, structlog.testing.capture_logs() as logged:
        await journal.append(decision())
        failing.failure = errno.EIO
        with pytest.raises(Unavailable):
            await journal.append(decision())
        segments(tmp_path)[0].path.write_bytes(lines_in(tmp_path)[0])
        failing.failure = None
        await until(journal, lambda: journal.reason == "broken")

        with pytest.raises(Unavailable) as refusal:
            await journal.append(decision())
        assert refusal.value.where == "broken"
        await anyio.to_thread.run_sync(journal._writing.join, 30)
        assert not journal._writing.is_alive()

    assert [line["reason"] for line in logged][-1] == "broken"
    assert logged[-1]["where"]


def test_a_closed_journal_that_is_stopped_lets_the_folder_go(tmp_path: Path, failing: type[FailingWriter]) -> None:
    journal = opened(tmp_path, SYSTEM, writer_of=failing, retry_seconds=60.0)
    failing.failure = errno.ENOSPC
    with pytest.raises(Unavailable):
        journal.append_now(decision())
    journal.close()
    failing.failure = None

    opened(tmp_path, SYSTEM, writer_of=failing).close()
    assert not verify(tmp_path).breaks


async def test_a_mistake_of_ours_closes_the_door_and_it_opens_again(tmp_path: Path, failing: type[FailingWriter]) -> None:
    with opened(tmp_path, SYSTEM, writer_of=failing) as journal:
        failing.mistake = True
        with pytest.raises(Unavailable) as refusal:
            await journal.append(decision())
        assert refusal.value.where == "failed"
        failing.mistake = False
        await opened_again(journal)

        await journal.append(decision())


async def test_a_line_that_is_too_long_is_refused_and_the_journal_stays_open(tmp_path: Path) -> None:
    with opened(tmp_path, SYSTEM) as journal:
        with pytest.raises(BadInput) as refusal:
            await journal.append(release(records=("x" * 200,) * 4_000))
        assert refusal.value.fault is Fault.TOO_LARGE

        assert await journal.append(decision()) == 2


async def test_nothing_is_written_after_the_end(tmp_path: Path) -> None:
    journal = opened(tmp_path, SYSTEM)
    journal.close()
    journal.close()

    with pytest.raises(Unavailable) as refusal:
        await journal.append(decision())
    assert refusal.value.where == "stopped"


def test_a_last_line_without_its_end_is_cut_off_at_start_and_that_is_told(tmp_path: Path) -> None:
    journal_of(tmp_path, [decision()])
    path = next(tmp_path.glob("*.journal"))
    with path.open("ab") as file:
        file.write(lines_in(tmp_path)[-1][:100])

    journal_of(tmp_path, [])

    assert [event.cut for event in events(tmp_path) if isinstance(event, Started)] == [0, 100]
    assert not verify(tmp_path).breaks


def test_e7_lines_that_were_durable_and_are_gone_keep_it_from_starting(tmp_path: Path) -> None:
    journal_of(tmp_path, [decision()] * 5)
    path = next(tmp_path.glob("*.journal"))
    whole = path.read_bytes()

    for shorter in (whole[:-50], whole[: whole.rindex(b"\n", 0, -1) + 1], b""):
        path.write_bytes(shorter)
        with pytest.raises(Unavailable) as refusal:
            opened(tmp_path, SYSTEM)
        assert refusal.value.fault is Fault.JOURNAL_BROKEN
    path.unlink()
    with pytest.raises(Unavailable):
        opened(tmp_path, SYSTEM)
    path.write_bytes(whole)
    opened(tmp_path, SYSTEM).close()


def test_a_changed_line_after_the_checkpoint_keeps_it_from_starting_and_it_says_which(tmp_path: Path) -> None:
    journal_of(tmp_path, [decision()] * 5)
    (tmp_path / "checkpoint").unlink()
    path = next(tmp_path.glob("*.journal"))
    lines = lines_in(tmp_path)
    path.write_bytes(b"".join([*lines[:3], lines[3].replace(b"Linde", b"Lynde"), *lines[4:]]))

    with pytest.raises(Unavailable) as refusal:
        opened(tmp_path, SYSTEM)

    assert (refusal.value.fault, refusal.value.where) == (Fault.JOURNAL_BROKEN, "line 4: leaf")


def test_a_segment_that_is_missing_keeps_it_from_starting(tmp_path: Path) -> None:
    journal_of(tmp_path, [decision()] * 30, segment_bytes=4_000)
    paths = sorted(tmp_path.glob("*.journal"))
    paths[1].rename(tmp_path / "aside")

    with pytest.raises(Unavailable) as refusal:
        opened(tmp_path, SYSTEM)

    assert refusal.value.fault is Fault.JOURNAL_BROKEN


def test_it_starts_on_an_empty_segment_that_a_crash_left(tmp_path: Path) -> None:
    journal_of(tmp_path, [decision()])
    (tmp_path / f"{4:020d}.journal").touch()

    journal_of(tmp_path, [decision()])

    assert not verify(tmp_path).breaks


def test_a_choice_is_journalled_without_what_was_chosen(tmp_path: Path) -> None:
    journal_of(tmp_path, [ChoiceChanged(patient="ab", by="patient", choice="c1/4")])

    assert b'"choice":"c1/4"' in lines_in(tmp_path)[1]
