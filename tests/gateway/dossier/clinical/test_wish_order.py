"""Which statements of one holder about one subject hold, and which were earlier."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.wish_order import Hold, order_of, standing
from gateway.dossier.clinical.wish_reading import wishes_at
from gateway.dossier.clinical.wishes import Answer, Validity, Wish
from gateway.dossier.words import Wording
from tests.gateway.dossier.clinical.wish_records import directive, read, tree

AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def wish(answer: Answer = Answer.NO, when: str = "", ended: str = "", recorded: str = "", begins: str = "", validity: Validity = Validity.VALID) -> Wish:
    words = Wording(answer.value, answer.value)
    return Wish(None, "reanimatie", answer, words, when=when, ended=ended, recorded=recorded, begins=begins, validity=validity)


def holds(*wishes: Wish) -> list[Hold]:
    return list(standing(wishes, AT))


def test_the_newest_valid_statement_is_on_top_and_the_older_is_earlier() -> None:
    older, newer = wish(Answer.YES, "2021-04-01"), wish(Answer.NO, "2026-11-09")

    assert order_of([older, newer], AT) == ((newer, Hold.HOLDS), (older, Hold.REPLACED))


def test_two_of_the_same_day_that_differ_both_hold_whatever_their_clocks_say() -> None:
    assert holds(wish(Answer.YES, "2020-05-16T13:23:43+02:00"), wish(Answer.NO, "2020-05-16T13:24:04+02:00")) == [Hold.HOLDS, Hold.HOLDS]
    assert holds(wish(Answer.YES, "2020-05-16"), wish(Answer.NO, "2020-05-16T23:59:00+02:00")) == [Hold.HOLDS, Hold.HOLDS]


def test_a_day_is_a_day_here() -> None:
    assert holds(wish(Answer.YES, "2020-05-16T22:30:00Z"), wish(Answer.NO, "2020-05-17")) == [Hold.HOLDS, Hold.HOLDS]


@pytest.mark.parametrize("when", ["2026", "2026-11"])
def test_a_partial_date_that_can_mean_the_same_day_takes_no_place(when: str) -> None:
    assert holds(wish(Answer.YES, when), wish(Answer.NO, "2026-11-09")) == [Hold.HOLDS, Hold.HOLDS]


def test_a_year_before_is_earlier() -> None:
    assert holds(wish(Answer.YES, "2025"), wish(Answer.NO, "2026")) == [Hold.REPLACED, Hold.HOLDS]


@pytest.mark.parametrize("when", ["", "gisteren", "2026-13-45"])
def test_a_statement_without_a_date_takes_no_place_and_loses_none(when: str) -> None:
    assert holds(wish(Answer.YES, when), wish(Answer.NO, "2026-11-09")) == [Hold.HOLDS, Hold.HOLDS]


def test_a_record_with_two_dates_can_mean_either() -> None:
    assert holds(wish(Answer.YES, "2018-11-28", recorded="2020-05-16"), wish(Answer.NO, "2020-05-16")) == [Hold.HOLDS, Hold.HOLDS]


@pytest.mark.parametrize(
    ("ended", "hold"), [("2012-10-15", Hold.ENDED), ("2025", Hold.ENDED), ("2026-11-23", Hold.HOLDS), ("2026", Hold.HOLDS), ("", Hold.HOLDS)]
)
def test_what_ended_does_not_hold_and_its_last_day_still_counts(ended: str, hold: Hold) -> None:
    assert holds(wish(when="2010", ended=ended)) == [hold]


def test_what_ended_takes_no_other_s_place() -> None:
    assert holds(wish(Answer.NO, "2020"), wish(Answer.YES, "2022", ended="2023")) == [Hold.HOLDS, Hold.ENDED]


def test_what_counts_from_a_later_day_takes_no_place_yet() -> None:
    assert holds(wish(Answer.NO, "2020"), wish(Answer.YES, "2026-11-01", begins="2027-01-01")) == [Hold.HOLDS, Hold.NOT_YET]


@pytest.mark.parametrize(("validity", "hold"), [(Validity.NOT_VALID, Hold.NOT_VALID), (Validity.IN_ERROR, Hold.IN_ERROR)])
def test_what_is_not_valid_takes_no_place_and_stands_below(validity: Validity, hold: Hold) -> None:
    valid, other = wish(Answer.NO, "2020"), wish(Answer.IN_WORDS, "2026-11-09", validity=validity)

    assert order_of([other, valid], AT) == ((valid, Hold.HOLDS), (other, hold))


@pytest.mark.parametrize("answer", [Answer.NOT_RECORDED, Answer.UNDECIDED])
def test_a_statement_without_an_answer_takes_no_place(answer: Answer) -> None:
    assert holds(wish(Answer.NO, "2020"), wish(answer, "2026-11-09")) == [Hold.HOLDS, Hold.HOLDS]


DATES = st.sampled_from(
    [
        "",
        "x",
        "2019",
        "2020",
        "2020-05",
        "2020-05-16",
        "2020-05-16T13:23:43+02:00",
        "2020-05-16T22:30:00Z",
        "2026-11-09",
        "2030",
        "0001",
        "9999-12-31T23:59:59Z",
    ]
)
WISHES = st.builds(wish, st.sampled_from(Answer), when=DATES, ended=DATES, recorded=DATES, begins=DATES, validity=st.sampled_from(Validity))


@given(st.lists(WISHES, max_size=8), st.randoms(use_true_random=False))
def test_the_order_in_which_they_came_makes_no_difference(wishes: list[Wish], random: object) -> None:
    mixed = wishes[:]
    random.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis types its random loosely

    assert order_of(mixed, AT) == order_of(wishes, AT)


@given(st.lists(WISHES, max_size=8))
def test_each_is_there_once_and_something_holds_where_something_is_in_force(wishes: list[Wish]) -> None:
    found = order_of(wishes, AT)
    alone = [standing([one], AT)[0] for one in wishes]

    assert sorted(map(repr, wishes)) == sorted(repr(one) for one, _ in found)
    assert any(hold is Hold.HOLDS for _, hold in found) == (Hold.HOLDS in alone)


def test_a_wish_that_is_read_for_a_moment_says_whether_it_holds_then() -> None:
    records = [directive("deny"), directive("deny", status="draft"), directive("deny", provision={"period": {"end": "2025"}})]

    assert [wish.holds for record in records for wish in wishes_at(AT)(tree(record), lambda _: None, table())] == [True, False, False]
    assert [wish.holds for record in records for wish in read(record)] == [True, False, True]
