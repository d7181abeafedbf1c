"""A request at its asker: what each word of a provider brings about, one offer taken up at a time, and when a person has to look."""

from dataclasses import replace
from datetime import timedelta

import pytest

from accord.rules.placing import asker
from accord.rules.placing.asker import SILENT, Alarm, At, Choosing, Request, Standing
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import HolderName
from accord.terms.placing import (
    MOST_LEGS,
    Arrived,
    Declined,
    DeclineReason,
    EndReason,
    Fit,
    FromProvider,
    Gone,
    Granted,
    Interested,
    Lapsed,
    Questioned,
    Received,
    TakenIn,
    Terms,
    Withdrawn,
    WithdrawReason,
)
from tests.accord.rules.placing.legs import FULL, HOUR, MINUTE, NOW, ONE, THREE, THURSDAY, TWO, VISITS, heard, leg_to, offered, request, told

NO = Declined(DeclineReason.NO_PLACE)
BACK = Withdrawn(WithdrawReason.OUTBREAK)
SILENCE = timedelta(minutes=2)


def placed() -> Request:
    return heard(request(ONE, TWO), (ONE, offered()), (ONE, Granted(1))).request


def refused(fault: Fault) -> pytest.RaisesExc[BadInput]:
    return pytest.RaisesExc(BadInput, check=lambda failure: failure.fault is fault)


def test_the_first_full_offer_is_taken_up_and_no_other_beside_it() -> None:
    first = heard(request(ONE, TWO, THREE), (TWO, offered()))
    second = heard(first.request, (ONE, offered()))

    assert (told(first), told(second)) == ([("reviant", "Chosen")], [])
    assert [leg.at for leg in second.request.legs] == [At.OFFERED, At.CHOSEN, At.SENT]
    assert second.request.standing is Standing.SETTLING


def test_who_grants_is_introduced_and_everybody_else_is_released() -> None:
    step = heard(request(ONE, TWO, THREE), (TWO, offered()), (ONE, offered()), (TWO, Granted(1)))

    assert told(step) == [("reviant", "Introduced"), ("weefgetouw", "Ended"), ("noaberhoes", "Ended")]
    assert (step.request.standing, step.request.placed_at) == (Standing.PLACED, NOW)


def test_the_next_is_taken_up_only_when_the_first_is_gone_and_in_the_order_of_their_offers() -> None:
    step = heard(request(ONE, TWO, THREE), (THREE, offered()), (TWO, offered()), (ONE, offered()), (THREE, Gone(1)))

    assert (told(step), step.request.leg(THREE).at) == ([("reviant", "Chosen")], At.GONE)


@pytest.mark.parametrize("said", [BACK, NO])
def test_who_says_no_while_chosen_makes_room_for_the_next(said: FromProvider) -> None:
    step = heard(request(ONE, TWO), (ONE, offered()), (TWO, offered()), (ONE, said))

    assert told(step) == [("reviant", "Chosen")]
    assert told(heard(step.request, (ONE, Gone(1)))) == []


def test_a_part_and_a_counter_offer_wait_for_a_person() -> None:
    three = Terms(Fit.PART, 3, since=THURSDAY + timedelta(days=1))
    before = request(ONE, TWO, need=VISITS)
    step = heard(before, (ONE, offered(terms=three)), (TWO, offered(terms=Terms(Fit.OTHER, 1, words="kort verblijf"))))

    assert (step.request.standing, told(step)) == (Standing.OPEN, [])
    chosen = asker.choose(step.request, ONE, NOW)
    assert told(chosen) == [("weefgetouw", "Chosen")]
    assert told(heard(chosen.request, (ONE, Granted(1)))) == [("weefgetouw", "Introduced"), ("reviant", "Ended")]


