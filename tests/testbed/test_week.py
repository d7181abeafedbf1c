"""A week in the region is the same for the same seed, and whatever happens in it no place is given twice and none is lost."""

import json
from datetime import date, timedelta

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from accord.terms.capacity import CareKind
from accord.terms.placing import DeclineReason
from testbed.cli import demo_app
from testbed.placing_audit import audit
from testbed.week import Came, Week, week
from testbed.week_account import Account
from testbed.week_by_rules import RulesHands
from testbed.week_walking import WeekWalk

_MONDAY = date(2026, 11, 23)
_FEW = 5


def _walked(planned: Week) -> tuple[Account, RulesHands]:
    hands = RulesHands(planned)
    return anyio.run(WeekWalk(planned, hands).walk), hands


def test_the_same_seed_makes_the_same_week_and_the_same_account() -> None:
    first, again, other = week(7, _MONDAY), week(7, _MONDAY), week(8, _MONDAY)

    assert first == again
    assert first.events != other.events
    assert _walked(first)[0].as_json() == _walked(again)[0].as_json()


def test_a_week_is_in_order_and_has_as_many_requests_as_were_wanted() -> None:
    planned = week(7, _MONDAY, requests=80)

    assert [at for at, _ in planned.events] == sorted(at for at, _ in planned.events)
    assert planned.requests == 80
    assert all(timedelta() <= at < timedelta(days=7) for at, _ in planned.events)
    assert {event.need.kind for _, event in planned.events if isinstance(event, Came)} >= {CareKind.GERIATRIC_REHABILITATION, CareKind.DISTRICT_NURSING}


def test_only_those_who_are_in_the_region_are_asked() -> None:
    planned = week(7, _MONDAY, holders=frozenset({"wieke"}), requests=20)

    assert {event.need.kind for _, event in planned.events if isinstance(event, Came)} == {CareKind.DISTRICT_NURSING}
    assert week(7, _MONDAY, holders=frozenset(), requests=20).requests == 0


def test_the_account_of_a_week_counts_everybody_once() -> None:
    account, _ = _walked(week(7, _MONDAY))
    said = account.as_json()

    assert said["requests"] == said["placed"] + said["given_up"] + said["nobody_to_ask"]
    assert account.placed > _FEW
    assert account.refusals[DeclineReason.NO_PLACE]
    assert account.median_minutes
    assert "granted twice: 0, lost: 0" in account.lines()[-1]


@pytest.mark.slow
@given(st.integers(min_value=0, max_value=10_000))
def test_in_no_week_a_place_is_given_twice_or_lost(seed: int) -> None:
    _, hands = _walked(week(seed, _MONDAY, requests=30, days=3))

    assert audit(hands.at_providers(), hands.at_askers(), hands.counted).is_sound


def test_the_command_tells_a_week_in_a_line_of_json() -> None:
    told = CliRunner().invoke(demo_app, ["--week", "rules", "--seed", "7", "--json"])

    assert told.exit_code == 0
    assert json.loads(told.stdout)["granted_twice"] == 0
