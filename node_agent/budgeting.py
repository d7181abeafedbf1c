"""Keeps every professional, organisation and gateway to the region's budget of different patients in any hour (attack D2).

Spent before anything is looked up, by localisation and by a question alike: whoever tries numbers gets the same answer
for a patient who is known here and for one who is not, and after the budget the same refusal for both.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from accord.rules.budgets import Alarm, Limits, Spender, Spending, Spent
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import Pseudonym
from accord.terms.policies import Budget

#: A gateway asks for whom it has at the door of the patient's pages, which are few; what it can try out this way is bounded by this.
RECOGNISED: Final = Budget(per_professional=300, per_organisation=300, per_gateway=300)


class BudgetSpent(Unavailable):
    """Over the budget. `alarm` is for the journal: once in a window for each that is over it, else none."""

    def __init__(self, alarm: Alarm | None) -> None:
        super().__init__(Fault.BUDGET_SPENT)
        self.alarm = alarm


class Budgeting:
    """The budgets as this holder counts them. *budget* gives the region's at this moment; *clock* never goes back.

    One loop uses it: nothing in it waits, so of two questions at the same moment one is counted first.
    """

    def __init__(self, budget: Callable[[], Budget], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget = budget
        self._clock = clock
        self._spending = Spending()

    @property
    def entries(self) -> int:
        """How many moments are kept."""
        return self._spending.entries

    def spend(self, spender: Spender, patient: Pseudonym) -> None:
        """Count a question, or one patient of a localisation. Asking again about the same patient costs nothing.

        Raises:
            BudgetSpent: `budget-spent`; nothing was counted. With an alarm that belongs in the journal, when there is one.
        """
        over = self._spending.spend(spender, patient.value, Limits.of(self._budget()), self._clock())
        if over is not None:
            raise BudgetSpent(over.alarm)

    def give_back(self, alarm: Alarm) -> None:
        """This alarm has no line: the next one is given again."""
        self._spending.give_back(alarm)

    def restore(self, past: Iterable[tuple[datetime, Spender, Pseudonym]], *, now: datetime) -> None:
        """Take in what the journal tells of the last hour, in any order, so that a restart is no way around a budget."""
        spent = (Spent((now - moment).total_seconds(), spender, patient.value) for moment, spender, patient in past)
        self._spending.restore(spent, Limits.of(self._budget()), self._clock())
