"""The questionnaire of planning ahead: answers by what they are coded as, and nothing of the rest lost."""

from typing import Any

import pytest

from gateway.dossier.clinical.wishes import Answer, Validity, Wish
from tests.gateway.dossier.clinical.wish_records import DEACTIVATION, DECISIONS, HL7, RESUSCITATION, SNOMED, VENTILATION, Json, notes_of, read

NULL = HL7 + "v3-NullFlavor"


def coding(code: str, system: str = SNOMED, display: str = "") -> Json:
    return {"valueCoding": {"system": system, "code": code, "display": display}}


def item(question: str, *answers: Json, below: tuple[Json, ...] = (), number: str = "") -> Json:
    return {"linkId": number or question, "text": question, "answer": list(answers), "item": list(below)}


def treatment(code: str, decision: Json | None = None, explained: str = "", system: str = SNOMED) -> Json:
    told = (item("BehandelBesluit", decision | ({"item": [item("Toelichting", {"valueString": explained})]} if explained else {})),) if decision else ()
    return item("a) Behandeling?", below=(item("Behandeling", coding(code, system)), *told))


def response(*items: Json, **members: Any) -> Json:
    base: Json = {"resourceType": "QuestionnaireResponse", "status": "completed", "authored": "2026-11-10"}
    return base | {"questionnaire": "https://fhir.iknl.nl/fhir/Questionnaire/ACP-zib2020|0.1.3", "item": list(items)} | members


def by_subject(record: Json) -> dict[str, Wish]:
    return {wish.about: wish for wish in read(record)}


def test_a_decision_in_a_questionnaire_is_a_yes_or_a_no() -> None:
    found = by_subject(response(treatment(RESUSCITATION, coding("2", DECISIONS)), treatment(VENTILATION, coding("0", DECISIONS))))

    assert (found["wish.resuscitation"].answer, found["wish.ventilation"].answer) == (Answer.NO, Answer.YES)
    assert found["wish.resuscitation"].words.nl == "Niet reanimeren"


@pytest.mark.parametrize("decision", ["0", "2"])
def test_a_decision_with_an_explanation_is_read_with_it_and_is_no_plain_yes_or_no(decision: str) -> None:
    explained = "Alleen als er kans is om weer thuis te komen. " * 30
    wish = by_subject(response(treatment(RESUSCITATION, coding(decision, DECISIONS), explained)))["wish.resuscitation"]

    assert (wish.answer, wish.conditions) == (Answer.IN_WORDS, explained)
    assert explained in wish.words.nl


def test_an_other_decision_is_in_its_own_words() -> None:
    wish = by_subject(response(treatment(RESUSCITATION, coding("1", DECISIONS, "Anders"), "eerst bellen")))["wish.resuscitation"]

    assert (wish.answer, wish.words.nl) == (Answer.IN_WORDS, "Geen ja of nee: eerst bellen")


def test_a_treatment_without_a_decision_is_no_answer() -> None:
    assert by_subject(response(treatment(RESUSCITATION)))["wish.resuscitation"].answer is Answer.NOT_RECORDED


def test_two_decisions_in_one_group_are_no_yes_and_no_no() -> None:
    group = treatment(RESUSCITATION, coding("0", DECISIONS))
    group["item"][1]["answer"].append(coding("2", DECISIONS))

    assert by_subject(response(group))["wish.resuscitation"].answer is Answer.IN_WORDS


def test_a_subject_with_several_answers_keeps_all_of_them_with_their_questions() -> None:
    group = treatment(RESUSCITATION, coding("2", DECISIONS, "Niet uitvoeren"))
    group["item"].append(item("Alleen thuis?", {"valueBoolean": True}))
    (wish,) = read(response(group))

    assert wish.about == "wish.resuscitation"
    assert (wish.answer, wish.conditions) == (Answer.IN_WORDS, "BehandelBesluit: Niet uitvoeren\nAlleen thuis?: Ja")


def test_switching_off_an_icd_in_a_questionnaire_is_said_as_such() -> None:
    agreed = by_subject(response(treatment(DEACTIVATION, coding("0", DECISIONS))))["wish.icd-deactivation"]
    undecided = by_subject(response(treatment(DEACTIVATION, coding("ASKU", NULL, "Nee, nog geen besluit genomen"), "bespreekt het volgende week")))[
        "wish.icd-deactivation"
    ]

    assert agreed.answer is Answer.SWITCH_OFF
    assert undecided.answer is Answer.UNDECIDED
    assert "Nee, nog geen besluit genomen" in undecided.words.nl
    assert "bespreekt het volgende week" in notes_of(undecided)


