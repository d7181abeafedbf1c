"""Several registers are one: the leading one permits, an objection that the holder kept still holds, doubt closes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.rules.choices import Choice, ProfessionalNumber
from accord.rules.grounds import Basis
from accord.terms.faults import Fault, Unavailable
from accord.terms.identifiers import RecordRef, Ura
from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from node_agent.consenting import Consents, HoldersRegister
from node_agent.consents import LONGEST_LEASE, ConsentAnswer, ConsentQuestion, Deny, Permit, Reason, Steady, Unclear, Word
from node_agent.deciding import Decisions, decide_all
from testbed.contracts.records import ANNA, BERT
from testbed.mitz_desk import MitzDesk
from tests.node_agent.asking import MemoryChoices
from tests.node_agent.registers import GP, NOON, HandClock, ScriptedRegister, choose, consent_question, mitz

pytestmark = pytest.mark.anyio

LAB, PILLS, PROBLEMS, PATIENT = CareCategory.OBSERVATION_LABORATORY, CareCategory.MEDICATION_USE, CareCategory.CONDITION, CareCategory.PATIENT
CLINICAL = frozenset({LAB, PILLS, PROBLEMS, PATIENT})
YES, NO = Choice(permits=True), Choice(permits=False)
BLOOD = RecordRef("Observation", "blood")


class Leading(ScriptedRegister):
    """A register that speaks of clinical data only, with a word for each category."""

    def __init__(self, **words: Word) -> None:
        super().__init__(speaks_of=CLINICAL)
        self.words = {CareCategory[name]: word for name, word in words.items()}

    async def ask(self, question: ConsentQuestion) -> ConsentAnswer:
        """As the port promises."""
        answer = await super().ask(question)
        return replace(answer, words={**answer.words, **{c: w for c, w in self.words.items() if c in question.categories}})


async def decided(own: tuple[Choice, ...], *leading: Leading, **more: Any) -> Decisions:
    """What may be released, by the rules, on the answer of all registers together."""
    question = consent_question(**more)
    consents = Consents(HoldersRegister(MemoryChoices({ANNA: own}, others=()), now=lambda: NOON), leading)
    answer = await consents.ask(question)
    decisions = decide_all(question.asked_by, question.purpose, answer.choices, NOON)
    # The words and the rules never disagree where somebody is treated.
    assert {c for c, word in answer.words.items() if isinstance(word, Permit)} == set(decisions.categories)
    return decisions


ALL_YES = Leading(OBSERVATION_LABORATORY=Permit(), MEDICATION_USE=Permit(), CONDITION=Permit(), PATIENT=Permit())


async def test_the_holders_own_register_says_what_the_rules_make_of_its_choices() -> None:
    decisions = await decided((YES, Choice(permits=False, category=LAB)))

    assert set(decisions.categories) == set(CareCategory) - {LAB}


async def test_with_a_leading_register_silence_at_the_holder_is_no_objection() -> None:
    assert set((await decided((), ALL_YES)).categories) == CLINICAL


async def test_b5_what_the_leading_register_denies_is_not_released_whatever_the_holder_kept() -> None:
    no_lab = Leading(MEDICATION_USE=Permit(), CONDITION=Permit(), PATIENT=Permit(), OBSERVATION_LABORATORY=Deny())
    strong = Choice(
        permits=True, user=GP.data_user.ura, category=LAB, purpose=PurposeOfUse.TREATMENT, record=BLOOD, professional=ProfessionalNumber("000095254")
    )
    for own in ((), (YES,), (strong,), (YES, strong), (replace(strong, category=frozenset({LAB, PILLS})),)):
        decisions = await decided(own, no_lab)

        assert LAB not in decisions.categories
        assert decisions.basis_of(LAB, "Observation", "blood") is None
        assert decisions.basis_of(PILLS, "MedicationStatement", "pill") is Basis.PATIENT_CONSENTED


@pytest.mark.parametrize(
    "objection",
    [NO, Choice(permits=False, user=HolderKind.GP_PRACTICE), Choice(permits=False, category=LAB), Choice(permits=False, user=GP.data_user.ura, category=LAB)],
)
async def test_an_objection_that_the_holder_kept_still_holds(objection: Choice) -> None:
    assert LAB not in (await decided((objection,), ALL_YES)).categories


async def test_an_objection_to_a_single_record_holds_and_the_rest_is_released() -> None:
    decisions = await decided((Choice(permits=False, record=BLOOD),), ALL_YES)

    assert decisions.basis_of(LAB, "Observation", "blood") is None
    assert decisions.basis_of(LAB, "Observation", "other") is Basis.PATIENT_CONSENTED


async def test_an_objection_with_an_exception_for_this_user_is_none_for_this_user() -> None:
    assert LAB in (await decided((NO, Choice(permits=True, user=GP.data_user.ura)), ALL_YES)).categories
    assert LAB not in (await decided((NO, Choice(permits=True, user=Ura("90009999"))), ALL_YES)).categories


async def test_of_what_the_leading_register_does_not_speak_the_holders_choices_decide() -> None:
    decisions = await decided((Choice(permits=True, category=CareCategory.FINANCIAL),), ALL_YES)

    assert set(decisions.categories) == CLINICAL | {CareCategory.FINANCIAL}


async def test_what_was_not_asked_of_the_leading_register_is_not_released() -> None:
    question = consent_question(categories=frozenset({PILLS}))
    consents = Consents(HoldersRegister(MemoryChoices({ANNA: (YES,)}), now=lambda: NOON), [ALL_YES])
    answer = await consents.ask(question)
    decisions = decide_all(GP, PurposeOfUse.TREATMENT, answer.choices, NOON)

    assert PILLS in decisions.categories
    assert not decisions.categories.keys() & (CLINICAL - {PILLS})


async def test_two_leading_registers_must_both_permit() -> None:
    decisions = await decided((), ALL_YES, Leading(OBSERVATION_LABORATORY=Deny(), MEDICATION_USE=Permit(), CONDITION=Permit(), PATIENT=Permit()))

    assert set(decisions.categories) == CLINICAL - {LAB}


@pytest.mark.parametrize("reason", list(Reason))
async def test_a_single_unclear_word_closes_everything(reason: Reason) -> None:
    doubt = Leading(OBSERVATION_LABORATORY=Unclear(reason), MEDICATION_USE=Permit(), CONDITION=Permit(), PATIENT=Permit())
    with pytest.raises(Unavailable) as failure:
        await decided((YES,), doubt)

    assert failure.value.fault is Fault.SOURCE_UNAVAILABLE
    assert failure.value.where == "consent register"


async def test_a_register_that_cannot_be_asked_closes_everything() -> None:
    down = Leading()
    down.down = True
    with pytest.raises(Unavailable, match="consent register"):
        await decided((YES,), down)

    store = MemoryChoices()
    store.fails = True
    for leading in ([], [ALL_YES]):
        with pytest.raises(Unavailable):
            await Consents(HoldersRegister(store), leading).ask(consent_question())


async def test_a_failure_that_is_none_of_a_register_stays_itself() -> None:
    class Broken(ScriptedRegister):
        """A register with a mistake in it."""

        async def ask(self, question: ConsentQuestion) -> ConsentAnswer:
            """Fails."""
            del question
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await Consents(HoldersRegister(MemoryChoices()), [Broken()]).ask(consent_question())


async def test_the_answer_holds_as_long_as_the_shortest_and_knows_no_more_than_the_oldest() -> None:
    old = Leading()
    old.observed, old.lease = NOON - timedelta(seconds=7), 12.0
    answer = await Consents(HoldersRegister(MemoryChoices(), now=lambda: NOON), [old]).ask(consent_question())

    assert (answer.lease, answer.observed) == (12.0, NOON - timedelta(seconds=7))


async def test_a_lease_ends_just_after_a_choice_begins_or_ends() -> None:
    later = Choice(permits=False, begins=NOON + timedelta(seconds=20))
    until = Choice(permits=True, ends=NOON + timedelta(seconds=9))
    past = Choice(permits=True, ends=NOON - timedelta(days=1))
    for own, lease in (((later,), 20.5), ((later, until), 9.5), ((past,), LONGEST_LEASE), ((replace(YES, within=until),), 9.5)):
        answer = await HoldersRegister(MemoryChoices({ANNA: own}), now=lambda: NOON).ask(consent_question())

        assert answer.lease == lease


def test_a_steady_clock_never_goes_back() -> None:
    moments = [NOON, NOON + timedelta(hours=1), NOON, NOON + timedelta(hours=2)]
    given_moments = iter(moments)
    clock = Steady(lambda: next(given_moments))

    assert [clock(), clock(), clock()] == [moments[1], moments[1], moments[3]]


async def test_b5_revoked_at_mitz_and_then_asked_is_refused() -> None:
    desk = MitzDesk()
    choose(desk, permits=True)
    own = HoldersRegister(MemoryChoices(others=()), now=lambda: NOON)
    async with mitz(desk, now=lambda: NOON) as register:
        consents = Consents(own, [register])
        released = []
        for _ in range(2):
            answer = await consents.ask(consent_question())
            released.append(set(decide_all(GP, PurposeOfUse.TREATMENT, answer.choices, NOON).categories))
            choose(desk, permits=False)

    assert released == [set(register.speaks_of), set()]


async def test_nothing_of_the_patient_is_told_by_question_or_answer() -> None:
    answer = await Consents(HoldersRegister(MemoryChoices(), now=lambda: NOON), [ALL_YES]).ask(consent_question())

    assert ANNA not in repr(consent_question()) + repr(answer) + repr(HandClock())


owns = st.builds(
    Choice,
    permits=st.booleans(),
    user=st.sampled_from([None, HolderKind.GP_PRACTICE, HolderKind.PHARMACY, GP.data_user.ura, Ura("90009999")]),
    category=st.sampled_from([None, LAB, PILLS, frozenset({LAB, PROBLEMS})]),
    purpose=st.sampled_from([None, PurposeOfUse.TREATMENT, PurposeOfUse.EMERGENCY_TREATMENT]),
    record=st.sampled_from([None, BLOOD]),
    professional=st.sampled_from([None, ProfessionalNumber("000095254")]),
)
words = st.sampled_from([Permit(), Deny()])


@given(
    st.lists(owns, max_size=5).map(tuple),
    st.fixed_dictionaries(dict.fromkeys(("OBSERVATION_LABORATORY", "MEDICATION_USE", "CONDITION", "PATIENT"), words)),
)
async def test_together_they_never_permit_what_one_of_them_alone_objects_to(own: tuple[Choice, ...], said: dict[str, Word]) -> None:
    question = consent_question()
    alone = decide_all(question.asked_by, question.purpose, own, NOON)
    answer = await Consents(HoldersRegister(MemoryChoices({ANNA: own}), now=lambda: NOON), [Leading(**said)]).ask(question)
    together = decide_all(question.asked_by, question.purpose, answer.choices, NOON)
    for category in (*CLINICAL, CareCategory.FINANCIAL):
        for name in ("blood", "other"):
            released = together.basis_of(category, "Observation", name)
            own_says = alone.case.explain(category, None).outcome if name == "other" else alone.basis_of(category, "Observation", name)
            if category in CLINICAL and isinstance(said[category.name], Deny):
                assert released is None
            elif category not in CLINICAL:
                assert released == alone.basis_of(category, "Observation", name)
            elif name == "other":
                # Permitted by the leading one: only an objection of the holder's own stands in the way.
                assert (released is None) == (own_says == "patient-refused")
            elif released is not None and own_says is None:
                # A record that the holder's own choices do not release: then they were silent about it, and did not object.
                spoken = [c for c in own if c.speaks_to(alone.case.question) and c.is_about(category) and c.record in (None, BLOOD)]
                assert not [c for c in spoken if not c.permits]


def test_questions_share_an_answer_only_when_all_that_counts_is_the_same() -> None:
    asked = consent_question()
    others = [
        consent_question(BERT),
        consent_question(holder=Ura("90009999")),
        consent_question(holder_kind=HolderKind.PHARMACY),
        consent_question(purpose=PurposeOfUse.EMERGENCY_TREATMENT),
        consent_question(categories=frozenset({LAB})),
        consent_question(asked_by=replace(GP, data_user=replace(GP.data_user, ura=Ura("90009999")))),
        consent_question(asked_by=replace(GP, professional=replace(GP.professional, role="01.016"))),
        consent_question(asked_by=replace(GP, professional=replace(GP.professional, identifier="000099999"))),
        consent_question(asked_by=replace(GP, treats_the_patient=False)),
    ]

    assert asked == consent_question(seconds=1.0)
    assert all(asked != other for other in others)
