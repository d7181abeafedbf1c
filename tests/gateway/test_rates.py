"""Questions per second are limited for each organisation and for all, and who must wait is told how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.terms.faults import Fault
from accord.terms.identifiers import Ura
from gateway import rates as module
from gateway.rates import Rate, Rates, TooManyQuestions

HOSPITAL, POST = Ura("90000001"), Ura("90000002")
PLENTY = Rate(1_000, 1_000)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 50.0

    def __call__(self) -> float:
        """The moment."""
        return self.at


def refused(rates: Rates, organisation: Ura) -> TooManyQuestions | None:
    try:
        rates.take(organisation)
    except TooManyQuestions as failure:
        return failure
    return None


def test_p7_after_the_burst_an_organisation_waits_and_is_told_how_long() -> None:
    clock = Clock()
    rates = Rates(Rate(0.25, 2), PLENTY, clock=clock)
    rates.take(HOSPITAL)
    rates.take(HOSPITAL)
    failure = refused(rates, HOSPITAL)

    assert failure is not None
    assert (failure.fault, failure.seconds) == (Fault.TOO_MANY_QUESTIONS, 4)
    clock.at += 4
    rates.take(HOSPITAL)


def test_an_organisation_that_asks_too_much_takes_nothing_from_the_others() -> None:
    rates = Rates(Rate(1, 2), Rate(1, 4), clock=Clock())
    answers = [refused(rates, HOSPITAL) for _ in range(50)]

    assert answers[:2] == [None, None]
    assert None not in answers[2:]
    assert refused(rates, POST) is None
    assert refused(rates, POST) is None


def test_p7_all_together_are_limited_too() -> None:
    clock = Clock()
    rates = Rates(Rate(1, 9), Rate(1, 1), clock=clock)
    rates.take(HOSPITAL)

    assert refused(rates, POST) is not None
    clock.at += 1
    rates.take(POST)


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from([HOSPITAL, POST])), max_size=80), st.integers(1, 5), st.integers(1, 4))
def test_no_period_holds_more_than_burst_and_rate_allow(asked: list[tuple[int, Ura]], per_second: int, burst: int) -> None:
    clock = Clock()
    rates = Rates(Rate(per_second, burst), Rate(per_second, burst + 1), clock=clock)
    taken: list[float] = []
    for tenths, who in asked:
        clock.at += tenths / 10
        if refused(rates, who) is None:
            taken.append(clock.at)

    for first, begin in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            assert last - first + 1 <= burst + 1 + (end - begin) * per_second + 1e-6


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from([HOSPITAL, POST])), max_size=40))
def test_whoever_waits_as_long_as_told_gets_through(asked: list[tuple[int, Ura]]) -> None:
    clock = Clock()
    rates = Rates(Rate(0.5, 2), Rate(1, 3), clock=clock)
    for tenths, who in asked:
        clock.at += tenths / 10
        if (failure := refused(rates, who)) is not None:
            clock.at += failure.seconds + 1e-6
            assert refused(rates, who) is None


def test_p7_what_is_kept_is_bounded_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_ORGANISATIONS", 10)
    clock = Clock()
    rates = Rates(Rate(1, 2), PLENTY, clock=clock)
    answers = [refused(rates, Ura(f"{number:08d}")) for number in range(20)]
    assert [answer is None for answer in answers] == [True] * 10 + [False] * 10
    clock.at += 60

    assert refused(rates, Ura("00000099")) is None
    assert len(rates) == 1
