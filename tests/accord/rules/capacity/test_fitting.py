"""Whether an opening suits a need, and that not stated is never said as no."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given

from accord.rules.capacity.fitting import Fitting, Point, Reason, Suits, Verdict, fitting
from accord.rules.capacity.standing import stand
from accord.terms.capacity import CareKind, Condition, Funding, Light, Need, Opening
from tests.accord.rules.capacity.openings import MONDAY, NEED, NOW, THURSDAY, needs, opening, openings

FRIDAY = THURSDAY + timedelta(days=1)
AT_HOME = {"kind": CareKind.DISTRICT_NURSING}


def fits(need: Need, one: Opening) -> Fitting:
    return fitting(need, one, stand(one, NOW, need.since))


def said(fit: Fitting, point: Point) -> Verdict:
    return next(reason.verdict for reason in fit.reasons if reason.point is point)


def test_what_gives_all_suits_fully_with_a_reason_for_every_point_that_the_need_has() -> None:
    need = replace(NEED, specialty="Orthopaedics", conditions=frozenset({Condition.WOUND_CARE}), languages=frozenset({"nl"}), funding=Funding.ZVW)
    service = {
        "specialty": "orthopaedics",
        "conditions": frozenset({Condition.WOUND_CARE, Condition.OXYGEN}),
        "languages": frozenset({"nl-BE"}),
        "funding": frozenset({Funding.ZVW}),
    }
    fit = fits(need, opening(service))

    assert fit.suits is Suits.FULL
    assert [reason.point for reason in fit.reasons] == [point for point in Point if point is not Point.AREA]
    assert {reason.verdict for reason in fit.reasons} == {Verdict.YES}


@pytest.mark.parametrize(
    ("asked", "stated", "point", "verdict", "suits"),
    [
        ({"specialty": "x"}, {}, Point.SPECIALTY, Verdict.NOT_STATED, Suits.FULL),
        ({"specialty": "x"}, {"specialty": "y"}, Point.SPECIALTY, Verdict.NO, Suits.NOT),
        ({"conditions": {Condition.DIALYSIS}}, {}, Point.CONDITIONS, Verdict.NOT_STATED, Suits.FULL),
        ({"conditions": {Condition.DIALYSIS}}, {"conditions": {Condition.OXYGEN}}, Point.CONDITIONS, Verdict.NO, Suits.NOT),
        ({"languages": {"tr"}}, {}, Point.LANGUAGES, Verdict.NOT_STATED, Suits.FULL),
        ({"languages": {"tr"}}, {"languages": {"nl"}}, Point.LANGUAGES, Verdict.PART, Suits.PART),
        ({"languages": {"tr", "nl"}}, {"languages": {"nl"}}, Point.LANGUAGES, Verdict.YES, Suits.FULL),
        ({"funding": Funding.WLZ}, {}, Point.FUNDING, Verdict.NOT_STATED, Suits.FULL),
        ({"funding": Funding.WLZ}, {"funding": {Funding.ZVW}}, Point.FUNDING, Verdict.NO, Suits.NOT),
        ({}, AT_HOME, Point.KIND, Verdict.NO, Suits.NOT),
        (AT_HOME, AT_HOME, Point.AREA, Verdict.YES, Suits.FULL),
        (AT_HOME, AT_HOME | {"area": ("75",)}, Point.AREA, Verdict.NOT_STATED, Suits.FULL),
        (AT_HOME | {"near": "7511"}, AT_HOME | {"area": ("76", "75")}, Point.AREA, Verdict.YES, Suits.FULL),
        (AT_HOME | {"near": "7511"}, AT_HOME | {"area": ("7512",)}, Point.AREA, Verdict.NO, Suits.NOT),
    ],
)
def test_not_stated_is_not_the_same_as_no(asked: dict[str, Any], stated: dict[str, Any], point: Point, verdict: Verdict, suits: Suits) -> None:
    fit = fits(replace(NEED, **asked), opening(stated))

    assert (said(fit, point), fit.suits, fit.unstated) == (verdict, suits, int(verdict is Verdict.NOT_STATED))


@pytest.mark.parametrize(
    ("since", "until", "need_until", "verdict", "day"),
    [
        (FRIDAY, None, None, Verdict.PART, FRIDAY),
        (MONDAY, FRIDAY, None, Verdict.YES, None),
        (None, FRIDAY, FRIDAY + timedelta(days=1), Verdict.PART, FRIDAY),
        (None, MONDAY, None, Verdict.NO, MONDAY),
        (FRIDAY, None, THURSDAY, Verdict.NO, FRIDAY),
    ],
)
def test_a_day_that_differs_is_said_with_the_day(since: date | None, until: date | None, need_until: date | None, verdict: Verdict, day: date | None) -> None:
    fit = fits(replace(NEED, until=need_until), opening(since=since, until=until))

    assert Reason(Point.DATE, verdict, day=day) in fit.reasons


def test_three_of_four_visits_suit_in_part() -> None:
    fit = fits(replace(NEED, amount=4), opening(places=3))

    assert fit.suits is Suits.PART
    assert Reason(Point.AMOUNT, Verdict.PART, amount=3) in fit.reasons


def test_a_light_leaves_the_number_to_be_asked() -> None:
    assert said(fits(NEED, opening(places=None, light=Light.GREEN)), Point.AMOUNT) is Verdict.NOT_STATED


def test_p8_of_an_old_number_it_is_not_said_that_it_is_too_small() -> None:
    fit = fits(replace(NEED, amount=4), opening(places=0, valid_until=NOW - timedelta(hours=1)))

    assert (said(fit, Point.AMOUNT), fit.suits) == (Verdict.NOT_STATED, Suits.FULL)


@given(needs, openings)
def test_how_far_it_suits_follows_from_the_reasons(need: Need, one: Opening) -> None:
    fit = fits(need, one)
    verdicts = {reason.verdict for reason in fit.reasons}
    points = [reason.point for reason in fit.reasons]

    assert len(points) == len(set(points))
    assert {Point.KIND, Point.DATE, Point.AMOUNT} <= set(points)
    assert (fit.suits is Suits.NOT) is (Verdict.NO in verdicts)
    assert (fit.suits is Suits.FULL) is (not verdicts & {Verdict.NO, Verdict.PART})


@given(needs, openings)
def test_saying_less_never_makes_an_opening_suit_less(need: Need, one: Opening) -> None:
    order = tuple(Suits)
    silent = replace(one, service=replace(one.service, specialty="", conditions=frozenset(), languages=frozenset(), funding=frozenset(), area=()))

    assert order.index(fits(need, silent).suits) <= order.index(fits(need, one).suits)
