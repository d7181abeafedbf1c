"""What is proposed after a procedure, for people of the story and for those of whom little is known."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from accord.link.needing_file import default_needs
from accord.rules.capacity.needing import Because, Fact, Facts, Known, Proposal, propose
from accord.terms.capacity import AT_HOME, CareKind, Condition

DAY: Final = date(2026, 11, 22)
KNEE: Final = frozenset({"609588000"})
HIP: Final = frozenset({"5913000"})
PALLIATIVE: Final = frozenset({"103735009"})
KNOWN: Final = st.sampled_from(Known)
FACTS: Final = st.builds(Facts, st.none() | st.sampled_from(range(0, 110, 10)), KNOWN, KNOWN, KNOWN, KNOWN, KNOWN, KNOWN, KNOWN, KNOWN)
CODES: Final = st.frozensets(st.sampled_from(sorted(code for each in default_needs().occasions for code in each.codes)), max_size=4)


def facts_of(said: Mapping[Fact, bool], age: int | None = None) -> Facts:
    """Facts from what is known; what is not in *said* is unknown."""
    known = {fact.value.replace("-", "_"): Known.YES if holds else Known.NO for fact, holds in said.items() if fact is not Fact.AGE}
    return Facts(age, **known)


def proposed(codes: frozenset[str], facts: Facts, near: str = "") -> list[Proposal]:
    return list(propose(default_needs(), codes, facts, DAY, near))


def test_bennie_who_has_help_is_proposed_visits_after_his_knee_surgery() -> None:
    [visits] = proposed(KNEE, facts_of({Fact.LIVES_ALONE: False}, 70), "7511")

    assert (visits.need.kind, visits.need.amount, visits.need.since) == (CareKind.DISTRICT_NURSING, 4, DAY + timedelta(days=2))
    assert visits.need.conditions == {Condition.WOUND_CARE}
    assert visits.need.near == "7511"
    assert visits.occasion.title_nl == "knieprothese"


def test_who_is_alone_without_help_after_knee_surgery_is_proposed_a_short_stay_too_with_its_reasons() -> None:
    _, stay = proposed(KNEE, facts_of({Fact.LIVES_ALONE: True, Fact.HELP_AT_HOME: False, Fact.COGNITIVE_PROBLEMS: False}, 70), "7511")

    assert (stay.need.kind, stay.need.near) == (CareKind.SHORT_STAY_LOW, "")
    assert stay.because == (Because(Fact.LIVES_ALONE), Because(Fact.HELP_AT_HOME, holds=False))
    assert stay.ask == ()


def test_what_the_dossier_does_not_say_is_asked() -> None:
    _, stay = proposed(KNEE, Facts())

    assert stay.ask == (Fact.LIVES_ALONE, Fact.HELP_AT_HOME, Fact.COGNITIVE_PROBLEMS)


def test_dina_is_proposed_rehabilitation_first_and_a_nursing_home_after_it() -> None:
    facts = facts_of({Fact.HOME_CARE: True, Fact.LIVES_ALONE: True, Fact.COGNITIVE_PROBLEMS: False, Fact.WANTS_HOME: False}, 80)
    proposals = proposed(HIP, facts)

    assert [each.need.kind for each in proposals] == [CareKind.GERIATRIC_REHABILITATION, CareKind.SHORT_STAY_HIGH, CareKind.NURSING_HOME]
    assert proposals[0].need.since == DAY + timedelta(days=4)
    assert Because(Fact.AGE, age=80) in proposals[0].because


def test_who_is_young_is_proposed_no_geriatric_rehabilitation() -> None:
    assert CareKind.GERIATRIC_REHABILITATION not in {each.need.kind for each in proposed(HIP, facts_of({}, 50))}


def test_who_wants_to_be_at_home_at_the_end_is_proposed_care_there_before_a_hospice() -> None:
    at_home = [each.need.kind for each in proposed(PALLIATIVE, facts_of({Fact.WANTS_HOME: True}))]
    elsewhere = [each.need.kind for each in proposed(PALLIATIVE, facts_of({Fact.WANTS_HOME: False}))]

    assert at_home[:3] == [CareKind.SPECIALISED_HOME_CARE, CareKind.DISTRICT_NURSING, CareKind.HOSPICE]
    assert elsewhere == [CareKind.HOSPICE, CareKind.SHORT_STAY_HIGH]


def test_care_at_home_stands_first_for_who_wants_home_and_last_for_who_does_not_with_that_reason() -> None:
    stroke, known = frozenset({"230690007"}), {Fact.HOME_CARE: False, Fact.COGNITIVE_PROBLEMS: False}
    home, *others = proposed(stroke, facts_of(known | {Fact.WANTS_HOME: True}, 80), "7591")
    stay, visits = proposed(KNEE, facts_of(known | {Fact.WANTS_HOME: False, Fact.LIVES_ALONE: True, Fact.HELP_AT_HOME: False}, 70))

    assert home.need.kind is CareKind.DISTRICT_NURSING
    assert Because(Fact.WANTS_HOME) in home.because
    assert [each.need.kind for each in others] == [CareKind.GERIATRIC_REHABILITATION, CareKind.SHORT_STAY_HIGH]
    assert (stay.need.kind, visits.need.kind) == (CareKind.SHORT_STAY_LOW, CareKind.DISTRICT_NURSING)
    assert visits.because == (Because(Fact.WANTS_HOME, holds=False),)


@given(CODES, FACTS)
def test_a_wish_takes_no_proposal_away_and_adds_none_but_by_the_table(codes: frozenset[str], facts: Facts) -> None:
    unsaid = {each.need.kind for each in proposed(codes, replace(facts, wants_home=Known.UNKNOWN))}

    assert {each.need.kind for each in proposed(codes, replace(facts, wants_home=Known.YES))} == unsaid


def test_two_occasions_are_one_need_of_a_kind_with_the_conditions_of_both() -> None:
    visits = proposed(KNEE | {"52448006"}, facts_of({Fact.WANTS_HOME: True, Fact.LIVES_ALONE: False}))[0]

    assert visits.need.conditions == {Condition.WOUND_CARE, Condition.DEMENTIA}
    assert visits.need.amount == 7


def test_nothing_is_proposed_for_what_the_table_does_not_know() -> None:
    assert proposed(frozenset({"80146002"}), Facts()) == []


@given(CODES, FACTS, st.sampled_from(["", "7511"]))
def test_an_unknown_fact_is_asked_and_never_decides(codes: frozenset[str], facts: Facts, near: str) -> None:
    proposals = proposed(codes, facts, near)
    kinds = [each.need.kind for each in proposals]

    assert len(kinds) == len(set(kinds))
    for each in proposals:
        for fact in each.ask:
            assert (facts.age is None) if fact is Fact.AGE else (facts.known(fact) is Known.UNKNOWN)
        for ground in each.because:
            assert ground.fact is Fact.AGE or facts.known(ground.fact) is (Known.YES if ground.holds else Known.NO)
        assert each.need.near == (near if each.need.kind in AT_HOME else "")


def test_knowing_more_only_takes_proposals_away() -> None:
    for said in product((True, False), repeat=3):
        known = facts_of(dict(zip((Fact.LIVES_ALONE, Fact.HELP_AT_HOME, Fact.WANTS_HOME), said, strict=True)))

        assert {each.need.kind for each in proposed(KNEE | HIP, known)} <= {each.need.kind for each in proposed(KNEE | HIP, Facts())}
