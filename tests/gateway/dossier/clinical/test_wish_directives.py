"""Treatment directives: yes and no only where the record says so plainly, in both generations."""

import json

import pytest

from gateway.dossier.clinical.wishes import Answer, Validity
from gateway.dossier.words import Wording
from node_agent.converting.stu3 import Converter
from tests.gateway.dossier.clinical.wish_records import (
    DEACTIVATION,
    DECISIONS,
    DEVICE_MANAGEMENT,
    HL7,
    OF_2017,
    RESUSCITATION,
    VENTILATION,
    Json,
    concept,
    directive,
    directive_of_2017,
    extension,
    notes_of,
    other,
    read,
    read_one,
)

LONG = "alleen als " + "zij kans heeft weer naar huis te gaan, " * 60


def test_permit_is_yes_and_deny_is_no() -> None:
    yes, no = read_one(directive("permit")), read_one(directive("deny"))

    assert (yes.answer, yes.words) == (Answer.YES, Wording("Wel reanimeren", "Resuscitate"))
    assert (no.answer, no.words) == (Answer.NO, Wording("Niet reanimeren", "Do not resuscitate"))


@pytest.mark.parametrize(
    ("code", "yes", "no"),
    [
        ("89666000", "Wel reanimeren", "Niet reanimeren"),
        ("305351004", "Wel naar de IC", "Niet naar de IC"),
        ("40617009", "Wel beademen", "Niet beademen"),
        ("116762002", "Wel bloedproducten geven", "Geen bloedproducten geven"),
        ("281789004", "Wel antibiotica geven", "Geen antibiotica geven"),
        ("32485007", "Wel naar het ziekenhuis", "Niet naar het ziekenhuis"),
    ],
)
def test_each_treatment_has_its_own_words(code: str, yes: str, no: str) -> None:
    found = [read_one(directive(type_, code=concept(code))).words.nl for type_ in ("permit", "deny")]

    assert found == [yes, no]


def test_no_type_is_in_words_and_its_text_is_whole() -> None:
    wish = read_one(directive(None, other(LONG)))

    assert wish.answer is Answer.IN_WORDS
    assert wish.conditions == LONG
    assert LONG in wish.words.nl
    assert LONG in wish.words.en


def test_no_type_and_no_text_is_no_answer_and_never_no_objection() -> None:
    wish = read_one(directive())

    assert wish.answer is Answer.NOT_RECORDED
    assert wish.words == Wording("Geen antwoord vastgelegd: vraag het", "No answer recorded: ask")


@pytest.mark.parametrize("type_", ["permit", "deny"])
def test_a_type_beside_a_text_is_no_plain_yes_or_no(type_: str) -> None:
    wish = read_one(directive(type_, other("eerst bellen")))

    assert wish.answer is Answer.IN_WORDS
    assert "eerst bellen" in wish.words.nl


@pytest.mark.parametrize("type_", ["permit", "deny"])
@pytest.mark.parametrize(
    "more",
    [
        {"modifierExtension": [{"url": "http://example.org/only-on-sundays", "valueString": "zondag"}]},
        {"modifierExtension": "not a list"},
        {"modifierExtension": [extension("ext-TreatmentDirective2.SpecificationOther")]},
        {"category": [concept("129125009") | {"modifierExtension": [{"url": "http://example.org/x"}]}]},
        {"implicitRules": "http://example.org/rules"},
    ],
)
def test_an_unknown_modifier_anywhere_makes_it_no_plain_yes_or_no(type_: str, more: dict[str, object]) -> None:
    wish = read_one(directive(type_) | more)

    assert wish.answer is Answer.IN_WORDS
    assert "Vraag het na" in notes_of(wish)


@pytest.mark.parametrize("more", [{"provision": [{"type": "deny"}]}, {"data": []}, {"class": [{}]}, {"modifierExtension": [{"url": "http://example.org/x"}]}])
def test_what_narrows_the_rule_makes_it_no_plain_yes_or_no(more: dict[str, object]) -> None:
    assert read_one(directive("permit", provision=more)).answer is Answer.IN_WORDS


