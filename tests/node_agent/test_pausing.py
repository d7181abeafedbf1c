"""A pause ends answers under way at once, also of a source that stands still, and outlives a restart."""

import json
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from accord.audit.events import Release, StandingChanged
from accord.terms.answers import AttachmentFrame, Batch, Chunk, Closed, Ending, Frame
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import RecordRef
from node_agent.answering import answer
from node_agent.attaching import fetch_attachment
from node_agent.control import Request, Standing, ask_agent, keep_control
from node_agent.pause_file import PauseFile
from node_agent.pausing import Pause, Pausing
from node_agent.ports import Attachment
from node_agent.standing import keep_noting, remember_pause
from testbed.contracts.records import ANNA, observation, patient
from testbed.memory_source import MemorySource
from testbed.plain import PlainLedger, admitted
from tests.node_agent.asking import holder_over, question

pytestmark = pytest.mark.anyio

RECORDS = [patient("a", ANNA), *(observation(str(number), "a") for number in range(300))]


@asynccontextmanager
async def controlled(folder: Path, pausing: Pausing) -> AsyncGenerator[None, None]:
    remember_pause(pausing, folder)
    async with anyio.create_task_group() as tasks:
        await tasks.start(keep_control, folder, "brinkhof", pausing)
        yield
        tasks.cancel_scope.cancel()


async def told(folder: Path, do: str, reason: str = "") -> Standing:
    return await to_thread.run_sync(ask_agent, folder, Request(do, reason))


async def test_p11_a_pause_ends_an_answer_of_a_source_that_stands_still() -> None:
    source = MemorySource(RECORDS, at_once=50)
    source.waits_after = 2  # and never goes on
    holder = holder_over(source)
    frames: list[Frame] = []

    async def emit(frame: Frame) -> None:
        frames.append(frame)
        if isinstance(frame, Batch):
            holder.pausing.pause("the disk is full")

    with anyio.fail_after(60):
        await answer(holder, admitted(question()), emit)

    last = frames[-1]
    assert isinstance(last, Closed)
    assert (last.ending, last.code) == (Ending.PAUSED, Fault.PAUSED)
    assert last.counts.batches == sum(isinstance(frame, Batch) for frame in frames)
    releases = [line for line in holder.safeguards.ledger.lines if isinstance(line, Release)]  # type: ignore[attr-defined]
    assert last.counts.batches <= len(releases)


async def test_p11_a_pause_ends_an_attachment_of_a_source_that_stands_still_after_its_first_chunk() -> None:
    async def stuck() -> AsyncGenerator[bytes, None]:
        yield b"first"
        await anyio.sleep_forever()

    class Stuck(MemorySource):
        async def attachment(self, url: str) -> Attachment | None:
            await super().attachment(url)
            return Attachment("text/plain", stuck())

    document = {"content": [{"attachment": {"url": "Binary/7"}}], "subject": {"reference": "Patient/a"}}
    record = json.dumps({"resourceType": "DocumentReference", "id": "3", "status": "current", **document}).encode()
    holder = holder_over(Stuck([patient("a", ANNA), record]))
    frames: list[AttachmentFrame] = []

    async def emit(frame: AttachmentFrame) -> None:
        frames.append(frame)
        if isinstance(frame, Chunk):
            holder.pausing.pause()

    with anyio.fail_after(60):
        await fetch_attachment(holder, admitted(question()), "Binary/7", RecordRef("DocumentReference", "3"), emit)

    last = frames[-1]
    assert isinstance(last, Closed)
    assert (last.ending, last.code, last.counts.bytes) == (Ending.PAUSED, Fault.PAUSED, 5)
    assert [frame.content for frame in frames if isinstance(frame, Chunk)] == [b"first"]


async def test_p3_a_pause_outlives_a_restart_and_so_does_one_that_cannot_be_read(tmp_path: Path) -> None:
    first = Pausing()
    remember_pause(first, tmp_path / "control")
    first.pause("maintenance")
    second = Pausing()
    remember_pause(second, tmp_path / "control")
    assert second.pause_in_force == first.pause_in_force
    second.resume()
    third = Pausing()
    remember_pause(third, tmp_path / "control")
    assert not third.paused

    (tmp_path / "control" / "paused.json").write_bytes(b"{")
    doubtful = Pausing()
    remember_pause(doubtful, tmp_path / "control")
    assert doubtful.paused


async def test_a_pause_that_cannot_be_kept_is_a_pause_all_the_same_and_a_resume_that_cannot_is_none(tmp_path: Path) -> None:
    pausing = Pausing()
    pausing.kept = PauseFile(tmp_path / "gone")
    with pytest.raises(Unavailable, match="pause-not-kept"):
        pausing.pause()
    assert pausing.paused
    with pytest.raises(Unavailable, match="pause-not-kept"):
        pausing.resume()
    assert pausing.paused


async def test_whoever_may_use_the_folder_pauses_resumes_and_sees_how_it_stands(tmp_path: Path) -> None:
    folder, pausing = tmp_path / ("deep" * 40) / "journal.control", Pausing()
    folder.parent.mkdir()
    async with controlled(folder, pausing):
        assert stat.S_IMODE((folder / "socket").stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert (await told(folder, "status")).serving
        paused = await told(folder, "pause", "999999990 belde over schijf vol")
        assert (paused.paused, paused.code, paused.organisation) == (True, "paused", "brinkhof")
        assert paused.reason.endswith("belde over schijf vol")
        assert "999999990" not in paused.reason
        again = await told(folder, "pause", "still")
        assert (again.since_ms, again.reason) == (paused.since_ms, "still")
        assert (await told(folder, "resume")).serving
        with pytest.raises(BadInput, match="invalid-question"):
            await told(folder, "explode")
        with pytest.raises(BadInput, match="invalid-question"):
            await told(folder, "pause", "x" * 300)
    with pytest.raises(Unavailable, match="agent-not-running"):
        await told(folder, "status")


async def test_every_change_has_a_line_with_the_reason() -> None:
    pausing, ledger = Pausing(), PlainLedger()
    pausing.stay_paused(Pause(1, "before"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(keep_noting, pausing, ledger))
        await anyio.wait_all_tasks_blocked()
        pausing.resume()
        await anyio.wait_all_tasks_blocked()
        pausing.note_trouble(Fault.SOURCE_BUSY)
        await anyio.wait_all_tasks_blocked()
        pausing.pause("after")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    lines = [(line.paused, line.why) for line in ledger.lines if isinstance(line, StandingChanged)]
    assert lines == [(True, "before"), (False, ""), (True, "after")]