@pytest.mark.parametrize("terms", [Terms(Fit.FULL, 3), Terms(Fit.FULL, 4, since=THURSDAY + timedelta(days=1)), Terms(Fit.FULL, 4, until=THURSDAY)])
def test_an_offer_that_is_called_full_and_is_not_waits_for_a_person(terms: Terms) -> None:
    assert heard(request(ONE, need=VISITS), (ONE, offered(terms=terms))).request.standing is Standing.OPEN


def test_where_a_person_chooses_nothing_is_taken_up_by_itself() -> None:
    step = heard(request(ONE, TWO, choosing=Choosing.PERSON), (ONE, offered()))

    assert told(step) == []
    assert told(asker.choose(step.request, ONE, NOW)) == [("weefgetouw", "Chosen")]


def test_a_second_choice_is_refused_while_the_first_is_under_way() -> None:
    step = heard(request(ONE, TWO), (ONE, offered()), (TWO, offered()))

    with refused(Fault.NOT_POSSIBLE_NOW):
        asker.choose(step.request, TWO, NOW)


def test_identity_goes_out_on_interest_once_and_to_nobody_else() -> None:
    step = heard(request(ONE, TWO), (ONE, Received()), (ONE, Interested()))

    assert told(step) == [("weefgetouw", "Introduced")]
    assert told(heard(step.request, (ONE, Interested()))) == []


def test_identity_does_not_go_out_while_another_ones_word_is_awaited() -> None:
    settling = heard(request(ONE, TWO), (ONE, offered()), (TWO, Interested()))

    assert told(settling) == []
    assert told(heard(settling.request, (ONE, Gone(1)))) == [("reviant", "Introduced")]
    assert told(heard(settling.request, (ONE, Granted(1)))) == [("weefgetouw", "Introduced"), ("reviant", "Ended")]


def test_who_says_no_after_its_interest_and_comes_back_is_introduced_anew() -> None:
    step = heard(request(ONE), (ONE, Interested()), (ONE, NO))

    assert step.request.leg(ONE).at is At.DECLINED
    back = heard(step.request, (ONE, Interested()))
    assert (back.request.leg(ONE).at, back.request.alarm, told(back)) == (At.WAITING, None, [("weefgetouw", "Introduced")])


def test_a_question_stands_open_until_it_is_answered() -> None:
    step = heard(request(ONE), (ONE, Questioned("Is zij mobiel?")))
    answered = asker.tell(step.request, ONE, "Ja", NOW)

    assert (step.request.leg(ONE).questioned, answered.request.leg(ONE).questioned) == (True, False)
    assert [line.ours for line in answered.request.leg(ONE).lines] == [False, True]
    assert told(answered) == [("weefgetouw", "Told")]


def test_a_new_offer_while_the_old_one_is_chosen_waits_for_the_word_on_the_old_one() -> None:
    step = heard(request(ONE, TWO), (ONE, offered(1)), (TWO, offered(1)), (ONE, offered(2, Terms(Fit.PART, 1))))

    assert told(step) == []
    assert step.request.leg(ONE).at is At.CHOSEN
    gone = heard(step.request, (ONE, Gone(1)))
    assert (gone.request.leg(ONE).at, told(gone)) == (At.OFFERED, [("reviant", "Chosen")])


def test_a_late_word_on_an_old_offer_does_not_free_the_one_that_is_taken_up_now() -> None:
    """Chosen, withdrawn, offered anew and chosen anew; then comes "gone" of the first: the second is still under way."""
    step = heard(request(ONE, TWO), (ONE, offered(1)), (TWO, offered(1)), (ONE, BACK), (TWO, NO), (ONE, offered(2)), (ONE, Gone(1)))

    assert (step.request.leg(ONE).at, step.request.standing, told(step)) == (At.CHOSEN, Standing.SETTLING, [])
    assert heard(step.request, (ONE, Granted(2))).request.standing is Standing.PLACED


def test_what_is_granted_is_what_was_chosen() -> None:
    step = heard(request(ONE), (ONE, offered(1)), (ONE, offered(2, Terms(Fit.PART, 1))), (ONE, Granted(1)), (ONE, offered(3, Terms(Fit.OTHER, 9))))

    assert step.request.leg(ONE).offer == offered(1)


