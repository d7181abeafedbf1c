"""A holder refuses who asks about too many patients, and says so once."""

from datetime import UTC, datetime, timedelta

import pytest

from accord.rules.budgets import Alarm, Level, Spender
from accord.terms.faults import Fault
from accord.terms.identifiers import Pseudonym, Ura
from accord.terms.policies import Budget
from node_agent.budgeting import Budgeting, BudgetSpent

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SANNE = Spender(Ura("90000009"), Ura("90000001"), "900001")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        """The moment."""
        return self.at


def patient(number: int) -> Pseudonym:
    return Pseudonym(number.to_bytes(32, "big"))


def test_d2_over_budget_is_refused_with_its_code_and_alarmed_once() -> None:
    budgeting = Budgeting(lambda: Budget(per_professional=2), clock=Clock())
    budgeting.spend(SANNE, patient(1))
    budgeting.spend(SANNE, patient(2))
    refusals = []
    for number in range(3, 6):
        with pytest.raises(BudgetSpent) as caught:
            budgeting.spend(SANNE, patient(number))
        refusals.append(caught.value)

    assert {(refused.fault, refused.where) for refused in refusals} == {(Fault.BUDGET_SPENT, "")}
    assert [refused.alarm for refused in refusals] == [Alarm(Level.PROFESSIONAL, SANNE.gateway, SANNE.organisation, "900001", 2), None, None]


def test_a_patient_of_this_hour_can_be_asked_about_when_the_budget_is_spent() -> None:
    budgeting = Budgeting(lambda: Budget(per_professional=1), clock=Clock())
    budgeting.spend(SANNE, patient(1))
    with pytest.raises(BudgetSpent):
        budgeting.spend(SANNE, patient(2))

    budgeting.spend(SANNE, patient(1))


def test_an_hour_later_there_is_room_again() -> None:
    clock = Clock()
    budgeting = Budgeting(lambda: Budget(per_professional=1), clock=clock)
    budgeting.spend(SANNE, patient(1))
    clock.at += 3_600.5

    budgeting.spend(SANNE, patient(2))


def test_the_budget_of_a_new_register_counts_at_once() -> None:
    budget = Budget(per_professional=9)
    budgeting = Budgeting(lambda: budget, clock=Clock())
    budgeting.spend(SANNE, patient(1))
    budget = Budget(per_professional=1)

    with pytest.raises(BudgetSpent):
        budgeting.spend(SANNE, patient(2))


def test_localisation_by_a_gateway_is_limited_too() -> None:
    budgeting = Budgeting(lambda: Budget(per_gateway=3), clock=Clock())
    for number in range(3):
        budgeting.spend(Spender(SANNE.gateway), patient(number))
    with pytest.raises(BudgetSpent) as caught:
        budgeting.spend(Spender(SANNE.gateway), patient(4))

    assert caught.value.alarm == Alarm(Level.GATEWAY, SANNE.gateway, None, "", 3)


def test_a_restart_is_no_way_around_a_budget() -> None:
    budgeting = Budgeting(lambda: Budget(per_professional=2), clock=Clock())
    past = [(NOW - timedelta(minutes=minutes), SANNE, patient(minutes)) for minutes in (59, 1, 90)]
    budgeting.restore(past, now=NOW)
    budgeting.spend(SANNE, patient(1))

    with pytest.raises(BudgetSpent):
        budgeting.spend(SANNE, patient(90))
