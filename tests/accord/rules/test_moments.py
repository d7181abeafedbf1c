"""Partial dates as intervals: what they can mean, in which zone, and how FHIR R4 compares them."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.moments import PREFIXES, by_the_clock_here, falls_within, interval
from accord.terms.faults import BadInput, Fault
from accord.terms.queries import DateBound

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
HOUR = 3_600_000


def ms(moment: datetime) -> int:
    """Milliseconds since 1970, by another way than the code under test: through a POSIX timestamp."""
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000)


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2021", "2020-12-31T23:00:00", "2021-12-31T23:00:00"),
        ("2021-07", "2021-06-30T22:00:00", "2021-07-31T22:00:00"),
        ("2021-12", "2021-11-30T23:00:00", "2021-12-31T23:00:00"),
        ("2024-02-29", "2024-02-28T23:00:00", "2024-02-29T23:00:00"),
        ("2024-02", "2024-01-31T23:00:00", "2024-02-29T23:00:00"),
        ("2021-03-04T10:00", "2021-03-04T09:00:00", "2021-03-04T09:01:00"),
        ("2021-03-04T10:00:05", "2021-03-04T09:00:05", "2021-03-04T09:00:06"),
        ("2021-03-04T10:00:05Z", "2021-03-04T10:00:05", "2021-03-04T10:00:06"),
        ("2021-03-04T10:00:60Z", "2021-03-04T10:00:59", "2021-03-04T10:01:00"),
        ("2021-03-04T10:00:05+05:30", "2021-03-04T04:30:05", "2021-03-04T04:30:06"),
        ("2021-03-04T10:00:05-00:00", "2021-03-04T10:00:05", "2021-03-04T10:00:06"),
        ("2021-03-04T00:00:00+14:00", "2021-03-03T10:00:00", "2021-03-03T10:00:01"),
        ("2021-03-04T10:00:05.5Z", "2021-03-04T10:00:05.500", "2021-03-04T10:00:05.501"),
        ("2021-03-04T10:00:05.123456789Z", "2021-03-04T10:00:05.123", "2021-03-04T10:00:05.124"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999", "1970-01-01T00:00:00"),
    ],
)
def test_a_partial_date_is_every_moment_that_it_can_mean(text: str, begin: str, end: str) -> None:
    assert interval(text) == (ms(datetime.fromisoformat(begin + "+00:00")), ms(datetime.fromisoformat(end + "+00:00")))


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25), ("2024-03-30", 24), ("2024-04-01", 24), ("2024-02-29", 24)])
def test_a_day_is_as_long_as_the_dutch_clock_makes_it(day: str, hours: int) -> None:
    begin, end = interval(day)

    assert end - begin == hours * HOUR


@pytest.mark.parametrize(("year", "days"), [("2023", 365), ("2024", 366), ("1900", 365), ("2000", 366)])
def test_a_year_has_its_days(year: str, days: int) -> None:
    begin, end = interval(year)

    assert end - begin == days * 24 * HOUR


def test_the_hour_that_comes_twice_may_be_either() -> None:
    begin, end = interval("2024-10-27T02:30")

    assert begin == ms(datetime(2024, 10, 27, 0, 30, tzinfo=UTC))
    assert end == ms(datetime(2024, 10, 27, 1, 31, tzinfo=UTC))
    # With a zone there is nothing to doubt.
    assert interval("2024-10-27T02:30:00+02:00") == (begin, begin + 1_000)
    assert interval("2024-10-27T02:30:00+01:00") == (begin + HOUR, begin + HOUR + 1_000)


def test_the_hour_that_never_was_is_one_moment() -> None:
    begin, end = interval("2024-03-31T02:30")

    assert (begin, end) == (ms(datetime(2024, 3, 31, 1, 30, tzinfo=UTC)), ms(datetime(2024, 3, 31, 1, 31, tzinfo=UTC)))


@pytest.mark.parametrize(
    "text",
    ["0001", "0001-01", "0001-01-01", "0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00",
     "9999", "9999-12", "9999-12-31", "9999-12-31T23:59:59", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999-12:00"],
)  # fmt: skip
def test_the_ends_of_time_that_systems_write_for_ever_are_dates(text: str) -> None:
    begin, end = interval(text)

    assert begin < end
    assert (begin < interval("1000")[0]) == text.startswith("0001")


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "21", "202", "20210", "2021-", "2021-1", "2021-13", "2021-00", "2021-02-29", "2021-04-31", "2021-01-00", "2021-1-1", "2021-01-01T", "0000",
        "2021-01-01T10", "2021-01-01T24:00", "2021-01-01T10:60", "2021-01-01T10:00:61", "2021-01-01T10:00:99Z", "2021-01-01T10:00:00.Z", "2021-01-01 10:00",
        "2021-01-01T10:00:00z", "2021-01-01T10:00:00+1:00", "2021-01-01T10:00:00+14:01", "2021-01-01T10:00:00+24:00", "2021-01-01T10:00:00+10:60",
        "2021-01-01T10:00:00.1234567890Z", "2021-01-01Z", "2021-01-01+01:00", "2021-01-01\n", " 2021", "２０２１", "٢٠٢١", "-2021", "+2021", "2021-W01",
        "2021-001", "20210101", "now", "2021-01-01T10:00:00 Z", "2021−01−01",
    ],
)  # fmt: skip
def test_what_is_no_fhir_date_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        interval(text)

    assert (caught.value.fault, caught.value.where) == (Fault.INVALID_PARAMETER, "date")


@given(st.text(max_size=30) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?", fullmatch=True))
def test_whatever_the_text_it_is_an_interval_or_refused(text: str) -> None:
    try:
        begin, end = interval(text)
    except BadInput:
        return
    assert begin < end


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 28), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_every_moment_is_inside_every_text_that_could_stand_for_it(moment: datetime) -> None:
    exact = ms(moment)
    local = moment.astimezone(AMSTERDAM)
    zoned = moment.astimezone(UTC)
    texts = [f"{local:%Y}".zfill(4), f"{local.date().isoformat()[:7]}", local.date().isoformat(), local.replace(tzinfo=None).isoformat(timespec="minutes"),
             local.replace(tzinfo=None).isoformat(timespec="milliseconds"), zoned.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"]  # fmt: skip

    spans = [interval(text) for text in texts]

    # The code counts in whole milliseconds, and Dutch time before 1937 in seconds off the minute.
    assert all(begin - 1 <= exact <= end for begin, end in spans)
    for (outer_begin, outer_end), (begin, end) in pairwise(spans[:3]):
        assert outer_begin <= begin < end <= outer_end


@given(st.dates(date(1980, 1, 1), date(2100, 12, 31)))
def test_days_months_and_years_follow_each_other_without_a_gap(day: date) -> None:
    assert interval(day.isoformat())[1] == interval((day + timedelta(days=1)).isoformat())[0]
    last = date(day.year, day.month, monthrange(day.year, day.month)[1])
    following = last + timedelta(days=1)
    assert interval(f"{day:%Y-%m}") == (interval(f"{day:%Y-%m}-01")[0], interval(f"{following:%Y-%m-%d}")[0])
    assert interval(f"{day.year}")[1] == interval(f"{day.year + 1}")[0]


# -- Prefixes


def meets(prefix: str, low: int, high: int, begin: int, end: int) -> bool:
    """FHIR R4, search, prefixes, read as sets of days: S is what was asked, T what the record says, both whole days."""
    asked, target = set(range(low, high)), set(range(begin, end))
    above = set(range(high, 40))
    below = set(range(low))
    match prefix:
        case "eq":  # the range of the search value fully contains the range of the target value
            return target <= asked
        case "gt":  # the range above the search value intersects with the range of the target value
            return bool(above & target)
        case "lt":
            return bool(below & target)
        case "ge":  # ... or the range of the search value fully contains the range of the target value
            return bool(above & target) or target <= asked
        case "le":
            return bool(below & target) or target <= asked
        case "sa":  # no overlap, and the range above the search value contains the range of the target value
            return not asked & target and target <= above
        case _:
            return not asked & target and target <= below


@given(st.sampled_from(sorted(PREFIXES)), st.integers(1, 28), st.integers(0, 30), st.integers(1, 9))
def test_each_prefix_means_what_r4_says(prefix: str, day: int, begin: int, length: int) -> None:
    start = interval("2024-01-01")[0]
    bound = DateBound(prefix, f"2024-01-{day:02d}")
    low = day - 1

    found = falls_within(start + begin * 24 * HOUR, start + (begin + length) * 24 * HOUR, (bound,))

    assert found == meets(prefix, low, low + 1, begin, begin + length)


@given(st.sampled_from(sorted(PREFIXES)), st.sampled_from(["2024", "2024-01"]), st.integers(1, 12))
def test_a_wider_bound_is_a_wider_interval(prefix: str, value: str, month: int) -> None:
    target = interval(f"2024-{month:02d}")
    low, high = interval(value)
    contained = low <= target[0] and target[1] <= high
    after, before = target[1] > high, target[0] < low

    assert falls_within(*target, (DateBound(prefix, value),)) == {
        "eq": contained, "gt": after, "ge": after or contained, "lt": before, "le": before or contained, "sa": target[0] >= high, "eb": target[1] <= low,
    }[prefix]  # fmt: skip


def test_every_bound_must_be_met() -> None:
    target = interval("2024-05-10")

    assert falls_within(*target, ())
    assert falls_within(*target, (DateBound("ge", "2024-05-01"), DateBound("lt", "2024-06")))
    assert not falls_within(*target, (DateBound("ge", "2024-05-01"), DateBound("lt", "2024-05")))


@pytest.mark.parametrize("prefix", ["", "ne", "ap", "EQ", "eq "])
def test_a_prefix_that_is_not_offered_is_refused(prefix: str) -> None:
    with pytest.raises(BadInput):
        falls_within(0, 1, (DateBound(prefix, "2024"),))


@given(st.datetimes(timezones=st.timezones()) | st.sampled_from([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]))
def test_every_moment_that_can_be_written_can_be_shown_by_the_clock_here(at: datetime) -> None:
    here = by_the_clock_here(at)

    assert here.tzinfo == AMSTERDAM
    assert abs(here - at) <= timedelta(days=2)