def test_where_nobody_offered_there_is_nothing_to_take_up() -> None:
    for step in (heard(request(ONE, TWO)), heard(request(ONE, TWO), (TWO, offered()))):
        with refused(Fault.NO_OFFER):
            asker.choose(step.request, ONE, NOW)


def test_an_offer_that_lapses_is_no_offer_any_more_and_a_new_one_is() -> None:
    before = heard(request(ONE, choosing=Choosing.PERSON), (ONE, offered(1)), (ONE, Lapsed(1))).request

    assert before.leg(ONE).at is At.LAPSED
    with refused(Fault.NOT_POSSIBLE_NOW):
        asker.choose(before, ONE, NOW)
    assert heard(before, (ONE, offered(2))).request.leg(ONE).at is At.OFFERED
    assert heard(before, (ONE, offered(2)), (ONE, Lapsed(1))).request.leg(ONE).at is At.OFFERED


def test_a_place_that_was_granted_and_is_withdrawn_calls_a_person_and_can_be_looked_for_anew() -> None:
    step = heard(placed(), (ONE, BACK))

    assert (step.request.standing, step.request.alarm, step.request.placed_at) == (Standing.OPEN, Alarm.WITHDRAWN, None)
    again = asker.put_to(step.request, (leg_to(TWO), leg_to(ONE)))
    assert (again.request.alarm, told(again)) == (None, [("reviant", "Asked"), ("weefgetouw", "Asked")])
    assert heard(again.request, (TWO, Received()), (TWO, offered(2)), (TWO, Granted(2))).request.standing is Standing.PLACED


def test_somebody_who_arrives_where_we_gave_up_while_another_has_the_place_calls_a_person_until_one_acts() -> None:
    chosen = heard(request(ONE, TWO), (ONE, offered()), (TWO, offered())).request
    given_up = asker.give_up(chosen, ONE, NOW).request
    settling = heard(given_up, (ONE, Arrived())).request
    elsewhere = heard(settling, (TWO, Granted(1)), (TWO, TakenIn())).request

    assert (settling.standing, settling.alarm) == (Standing.SETTLING, Alarm.ARRIVED_ELSEWHERE)
    assert (elsewhere.standing, elsewhere.alarm, elsewhere.leg(ONE).arrived) == (Standing.PLACED, Alarm.ARRIVED_ELSEWHERE, True)
    assert asker.cancel(elsewhere, EndReason.OTHER, NOW).request.alarm is None


def test_somebody_who_arrives_after_it_was_called_off_calls_a_person() -> None:
    cancelled = asker.cancel(placed(), EndReason.CANCELLED, NOW).request

    assert heard(cancelled, (ONE, Arrived())).request.alarm is Alarm.ARRIVED_ELSEWHERE


def test_somebody_who_arrives_where_we_gave_up_and_nobody_else_has_the_place_has_theirs() -> None:
    given_up = asker.give_up(heard(request(ONE), (ONE, offered())).request, ONE, NOW).request
    step = heard(given_up, (ONE, Arrived())).request

    assert (step.standing, step.leg(ONE).arrived, step.alarm) == (Standing.PLACED, True, None)


def test_a_no_after_a_grant_is_a_withdrawal_and_calls_a_person() -> None:
    assert heard(placed(), (ONE, NO)).request.alarm is Alarm.WITHDRAWN


def test_who_said_no_can_be_asked_again_and_what_it_said_before_does_not_count() -> None:
    declined = heard(request(ONE, TWO), (ONE, NO)).request
    again = asker.put_to(declined, (leg_to(ONE),)).request

    assert [leg.at for leg in again.legs] == [At.SENT, At.SENT]
    late = heard(again, (ONE, NO), (ONE, Granted(1)), (ONE, Gone(1)), (ONE, Lapsed(1)), (ONE, Received())).request
    assert late.leg(ONE).at is At.WAITING