def test_other_limits_of_treatment_are_in_their_own_words() -> None:
    found = read(response(treatment("OTH", coding("2", DECISIONS), "geen dialyse in het ziekenhuis", NULL)))

    assert [(wish.answer, wish.conditions) for wish in found] == [(Answer.IN_WORDS, "geen dialyse in het ziekenhuis")]


def test_coded_and_written_answers_are_read_as_observations_are() -> None:
    place = item("b) Plek", below=(item("[MetingNaam]", coding("395091006")), item("[MetingWaarde]", coding("264362003"))))
    wish = item("a) Wens", below=(item("[MetingNaam]", coding("153851000146100")), item("[MetingWaarde]", {"valueString": "rust"})))
    goal = item("3. Doel", below=(item("[MetingNaam]", coding("180771000146100")), item("[MetingWaarde]", coding("713148004"))))
    found = by_subject(response(place, wish, goal))

    assert {subject: one.words.nl for subject, one in found.items()} == {
        "wish.place-of-death": "Thuis",
        "wish.specific": "rust",
        "goal.focus": "Klachten voorkomen en behandelen",
    }


def test_what_cannot_be_mapped_is_shown_as_question_and_answer() -> None:
    asked = item(
        "1. Wilsbekwaamheid", below=(item("Is de patiënt wilsbekwaam?", coding("1", "", "Ja") | {"item": [item("Toelichting", {"valueString": "nu nog"})]}),)
    )
    (wish,) = read(response(asked, item("Vrij veld", {"valueString": "belt graag zelf"}, {"valueBoolean": True}, {"valueDecimal": 2})))

    assert wish.answer is Answer.IN_WORDS
    assert notes_of(wish).splitlines() == [
        "1. Wilsbekwaamheid › Is de patiënt wilsbekwaam? Ja",
        "1. Wilsbekwaamheid › Is de patiënt wilsbekwaam? › Toelichting nu nog",
        "Vrij veld belt graag zelf, Ja, 2",
    ]


def test_the_date_is_that_of_the_conversation_and_those_present_are_named() -> None:
    led = item(
        "Gesprek gevoerd door:",
        below=(item("Naam", below=(item("Voornamen", {"valueString": "Sanne"}), item("Achternaam", {"valueString": "ten Esker"})), number="16"),),
    )
    there = item("In bijzijn van", below=(item("Relatie", coding("DAU", "", "Dochter")),), number="78")
    date = item("Datum van invullen", {"valueDateTime": "2026-11-08"}, number="963")
    wish = by_subject(response(date, led, there, treatment(RESUSCITATION, coding("2", DECISIONS))))["wish.resuscitation"]

    assert (wish.when, wish.recorded) == ("2026-11-08", "2026-11-10")
    assert [one.nl for one in wish.said_with] == ["Sanne ten Esker", "Dochter"]


@pytest.mark.parametrize("status", ["in-progress", "stopped", "entered-in-error", ""])
def test_a_questionnaire_that_is_not_completed_is_not_valid(status: str) -> None:
    wish = by_subject(response(treatment(RESUSCITATION, coding("2", DECISIONS)), status=status))["wish.resuscitation"]

    assert wish.validity is not Validity.VALID
    assert wish.answer is Answer.IN_WORDS


def test_an_unknown_modifier_in_a_questionnaire_makes_nothing_plain() -> None:
    record = response(treatment(RESUSCITATION, coding("2", DECISIONS)), modifierExtension=[{"url": "http://example.org/x"}])

    assert by_subject(record)["wish.resuscitation"].answer is Answer.IN_WORDS


def test_another_questionnaire_is_no_wish() -> None:
    assert read(response(item("Pijn?", {"valueInteger": 3}), questionnaire="http://example.org/Questionnaire/pain")) == ()


def test_headings_of_headings_do_not_fill_the_memory() -> None:
    inner: list[dict[str, Any]] = [{"linkId": "y", "text": "t", "answer": [{"valueString": "z"}]} for _ in range(300)]
    for _ in range(25):
        inner = [{"linkId": "g", "text": "g" * 200, "item": [*inner, *({"linkId": "y", "text": "t", "answer": [{"valueString": "z"}]} for _ in range(100))]}]
    record = {"resourceType": "QuestionnaireResponse", "id": "1", "status": "completed", "questionnaire": "https://fhir.iknl.nl/fhir/Questionnaire/ACP-zib2020"}
    answers = 300 + 25 * 100

    (wish,) = read(record | {"item": inner})

    assert len(wish.notes) == answers
    assert sum(len(question.nl) for question, _ in wish.notes) < answers * 500
