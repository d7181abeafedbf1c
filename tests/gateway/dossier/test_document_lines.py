"""What a line of a document says of a record: never more than the record does."""

import json
from typing import Any

import pytest

from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.trees import Tree, read_tree
from gateway.dossier.documents.saying import Said, line, say
from gateway.dossier.words import Language

Json = dict[str, Any]
SCT = "http://snomed.info/sct"
NICTIZ = "http://nictiz.nl/fhir/StructureDefinition/"
NOT_PLAIN = "Not a plain yes or no. It says:"


def tree(content: Json) -> Tree:
    return read_tree(json.dumps(content).encode())


def concept(code: str, display: str = "", system: str = SCT) -> Json:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def nowhere(_: str) -> Tree | None:
    return None


def said(content: Json, language: Language = "en") -> Said:
    return say(tree(content), nowhere, language, table())


def directive(**more: Any) -> Json:
    provision = {"code": [concept("89666000", "reanimatie")]} | more.pop("provision", {})
    return {"resourceType": "Consent", "status": "active", "dateTime": "2024-05-01", "provision": provision} | more


def restricted(text: str) -> list[Json]:
    return [{"url": f"{NICTIZ}ext-TreatmentDirective2.SpecificationOther", "valueString": text}]


def permitted(code: str) -> list[Json]:
    answers = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4"
    return [{"url": f"{NICTIZ}zib-TreatmentDirective-TreatmentPermitted", "valueCodeableConcept": concept(code, system=answers)}]


KINDS: list[Json] = [{}, {"category": [concept("129125009")], "scope": concept("treatment", system="http://terminology.hl7.org/CodeSystem/consentscope")}]


@pytest.mark.parametrize("kind", KINDS, ids=["of no kind", "a directive"])
@pytest.mark.parametrize(
    ("consent", "dutch", "english"),
    [
        (directive(provision={"type": "permit"}), "Wel reanimeren", "Resuscitate"),
        (directive(provision={"type": "deny"}), "Niet reanimeren", "Do not resuscitate"),
        (directive(modifierExtension=permitted("JA")), "Wel reanimeren", "Resuscitate"),
        (directive(modifierExtension=permitted("NEE")), "Niet reanimeren", "Do not resuscitate"),
        (directive(), "Geen antwoord vastgelegd: vraag het", "No answer recorded: ask"),
        (directive(modifierExtension=restricted("ja, maar kort")), "Geen ja of nee: ja, maar kort", "Not a yes or no: ja, maar kort"),
    ],
)
def test_a_line_has_the_answer_as_it_stands_on_the_screen(consent: Json, dutch: str, english: str, kind: Json) -> None:
    assert said(consent | kind, "nl") == Said(f"Reanimatie: {dutch}", "", "1 mei 2024")
    assert said(consent | kind).told == f"Resuscitation: {english}"


@pytest.mark.parametrize("kind", KINDS, ids=["of no kind", "a directive"])
@pytest.mark.parametrize(
    ("consent", "beside"),
    [
        (directive(modifierExtension=restricted("kort"), provision={"type": "permit"}), "Read with it: kort"),
        (directive(modifierExtension=restricted("om rust"), provision={"type": "deny"}), "Read with it: om rust"),
        (directive(modifierExtension=permitted("JA"), provision={"type": "deny"}), "the record contradicts itself"),
        (directive(modifierExtension=[{"url": "urn:unheard-of"}], provision={"type": "permit"}), "changes the meaning"),
        (directive(provision={"type": "permit", "provision": [{"type": "deny"}]}), "restrictions that cannot be read here"),
    ],
)
def test_yes_but_is_never_a_yes_and_says_why(consent: Json, beside: str, kind: Json) -> None:
    told = said(consent | kind).told

    assert told.startswith(f"Resuscitation: {NOT_PLAIN}")
    assert beside in told


def test_yes_but_of_2017_says_that_there_are_restrictions() -> None:
    assert said(directive(modifierExtension=permitted("JA_MAAR"))).told == "Resuscitation: Yes, with restrictions that are not recorded: ask"


def test_a_consent_that_says_neither_its_kind_nor_a_treatment_is_no_plain_yes() -> None:
    told = said({"resourceType": "Consent", "status": "active", "category": [{"text": "Formulier"}], "provision": {"type": "permit"}}).told

    assert NOT_PLAIN in told
    assert "Formulier" in told


@pytest.mark.parametrize("code", [concept("400231000146108"), {"text": "Uitzetten ICD (SNOMED CT - 400231000146108)"}])
def test_permit_on_an_icd_is_switching_it_off(code: Json) -> None:
    def told(kind: str) -> str:
        return said(directive(provision={"code": [code], "type": kind})).told

    assert told("permit").startswith("Switching off the ICD: Switching the ICD off was agreed")
    assert told("deny").startswith("Switching off the ICD: Switching the ICD off was not agreed: leave the ICD on")


def test_a_living_will_is_there_whatever_it_says() -> None:
    category = concept("acd", system="http://terminology.hl7.org/CodeSystem/consentcategorycodes")
    code = concept("EU", system="urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.14.1")
    will = directive(category=[category], provision={"code": [code], "type": "permit"})

    assert said(will).told == "Euthanasia request: Request for euthanasia; It also says: provision.type permit"


@pytest.mark.parametrize("letters", [5_000, 50_000])
def test_a_condition_is_whole_however_long(letters: int) -> None:
    condition = ("alleen als het kort duurt " * letters)[:letters].strip()

    assert condition in said(directive(modifierExtension=restricted(condition))).told


def test_a_text_that_no_person_wrote_is_left_unsaid_and_never_cut() -> None:
    told = said(directive(modifierExtension=restricted("x" * 100_000), provision={"type": "permit"})).told

    assert told == "Resuscitation: too long for this overview: read the record itself"