def test_who_is_waited_for_cannot_be_asked_twice_and_nobody_is_not_asked() -> None:
    for legs in ((leg_to(ONE),), (leg_to(THREE), leg_to(THREE)), ()):
        with refused(Fault.INVALID_PARAMETER):
            asker.put_to(request(ONE), legs)


def test_p7_no_more_than_so_many_are_asked_and_who_is_asked_again_counts_once() -> None:
    names = [HolderName(f"holder-{number}") for number in range(MOST_LEGS)]
    full = heard(request(*names), *[(name, NO) for name in names]).request

    assert len(asker.put_to(full, tuple(map(leg_to, names))).request.legs) == MOST_LEGS
    with refused(Fault.INVALID_PARAMETER):
        asker.put_to(full, (leg_to(ONE),))


def test_when_the_last_says_no_a_person_is_called_until_somebody_offers_after_all() -> None:
    nobody = heard(request(ONE, TWO), (ONE, NO), (TWO, NO)).request

    assert nobody.alarm is Alarm.NOBODY_LEFT
    assert asker.put_to(nobody, (leg_to(THREE),)).request.alarm is None
    assert heard(nobody, (ONE, offered(terms=Terms(Fit.PART, 1)))).request.alarm is None


def test_halfway_whoever_has_it_and_is_silent_is_reminded_once() -> None:
    waiting = heard(request(ONE, TWO, THREE), (ONE, Received()), (THREE, Received()), (THREE, Questioned("?"))).request
    early = asker.look(waiting, NOW + HOUR, silence=SILENCE)
    halfway = asker.look(waiting, NOW + 2 * HOUR, silence=SILENCE)

    assert (told(early), told(halfway)) == ([], [("weefgetouw", "Reminded")])
    assert told(asker.look(halfway.request, NOW + 3 * HOUR, silence=SILENCE)) == []


def test_when_nobody_answers_in_time_a_person_is_called_and_an_offer_ends_the_alarm() -> None:
    late = asker.look(request(ONE, TWO), NOW + 4 * HOUR, silence=SILENCE).request

    assert late.alarm is Alarm.TOO_LONG
    assert heard(late, (ONE, Received())).request.alarm is Alarm.TOO_LONG
    assert heard(late, (ONE, offered(terms=Terms(Fit.PART, 1)))).request.alarm is None
    assert heard(late, (ONE, NO), (TWO, NO)).request.alarm is Alarm.NOBODY_LEFT


def test_whoever_is_asked_later_has_until_later() -> None:
    late = asker.look(request(ONE), NOW + 4 * HOUR, silence=SILENCE).request
    more = asker.put_to(late, (leg_to(TWO, reply_by=NOW + 8 * HOUR),)).request

    assert asker.look(more, NOW + 5 * HOUR, silence=SILENCE).request.alarm is None
    assert asker.look(more, NOW + 8 * HOUR, silence=SILENCE).request.alarm is Alarm.TOO_LONG


def test_when_the_chosen_one_says_nothing_a_person_is_called_and_its_word_ends_the_alarm() -> None:
    chosen = heard(request(ONE, TWO), (ONE, offered())).request
    silent = asker.look(chosen, NOW + SILENCE, silence=SILENCE).request

    assert asker.look(chosen, NOW + MINUTE, silence=SILENCE).request.alarm is None
    assert silent.alarm is Alarm.SILENT
    assert heard(silent, (ONE, Gone(1))).request.alarm is None
    assert heard(silent, (ONE, Granted(1))).request.alarm is None


def test_giving_up_ends_it_there_takes_up_the_next_and_a_late_grant_does_not_count() -> None:
    chosen = heard(request(ONE, TWO), (ONE, offered()), (TWO, offered())).request
    step = asker.give_up(chosen, ONE, NOW)

    assert told(step) == [("weefgetouw", "Ended"), ("reviant", "Chosen")]
    late = heard(step.request, (ONE, Granted(1)))
    assert (late.request.leg(ONE).at, told(late)) == (At.GIVEN_UP, [])
    assert told(heard(late.request, (TWO, Granted(1)))) == [("reviant", "Introduced")]


