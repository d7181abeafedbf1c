"""After retention the content goes and the chain stays."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accord.audit.events import HeadSigned, PayloadsRemoved
from accord.audit.heads import Head
from accord.audit.pruning import prune
from accord.audit.reading import JournalReader
from accord.audit.verifying import events_of, verify
from accord.terms.faults import BadInput, Fault, Unavailable
from accord.terms.identifiers import Ura
from tests.accord.audit.scenes import HOLDER, PATIENT, SYSTEM, decision, journal_of, lines_in, opened, release

OLD = datetime(2019, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 22, tzinfo=UTC)
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def clock() -> int:
    return ms(NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal of which the first lines are past retention, over several files."""
    head = HeadSigned(n=1, chain="00" * 32, head="a.b.c")
    old = [decision("old"), release("old"), head] * 5
    journal_of(tmp_path / "journal", old, clock=lambda: ms(OLD), segment_bytes=6_000)
    return journal_of(tmp_path / "journal", [decision("young"), release("young")], clock=clock)


def test_p10_content_past_retention_is_removed_and_the_chain_holds(folder: Path) -> None:
    before = verify(folder)
    head = Head(Ura(HOLDER), before.lines, before.chain, 0)

    removed = prune(folder, SYSTEM, BEFORE, clock=clock)

    after = verify(folder, [head])
    assert (after.breaks, after.removed, after.unfinished) == ([], removed, 0)
    assert removed == 12  # five decisions, five releases, a start and a stop
    text = b"".join(lines_in(folder))
    assert b'"query":"old"' not in text
    assert b'"query":"young"' in text
    assert text.count(b'"event":"head-signed"') == 5
    (stated,) = [event for _, event in events_of(folder) if isinstance(event, PayloadsRemoved)]
    assert (stated.count, stated.before) == (removed, ms(BEFORE))


def test_the_journal_goes_on_after_it_and_a_second_time_removes_nothing(folder: Path) -> None:
    prune(folder, SYSTEM, BEFORE, clock=clock)

    assert prune(folder, SYSTEM, BEFORE, clock=clock) == 0
    journal_of(folder, [decision("later")], clock=clock)
    assert not verify(folder).breaks


def test_what_is_younger_than_five_years_is_refused(folder: Path) -> None:
    with pytest.raises(BadInput) as refusal:
        prune(folder, SYSTEM, NOW - timedelta(days=5 * 365), clock=clock)
    assert refusal.value.fault is Fault.TOO_YOUNG

    assert verify(folder).removed == 0


def test_content_that_was_removed_without_a_line_about_it_is_found(folder: Path) -> None:
    prune(folder, SYSTEM, BEFORE, clock=clock)
    path = sorted(folder.glob("*.journal"))[-2]
    lines = path.read_bytes().splitlines(keepends=True)
    line = next(text for text in lines if b'"query":"young"' in text)
    blank = line[: line.index(b'"salt"')] + b'"salt":null,"payload":null}\n'
    path.write_bytes(path.read_bytes().replace(line, blank))

    (broken,) = verify(folder).breaks

    assert "13 lines have no content, and of 12" in broken.what


def test_a_removal_that_was_interrupted_is_noticed_and_finished(folder: Path) -> None:
    whole = {path: path.read_bytes() for path in sorted(folder.glob("*.journal"))[:2]}
    prune(folder, SYSTEM, BEFORE, clock=clock)
    path, content = next(iter(whole.items()))
    path.write_bytes(content)  # as if it had stopped before this file
    assert verify(folder).unfinished > 0
    assert not verify(folder).breaks

    prune(folder, SYSTEM, BEFORE, clock=clock)

    assert verify(folder).unfinished == 0
    assert not verify(folder).breaks
    assert b'"query":"old"' not in b"".join(lines_in(folder))


def test_it_waits_for_nobody_who_has_the_journal_open(folder: Path) -> None:
    with opened(folder, SYSTEM), pytest.raises(Unavailable):
        prune(folder, SYSTEM, BEFORE, clock=clock)


@pytest.mark.anyio
async def test_the_index_notices_that_lines_changed_their_place(folder: Path, tmp_path: Path) -> None:
    reader = JournalReader(folder, tmp_path / "index.sqlite")
    assert {access.query for access in await reader.accesses(PATIENT, OLD, NOW + timedelta(days=1))} == {"young", "old"}

    prune(folder, SYSTEM, BEFORE, clock=clock)

    assert {access.query for access in await reader.accesses(PATIENT, OLD, NOW + timedelta(days=1))} == {"young"}
    reader.close()
