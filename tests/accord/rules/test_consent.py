"""May it be released? Against a slow reading of the national rules, and one by one in words (promise P5)."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.rules.consent import Basis, Choice, Refusal, decide
from accord.rules.question import Question, RecordTraits
from accord.terms.identifiers import RecordRef, Ura
from accord.terms.parties import Asker, DataUser, Professional
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse

NOW = datetime(2026, 11, 21, 2, 41, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KINDS = (HolderKind.HOSPITAL, HolderKind.PHARMACY)
KIND_OF = {Ura("90000001"): KINDS[0], Ura("90000002"): KINDS[0], Ura("90000003"): KINDS[1], Ura("90000004"): KINDS[1]}
URAS = tuple(KIND_OF)
CATEGORIES = (CareCategory.CONDITION, CareCategory.MEDICATION_REQUEST)
RECORDS = (RecordRef("Condition", "1"), RecordRef("Condition", "2"))
TREAT, EMERGENCY = PurposeOfUse.TREATMENT, PurposeOfUse.EMERGENCY_TREATMENT
CONDITION = CareCategory.CONDITION


def asker(ura: Ura = URAS[0], *, treats: bool = True) -> Asker:
    """Who asks."""
    return Asker(DataUser(ura, "Reggerbrug", KIND_OF[ura]), Professional("1", "01.015", "A. de Vries"), treats)


Decision = Basis | Refusal
#: What choices alone can say.
SAYINGS = (*Basis, Refusal.NOT_TREATING, Refusal.PATIENT_REFUSED, Refusal.NO_CHOICE_ON_RECORD)


# -- The oracle: a choice is the set of all situations of which it speaks, and specific means fewer of them.

Situation = tuple[object, ...]


@cache
def situations(user: HolderKind | Ura | None, category: CareCategory | None, purpose: PurposeOfUse | None, record: RecordRef | None) -> frozenset[Situation]:
    """Everything in a small world to which such a choice applies. Emergency treatment is a kind of treatment; there is a third purpose besides."""
    users = [ura for ura, kind in KIND_OF.items() if user in (None, ura, kind)]
    categories = [one for one in (*CATEGORIES, "another") if category in (None, one)]
    purposes = {None: ["TREAT", "ETREAT", "RESEARCH"], TREAT: ["TREAT", "ETREAT"], EMERGENCY: ["ETREAT"]}[purpose]
    records = [one for one in (*RECORDS, "any other") if record in (None, one)]
    return frozenset(product(users, categories, purposes, records))


def by_the_book(who: Asker, purpose: PurposeOfUse, category: CareCategory, choices: list[Choice], record: RecordRef | None) -> bool:
    """The VWS rules, read literally: an objection counts unless a permit speaks of strictly fewer situations, this one among them."""
    if not who.treats_the_patient:
        return False
    here = (who.data_user.ura, category, purpose.value, record or "any other")
    speaking = []
    for choice in choices:
        in_force = (choice.begins is None or choice.begins <= NOW) and (choice.ends is None or choice.ends > NOW)
        about = situations(choice.user, choice.category, choice.purpose, choice.record)
        if in_force and here in about:
            speaking.append((choice.permits, about))
    if not speaking:
        return purpose is EMERGENCY
    yes = [about for permits, about in speaking if permits]
    no = [about for permits, about in speaking if not permits]
    return bool(yes) and all(any(about < objected for about in yes) for objected in no)


def a_choice(chance: Random) -> Choice:
    """A choice in the small world; most are in force and many say the same in some respect."""
    return Choice(
        chance.random() < 0.55,
        chance.choice((None, None, *URAS, *KINDS)),
        chance.choice((None, None, *CATEGORIES)),
        chance.choice((None, None, TREAT, EMERGENCY)),
        chance.choice((None, None, *RECORDS)),
        chance.choice((None, None, None, NOW - SECOND, NOW, NOW + SECOND)),
        chance.choice((None, None, None, NOW + SECOND, NOW + SECOND, NOW, NOW - SECOND)),
    )


def is_permitted(decision: Decision) -> bool:
    """A basis releases; nothing else does."""
    return isinstance(decision, Basis)


@pytest.mark.slow
def test_p5_twenty_thousand_questions_are_decided_by_the_book() -> None:
    chance = Random(20_261_121)
    seen: Counter[Decision] = Counter()
    for _ in range(24_000):
        choices = [a_choice(chance) for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 4, 6)))]
        who = asker(chance.choice(URAS), treats=chance.random() < 0.95)
        question = (who, chance.choice((TREAT, TREAT, EMERGENCY)), chance.choice(CATEGORIES))
        record = chance.choice((None, *RECORDS))

        decision = decide(*question, choices, at=NOW, record=record)

        seen[decision] += 1
        assert is_permitted(decision) == by_the_book(*question, choices, record), (question, choices, record)
    # Every outcome was met often, or this would prove little.
    assert min(seen[outcome] for outcome in SAYINGS) > 500


def speaks(choice: Choice, question: Question, category: CareCategory, record: RecordRef | None) -> bool:
    """Whether a choice is about this."""
    about = not choice.looks_at_records if record is None else choice.fits(RecordTraits(record))
    return choice.speaks_to(question) and choice.is_about(category) and about


_choices = st.builds(
    Choice,
    st.booleans(),
    st.sampled_from((None, *URAS, *KINDS)),
    st.sampled_from((None, *CATEGORIES)),
    st.sampled_from((None, TREAT, EMERGENCY)),
    st.sampled_from((None, *RECORDS)),
    st.sampled_from((None, NOW, NOW + SECOND)),
    st.sampled_from((None, NOW, NOW + SECOND)),
)
_questions = st.tuples(st.builds(asker, st.sampled_from(URAS), treats=st.booleans()), st.sampled_from((TREAT, EMERGENCY)), st.sampled_from(CATEGORIES))
_records = st.sampled_from((None, *RECORDS))


@settings(max_examples=200)
@given(_questions, st.lists(_choices, max_size=6), _records)
def test_p5_what_is_released_is_provably_permitted(question: tuple[Asker, PurposeOfUse, CareCategory], choices: list[Choice], record: RecordRef | None) -> None:
    decision = decide(*question, choices, at=NOW, record=record)

    assert is_permitted(decision) == by_the_book(*question, choices, record)


@settings(max_examples=200)
@given(_questions, st.lists(_choices, max_size=5), _choices.filter(lambda c: not c.permits), _records, st.integers(0, 5))
def test_p5_one_more_objection_never_widens(
    question: tuple[Asker, PurposeOfUse, CareCategory], choices: list[Choice], objection: Choice, record: RecordRef | None, place: int
) -> None:
    before = decide(*question, choices, at=NOW, record=record)
    after = decide(*question, [*choices[:place], objection, *choices[place:]], at=NOW, record=record)

    assert is_permitted(before) or not is_permitted(after)


@settings(max_examples=200)
@given(_questions, st.lists(_choices, max_size=5), _choices.filter(lambda c: c.permits), _records)
def test_p5_a_permit_that_cannot_be_compared_never_overrules_an_objection(
    question: tuple[Asker, PurposeOfUse, CareCategory], choices: list[Choice], permit: Choice, record: RecordRef | None
) -> None:
    who, purpose, category = question
    standing = [c for c in choices if not c.permits and speaks(c, Question(who, purpose, NOW), category, record) and not permit.beats(c)]
    before = decide(*question, choices, at=NOW, record=record)
    after = decide(*question, [*choices, permit], at=NOW, record=record)

    if standing and not is_permitted(before):
        assert not is_permitted(after)


@given(
    _questions,
    st.permutations([Choice(True, URAS[0]), Choice(False, KINDS[0]), Choice(True), Choice(False, None, CONDITION), Choice(True, KINDS[0], CONDITION)]),
)
def test_the_order_of_choices_does_not_matter(question: tuple[Asker, PurposeOfUse, CareCategory], choices: list[Choice]) -> None:
    assert decide(*question, choices, at=NOW) is decide(*question, sorted(choices, key=repr), at=NOW)


@given(_choices, _choices, _choices)
def test_more_specific_is_an_order(one: Choice, two: Choice, three: Choice) -> None:
    assert not one.beats(one)
    assert not (one.beats(two) and two.beats(one))
    assert not (one.beats(two) and two.beats(three)) or one.beats(three)


# -- In words


def told(*choices: Choice, who: Asker | None = None, purpose: PurposeOfUse = TREAT, record: RecordRef | None = None) -> Decision:
    """The decision on conditions."""
    return decide(who or asker(), purpose, CONDITION, choices, at=NOW, record=record)


def test_p5_silence_is_no() -> None:
    assert told() is Refusal.NO_CHOICE_ON_RECORD
    assert told(Choice(True, URAS[1])) is Refusal.NO_CHOICE_ON_RECORD
    assert told(Choice(True, category=CareCategory.ALERT)) is Refusal.NO_CHOICE_ON_RECORD


def test_p5_who_does_not_treat_gets_nothing_whatever_was_chosen() -> None:
    for purpose in PurposeOfUse:
        assert told(Choice(True), who=asker(treats=False), purpose=purpose) is Refusal.NOT_TREATING
        assert told(who=asker(treats=False), purpose=purpose) is Refusal.NOT_TREATING


def test_p12_emergency_stands_in_for_silence_and_never_for_a_refusal() -> None:
    assert told(purpose=EMERGENCY) is Basis.EMERGENCY
    assert told(Choice(True), purpose=EMERGENCY) is Basis.PATIENT_CONSENTED
    for objection in (Choice(False), Choice(False, URAS[0]), Choice(False, category=CONDITION), Choice(False, purpose=EMERGENCY), Choice(False, purpose=TREAT)):
        assert told(objection, purpose=EMERGENCY) is Refusal.PATIENT_REFUSED
    # An objection to somebody else, or to something else, is silence here.
    assert told(Choice(False, URAS[1]), purpose=EMERGENCY) is Basis.EMERGENCY


def test_a_choice_about_treatment_holds_in_an_emergency_and_one_about_emergencies_is_more_specific() -> None:
    assert told(Choice(True, purpose=TREAT), purpose=EMERGENCY) is Basis.PATIENT_CONSENTED
    no_but_in_an_emergency = (Choice(False, purpose=TREAT), Choice(True, purpose=EMERGENCY))
    assert told(*no_but_in_an_emergency) is Refusal.PATIENT_REFUSED
    assert told(*no_but_in_an_emergency, purpose=EMERGENCY) is Basis.PATIENT_CONSENTED
    assert told(Choice(True, purpose=TREAT), Choice(False, purpose=EMERGENCY)) is Basis.PATIENT_CONSENTED
    assert told(Choice(True, purpose=TREAT), Choice(False, purpose=EMERGENCY), purpose=EMERGENCY) is Refusal.PATIENT_REFUSED


@pytest.mark.parametrize(
    ("specific", "general"),
    [
        ({"user": URAS[0]}, {"user": HolderKind.HOSPITAL}),  # one organisation beats a kind of organisation
        ({"user": URAS[0]}, {}),
        ({"user": HolderKind.HOSPITAL}, {}),
        ({"category": CONDITION}, {}),
        ({"purpose": TREAT}, {}),  # a stated context beats none
        ({"record": RECORDS[0]}, {}),  # a stated record beats none
        ({"user": URAS[0], "category": CONDITION}, {"category": CONDITION}),
        ({"user": URAS[0], "category": CONDITION, "purpose": TREAT, "record": RECORDS[0]}, {"user": HolderKind.HOSPITAL, "record": RECORDS[0]}),
    ],
)
def test_p5_specific_beats_general_both_ways(specific: dict[str, object], general: dict[str, object]) -> None:
    yes, no = Choice(True, **specific), Choice(False, **general)  # type: ignore[arg-type]
    assert told(yes, no, record=RECORDS[0]) is Basis.PATIENT_CONSENTED

    no, yes = Choice(False, **specific), Choice(True, **general)  # type: ignore[arg-type]
    assert told(yes, no, record=RECORDS[0]) is Refusal.PATIENT_REFUSED


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"user": URAS[0]}, {"user": URAS[0]}),
        ({"user": URAS[0]}, {"category": CONDITION}),
        ({"record": RECORDS[0]}, {"user": URAS[0]}),
        ({"purpose": TREAT, "category": CONDITION}, {"user": HolderKind.HOSPITAL}),
        ({"user": URAS[0]}, {"user": HolderKind.HOSPITAL, "category": CONDITION}),
    ],
)
def test_p5_at_equal_weight_or_without_an_order_the_objection_wins(one: dict[str, object], other: dict[str, object]) -> None:
    for first, second in ((one, other), (other, one)):
        assert told(Choice(True, **first), Choice(False, **second), record=RECORDS[0]) is Refusal.PATIENT_REFUSED  # type: ignore[arg-type]


def test_p5_each_objection_needs_a_permit_that_beats_it() -> None:
    by_user, by_category = Choice(False, HolderKind.HOSPITAL), Choice(False, category=CONDITION)

    assert told(by_user, by_category, Choice(True, URAS[0]), Choice(True, KINDS[0], CONDITION)) is Basis.PATIENT_CONSENTED
    assert told(by_user, by_category, Choice(True, URAS[0])) is Refusal.PATIENT_REFUSED
    assert told(by_user, by_category, Choice(True, URAS[0], CONDITION)) is Basis.PATIENT_CONSENTED


def test_a_choice_counts_from_its_beginning_until_just_before_its_end() -> None:
    for begins, ends, counts in [
        (NOW, None, True), (NOW + SECOND, None, False), (None, NOW, False), (None, NOW + SECOND, True), (NOW, NOW, False), (NOW, NOW + SECOND, True),
    ]:  # fmt: skip
        assert is_permitted(told(Choice(True, begins=begins, ends=ends))) == counts
        # What is over, or has not begun, forbids nothing either.
        assert is_permitted(told(Choice(True), Choice(False, begins=begins, ends=ends))) != counts


def test_what_is_said_of_one_record_says_nothing_of_the_others() -> None:
    permit = Choice(True, record=RECORDS[0])

    assert told(permit, record=RECORDS[0]) is Basis.PATIENT_CONSENTED
    assert told(permit, record=RECORDS[1]) is Refusal.NO_CHOICE_ON_RECORD
    assert told(permit) is Refusal.NO_CHOICE_ON_RECORD
    assert told(Choice(True), Choice(False, record=RECORDS[0]), record=RECORDS[1]) is Basis.PATIENT_CONSENTED
