"""What is told in numbers: what is kept back cannot be worked out from what is told."""

from collections import defaultdict
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.capacity import counting
from accord.rules.capacity.counting import LEAST, LegCounted, tally_of
from accord.terms.capacity import CareKind, Tally
from accord.terms.placing import DeclineReason
from tests.accord.rules.capacity.openings import NOW

KIND = CareKind.HOSPICE
DAY = timedelta(days=1)


def legs(number: int, *, minutes: int | None = None, granted: bool = False, declined: DeclineReason | None = None) -> list[LegCounted]:
    came = NOW - DAY
    return [LegCounted(KIND, came, came + timedelta(minutes=minutes) if minutes is not None else None, granted, declined)] * number


def test_numbers_from_five_are_told_and_smaller_ones_and_zeros_are_not() -> None:
    tally = tally_of([*legs(7, granted=True), *legs(5, declined=DeclineReason.NO_PLACE), *legs(4, declined=DeclineReason.NO_STAFF)], KIND, 30, NOW)

    assert (tally.asked, tally.granted) == (16, 7)
    assert dict(tally.declined) == dict.fromkeys(DeclineReason) | {DeclineReason.NO_PLACE: 5}


def test_every_reason_stands_in_every_tally() -> None:
    assert [reason for reason, _ in tally_of([], KIND, 30, NOW).declined] == list(DeclineReason)


def test_where_the_told_numbers_make_up_the_total_the_smallest_is_kept_back_too() -> None:
    tally = tally_of([*legs(9, granted=True), *legs(6, declined=DeclineReason.NO_PLACE)], KIND, 30, NOW)

    assert (tally.asked, tally.granted, dict(tally.declined)[DeclineReason.NO_PLACE]) == (15, 9, None)


def test_only_requests_of_that_kind_and_of_those_days_are_counted() -> None:
    old = [LegCounted(KIND, NOW - 31 * DAY)] * 9
    other = [LegCounted(CareKind.NURSING_HOME, NOW)] * 9
    to_come = [LegCounted(KIND, NOW + DAY)] * 9

    assert tally_of([*old, *other, *to_come, *legs(5)], KIND, 30, NOW) == Tally(KIND, 30, 5, None, tuple((reason, None) for reason in DeclineReason))


def test_a_request_that_was_declined_and_then_granted_is_counted_as_granted() -> None:
    tally = tally_of([*legs(5, granted=True, declined=DeclineReason.DATE), *legs(1)], KIND, 30, NOW)

    assert (tally.granted, dict(tally.declined)[DeclineReason.DATE]) == (5, None)


def test_a_median_is_told_of_five_answers_and_not_of_four() -> None:
    four = [*legs(2, minutes=10), *legs(2, minutes=20), *legs(3)]

    assert tally_of(four, KIND, 30, NOW).median_minutes is None
    assert tally_of([*four, *legs(1, minutes=90)], KIND, 30, NOW).median_minutes == 20
    assert tally_of([*four, *legs(2, minutes=90)], KIND, 30, NOW).median_minutes == 20


def test_a_limit_that_keeps_nothing_back_is_refused() -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- it says nothing
        tally_of([], KIND, 30, NOW, least=1)


@pytest.mark.parametrize("least", [2, 3])
@pytest.mark.parametrize("parts", [2, 3])
def test_p7_from_what_is_told_no_number_that_is_kept_back_can_be_computed(least: int, parts: int) -> None:
    """All small worlds: whoever knows the rule, and what is told, still has two possibilities for every number that is kept back."""
    names = [str(number) for number in range(parts)]
    possible = defaultdict(list)
    for asked in range(14):
        for numbers in product(range(asked + 1), repeat=parts):
            if sum(numbers) <= asked:
                total, told = counting._told(asked, dict(zip(names, numbers, strict=True)), least)
                possible[(total, *told.values())].append((asked, *numbers))

    for row, worlds in possible.items():
        for column, shown in enumerate(row):
            if shown is None:
                assert len({world[column] for world in worlds}) > 1, (row, worlds)


def test_the_rule_without_its_second_step_would_betray_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the test above."""
    monkeypatch.setattr(counting, "_told", lambda asked, parts, least: (asked, {name: number if number >= least else None for name, number in parts.items()}))

    with pytest.raises(AssertionError):
        test_p7_from_what_is_told_no_number_that_is_kept_back_can_be_computed(2, 2)


@given(
    st.lists(
        st.builds(LegCounted, st.just(KIND), st.just(NOW), st.none() | st.just(NOW), st.booleans(), st.none() | st.sampled_from(DeclineReason)), max_size=60
    )
)
def test_p7_nothing_below_five_is_ever_told_and_what_is_told_is_true(some: list[LegCounted]) -> None:
    tally = tally_of(some, KIND, 30, NOW)
    told = [tally.asked, tally.granted, *dict(tally.declined).values()]

    assert all(number is None or number >= LEAST for number in told)
    assert tally.asked in (None, len(some))
    assert tally.granted in (None, sum(leg.granted for leg in some))
    parts = [number for number in told[1:] if number is not None]
    assert tally.asked is None or sum(parts) < tally.asked or not parts
