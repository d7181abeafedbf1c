"""Whatever is asked, no period holds more than rate and burst allow; and what is kept about parties is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from accord.rules.rates import Rate, Rates

ONE, OTHER = "90000001", "90000002"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 50.0

    def __call__(self) -> float:
        """The moment."""
        return self.at


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from([ONE, OTHER])), max_size=80), st.integers(1, 5), st.integers(1, 4))
def test_no_period_holds_more_than_burst_and_rate_allow(asked: list[tuple[int, str]], per_second: int, burst: int) -> None:
    clock = Clock()
    rates = Rates(Rate(per_second, burst), Rate(per_second, burst + 1), most=9, clock=clock)
    taken: list[float] = []
    for tenths, who in asked:
        clock.at += tenths / 10
        if rates.take(who) == 0:
            taken.append(clock.at)

    for first, begin in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            assert last - first + 1 <= burst + 1 + (end - begin) * per_second + 1e-6


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from([ONE, OTHER])), max_size=40))
def test_whoever_waits_as_long_as_told_gets_through(asked: list[tuple[int, str]]) -> None:
    clock = Clock()
    rates = Rates(Rate(0.5, 2), Rate(1, 3), most=9, clock=clock)
    for tenths, who in asked:
        clock.at += tenths / 10
        if (seconds := rates.take(who)) > 0:
            clock.at += seconds + 1e-6
            assert rates.take(who) == 0


def test_p7_what_is_kept_is_bounded_and_forgotten_and_the_rest_share_what_is_nobodys() -> None:
    clock = Clock()
    rates = Rates(Rate(1, 2), Rate(1_000, 1_000), most=10, clock=clock)
    for number in range(10):
        assert rates.take(f"{number:08}") == 0
    # A tenth of a second later none is full again; two come on top, and have two tokens together.
    clock.at += 0.1
    late = [rates.take(f"{number:08}") == 0 for number in (20, 21, 20, 21)]
    assert (late, len(rates)) == ([True, True, False, False], 11)
    clock.at += 60

    assert rates.take("00000099") == 0
    assert len(rates) == 1
