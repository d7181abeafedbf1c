"""The judge of the journals finds a line that is missing, a step that has two, and a place that is given twice, and nothing where all is well."""

from dataclasses import replace
from pathlib import Path

import pytest

from accord.audit.journal import Journal
from accord.audit.places_events import PlaceStep
from accord.rules.placing.asker import At as Has
from accord.rules.placing.provider import At as Gives
from testbed.placing_audit import AtAsker, AtProvider, Verdict
from testbed.placing_lines import Line, judge_lines, lines_in

_LETTERS = (("asked", 1), ("received", 1), ("offered", 2), ("chosen", 2), ("granted", 3))
_LINES = [Line("weefgetouw", "a", what, letter) for what, letter in _LETTERS]
_GIVEN = [AtProvider("weefgetouw", "a", Gives.GRANTED, "spoel")]
_TAKEN = [AtAsker("weefgetouw", "a", Has.GRANTED)]


def _judged(there: list[Line], here: list[Line], given: list[AtProvider] = _GIVEN, asked: list[AtAsker] = _TAKEN) -> Verdict:
    verdict = Verdict()
    judge_lines(verdict, there, here, given, asked)
    return verdict


def test_a_place_whose_every_step_is_in_both_journals_is_sound() -> None:
    assert _judged(_LINES, _LINES).is_sound


@pytest.mark.parametrize("missing", range(len(_LINES)))
def test_a_line_that_is_missing_on_one_side_is_found(missing: int) -> None:
    fewer = [line for number, line in enumerate(_LINES) if number != missing]

    assert _judged(fewer, _LINES).lost
    assert _judged(_LINES, fewer).lost


def test_a_line_that_is_missing_on_both_sides_is_found_by_what_is_on_disk() -> None:
    verdict = _judged(_LINES[:-1], _LINES[:-1])

    assert len(verdict.lost) == 2


def test_a_step_that_was_written_down_twice_is_found() -> None:
    assert _judged([*_LINES, _LINES[-1]], _LINES).twice
    assert _judged(_LINES, [*_LINES, _LINES[-1]]).twice


def test_a_second_grant_to_the_same_request_is_found() -> None:
    again = [*_LINES, Line("weefgetouw", "a", "granted", 4)]

    assert _judged(again, again).twice == [
        "a was granted twice by weefgetouw, say the lines of its provider",
        "a was granted twice by weefgetouw, say the lines of its asker",
    ]


def test_a_place_that_is_given_to_somebody_in_the_journal_alone_is_found() -> None:
    second = [replace(line, request="b") for line in _LINES]

    assert _judged([*_LINES, *second], [*_LINES, *second]).twice


def test_what_was_taken_back_may_be_given_once_more() -> None:
    more = [*_LINES, Line("weefgetouw", "a", "withdrawn", 4), Line("weefgetouw", "a", "offered", 5), Line("weefgetouw", "a", "granted", 6)]

    assert _judged(more, more).is_sound


def test_two_that_do_not_say_the_same_of_a_letter_are_found() -> None:
    assert _judged(_LINES, [*_LINES[:-1], replace(_LINES[-1], what="gone")]).lost


def test_the_line_of_a_step_that_a_death_undid_is_no_second_step() -> None:
    died = [*_LINES[:-1], replace(_LINES[-1], shaky=True), replace(_LINES[-1], life=2)]
    never = [*_LINES, Line("weefgetouw", "b", "asked", 1, shaky=True)]

    assert _judged(died, _LINES).is_sound
    assert _judged(_LINES, never).is_sound
    assert _judged(_LINES, [replace(line, shaky=False) for line in never]).lost


def test_what_was_last_written_before_a_death_is_known(tmp_path: Path) -> None:
    moments = iter(range(1_700_000_000_000, 1_700_000_100_000))
    for life in (1, 2):
        with Journal(tmp_path, "90000001", clock=lambda: next(moments)) as journal:
            for letter in range(4):
                journal.append_now(PlaceStep(holder="90000002", peer="90000002", request="a", what="told", letter=letter + 4 * (life - 1)))

    found = lines_in(tmp_path, lambda step: step.holder)

    assert [(line.letter, line.life, line.shaky) for line in found] == [
        (1, 1, False), (2, 1, True), (3, 1, True), (4, 2, False), (5, 2, False), (6, 2, False), (7, 2, False),
    ]  # fmt: skip
