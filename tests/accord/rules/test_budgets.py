"""Budgets count different patients exactly, whoever asks and however often, and never hold more than they must."""

from dataclasses import replace
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.budgets import HOUR, Alarm, Level, Limits, Overspent, Spender, Spending, Spent
from accord.terms.identifiers import Ura
from accord.terms.policies import Budget

GATEWAY = Ura("90000009")
HOSPITAL = Ura("90000001")
POST = Ura("90000002")
SANNE = Spender(GATEWAY, HOSPITAL, "900001")
SMALL = Limits(professional=2, organisation=3, gateway=4)


def patient(number: int) -> bytes:
    return number.to_bytes(32, "big")


class Naive:
    """The same promise, by counting everything again for each question."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.past: list[tuple[float, Spender, int]] = []

    def spend(self, spender: Spender, who: int, limits: Limits, at: float) -> Level | None:
        """As the rule promises."""
        recent = [(other, whom) for moment, other, whom in self.past if moment >= at - self.seconds]
        levels = [
            (Level.PROFESSIONAL, limits.professional, attrgetter("organisation", "professional")),
            (Level.ORGANISATION, limits.organisation, attrgetter("organisation")),
            (Level.GATEWAY, limits.gateway, attrgetter("gateway")),
        ]
        for level, limit, key in levels:
            if (level is Level.PROFESSIONAL and not spender.professional) or (level is not Level.GATEWAY and spender.organisation is None):
                continue
            if limit is not None and len({whom for other, whom in recent if key(other) == key(spender) and (key(other) != (None, ""))} | {who}) > limit:
                return level
        self.past.append((at, spender, who))
        return None


spenders = st.sampled_from([
    SANNE,
    replace(SANNE, professional="900002"),
    Spender(GATEWAY, POST, "900001"),
    Spender(GATEWAY, POST),
    Spender(GATEWAY),
    Spender(Ura("90000008"), HOSPITAL, "900001"),
])  # fmt: skip
questions = st.lists(st.tuples(st.integers(0, 4), spenders, st.integers(0, 7)), max_size=60)
limits_of_a_region = st.builds(Limits, st.integers(0, 3), st.integers(1, 5), st.integers(1, 6))


@given(questions, limits_of_a_region)
def test_the_sliding_count_is_that_of_a_naive_model(asked: list[tuple[int, Spender, int]], limits: Limits) -> None:
    spending, naive, at = Spending(10), Naive(10), 0.0
    for pause, spender, who in asked:
        at += pause
        over = spending.spend(spender, patient(who), limits, at)

        assert (over.level if over else None) == naive.spend(spender, who, limits, at)


@given(questions, limits_of_a_region)
def test_no_hour_wherever_it_begins_holds_more_than_the_budget(asked: list[tuple[int, Spender, int]], limits: Limits) -> None:
    spending, at, admitted = Spending(10), 0.0, list[tuple[float, Spender, int]]()
    for pause, spender, who in asked:
        at += pause
        if spending.spend(spender, patient(who), limits, at) is None:
            admitted.append((at, spender, who))

    for begin, of, _ in admitted:
        within = {who for moment, spender, who in admitted if begin <= moment <= begin + 10 and spender.gateway == of.gateway}
        assert limits.gateway is not None
        assert len(within) <= limits.gateway


@given(questions, limits_of_a_region, st.randoms(use_true_random=False))
def test_a_restart_is_no_way_around_a_budget(asked: list[tuple[int, Spender, int]], limits: Limits, chance: object) -> None:
    before, at, past = Spending(10), 100.0, list[tuple[float, Spender, int]]()
    for pause, spender, who in asked:
        at += pause
        if before.spend(spender, patient(who), limits, at) is None:
            past.append((at, spender, who))
    after, clock = Spending(10), 5.0  # another boot, another clock
    chance.shuffle(past)  # type: ignore[attr-defined]
    after.restore([Spent(at - moment, spender, patient(who)) for moment, spender, who in past], limits, clock)

    for spender in (SANNE, Spender(GATEWAY, POST, "900001"), Spender(GATEWAY)):
        for who in range(20, 28):
            first = before.spend(spender, patient(who), limits, at)
            second = after.spend(spender, patient(who), limits, clock)
            assert (first and first.level) == (second and second.level)


def test_a_hundred_questions_about_one_patient_are_an_ordinary_afternoon() -> None:
    spending = Spending()

    assert [spending.spend(SANNE, patient(1), SMALL, at) for at in range(100)] == [None] * 100


def test_d2_numbers_that_are_tried_are_refused_at_the_budget_exactly_and_alarmed_once() -> None:
    spending, limits = Spending(), Limits.of(Budget(per_professional=60))
    answers = [spending.spend(SANNE, patient(number), limits, number / 100) for number in range(100_000)]

    assert answers[:60] == [None] * 60
    assert all(isinstance(answer, Overspent) and answer.level is Level.PROFESSIONAL for answer in answers[60:])
    assert [answer.alarm for answer in answers if answer and answer.alarm] == [Alarm(Level.PROFESSIONAL, GATEWAY, HOSPITAL, "900001", 60)]
    assert spending.entries < 400


def test_an_alarm_is_given_again_in_the_next_window_only() -> None:
    spending, limits = Spending(), Limits(1, None, None)
    spending.spend(SANNE, patient(1), limits, 0)
    alarms = []
    for at in (1, 2, HOUR + 1, HOUR + 2, HOUR + 3):
        spending.spend(SANNE, patient(1), limits, at)
        over = spending.spend(SANNE, patient(2), limits, at)
        alarms.append(over is not None and over.alarm is not None)

    assert alarms == [True, False, False, True, False]


def test_who_is_refused_uses_up_nothing_of_anybody_else() -> None:
    spending = Spending()
    for number in range(50):
        spending.spend(SANNE, patient(number), SMALL, 0)

    assert spending.spend(replace(SANNE, professional="900002"), patient(60), SMALL, 0) is None


def test_an_organisation_cannot_spend_for_a_professional_of_somebody_else() -> None:
    spending, limits = Spending(), Limits(1, None, None)
    spending.spend(replace(SANNE, organisation=POST), patient(1), limits, 0)

    assert spending.spend(SANNE, patient(2), limits, 0) is None


def test_p7_professionals_that_an_organisation_makes_up_fill_no_memory() -> None:
    spending = Spending()
    over = [spending.spend(replace(SANNE, professional=str(number)), patient(1), SMALL, 0) for number in range(1_000)]

    assert over[23] is None
    assert over[24] is not None
    assert over[24].level is Level.ORGANISATION
    assert spending.entries < 100


@pytest.mark.parametrize("age", [0.0, HOUR, -5.0])
def test_what_is_restored_counts_until_its_hour_is_over(age: float) -> None:
    spending, limits = Spending(), Limits(1, None, None)
    spending.restore([Spent(age, SANNE, patient(1))], limits, 10_000.0)

    assert spending.spend(SANNE, patient(2), limits, 10_000.0) is not None
    assert spending.spend(SANNE, patient(2), limits, 10_000.0 + HOUR - max(age, 0.0) + 0.5) is None


def test_after_a_limit_was_lowered_nothing_is_admitted_until_the_count_is_below_it() -> None:
    spending = Spending()
    for number in range(5):
        spending.spend(SANNE, patient(number), Limits(5, None, None), number)

    assert spending.spend(SANNE, patient(9), Limits(2, None, None), HOUR + 2.5) is not None
    assert spending.spend(SANNE, patient(9), Limits(2, None, None), HOUR + 3.5) is None