def test_who_was_given_up_cannot_be_asked_again_and_if_the_person_is_there_they_are_placed() -> None:
    chosen = heard(request(ONE, TWO), (ONE, offered())).request
    given_up = asker.give_up(chosen, ONE, NOW).request

    with refused(Fault.INVALID_PARAMETER):
        asker.put_to(given_up, (leg_to(ONE),))
    there = heard(given_up, (ONE, Granted(1)), (ONE, Arrived()))
    assert (there.request.standing, there.request.leg(TWO).at) == (Standing.PLACED, At.ENDED)
    settling = heard(given_up, (TWO, offered()), (ONE, Arrived())).request
    assert (settling.leg(ONE).at, settling.leg(ONE).arrived, settling.leg(TWO).at) == (At.GIVEN_UP, True, At.CHOSEN)


def test_only_whose_word_is_awaited_can_be_given_up() -> None:
    with refused(Fault.NOT_POSSIBLE_NOW):
        asker.give_up(request(ONE), ONE, NOW)


@pytest.mark.parametrize("before", [request(ONE, TWO), heard(request(ONE, TWO), (ONE, offered())).request, placed()])
def test_cancelling_tells_everybody_who_does_not_know_and_what_is_granted_later_does_not_count(before: Request) -> None:
    step = asker.cancel(before, EndReason.DIED, NOW)
    after = heard(step.request, (ONE, Granted(1)), (TWO, offered(5)), (ONE, Interested()))

    assert {says.to for says in step.says} == {leg.provider for leg in before.legs if leg.at is not At.ENDED}
    assert (after.request.standing, told(after)) == (Standing.CANCELLED, [])
    assert {leg.at for leg in after.request.legs} == {At.ENDED}
    with refused(Fault.NOT_POSSIBLE_NOW):
        asker.cancel(after.request, EndReason.OTHER, NOW)
    with refused(Fault.NOT_POSSIBLE_NOW):
        asker.put_to(after.request, (leg_to(THREE),))


def test_who_is_there_cannot_be_cancelled_and_who_arrives_after_it_is_seen() -> None:
    there = heard(placed(), (ONE, Arrived()), (ONE, TakenIn())).request

    assert (there.leg(ONE).arrived, there.leg(ONE).taken_in) == (True, True)
    with refused(Fault.NOT_POSSIBLE_NOW):
        asker.cancel(there, EndReason.CANCELLED, NOW)
    crossed = asker.cancel(placed(), EndReason.CANCELLED, NOW).request
    assert heard(crossed, (ONE, Arrived())).request.leg(ONE).arrived


def test_what_only_a_winner_can_say_is_not_believed_of_another() -> None:
    leg = heard(request(ONE), (ONE, Arrived()), (ONE, TakenIn()), (ONE, Granted(1)), (ONE, BACK)).request.leg(ONE)

    assert (leg.at, leg.arrived, leg.taken_in) == (At.SENT, False, False)


def test_whoever_was_not_asked_is_not_heard() -> None:
    with refused(Fault.NOT_FOUND):
        asker.hear(request(ONE), TWO, offered(), NOW)


@pytest.mark.parametrize("at", sorted(SILENT))
def test_nobody_left_means_that_nothing_is_to_be_expected(at: At) -> None:
    before = request(ONE, TWO)
    quiet = replace(before, legs=(replace(before.legs[0], at=at), before.legs[1]))

    assert heard(quiet, (TWO, NO)).request.alarm is Alarm.NOBODY_LEFT


def test_full_terms_are_the_ones_that_leave_nothing_open() -> None:
    assert heard(request(ONE), (ONE, offered(terms=replace(FULL, since=THURSDAY - timedelta(days=1))))).request.standing is Standing.SETTLING
