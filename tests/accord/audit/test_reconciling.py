"""Two journals side by side: what one sent the other received, and what differs is named."""

from pathlib import Path

import pytest

from accord.audit.content import Event
from accord.audit.events import PayloadsRemoved, RefusedQuestion
from accord.audit.reconciling import Difference, Differing, reconcile
from accord.terms.answers import Ending
from accord.terms.faults import Fault
from tests.accord.audit.scenes import GATEWAY_SYSTEM, NOON, closing, decision, journal_of, release

BOTH: list[Event] = [release("q1", 1), release("q1", 2, digest="2d" * 32), release("q2", 1)]


@pytest.fixture
def holder(tmp_path: Path) -> Path:
    return journal_of(tmp_path / "holder", [decision("q1"), *BOTH, closing("q1"), closing("q2")])


def gateway(tmp_path: Path, *events: Event) -> Path:
    return journal_of(tmp_path / "gateway", events, GATEWAY_SYSTEM)


def test_journals_that_agree_agree(tmp_path: Path, holder: Path) -> None:
    elsewhere = release("q1", 1, holder="00000005", digest="99" * 32)  # another holder's, in the same question
    found = reconcile(holder, gateway(tmp_path, *BOTH, elsewhere, closing("q1"), closing("q2")))

    assert (found.agreed, found.differences, found.in_order) == (3, [], True)


def test_a_batch_that_the_gateway_has_and_the_holder_has_not_is_a_difference(tmp_path: Path, holder: Path) -> None:
    found = reconcile(holder, gateway(tmp_path, *BOTH, release("q2", 2), closing("q1"), closing("q2")))

    assert found.differences == [Differing("q2", 2, Difference.NOT_SENT)]
    assert not found.in_order


@pytest.mark.parametrize("changed", [{"digest": "ff" * 32}, {"count": 3}])
def test_a_batch_that_both_have_with_another_digest_or_count_is_a_difference(tmp_path: Path, holder: Path, changed: dict[str, object]) -> None:
    found = reconcile(holder, gateway(tmp_path, *BOTH[:2], release("q2", 1, **changed), closing("q1"), closing("q2")))

    assert found.differences == [Differing("q2", 1, Difference.OTHERWISE)]
    assert not found.in_order


def test_a_batch_that_was_under_way_at_a_crash_is_explained(tmp_path: Path, holder: Path) -> None:
    found = reconcile(holder, gateway(tmp_path, *BOTH[:1], closing("q1", Ending.CUT_OFF)))

    assert found.differences == [Differing("q1", 2, Difference.UNDER_WAY), Differing("q2", 1, Difference.UNDER_WAY)]
    assert found.in_order


def test_a_batch_that_is_missing_of_an_answer_that_was_heard_out_is_not_explained(tmp_path: Path, holder: Path) -> None:
    found = reconcile(holder, gateway(tmp_path, *BOTH[1:], closing("q1"), closing("q2")))

    assert found.differences == [Differing("q1", 1, Difference.NOT_RECEIVED)]
    assert not found.in_order


def test_a_batch_that_a_cut_kept_in_behind_its_line_is_explained(tmp_path: Path) -> None:
    holder = journal_of(tmp_path / "holder", [decision("q1"), release("q1", 1), closing("q1", Ending.CUT_OFF)])
    found = reconcile(holder, gateway(tmp_path, closing("q1", Ending.NOTHING_SHOWN)))

    assert found.differences == [Differing("q1", 1, Difference.UNDER_WAY)]
    assert found.in_order


def test_p12_a_second_answer_of_one_id_that_is_cut_short_hides_no_batch_of_the_first(tmp_path: Path) -> None:
    twice = [decision("q1", answer="a"), release("q1", 1, answer="a"), closing("q1", answer="a"), decision("q1", answer="b")]
    holder = journal_of(tmp_path / "holder", [*twice, closing("q1", Ending.CUT_OFF, answer="b")])
    found = reconcile(holder, gateway(tmp_path, closing("q1")))

    assert found.differences == [Differing("q1", 1, Difference.NOT_RECEIVED)]


def test_what_one_side_has_removed_after_retention_is_out_of_reach(tmp_path: Path, holder: Path) -> None:
    removed = PayloadsRemoved(before=2**50, upto=1, count=0)
    found = reconcile(holder, gateway(tmp_path, removed))

    assert (found.out_of_reach, found.differences) == (3, [])


def test_p12_a_gateway_that_uses_an_id_twice_hides_no_batch_with_it(tmp_path: Path) -> None:
    twice = [decision("q1", answer="a"), release("q1", 1, answer="a"), decision("q1", answer="b"), release("q1", 1, answer="b")]
    holder = journal_of(tmp_path / "holder", [*twice, closing("q1", answer="b")])

    assert reconcile(holder, gateway(tmp_path / "both", release("q1", 1), release("q1", 1), closing("q1"))).agreed == 2
    found = reconcile(holder, gateway(tmp_path / "one", release("q1", 1), closing("q1")))
    assert (found.agreed, found.differences) == (1, [Differing("q1", 1, Difference.NOT_RECEIVED)])


def test_p12_a_batch_of_today_is_not_out_of_reach_because_the_gateway_used_its_id_long_ago(tmp_path: Path) -> None:
    removed = PayloadsRemoved(before=NOON - 3_600_000, upto=1, count=1)
    holder = journal_of(tmp_path / "holder", [removed, release("q1", 1), closing("q1")])
    found = reconcile(holder, gateway(tmp_path, release("q1", 1, moment=NOON - 7_200_000), closing("q1")))

    assert (found.agreed, found.out_of_reach, found.differences) == (0, 1, [Differing("q1", 1, Difference.NOT_RECEIVED)])


def test_lines_of_one_batch_on_either_side_of_what_was_removed_are_no_difference(tmp_path: Path) -> None:
    holder = journal_of(tmp_path / "holder", [release("q1", 1, moment=NOON - 5)])
    removed = PayloadsRemoved(before=NOON, upto=1, count=1)
    found = reconcile(holder, gateway(tmp_path, removed, release("q1", 1, moment=NOON + 5), closing("q1")))

    assert (found.out_of_reach, found.differences) == (1, [])


def test_a_question_of_which_the_gateway_has_no_line_at_all_is_not_explained(tmp_path: Path, holder: Path) -> None:
    later = RefusedQuestion(fault=Fault.TOKEN_INVALID, moment=NOON + 120_000)
    found = reconcile(holder, gateway(tmp_path / "silent", *BOTH[:2], closing("q1"), later))

    assert found.differences == [Differing("q2", 1, Difference.NEVER_ASKED)]
    assert not found.in_order
    known = reconcile(holder, gateway(tmp_path / "asked", *BOTH[:2], closing("q1"), decision("q2", holder=""), later))
    assert known.differences == [Differing("q2", 1, Difference.UNDER_WAY)]


def test_a_holder_without_any_batch_hides_none_that_the_gateway_received(tmp_path: Path) -> None:
    emptied = journal_of(tmp_path / "emptied", [])
    found = reconcile(emptied, gateway(tmp_path, *BOTH))

    assert [one.how for one in found.differences] == [Difference.NOT_SENT] * 3


def test_batches_for_another_gateway_are_counted_apart(tmp_path: Path) -> None:
    holder = journal_of(tmp_path / "holder", [*BOTH, release("q3", peer="00000008")])
    found = reconcile(holder, gateway(tmp_path, *BOTH))

    assert (found.agreed, found.differences, found.elsewhere) == (3, [], 1)