def test_a_text_that_stands_in_the_wrong_place_still_makes_it_no_plain_yes_or_no() -> None:
    wish = read_one(directive("permit", provision={"modifierExtension": [other("eerst bellen")]}))

    assert wish.answer is Answer.IN_WORDS
    assert "eerst bellen" in notes_of(wish)


@pytest.mark.parametrize("type_", ["Permit", "allow", "", 1, ["permit"], {"permit": True}])
def test_a_type_that_fhir_does_not_know_is_in_words(type_: object) -> None:
    assert read_one(directive(type_)).answer is Answer.IN_WORDS


def test_the_answers_of_2017_are_yes_and_no() -> None:
    assert read_one(directive_of_2017("JA")).answer is Answer.YES
    assert read_one(directive_of_2017("NEE")).answer is Answer.NO


def test_yes_but_of_2017_is_in_words_with_its_restrictions_whole() -> None:
    wish = read_one(directive_of_2017("JA_MAAR", restrictions=LONG))

    assert wish.answer is Answer.IN_WORDS
    assert wish.words.nl == f"Ja, mits: {LONG}"
    assert wish.conditions == LONG


def test_yes_but_without_its_restrictions_says_that_they_are_missing() -> None:
    assert read_one(directive_of_2017("JA_MAAR")).words.nl == "Ja, maar met beperkingen die er niet bij staan: vraag het"


@pytest.mark.parametrize("answer", ["ja", "JA ", "MISSCHIEN", ""])
def test_an_answer_that_2017_does_not_know_is_in_words(answer: str) -> None:
    assert read_one(directive_of_2017(answer)).answer is Answer.IN_WORDS


def test_an_answer_of_2017_and_a_type_that_differ_are_a_contradiction() -> None:
    wish = read_one(directive_of_2017("JA", provision={"type": "deny"}))

    assert wish.answer is Answer.IN_WORDS
    assert "spreekt zichzelf tegen" in notes_of(wish)


@pytest.mark.parametrize(("system", "code"), [(OF_2017, "NEE"), (OF_2017, "JA_MAAR"), (DECISIONS, "1"), (DECISIONS, "2")])
def test_a_type_and_its_own_code_that_differ_are_a_contradiction(system: str, code: str) -> None:
    coded = {"_type": {"extension": [extension("ext-CodeSpecification", valueCodeableConcept=concept(code, system))]}}

    assert read_one(directive("permit", provision=coded)).answer is Answer.IN_WORDS


def converted(answer: str, restrictions: str = "") -> dict[str, object]:
    """A directive of STU3 as an agent converts it."""
    limit = {"except": [{"type": "deny", "extension": [extension("zib-TreatmentDirective-Restrictions", valueString=restrictions)]}]} if restrictions else {}
    record = directive_of_2017(answer, id="1", policy=[{"uri": "http://wetten.overheid.nl/"}]) | limit
    record["modifierExtension"][0]["valueCodeableConcept"]["coding"][0]["display"] = "Ja, maar met beperkingen"
    del record["scope"]
    found: dict[str, object] = json.loads(Converter().convert(json.dumps(record).encode()))
    return found


def test_what_an_agent_converted_of_stu3_says_the_same() -> None:
    assert read_one(converted("JA")).answer is Answer.YES
    assert read_one(converted("NEE")).answer is Answer.NO
    assert read_one(converted("JA_MAAR", "eerst overleg")).words.nl == "Ja, mits: eerst overleg"
    assert read_one(converted("JA", "eerst overleg")).words.nl == "Ja, mits: eerst overleg"
    assert read_one(converted("JA_MAAR")).words.nl == "Ja, maar met beperkingen die er niet bij staan: vraag het"


ICD = concept("OTH", HL7 + "v3-NullFlavor", text=f"Uitzetten van cardioverter-defibrillator (SNOMED CT - {DEACTIVATION})")


@pytest.mark.parametrize("code", [ICD, concept(DEACTIVATION)])
def test_permit_on_an_icd_means_that_switching_it_off_was_agreed(code: dict[str, object]) -> None:
    wish = read_one(directive("permit", code=code))

    assert wish.answer is Answer.SWITCH_OFF
    assert wish.words.nl == "Uitzetten van de ICD is afgesproken"
    assert wish.concept is not None
    assert wish.concept.key == "wish.icd-deactivation"


