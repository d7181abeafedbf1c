"""How an opening stands: what is old is unknown, never free and never full."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given

from accord.rules.capacity.offering import OFFERED_BY, may_offer
from accord.rules.capacity.standing import KNOWN_FREE, SKEW, Doubt, State, stand
from accord.terms.capacity import CareKind, Light, Opening, Stop, StopReason
from accord.terms.vocabulary import HolderKind
from tests.accord.rules.capacity.openings import MONDAY, NOW, THURSDAY, moments, opening, openings

HOUR = timedelta(hours=1)


def test_a_place_confirmed_four_minutes_ago_is_free_and_says_its_age() -> None:
    stands = stand(opening(), NOW, THURSDAY)

    assert (stands.state, stands.places, stands.age) == (State.FREE, 1, timedelta(minutes=4))


def test_p8_two_places_of_26_hours_ago_are_unknown_with_their_age_and_no_number() -> None:
    stands = stand(opening(places=2, observed_at=NOW - 26 * HOUR, valid_until=NOW - 2 * HOUR), NOW, THURSDAY)

    assert (stands.state, stands.doubt, stands.places, stands.age) == (State.UNKNOWN, Doubt.STALE, None, 26 * HOUR)


def test_p8_an_old_zero_is_unknown_and_not_full() -> None:
    assert stand(opening(places=0, valid_until=NOW - HOUR), NOW, THURSDAY).state is State.UNKNOWN


@pytest.mark.parametrize(("ahead", "state"), [(SKEW, State.FREE), (SKEW + timedelta(seconds=1), State.UNKNOWN)])
def test_what_was_observed_in_the_future_is_unknown_but_for_the_difference_of_two_clocks(ahead: timedelta, state: State) -> None:
    stands = stand(opening(observed_at=NOW + ahead), NOW, THURSDAY)

    assert (stands.state, stands.age) == (state, timedelta(0))


def test_a_statement_holds_until_its_last_moment() -> None:
    assert stand(opening(valid_until=NOW), NOW, THURSDAY).state is State.FREE
    assert stand(opening(valid_until=NOW - timedelta(microseconds=1)), NOW, THURSDAY).state is State.UNKNOWN


@pytest.mark.parametrize("places", [None, -1])
def test_neither_a_number_nor_a_light_is_unknown(places: int | None) -> None:
    assert stand(opening(places=places), NOW, THURSDAY).doubt is Doubt.NOTHING_SAID


@pytest.mark.parametrize(("light", "state"), [(Light.GREEN, State.FREE), (Light.AMBER, State.FREE), (Light.RED, State.FULL)])
def test_a_light_says_it_where_there_is_no_number(light: Light, state: State) -> None:
    stands = stand(opening(places=None, light=light), NOW, THURSDAY)

    assert (stands.state, stands.places, stands.light) == (state, None, light)


def test_none_free_is_full() -> None:
    assert stand(opening(places=0), NOW, THURSDAY).state is State.FULL


@pytest.mark.parametrize("ends", [None, NOW + HOUR])
def test_a_stop_holds_until_it_ends_with_its_reason_however_old_the_count(ends: datetime | None) -> None:
    stop = Stop(StopReason.OUTBREAK, ends)
    stands = stand(opening(stop=stop, valid_until=NOW - HOUR), NOW, THURSDAY)

    assert (stands.state, stands.stop) == (State.STOPPED, stop)


def test_a_stop_whose_end_passed_is_unknown_and_not_open() -> None:
    stands = stand(opening(stop=Stop(StopReason.STAFF, NOW)), NOW, THURSDAY)

    assert (stands.state, stands.doubt, stands.places) == (State.UNKNOWN, Doubt.STOP_RAN_OUT, None)


def test_a_place_from_a_later_day_says_from_which() -> None:
    stands = stand(opening(since=THURSDAY), NOW, MONDAY)

    assert (stands.state, stands.since, stands.places) == (State.LATER, THURSDAY, 1)
    assert stand(opening(since=THURSDAY), NOW, THURSDAY).state is State.FREE


def test_a_place_for_earlier_days_is_over() -> None:
    assert stand(opening(until=MONDAY), NOW, THURSDAY).state is State.OVER


@given(openings, moments)
def test_p8_what_is_stale_or_from_the_future_is_never_free_and_never_full(one: Opening, at: datetime) -> None:
    stands = stand(one, at, MONDAY)

    if at > one.valid_until or one.observed_at - at > SKEW:
        assert stands.state in (State.UNKNOWN, State.STOPPED)
    if stands.state in KNOWN_FREE:
        assert stands.places != 0
        assert one.stop is None
    assert (stands.doubt is not None) is (stands.state is State.UNKNOWN)
    assert stands.places is None or stands.state not in (State.UNKNOWN, State.STOPPED, State.OVER)
    assert stands.age >= timedelta(0)


def test_every_kind_of_care_is_asked_of_somebody_and_a_pharmacy_is_asked_nothing() -> None:
    assert frozenset().union(*OFFERED_BY.values()) == frozenset(CareKind)
    assert not may_offer(HolderKind.PHARMACY, frozenset())
    assert not may_offer(HolderKind.PHARMACY, frozenset(CareKind))


def test_who_is_asked_depends_on_the_kinds_and_no_kind_means_any() -> None:
    assert may_offer(HolderKind.REHABILITATION, frozenset({CareKind.GERIATRIC_REHABILITATION, CareKind.DISTRICT_NURSING}))
    assert not may_offer(HolderKind.HOME_CARE, frozenset({CareKind.GERIATRIC_REHABILITATION}))
    assert all(may_offer(kind, frozenset()) for kind in OFFERED_BY)
