"""Real processes die while places are asked for: none is given twice, none is lost, and the judge finds what is planted."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from msgspec import structs
from typer.testing import CliRunner

from accord.audit.journal import Journal
from accord.audit.places_events import PlaceStep
from accord.audit.segments import segments
from accord.audit.verifying import events_of, party_of
from accord.journal_cli import app
from testbed.places_crowd import crowd
from testbed.placing_audit import Verdict
from testbed.placing_journals import Journals
from testbed.placing_kills import KNOWN_SECONDS, many, small_runs
from testbed.placing_records import judge
from testbed.placing_world import PlacingWorld
from testbed.region_places import CONNECT

pytestmark = pytest.mark.slow
_PROVIDERS = 3
_RUNS = 6


@pytest.fixture(scope="module")
def world() -> Iterator[PlacingWorld]:
    """Three providers whose places anybody gets at once, and a real proxy that asks for them."""
    with PlacingWorld.start(crowd(_PROVIDERS, places=0, instant=True), through_connect=True) as running:
        yield running


def test_no_place_is_given_twice_or_lost_while_processes_are_killed(world: PlacingWorld) -> None:
    account = small_runs(world, range(9000, 9000 + _RUNS))

    assert (account.twice, account.lost, account.unknown) == ([], [], [])
    assert account.runs == _RUNS
    assert sum(account.kills.values()) >= _RUNS
    assert account.placed
    for journal in (world.end.folder / "journal", *world.region.journals.values()):
        assert CliRunner().invoke(app, ["verify", str(journal)]).exit_code == 0


def test_a_proxy_that_is_killed_while_it_asks_knows_all_of_it_when_it_is_back(world: PlacingWorld) -> None:
    world.open("died", dict.fromkeys(world.crowd.places, 1))
    asked = [world.ask(list(world.crowd.places), "died") for _ in range(2)]
    world.kill(CONNECT)
    world.start_again(CONNECT)
    asked.append(world.ask(list(world.crowd.places), "died"))
    verdict, _ = world.settled(KNOWN_SECONDS)

    assert (verdict.twice, verdict.lost, verdict.unknown) == ([], [], [])
    assert set(asked) <= (world.end.known() or set())


def test_more_requests_than_places_at_once_end_in_a_known_state() -> None:
    with PlacingWorld.start(crowd(_PROVIDERS, places=4, instant=True), through_connect=True) as running:
        account = many(running, 40, seed=7, of_each=2)

    assert (account.twice, account.lost, account.unknown) == ([], [], [])
    assert 0 < account.placed <= sum(running.crowd.counted.values())


def test_a_place_that_a_real_provider_gives_twice_is_found() -> None:
    with PlacingWorld.start(crowd(1, places=0, instant=True)) as running:
        for run in ("as-it-is", "one-too-many"):
            running.open(run, {"huis-00": 1})
            if run == "one-too-many":
                with closing(sqlite3.connect(running.region.stores["huis-00"], timeout=10)) as store, store:
                    store.execute("UPDATE opening SET counted = counted + 1 WHERE id = ?", (f"huis-00-{run}",))
            for _ in range(2):
                running.ask(["huis-00"], run)
            verdict, _ = running.settled(KNOWN_SECONDS if run == "as-it-is" else 2.0)

            assert bool(verdict.twice) is (run == "one-too-many")
            assert verdict.lost == []


@dataclass(frozen=True, slots=True)
class Kept:
    """What two parties have on disk of one request that was granted: copies, in which anything may be planted."""

    root: Path
    case: str
    places: Mapping[str, int]

    @property
    def store(self) -> Path:
        """The provider's."""
        return self.root / "provider.db"

    @property
    def journal(self) -> Path:
        """The provider's."""
        return self.root / "journal"

    @property
    def asker(self) -> Path:
        """The folder with its searches and its journal."""
        return self.root / "asker"

    def judged(self) -> Verdict:
        """Both stores and both journals, laid beside each other."""
        verdict = judge(self.asker / "searches.db", {"huis-00": self.store}, self.places, frozenset({self.case}))
        Journals(self.asker, {"huis-00": self.journal}).judge(verdict, {"huis-00": self.store})
        return verdict


@pytest.fixture(scope="module")
def granted(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """One that is sound, of processes that have ended."""
    root = tmp_path_factory.mktemp("granted")
    with PlacingWorld.start(crowd(1, places=1, instant=True), through_connect=True) as running:
        case = running.ask(["huis-00"])
        assert running.settled(KNOWN_SECONDS)[0].is_sound
        for name in running.victims:
            running.kill(name)
        # A log that a killed process left is taken up first: the copy is of the file alone.
        with closing(sqlite3.connect(running.region.stores["huis-00"])) as store:
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree(running.end.folder, root / "asker")
        shutil.copytree(running.region.journals["huis-00"], root / "journal")
        shutil.copy(running.region.stores["huis-00"], root / "provider.db")
        return Kept(root, case, dict(running.places))


def _nothing(_kept: Kept) -> None:
    """All is as it should be."""


def _forget_it(kept: Kept) -> None:
    with closing(sqlite3.connect(kept.store)) as store, store:
        store.execute("UPDATE leg SET state = 'ended' WHERE request = ?", (kept.case,))


def _promise_it_without_a_line(kept: Kept) -> None:
    with closing(sqlite3.connect(kept.store)) as store, store:
        store.execute("UPDATE leg SET state = 'arrived' WHERE request = ?", (kept.case,))


def _cut_the_line_out(kept: Kept) -> None:
    (segment,) = segments(kept.journal)
    lines = segment.path.read_bytes().splitlines(keepends=True)
    segment.path.write_bytes(b"".join(line for line in lines if b"granted" not in line))


def _write_it_down_again(kept: Kept) -> None:
    _written(kept.journal, kept.case, 1)


def _write_down_another(kept: Kept) -> None:
    _written(kept.asker / "journal", kept.case, 7)


def _written(folder: Path, case: str, more: int) -> None:
    steps = (event for _, event in events_of(folder, kind="place-step") if isinstance(event, PlaceStep))
    granted = next(step for step in steps if (step.request, step.what) == (case, "granted"))
    with Journal(folder, party_of(folder)) as journal:
        journal.append_now(structs.replace(granted, moment=0, letter=granted.letter + more))


@pytest.mark.parametrize(
    ("plant", "what"),
    [
        (_nothing, ""),
        (_forget_it, "lost"),
        (_promise_it_without_a_line, "lost"),
        (_cut_the_line_out, "lost"),
        (_write_it_down_again, "twice"),
        (_write_down_another, "twice"),
    ],
)
def test_a_grant_that_one_side_lost_or_wrote_down_twice_is_found(granted: Kept, tmp_path: Path, plant: Callable[[Kept], None], what: str) -> None:
    kept = replace(granted, root=shutil.copytree(granted.root, tmp_path / "kept"))
    plant(kept)
    verdict = kept.judged()

    assert verdict.is_sound is (not what)
    assert not what or getattr(verdict, what)