def test_deny_on_an_icd_means_that_it_is_left_on() -> None:
    wish = read_one(directive("deny", code=ICD))

    assert wish.answer is Answer.LEAVE_ON
    assert wish.words.nl == "Uitzetten van de ICD is niet afgesproken: ICD aan laten"


def test_an_icd_without_a_decision_is_in_its_words() -> None:
    wish = read_one(directive(None, other("Nee, nog geen besluit genomen"), code=ICD))

    assert (wish.answer, wish.conditions) == (Answer.IN_WORDS, "Nee, nog geen besluit genomen")


@pytest.mark.parametrize("type_", ["permit", "deny"])
def test_a_code_for_managing_an_icd_is_not_taken_for_switching_it_off(type_: str) -> None:
    wish = read_one(directive(type_, code=concept(DEVICE_MANAGEMENT, display="management of internal defibrillator")))

    assert wish.answer is Answer.IN_WORDS
    assert "management of internal defibrillator" in wish.words.nl


def test_another_treatment_is_named_in_the_records_own_words() -> None:
    wish = read_one(directive("deny", code=concept("OTH", HL7 + "v3-NullFlavor", text="Dialyse in het ziekenhuis")))

    assert (wish.concept, wish.subject, wish.answer) == (None, "Dialyse in het ziekenhuis", Answer.NO)
    assert wish.words == Wording("Niet: Dialyse in het ziekenhuis", "No: Dialyse in het ziekenhuis")


def test_two_codings_of_different_treatments_are_in_words_with_both_named() -> None:
    both = {"coding": concept(RESUSCITATION)["coding"] + concept(VENTILATION)["coding"]}
    found = read(directive("deny", code=both))

    assert [wish.answer for wish in found] == [Answer.IN_WORDS] * 2
    assert {wish.concept.key for wish in found if wish.concept} == {"wish.resuscitation", "wish.ventilation"}
    assert all("reanimatie" in notes_of(wish) and "beademing" in notes_of(wish) for wish in found)


def test_a_treatment_of_2017_and_one_of_2020_that_differ_are_both_named() -> None:
    found = read(directive_of_2017("NEE", provision={"code": [concept(VENTILATION)]}))

    assert [wish.answer for wish in found] == [Answer.IN_WORDS] * 2


def test_treatments_that_the_table_does_not_know_are_named_together_however_many() -> None:
    wish = read_one(directive("permit", provision={"code": [{"text": f"behandeling {number:04}"} for number in range(2_000)]}))

    assert wish.answer is Answer.IN_WORDS
    assert "gaat over meer dan één behandeling" in notes_of(wish)
    assert all(f"behandeling {number:04}" in wish.subject for number in (0, 1, 1_999))


def test_a_code_that_the_table_does_not_know_beside_one_that_it_knows_says_the_same() -> None:
    both = {"coding": [{"system": "http://example.org/local", "code": "r1"}, *concept(RESUSCITATION)["coding"]]}

    assert read_one(directive("deny", code=both)).answer is Answer.NO


@pytest.mark.parametrize("status", ["draft", "proposed", "rejected", "inactive", "entered-in-error", "", "Active", "unknown"])
@pytest.mark.parametrize("type_", ["permit", "deny"])
def test_a_status_that_is_not_active_is_never_a_valid_yes_or_no(status: str, type_: str) -> None:
    wish = read_one(directive(type_, status=status))

    assert wish.answer is Answer.IN_WORDS
    assert wish.words.nl.startswith("Geen geldige afspraak")
    assert wish.validity is (Validity.IN_ERROR if status == "entered-in-error" else Validity.NOT_VALID)


def test_a_comment_stands_beside_the_answer_whole() -> None:
    wish = read_one(directive("deny", extension=[extension("ext-Comment", valueString=LONG)]))

    assert wish.answer is Answer.NO
    assert LONG in notes_of(wish)


