"""A leg at its provider: every answer of a planner, every word of an asker, and the places that it takes meanwhile."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.placing import provider, provider_hearing
from accord.rules.placing.provider import GIVEN, OPEN, At, Leg, Step
from accord.terms.faults import BadInput, Fault
from accord.terms.placing import (
    Arrived,
    Chosen,
    Declined,
    DeclineReason,
    Ended,
    EndReason,
    Fit,
    FromAsker,
    Gone,
    Granted,
    HandedOver,
    Interested,
    Introduced,
    Lapsed,
    Questioned,
    Received,
    Reminded,
    TakenIn,
    Terms,
    Told,
    Withdrawn,
    WithdrawReason,
)
from tests.accord.rules.placing.legs import ASKER, DINA, FULL, HOUR, MINUTE, NEED, NOW, THURSDAY, VISITS, asked, leg_at

LATE = NOW + 2 * HOUR
ENDED = Ended(EndReason.PLACED_ELSEWHERE)


def refused(fault: Fault) -> pytest.RaisesExc[BadInput]:
    return pytest.RaisesExc(BadInput, check=lambda failure: failure.fault is fault)


def test_a_request_that_comes_in_is_received_and_takes_no_place() -> None:
    step = provider.begin("r1", ASKER, asked(), NOW)

    assert (step.leg.at, step.says, step.leg.takes(NOW, NOW)) == (At.ASKED, (Received(),), 0)


def test_an_offer_holds_its_places_until_its_moment_and_no_longer() -> None:
    leg = leg_at(At.OFFERED)

    assert [leg.takes(at, NOW) for at in (NOW, NOW + HOUR - MINUTE, NOW + HOUR)] == [1, 1, 0]


def test_three_of_four_visits_are_offered_in_part_and_never_called_full() -> None:
    leg = provider.begin("r1", ASKER, asked(VISITS), NOW).leg
    three = Terms(Fit.PART, 3, since=THURSDAY + timedelta(days=1))
    step = provider.offer(leg, three, NOW + HOUR, NOW, 3)

    assert step.says[0].terms == three  # type: ignore[union-attr]  # it is an offer, or the test fails
    with refused(Fault.INVALID_PARAMETER):
        provider.offer(leg, Terms(Fit.FULL, 3), NOW + HOUR, NOW, 3)
    with refused(Fault.INVALID_PARAMETER):
        provider.offer(leg, Terms(Fit.FULL, 4, since=THURSDAY + timedelta(days=1)), NOW + HOUR, NOW, 4)


def test_p7_no_more_is_offered_than_is_free() -> None:
    with refused(Fault.NO_PLACE_LEFT):
        provider.offer(leg_at(At.ASKED), FULL, NOW + HOUR, NOW, 0)


@pytest.mark.parametrize(("terms", "until"), [(Terms(Fit.PART, 0), NOW + HOUR), (Terms(Fit.OTHER, -1), NOW + HOUR), (FULL, NOW)])
def test_nothing_or_what_lapses_at_once_is_no_offer(terms: Terms, until: datetime) -> None:
    with refused(Fault.INVALID_PARAMETER):
        provider.offer(leg_at(At.ASKED), terms, until, NOW, None)


def test_a_new_offer_replaces_the_one_before_under_a_higher_number() -> None:
    again = provider.offer(leg_at(At.OFFERED), Terms(Fit.OTHER, 2, words="two rooms"), NOW + HOUR, NOW, 2, opening="o2")

    assert (again.leg.number, again.leg.takes(NOW, None), again.leg.opening) == (2, 2, "o2")
    assert provider.hear(again.leg, Chosen(1), NOW, 9).says == (Gone(1),)
    assert provider.hear(again.leg, Chosen(2), NOW, 9).says == (Granted(2),)


@pytest.mark.parametrize("at", sorted(OPEN))
def test_who_can_still_offer_can_say_no_and_forgets_who_it_was_about(at: At) -> None:
    step = provider.decline(leg_at(at, who=DINA, referral="token", interested=True), DeclineReason.NO_STAFF, "", NOW)

    assert step.says == (Declined(DeclineReason.NO_STAFF, ""),)
    assert (step.leg.at, step.leg.who, step.leg.referral, step.leg.takes(NOW, None)) == (At.DECLINED, None, "", 0)


def test_who_it_is_about_is_not_kept_when_it_comes_after_a_no_or_an_end() -> None:
    for at in (At.DECLINED, At.ENDED):
        assert provider.hear(leg_at(at), Introduced(DINA, "token"), NOW, None).leg == leg_at(at)
    assert provider.hear(leg_at(At.ASKED), Introduced(DINA, "token"), NOW, None).leg.who == DINA


def test_who_said_no_may_become_interested_after_all() -> None:
    step = provider.be_interested(provider.decline(leg_at(At.ASKED), DeclineReason.DATE, "", NOW).leg)

    assert (step.leg.at, step.leg.declined, step.says) == (At.ASKED, None, (Interested(),))
    assert provider.be_interested(step.leg).says == ()


def test_asking_something_changes_nothing_else() -> None:
    step = provider.ask(leg_at(At.OFFERED), "Is zij mobiel?", NOW)

    assert (step.leg.at, step.says, [line.ours for line in step.leg.lines]) == (At.OFFERED, (Questioned("Is zij mobiel?"),), [True])
    assert [line.ours for line in provider.hear(step.leg, Told("ja"), NOW, None).leg.lines] == [True, False]


def test_of_many_words_the_last_hundred_are_kept() -> None:
    leg = leg_at(At.ASKED)
    for number in range(120):
        leg = provider.hear(leg, Told(str(number)), NOW, None).leg

    assert [line.words for line in leg.lines] == [str(number) for number in range(20, 120)]


def test_an_offer_that_nobody_takes_up_lapses_and_says_so_once() -> None:
    step = provider.look(leg_at(At.OFFERED), LATE)

    assert (step.leg.at, step.says) == (At.LAPSED, (Lapsed(1),))
    assert provider.look(step.leg, LATE).says == ()
    assert provider.look(leg_at(At.OFFERED), NOW).says == ()


def test_an_offer_that_is_held_is_granted_whatever_else_is_free() -> None:
    step = provider.hear(leg_at(At.OFFERED), Chosen(1), NOW, 0)

    assert (step.leg.at, step.says, step.leg.takes(LATE, None)) == (At.GRANTED, (Granted(1),), 1)


@pytest.mark.parametrize("at", [At.OFFERED, At.LAPSED])
def test_a_choice_that_comes_late_has_what_is_free_still_and_never_what_somebody_else_has(at: At) -> None:
    assert provider.hear(leg_at(at), Chosen(1), LATE, 1).leg.at is At.GRANTED
    assert provider.hear(leg_at(at), Chosen(1), LATE, None).leg.at is At.GRANTED
    gone = provider.hear(leg_at(at), Chosen(1), LATE, 0)
    assert (gone.leg.at, gone.says) == (At.GONE, (Gone(1),))


@pytest.mark.parametrize("at", sorted(frozenset(At) - {At.OFFERED, At.LAPSED} - GIVEN))
def test_what_is_not_offered_is_gone(at: At) -> None:
    step = provider.hear(leg_at(at), Chosen(1), NOW, 9)

    assert (step.leg, step.says) == (leg_at(at), (Gone(1),))


def test_a_choice_that_comes_twice_gives_one_place() -> None:
    once = provider.hear(leg_at(At.OFFERED), Chosen(1), NOW, 0).leg
    twice = provider.hear(once, Chosen(1), LATE, 0)

    assert (twice.leg, twice.says) == (once, (Granted(1),))


@pytest.mark.parametrize("at", [At.OFFERED, At.GRANTED])
def test_what_was_promised_can_be_withdrawn_aloud(at: At) -> None:
    step = provider.withdraw(leg_at(at), WithdrawReason.OUTBREAK, "noro", NOW)

    assert (step.leg.takes(NOW, None), step.says) == (0, (Withdrawn(WithdrawReason.OUTBREAK, "noro"),))
    assert provider.hear(step.leg, Chosen(1), NOW, 9).says == (Gone(1),)


def test_an_end_frees_the_place_and_forgets_who_had_none() -> None:
    held = provider.hear(leg_at(At.OFFERED, who=DINA, referral="t"), ENDED, NOW, None).leg
    given = provider.hear(leg_at(At.GRANTED, who=DINA, handover=b"{}", handover_whole=True), ENDED, NOW, None).leg

    assert (held.at, held.takes(NOW, None), held.who, held.ended) == (At.ENDED, 0, None, EndReason.PLACED_ELSEWHERE)
    assert (given.at, given.takes(NOW, None), given.who, given.handover) == (At.ENDED, 0, DINA, b"")


def test_an_end_comes_too_late_for_who_is_there() -> None:
    leg = leg_at(At.ARRIVED, arrived=NOW)

    assert provider.hear(leg, ENDED, NOW, None).leg == leg


def test_who_arrived_takes_a_place_until_somebody_counts_again() -> None:
    step = provider.arrive(leg_at(At.GRANTED), LATE)

    assert step.says == (Arrived(),)
    assert [step.leg.takes(LATE, observed) for observed in (None, NOW, LATE, LATE + MINUTE)] == [1, 1, 0, 0]


def test_a_request_that_ended_can_be_put_again_and_its_offers_count_on() -> None:
    step = provider.hear(leg_at(At.ENDED, number=2, who=DINA, declined=DeclineReason.DATE), asked(VISITS), LATE, None)

    assert (step.leg.at, step.leg.need, step.leg.came, step.leg.who, step.leg.offer, step.says) == (At.ASKED, VISITS, LATE, None, None, (Received(),))
    assert provider.offer(step.leg, Terms(Fit.FULL, 4), LATE + HOUR, LATE, 4).leg.number == 3
    assert provider.hear(step.leg, Chosen(2), LATE, 9).says == (Gone(2),)


@pytest.mark.parametrize("at", [At.OFFERED, At.GRANTED, At.ARRIVED])
def test_asking_again_takes_nothing_back_that_is_held_or_given(at: At) -> None:
    step = provider.hear(leg_at(at), asked(VISITS), LATE, None)

    assert (step.leg.at, step.leg.offer, step.leg.need) == (at, leg_at(at).offer, NEED)
    assert step.says == ((Received(), leg_at(at).offer) if at is At.OFFERED else (Received(),))


def test_only_who_did_not_answer_is_reminded() -> None:
    assert [at for at in At if provider.hear(leg_at(at), Reminded(), NOW, None).leg.reminded] == [At.ASKED]


def parts_of(content: bytes, number: int) -> list[HandedOver]:
    size = -(-len(content) // number)
    return [HandedOver(part + 1, number, sha256(content).digest(), content[part * size : (part + 1) * size]) for part in range(number)]


def handed(leg: Leg, *parts: HandedOver) -> Leg:
    for part in parts:
        leg = provider.hear(leg, part, NOW, None).leg
    return leg


def test_a_handover_comes_in_parts_and_is_whole_with_the_last_and_taken_in_once() -> None:
    parts = parts_of(b"wishes and all", 3)
    leg = handed(leg_at(At.GRANTED), *parts)

    assert (leg.handover, leg.handover_whole) == (b"wishes and all", True)
    assert not handed(leg_at(At.GRANTED), *parts[:2]).handover_whole
    taken = provider.take_in(leg)
    assert (taken.says, taken.leg.handover) == ((TakenIn(),), b"")
    with refused(Fault.NOT_POSSIBLE_NOW):
        provider.take_in(taken.leg)


def test_a_handover_that_is_sent_anew_replaces_the_one_before() -> None:
    leg = handed(leg_at(At.GRANTED), *parts_of(b"old", 3)[:2], *parts_of(b"new words", 2))

    assert (leg.handover, leg.handover_whole, leg.taken_in) == (b"new words", True, False)


@pytest.mark.parametrize("at", sorted(frozenset(At) - GIVEN))
def test_p7_nothing_of_a_handover_is_kept_where_no_place_is_given(at: At) -> None:
    assert handed(leg_at(at), *parts_of(b"all of it", 1)).handover == b""


def test_p7_a_handover_that_is_too_large_or_not_what_it_says_is_never_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_hearing, "HANDOVER_BYTES", 10)
    granted = leg_at(At.GRANTED)

    assert handed(granted, *parts_of(b"more than ten bytes", 2)).handover == b""
    assert not handed(granted, HandedOver(1, 1, bytes(32), b"x")).handover_whole
    assert not handed(granted, HandedOver(2, 1, sha256(b"x").digest(), b"x")).handover
    assert not handed(granted, HandedOver(0, 0, sha256(b"").digest(), b"")).handover_whole


@pytest.mark.parametrize(
    ("does", "may"),
    [
        (lambda leg: provider.offer(leg, FULL, LATE, NOW, None), OPEN),
        (lambda leg: provider.decline(leg, DeclineReason.OTHER, "", NOW), OPEN),
        (provider.be_interested, OPEN),
        (lambda leg: provider.ask(leg, "?", NOW), frozenset(At) - {At.ENDED}),
        (lambda leg: provider.withdraw(leg, WithdrawReason.STAFF, "", NOW), frozenset({At.OFFERED, At.GRANTED})),
        (lambda leg: provider.arrive(leg, NOW), frozenset({At.GRANTED})),
    ],
    ids=["offer", "decline", "interest", "ask", "withdraw", "arrive"],
)
def test_what_is_not_possible_now_is_refused_with_one_code(does: Callable[[Leg], Step], may: frozenset[At]) -> None:
    for at in At:
        if at in may:
            does(leg_at(at))
        else:
            with refused(Fault.NOT_POSSIBLE_NOW):
                does(leg_at(at))


WORDS: st.SearchStrategy[FromAsker] = st.one_of(
    st.builds(Chosen, st.integers(0, 3)),
    st.just(ENDED),
    st.just(Told("x")),
    st.just(Introduced(DINA, "t")),
    st.just(Reminded()),
    st.just(asked()),
    st.builds(HandedOver, st.integers(-1, 3), st.integers(-1, 3), st.just(sha256(b"x").digest()), st.just(b"x")),
)


@given(st.lists(WORDS, max_size=20), st.sampled_from(At), st.integers(0, 2))
def test_whatever_an_asker_says_it_gets_no_place_that_is_not_free_or_held_for_it(words: list[FromAsker], at: At, free: int) -> None:
    leg = leg_at(at, arrived=NOW if at is At.ARRIVED else None)
    for said in words:
        before, leg = leg, provider.hear(leg, said, LATE, free).leg
        if leg.takes(LATE, None) > before.takes(LATE, None):
            assert leg.takes(LATE, None) <= free
        assert leg.who is None or leg.at not in (At.DECLINED, At.ENDED) or before.at in (At.GRANTED, At.ENDED)
