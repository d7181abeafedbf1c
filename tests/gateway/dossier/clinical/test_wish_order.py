"""Which statements of one holder about one subject hold, and which were earlier, as the screen puts them together."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.identifiers import HolderName
from accord.terms.vocabulary import Section
from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.grouping import group
from gateway.dossier.clinical.groups import Group, Kind, Standing
from gateway.dossier.clinical.reading import wish_line
from gateway.dossier.clinical.wish_order import in_force
from gateway.dossier.clinical.wish_reading import wishes_at
from gateway.dossier.clinical.wishes import Answer, Validity, Wish
from gateway.dossier.window import Origin
from gateway.dossier.words import Wording
from tests.gateway.dossier.clinical.wish_records import directive, read, tree

AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def wish(answer: Answer = Answer.NO, when: str = "", ended: str = "", recorded: str = "", begins: str = "", validity: Validity = Validity.VALID) -> Wish:
    words = Wording(answer.value, answer.value)
    return Wish(None, "reanimatie", answer, words, when=when, ended=ended, recorded=recorded, begins=begins, validity=validity)


def groups_of(*wishes: Wish) -> tuple[Group, ...]:
    """What one holder says of one subject, as the section has it."""
    records = [replace(one, holds=in_force(one, AT)) for one in wishes]
    lines = [wish_line(Origin(HolderName("brinkhof"), "Consent", str(number)), "active", 0, one) for number, one in enumerate(records)]
    (thread,) = group(Section.PLANNING_AHEAD, lines)
    return thread.groups


def holds(*wishes: Wish) -> list[Standing]:
    """How each of these stands."""
    standing = {line.origin.id: found.standing for found in groups_of(*wishes) for line in found.lines}
    return [standing[str(number)] for number in range(len(wishes))]


def test_the_newest_valid_statement_is_on_top_and_the_older_is_earlier() -> None:
    older, newer = wish(Answer.YES, "2021-04-01"), wish(Answer.NO, "2026-11-09")

    assert [(found.standing, found.lines[0].wish) for found in groups_of(older, newer)] == [(Standing.VALID, newer), (Standing.EARLIER, older)]


def test_two_of_the_same_day_that_differ_both_hold_whatever_their_clocks_say() -> None:
    first, second = wish(Answer.YES, "2020-05-16T13:23:43+02:00"), wish(Answer.NO, "2020-05-16T13:24:04+02:00")

    assert [found.kind for found in groups_of(first, second)] == [Kind.CONFLICT]
    assert holds(first, second) == [Standing.VALID, Standing.VALID]
    assert holds(wish(Answer.YES, "2020-05-16"), wish(Answer.NO, "2020-05-16T23:59:00+02:00")) == [Standing.VALID, Standing.VALID]


def test_a_day_is_a_day_here() -> None:
    assert holds(wish(Answer.YES, "2020-05-16T22:30:00Z"), wish(Answer.NO, "2020-05-17")) == [Standing.VALID, Standing.VALID]


@pytest.mark.parametrize("when", ["2026", "2026-11"])
def test_a_partial_date_that_can_mean_the_same_day_takes_no_place(when: str) -> None:
    assert holds(wish(Answer.YES, when), wish(Answer.NO, "2026-11-09")) == [Standing.VALID, Standing.VALID]


def test_a_year_before_is_earlier() -> None:
    assert holds(wish(Answer.YES, "2025"), wish(Answer.NO, "2026")) == [Standing.EARLIER, Standing.VALID]


@pytest.mark.parametrize("when", ["", "gisteren", "2026-13-45"])
def test_a_statement_without_a_date_takes_no_place_and_loses_none(when: str) -> None:
    assert holds(wish(Answer.YES, when), wish(Answer.NO, "2026-11-09")) == [Standing.VALID, Standing.VALID]


def test_a_record_with_two_dates_can_mean_either() -> None:
    assert holds(wish(Answer.YES, "2018-11-28", recorded="2020-05-16"), wish(Answer.NO, "2020-05-16")) == [Standing.VALID, Standing.VALID]


@pytest.mark.parametrize(
    ("ended", "hold"),
    [("2012-10-15", Standing.EARLIER), ("2025", Standing.EARLIER), ("2026-11-23", Standing.VALID), ("2026", Standing.VALID), ("", Standing.VALID)],
)
def test_what_ended_does_not_hold_and_its_last_day_still_counts(ended: str, hold: Standing) -> None:
    assert holds(wish(when="2010", ended=ended)) == [hold]


def test_what_ended_takes_no_other_s_place() -> None:
    assert holds(wish(Answer.NO, "2020"), wish(Answer.YES, "2022", ended="2023")) == [Standing.VALID, Standing.EARLIER]


def test_what_counts_from_a_later_day_takes_no_place_yet() -> None:
    assert holds(wish(Answer.NO, "2020"), wish(Answer.YES, "2026-11-01", begins="2027-01-01")) == [Standing.VALID, Standing.EARLIER]


@pytest.mark.parametrize(("validity", "hold"), [(Validity.NOT_VALID, Standing.EARLIER), (Validity.IN_ERROR, Standing.IN_ERROR)])
def test_what_is_not_valid_takes_no_place_and_stands_below(validity: Validity, hold: Standing) -> None:
    valid, other = wish(Answer.NO, "2020"), wish(Answer.IN_WORDS, "2026-11-09", validity=validity)

    assert [(found.standing, found.lines[0].says) for found in groups_of(other, valid)] == [(Standing.VALID, valid.says), (hold, other.says)]


@pytest.mark.parametrize("answer", [Answer.NOT_RECORDED, Answer.UNDECIDED])
def test_a_statement_without_an_answer_takes_no_place(answer: Answer) -> None:
    assert holds(wish(Answer.NO, "2020"), wish(answer, "2026-11-09")) == [Standing.VALID, Standing.VALID]


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


def standings(wishes: list[Wish]) -> list[tuple[str, str]]:
    """How each stands, whoever comes first."""
    return sorted((repr(one), standing.value) for one, standing in zip(wishes, holds(*wishes), strict=True))


@given(st.lists(WISHES, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_in_which_they_came_makes_no_difference(wishes: list[Wish], random: object) -> None:
    mixed = wishes[:]
    random.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis types its random loosely

    assert standings(mixed) == standings(wishes)


@given(st.lists(WISHES, min_size=1, max_size=8))
def test_each_is_there_once_and_something_holds_where_something_is_in_force(wishes: list[Wish]) -> None:
    found = [line.origin.id for group in groups_of(*wishes) for line in group.lines]

    assert sorted(found) == sorted(str(number) for number in range(len(wishes)))
    assert (Standing.VALID in holds(*wishes)) == any(in_force(one, AT) for one in wishes)


def test_a_wish_that_is_read_for_a_moment_says_whether_it_holds_then() -> None:
    records = [directive("deny"), directive("deny", status="draft"), directive("deny", provision={"period": {"end": "2025"}})]

    assert [wish.holds for record in records for wish in wishes_at(AT)(tree(record), lambda _: None, table())] == [True, False, False]
    assert [wish.holds for record in records for wish in read(record)] == [True, False, True]
