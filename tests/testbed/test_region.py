"""A region starts real processes of its own, keeps everything in one private folder, and leaves nothing behind."""

import os
import signal
import stat
from pathlib import Path

import pytest

from accord.terms.answers import Ending
from testbed.faults import FaultKind, UnknownHolder, holder_meant
from testbed.holders import STORY_HOLDERS
from testbed.people import DINA
from testbed.processes import Processes, ProcessFailed, Program
from testbed.region import BlockingRegion, Region
from testbed.region_files import key_of
from testbed.region_story import story_holders


def _program(tmp_path: Path, code: str) -> Program:
    """A program whose main function runs *code*."""
    (tmp_path / "a_program.py").write_text(f"import os, signal, sys, time\ndef main():\n    {code}\n", encoding="utf-8")
    return Program("a program", "a_program:main", ("one", "two"), tmp_path / "own")


slow = pytest.mark.slow


@pytest.fixture
def _importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]))


@slow
@pytest.mark.usefixtures("_importable")
def test_a_program_is_told_its_arguments_and_has_a_folder_of_its_own(tmp_path: Path) -> None:
    with Processes(preloaded=()) as processes:
        running = processes.start(_program(tmp_path, "print('ready', sys.argv[1:], os.getcwd(), os.environ['TMPDIR'], os.getpid(), flush=True)"))
        told = running.wait_until_ready("ready")

        assert told == f"ready ['one', 'two'] {tmp_path / 'own'} {tmp_path / 'own'} {running.pid}"
        assert running.pid != os.getpid()


@slow
@pytest.mark.usefixtures("_importable")
def test_what_ends_before_it_is_ready_is_named_without_its_output(tmp_path: Path) -> None:
    with Processes(preloaded=()) as processes:
        running = processes.start(_program(tmp_path, "raise ValueError('999984056')"))

        with pytest.raises(ProcessFailed, match="a program: ended before it was ready") as failed:
            running.wait_until_ready("ready")
        assert "999984056" not in str(failed.value)
        assert (tmp_path / "own" / "log").read_text(encoding="utf-8") == "ended by ValueError\n"


@slow
@pytest.mark.usefixtures("_importable")
def test_what_does_not_get_ready_in_time_is_named(tmp_path: Path) -> None:
    with Processes(preloaded=()) as processes:
        running = processes.start(_program(tmp_path, "signal.pause()"))

        with pytest.raises(ProcessFailed, match="not ready within 0 s"):
            running.wait_until_ready("ready", seconds=0.1)


@slow
@pytest.mark.usefixtures("_importable")
def test_its_exit_code_is_known(tmp_path: Path) -> None:
    with Processes(preloaded=()) as processes:
        assert processes.wait(processes.start(_program(tmp_path, "sys.exit(3)")), 60) == 3


@slow
@pytest.mark.usefixtures("_importable")
def test_one_that_ignores_a_polite_request_is_ended_by_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("testbed.processes._END_SECONDS", 0.2)
    with Processes(preloaded=()) as processes:
        running = processes.start(_program(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"))
        running.wait_until_ready("ready")
        processes.end(running)

        assert processes.wait(running, 0) == -signal.SIGKILL


@slow
@pytest.mark.usefixtures("_importable")
def test_a_stopped_one_is_ended_too_and_nothing_is_left(tmp_path: Path) -> None:
    with Processes(preloaded=()) as processes:
        running = processes.start(_program(tmp_path, "print('ready', flush=True); time.sleep(60)"))
        running.wait_until_ready("ready")
        processes.signal(running, signal.SIGSTOP)

    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)


@slow
@pytest.mark.usefixtures("_importable")
def test_a_signal_to_one_that_is_gone_reaches_nobody(tmp_path: Path) -> None:
    with Processes(preloaded=()) as processes:
        running = processes.start(_program(tmp_path, "pass"))
        processes.wait(running, 60)

        assert not processes.signal(running, signal.SIGTERM)


@slow
def test_everything_is_private_and_gone_at_the_end() -> None:
    with BlockingRegion.start(story=False, holders=["brinkhof"], people=40, patient=True) as region:
        root, agent = region.root, region.process_of("brinkhof")
        assert agent is not None
        assert stat.S_IMODE(root.stat().st_mode) == 0o700
        assert region.ask(DINA.bsn).holders["brinkhof"].ending is Ending.ANSWERED

    assert not root.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(agent.pid, 0)


@slow
@pytest.mark.anyio
async def test_it_can_be_awaited() -> None:
    async with Region.start(story=False, holders=["brinkhof", "wieke"], people=40) as region:
        await region.fault("brinkhof", "paused")
        paused = await region.ask(DINA.bsn)
        await region.heal("brinkhof")
        healed = await region.ask(DINA.bsn)

    assert paused.holders["brinkhof"].ending is Ending.PAUSED
    assert healed.complete
    assert sorted(healed.holders) == ["brinkhof", "wieke"]


@slow
def test_another_seed_makes_other_people_and_the_same_dina() -> None:
    with BlockingRegion.start(story=False, holders=["wieke"], seed=7, people=60, patient=True) as region:
        answered = sorted(record.json for record in region.ask(DINA.bsn).records if not record.is_companion)
        kept = region.kept("wieke").values()

    assert len(answered) == 5
    assert set(answered) <= set(kept)


@slow
def test_a_holder_that_is_not_one_of_the_testbed_is_refused() -> None:
    with pytest.raises(KeyError, match="bakery"), BlockingRegion.start(holders=["bakery"]):
        pass


def test_the_storys_region_has_ten_that_answer_and_one_that_does_not() -> None:
    holders = story_holders()

    assert sum(holder.answers for holder in holders) == 10
    assert [holder.name.value for holder in holders if not holder.answers] == ["reviant"]


@pytest.mark.parametrize(
    ("word", "name"), [("wieke", "wieke"), ("pharmacy", "vijzelmarke"), ("lab", "twickelaar"), ("hospital", "dinkelhorst"), ("gp", "brinkhof")]
)
def test_a_holder_is_meant_by_name_or_kind(word: str, name: str) -> None:
    assert holder_meant(word, STORY_HOLDERS).name.value == name


def test_a_word_for_no_holder_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownHolder, match="dinkelhorst"):
        holder_meant("bakery", STORY_HOLDERS)


def test_every_holder_has_a_key_of_its_own() -> None:
    keys = {key_of(holder.name.value) for holder in STORY_HOLDERS}

    assert len(keys) == len(STORY_HOLDERS)
    assert {len(key) for key in keys} == {64}


def test_a_fault_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(ValueError, match="no fault is called 'slwo'; there are: slow, frozen, dead"):
        FaultKind("slwo")
