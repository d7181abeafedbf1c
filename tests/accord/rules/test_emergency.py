"""B12: glass is broken with a role that may, a reason, and a second factor of just now, or not at all."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.emergency import FAULT_OF, MOST_WORDS, REASONS, Begun, Lacking, ReasonCode, ends_of, is_offered, lacking, limits_of
from accord.rules.glass import lacks_emergency
from accord.rules.question import Question
from accord.terms.evidence import Emergency, Mandate, TreatmentBasis
from accord.terms.faults import Fault
from accord.terms.identifiers import Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.policies import EmergencyPolicy
from accord.terms.vocabulary import HolderKind, PurposeOfUse

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
POLICY = EmergencyPolicy("Wkkgz", frozenset({"01.015"}), ends=NOW + timedelta(days=100))
EMERGENCY = Emergency("unconscious", "", NOW - 10 * SECOND)
MANDATE = Mandate(
    id="m1",
    issuer=Ura("90000001"),
    audience="twente",
    professional=Professional("900001", "01.015", "S. ten Esker"),
    purpose=PurposeOfUse.EMERGENCY_TREATMENT,
    patient=bytes(32),
    treatment=TreatmentBasis.PRESENT,
    categories=frozenset(),
    issued=NOW - 20 * SECOND,
    expires=NOW + timedelta(minutes=9),
    key=bytes(32),
    digest=bytes(32),
    emergency=EMERGENCY,
)


def with_emergency(**changes: object) -> Mandate:
    return replace(MANDATE, emergency=replace(EMERGENCY, **changes))  # type: ignore[arg-type]


def test_glass_may_be_broken_with_role_reason_and_second_factor() -> None:
    assert lacking(POLICY, MANDATE, at=NOW) is None


def test_b12_without_a_policy_it_is_offered_on_no_dossier() -> None:
    assert not is_offered(None, at=NOW)
    assert lacking(None, MANDATE, at=NOW) is Lacking.NOT_OFFERED


def test_b12_after_the_end_of_the_policy_it_is_offered_on_no_dossier() -> None:
    ended = replace(POLICY, ends=NOW)

    assert not is_offered(ended, at=NOW)
    assert is_offered(ended, at=NOW - SECOND)
    assert lacking(ended, MANDATE, at=NOW) is Lacking.POLICY_ENDED
    assert FAULT_OF[Lacking.POLICY_ENDED] is FAULT_OF[Lacking.NOT_OFFERED] is Fault.EMERGENCY_NOT_OFFERED


@pytest.mark.parametrize("reason", ["", "Unconscious", "unconscious ", "curious", "unconscіous"])
def test_b12_without_a_reason_of_the_closed_set_nothing_opens(reason: str) -> None:
    assert lacking(POLICY, with_emergency(reason=reason), at=NOW) is Lacking.REASON


def test_b12_a_role_that_may_not_opens_nothing() -> None:
    for role in ("01.016", "", "01.015 ", "01.0151"):
        assert lacking(POLICY, replace(MANDATE, professional=replace(MANDATE.professional, role=role)), at=NOW) is Lacking.ROLE


@pytest.mark.parametrize("changed", [{"emergency": None}, {"purpose": PurposeOfUse.TREATMENT}])
def test_b12_treatment_with_a_reason_is_no_emergency_and_neither_is_an_emergency_without(changed: dict[str, object]) -> None:
    assert lacking(POLICY, replace(MANDATE, **changed), at=NOW) is Lacking.NO_EMERGENCY  # type: ignore[arg-type]


def test_b12_a_mandate_replayed_after_its_end_opens_nothing() -> None:
    assert lacking(POLICY, MANDATE, at=MANDATE.expires) is Lacking.MANDATE_ENDED
    assert lacking(POLICY, MANDATE, at=MANDATE.issued - 31 * SECOND) is Lacking.MANDATE_ENDED


@pytest.mark.parametrize(("age", "expected"), [(0, None), (120, None), (121, Lacking.SECOND_FACTOR), (-30, None), (-31, Lacking.SECOND_FACTOR)])
def test_b12_the_second_factor_is_of_just_now(age: int, expected: Lacking | None) -> None:
    assert lacking(POLICY, with_emergency(second_factor_at=NOW - age * SECOND), at=NOW) is expected


@pytest.mark.parametrize("words", ["", "   ", "..........", "te kort"])
def test_another_reason_needs_words(words: str) -> None:
    assert lacking(POLICY, with_emergency(reason="other-needs-words", words=words), at=NOW) is Lacking.WORDS


@pytest.mark.parametrize("words", ["other-needs-words", " Other-Needs-Words ", "other%2Dneeds%2Dwords", "other needs words"])
def test_p12_the_code_of_another_reason_is_not_somebodys_words(words: str) -> None:
    assert lacking(POLICY, with_emergency(reason="other-needs-words", words=words), at=NOW) is Lacking.WORDS


def test_another_reason_with_words_is_a_reason() -> None:
    assert lacking(POLICY, with_emergency(reason="other-needs-words", words="valt steeds weg, familie onbereikbaar"), at=NOW) is None


@pytest.mark.parametrize("words", ["a\nb", "a\x00b", "a\u202eb", "a\u2028b", "\x1b[31m", "a" * (MOST_WORDS + 1)])
def test_e5_words_that_would_break_a_line_or_are_endless_are_no_words(words: str) -> None:
    assert lacking(POLICY, with_emergency(words=words), at=NOW) is Lacking.WORDS


def test_b12_nobody_opens_their_own_record_where_that_can_be_known() -> None:
    own, other = bytes([1]) * 32, bytes([2]) * 32

    assert lacking(POLICY, MANDATE, at=NOW, themselves=own, patient=own) is Lacking.ONESELF
    assert lacking(POLICY, MANDATE, at=NOW, themselves=own, patient=other) is None


def test_while_an_emergency_lasts_the_second_factor_is_not_asked_again() -> None:
    begun = Begun(EMERGENCY.second_factor_at, NOW + timedelta(minutes=60))

    assert lacking(POLICY, MANDATE, at=NOW + timedelta(minutes=8), earlier=begun) is None


@pytest.mark.parametrize(("ahead", "expected"), [(30, None), (31, Lacking.SECOND_FACTOR), (3600, Lacking.SECOND_FACTOR)])
def test_p12_a_second_factor_of_the_future_is_none_also_while_an_emergency_lasts(ahead: int, expected: Lacking | None) -> None:
    begun = Begun(EMERGENCY.second_factor_at, NOW + timedelta(minutes=60))

    assert lacking(POLICY, with_emergency(second_factor_at=NOW + ahead * SECOND), at=NOW, earlier=begun) is expected
    assert FAULT_OF[Lacking.SECOND_FACTOR] is Fault.EMERGENCY_INCOMPLETE


@pytest.mark.parametrize("ahead", [0, 30, 31, 45, 60, 61])
def test_p12_what_may_begin_is_not_refused_by_the_second_line_and_the_other_way_round(ahead: int) -> None:
    emergency = replace(EMERGENCY, second_factor_at=NOW + ahead * SECOND)
    asker = Asker(DataUser(MANDATE.issuer, "", HolderKind.HOSPITAL), MANDATE.professional, treats_the_patient=True)
    question = Question(asker, PurposeOfUse.EMERGENCY_TREATMENT, NOW, TreatmentBasis.PRESENT, emergency=emergency)

    begins = lacking(POLICY, replace(MANDATE, emergency=emergency), at=NOW)
    assert (begins is None) == (lacks_emergency(question, POLICY) is None)


def test_p12_after_its_end_a_newer_second_factor_is_needed_than_it_had() -> None:
    policy = replace(POLICY, minutes=1)
    begun = Begun(EMERGENCY.second_factor_at, ends_of(policy, first_used=NOW))
    later = NOW + 61 * SECOND

    assert lacking(policy, MANDATE, at=later) is None
    assert lacking(policy, MANDATE, at=later, earlier=begun) is Lacking.SECOND_FACTOR
    assert lacking(policy, with_emergency(second_factor_at=later), at=later, earlier=begun) is None


def test_no_emergency_outlasts_the_policy() -> None:
    assert ends_of(POLICY, first_used=NOW) == NOW + timedelta(minutes=60)
    assert ends_of(POLICY, first_used=POLICY.ends - SECOND) == POLICY.ends


def test_the_limits_are_those_of_the_policy() -> None:
    limits = limits_of(POLICY)

    assert (limits.professional, limits.organisation, limits.gateway) == (5, 50, None)


def test_every_reason_has_its_words_in_both_languages_and_everything_lacking_its_fault() -> None:
    assert set(REASONS) == set(ReasonCode)
    assert all(text.nl and text.en for text in REASONS.values())
    assert set(FAULT_OF) == set(Lacking)


@given(st.text(max_size=40), st.text(max_size=40), st.timedeltas(timedelta(days=-1), timedelta(days=1)), st.text(max_size=8))
def test_whatever_a_mandate_says_is_judged_and_breaks_nothing(reason: str, words: str, age: timedelta, role: str) -> None:
    mandate = replace(with_emergency(reason=reason, words=words, second_factor_at=NOW - age), professional=Professional("1", role, ""))

    assert lacking(POLICY, mandate, at=NOW) is (
        None if role == "01.015" and reason in set(ReasonCode) else Lacking.ROLE if role != "01.015" else Lacking.REASON
    )