def test_a_directive_says_on_which_living_will_it_is_based_and_why_it_ended() -> None:
    ended = {"period": {"end": "2012-10-15"}, "extension": [extension("ext-TreatmentDirective2.ReasonForEnding", valueString="hersteld")]}
    wish = read_one(directive("permit", provision=ended, sourceReference={"display": "Wilsverklaring 2010"}))

    assert wish.ended == "2012-10-15"
    assert "Gebaseerd op Wilsverklaring 2010" in notes_of(wish)
    assert "Reden van beëindigen hersteld" in notes_of(wish)


def test_those_who_agreed_are_named_by_what_they_are() -> None:
    people: list[Json] = [
        {"resourceType": "Patient", "id": "p", "name": [{"text": "Dina Nijkamp"}]},
        {
            "resourceType": "RelatedPerson",
            "id": "r",
            "name": [{"given": ["Ria"], "family": "Wolbers"}],
            "relationship": [concept("24", "urn:oid:2.16.840.1.113883.2.4.3.11.22.472")],
        },
        {
            "resourceType": "PractitionerRole",
            "id": "d",
            "practitioner": {"reference": "Practitioner/d"},
            "specialty": [concept("0100", "urn:oid:1", "Huisarts")],
        },
        {"resourceType": "Practitioner", "id": "d", "name": [{"text": "Sanne ten Esker"}]},
    ]
    role = concept("CONSENTER", HL7 + "v3-RoleCode")
    actor = [{"role": role, "reference": {"reference": reference}} for reference in ("Patient/p", "RelatedPerson/r", "PractitionerRole/d", "Patient/gone")]
    wish = read_one(directive("deny", provision={"actor": actor}), *people)

    assert [one.nl for one in wish.said_with] == ["Dina Nijkamp (patiënt)", "Ria Wolbers (vertegenwoordiger)", "Sanne ten Esker (Huisarts)", "patiënt"]
    assert [one.en for one in wish.said_with][:2] == ["Dina Nijkamp (patient)", "Ria Wolbers (representative)"]


def test_the_date_is_that_of_the_most_recent_discussion() -> None:
    verification = [{"url": "Verified", "valueBoolean": True}, {"url": "VerificationDate", "valueDateTime": "2018-11-28"}]
    record = directive_of_2017("JA")
    record["extension"].append(extension("zib-TreatmentDirective-Verification", extension=verification))
    wish = read_one(record)

    assert (wish.when, wish.recorded) == ("2018-11-28", "2021-04-01")
    assert "Vastgelegd op 2021-04-01" in notes_of(wish)


def test_what_was_not_verified_says_so() -> None:
    record = directive_of_2017("NEE")
    record["extension"].append(extension("zib-TreatmentDirective-Verification", extension=[{"url": "Verified", "valueBoolean": False}]))

    assert "Niet met de patiënt of vertegenwoordiger besproken" in notes_of(read_one(record))


@pytest.mark.parametrize("when", ["2021", "2021-04"])
def test_a_partial_date_stays_partial(when: str) -> None:
    assert read_one(directive("deny", dateTime=when)).when == when


def test_emergency_admission_is_not_taken_for_admission() -> None:
    planned, emergency = (read_one(directive("deny", code=concept(code))) for code in ("32485007", "183452005"))

    assert emergency.words.nl == "Niet met spoed naar het ziekenhuis"
    assert planned.about != emergency.about


def test_a_record_that_is_directive_and_living_will_at_once_is_no_plain_yes_or_no() -> None:
    category = [concept("129125009"), concept("acd", HL7 + "consentcategorycodes")]

    assert read_one(directive("deny", category=category)).answer is Answer.IN_WORDS


def test_a_choice_about_sharing_is_no_wish() -> None:
    shared = {"resourceType": "Consent", "status": "active", "scope": concept("patient-privacy", HL7 + "consentscope"), "provision": {"type": "deny"}}

    assert read(shared) == ()


@pytest.mark.parametrize("name", ["extension", "modifierExtension"])
def test_a_yes_from_another_address_than_nictiz_is_no_yes(name: str) -> None:
    foreign = {"url": "http://example.org/zib-TreatmentDirective-TreatmentPermitted", "valueCodeableConcept": concept("JA", OF_2017)}
    record = directive_of_2017("JA") | {"modifierExtension": []} | {name: [foreign]}

    assert read_one(record).answer not in {Answer.YES, Answer.NO}
