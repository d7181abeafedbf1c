"""When two dosages are the same to a reader, and when they only look so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dossier.clinical.doses import amount_a_day

NAME = "Methotrexaat tablet 2,5mg"
DAILY = {"frequency": 1, "period": 1, "periodUnit": "d"}


def dosage(repeat: dict[str, Any], value: Any = 1, **more: Any) -> dict[str, Any]:
    """One instruction: so many pieces each time."""
    return {"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": {"value": value, "unit": "stuk", "code": "1"}}]} | more


def said(*dosages: dict[str, Any], name: str = NAME) -> str:
    """As it is compared."""
    return amount_a_day(list(dosages), {}, name)


def test_what_is_taken_once_a_week_is_never_the_same_as_what_is_taken_every_day() -> None:
    weekly, in_days = dosage({"frequency": 1, "period": 1, "periodUnit": "wk"}, 7), dosage({"frequency": 1, "period": 7, "periodUnit": "d"}, 7)

    assert (said(dosage(DAILY)), said(weekly), said(in_days)) == ("2500 µg/d", "17500 µg/7 d", "17500 µg/7 d")


def test_every_eight_hours_and_three_times_a_day_are_the_same_amount() -> None:
    assert said(dosage({"frequency": 1, "period": 8, "periodUnit": "h"})) == said(dosage({"frequency": 3, "period": 1, "periodUnit": "d"}))


def test_moments_of_a_day_count_as_so_many_times() -> None:
    twice = {"timeOfDay": ["08:00:00", "20:00:00"], "period": 1, "periodUnit": "d"}

    assert said(dosage(twice)) == said(dosage({"when": ["MORN", "EVE"], "period": 1, "periodUnit": "d"})) == "5000 µg/d"
    assert "µg/d" not in said(dosage(twice | {"frequency": 1}))


@pytest.mark.parametrize("bounds", [{"boundsDuration": {"value": 7, "code": "d"}}, {"boundsPeriod": {"end": "2026-12-01"}}, {"boundsRange": {}}])
def test_steps_that_follow_each_other_are_no_sum(bounds: dict[str, Any]) -> None:
    first, then = dosage(DAILY | bounds, sequence=1, text="1 week 1 per dag"), dosage(DAILY | {"frequency": 2}, sequence=2, text="dan 2 per dag")

    assert said(first, then) == "methotrexaat tablet 2,5mg / 1 week 1 per dag / dan 2 per dag"
    assert "µg/d" not in said(dosage(DAILY, sequence=1), dosage(DAILY, sequence=2))
    assert said(dosage(DAILY), dosage(DAILY)) == "5000 µg/d"


@pytest.mark.parametrize("name", ["Morfine 10mg per ml", "Morfine 10mg/ml", "Morfine 10 mg / ml", "Metformine 1.000mg", "Fentanyl 12mcg/uur", "A/B 500mg/20mg"])
def test_a_strength_that_is_not_plain_is_none(name: str) -> None:
    assert "µg/d" not in said(dosage(DAILY), name=name)


def test_a_thousandth_of_a_strength_is_plain() -> None:
    assert said(dosage(DAILY), name="Digoxine tablet 0.125mg") == said(dosage(DAILY), name="Digoxine tablet 0,125 mg") == "125 µg/d"


_ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.sampled_from(["d", "1e999999", "-0", "NaN", "1E-12"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["timing", "repeat", "period", "periodUnit", "frequency", "when", "doseAndRate", "doseQuantity", "value", "sequence"]), inner
        ),
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["timing", "doseAndRate", "text", "sequence", "asNeededBoolean"]), _ANYTHING))
def test_whatever_shape_a_dosage_has_it_is_told(broken: dict[str, Any]) -> None:
    assert isinstance(said(broken), str)
