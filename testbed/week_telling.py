"""One week, walked through to its end and judged: by the rules alone in a second, or in a region of real processes."""

from dataclasses import replace
from datetime import date

import anyio

from testbed.placing_audit import Verdict, audit
from testbed.week import REQUESTS, Week, week
from testbed.week_account import Account
from testbed.week_by_processes import ProcessHands
from testbed.week_by_rules import RulesHands
from testbed.week_walking import WeekWalk


def week_of(seed: int, monday: date, *, requests: int = REQUESTS, processes: bool = False) -> Account:
    """What came of the week of a seed.

    Raises:
        ProcessFailed: A process did not start, or the region does not come to rest.
    """
    planned = week(seed, monday, requests=requests)
    return in_processes(planned) if processes else by_rules(planned)


def by_rules(planned: Week) -> Account:
    """Without any process."""
    hands = RulesHands(planned)
    account = anyio.run(WeekWalk(planned, hands).walk)
    return _judged(account, audit(hands.at_providers(), hands.at_askers(), hands.counted))


def in_processes(planned: Week) -> Account:
    """Through real agents, a gateway, an asker and planners' pages.

    Raises:
        ProcessFailed: As `week_of`.
    """
    with ProcessHands.start(planned) as hands:
        account = anyio.run(WeekWalk(planned, hands).walk)
        return _judged(account, hands.judged())


def _judged(account: Account, verdict: Verdict) -> Account:
    return replace(account, twice=len(verdict.twice), lost=len(verdict.lost) + len(verdict.unknown))