def test_several_treatments_of_one_record_each_have_their_words_and_a_long_text_stands_once() -> None:
    condition = "alleen kort " * 100
    codes = [concept("89666000"), concept("40617009")]
    told = said(directive(modifierExtension=restricted(condition), provision={"code": codes})).told

    assert "Resuscitation: " in told
    assert "Ventilation: " in told
    assert told.count(condition.strip()) == 1
    assert "(the same text as before)" in told


def test_what_is_noted_of_one_treatment_stands_with_that_one() -> None:
    codes = [concept("89666000") | {"text": "reanimeren en schokken"}, concept("40617009")]
    statements = said(directive(provision={"code": codes, "type": "deny"})).told.split(" | ")

    assert ["In the record: reanimeren en schokken" in one for one in statements] == [True, False]


def test_comments_and_the_days_between_which_it_counts_stand_beside_the_answer() -> None:
    comment = [{"url": f"{NICTIZ}ext-Comment", "valueString": "op eigen verzoek"}]
    consent = directive(extension=comment, provision={"type": "deny", "period": {"start": "2024-06-01", "end": "2025"}})

    assert said(consent) == Said("Resuscitation: Do not resuscitate; Comment: op eigen verzoek", "valid from 1 June 2024, valid until 2025", "1 May 2024")


def test_a_directive_that_is_not_in_force_is_no_valid_agreement() -> None:
    assert said(directive(status="proposed", provision={"type": "permit"})).told == "Resuscitation: Not a valid agreement (proposed). It says: Resuscitate"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            {"resourceType": "Observation", "code": {"text": "CRP"}, "valueQuantity": {"value": 37, "unit": "mg/L"}, "effectiveDateTime": "2024-03"},
            Said("CRP: 37 mg/L", "", "March 2024"),
        ),
        ({"resourceType": "Observation", "code": {"text": "CRP"}, "dataAbsentReason": {"text": "niet gemeten"}}, Said("CRP: no value: niet gemeten")),
        ({"resourceType": "Observation", "status": "preliminary", "valueBoolean": False}, Said("Observation: no", "preliminary")),
        (
            {"resourceType": "Observation", "code": {"text": "CRP"}, "valueQuantity": {"value": 370}, "interpretation": [concept("HH", system="x")]},
            Said("CRP: 370 [critical]"),
        ),
        ({"resourceType": "AllergyIntolerance", "code": concept("1", "penicilline"), "verificationStatus": concept("refuted")}, Said("Penicilline", "refuted")),
        ({"resourceType": "MedicationRequest", "doNotPerform": True, "medicationCodeableConcept": {"text": "X"}}, Said("X", "do not perform")),
        ({"resourceType": "Immunization", "status": "not-done", "vaccineCode": {"text": "griep"}}, Said("Griep", "not given")),
        ({"resourceType": "Condition", "code": concept("2")}, Said("SNOMED 2")),
        (
            {"resourceType": "Procedure", "status": "completed", "code": concept("713603004"), "performedDateTime": "2024"},
            Said("A conversation about planning ahead took place", "", "2024"),
        ),
    ],
)
def test_a_line_says_what_and_when_and_what_turns_it_round(content: Json, expected: Said) -> None:
    assert said(content) == expected


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_record_with_a_modifier_that_is_not_known_here_says_so(language: Language) -> None:
    told = said({"resourceType": "Flag", "code": {"text": "MRSA"}, "modifierExtension": [{"url": "x"}]}, language).told

    assert told.startswith("MRSA; Attention: " if language == "en" else "MRSA; Let op: ")
    assert ("see the original" if language == "en" else "zie het origineel") in told


def test_a_long_text_of_anything_else_is_cut_and_says_that_the_record_has_more() -> None:
    told = said({"resourceType": "Observation", "code": {"text": "verslag"}, "valueString": "x" * 1_000}).told

    assert told == f"Verslag: {'x' * 400}… (more in the record itself)"


def test_a_medicine_is_called_as_the_record_that_it_refers_to() -> None:
    use = tree(
        {
            "resourceType": "MedicationStatement",
            "category": {"text": "gebruik"},
            "medicationReference": {"reference": "Medication/1"},
            "dosage": [{"text": "2 per dag"}],
        }
    )

    assert say(use, lambda _: tree({"resourceType": "Medication", "code": {"text": "apixaban"}}), "nl", table()).told == "Apixaban: 2 per dag"


def test_a_contact_is_called_by_name_with_what_they_are_and_how_to_reach_them() -> None:
    contact = {"resourceType": "RelatedPerson", "name": [{"text": "Gert"}], "relationship": [{"text": "partner"}], "telecom": [{"value": "06-1"}]}

    assert said(contact).told == "Gert: partner; 06-1"


def test_37_50_stays_37_50_in_words() -> None:
    record = read_tree(b'{"resourceType":"Observation","code":{"text":"CRP"},"valueQuantity":{"value":37.50}}')

    assert say(record, nowhere, "nl", table()).told == "CRP: 37.50"


def test_who_contradicts_a_line_stands_marked_on_a_line_of_its_own() -> None:
    one = Said("Penicilline", "weerlegd", "2024")

    assert line(one, ["Huisarts"], ["Apotheek", "Ziekenhuis"], "nl") == "Penicilline (weerlegd); 2024; Huisarts\n≠ tegenstrijdig met: Apotheek, Ziekenhuis"
    assert line(one, ["Huisarts"], ["Apotheek"], "en") == "Penicilline (weerlegd); 2024; Huisarts\n≠ contradicted by: Apotheek"
    assert line(Said("Penicilline"), ["Huisarts"], [], "nl") == "Penicilline; Huisarts"
