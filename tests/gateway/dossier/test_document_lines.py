"""What a line of a document says of a record: never more than the record does."""

import json
from typing import Any

import pytest

from accord.terms.vocabulary import CareCategory
from gateway.dossier.clinical.trees import Tree, read_tree
from gateway.dossier.documents.directives import directive_shown
from gateway.dossier.documents.plans import Candidate, DocumentPlan
from gateway.dossier.documents.saying import plain_show

Json = dict[str, Any]
SCT = "http://snomed.info/sct"


def tree(content: Json) -> Tree:
    return read_tree(json.dumps(content).encode())


def concept(code: str, display: str = "", system: str = SCT) -> Json:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def nowhere(_: str) -> Tree | None:
    return None


def place(plan: DocumentPlan, content: Json, category: CareCategory = CareCategory.OTHER, **referred: Json) -> str | None:
    return plan.place(Candidate(content["resourceType"], category, tree(content), lambda name: tree(referred["to"]) if name and referred else None))


def directive(**more: Any) -> Json:
    provision = {"code": [concept("89666000", "reanimatie")]} | more.pop("provision", {})
    return {"resourceType": "Consent", "status": "active", "dateTime": "2024-05-01", "provision": provision} | more


def restricted(text: str) -> list[Json]:
    return [{"url": "http://nictiz.nl/fhir/StructureDefinition/ext-TreatmentDirective2.SpecificationOther", "valueString": text}]


def permitted(code: str) -> list[Json]:
    return [
        {"url": "http://nictiz.nl/fhir/StructureDefinition/zib-TreatmentDirective-TreatmentPermitted", "valueCodeableConcept": concept(code, system="urn:x")}
    ]


@pytest.mark.parametrize(
    ("consent", "dutch", "english"),
    [
        (directive(provision={"type": "permit"}), "ja", "yes"),
        (directive(provision={"type": "deny"}), "nee", "no"),
        (directive(), "geen ja en geen nee", "neither yes nor no"),
        (directive(modifierExtension=restricted("ja, maar kort")), "geen ja en geen nee; ja, maar kort", "neither yes nor no; ja, maar kort"),
        (directive(modifierExtension=restricted("kort"), provision={"type": "permit"}), "geen ja en geen nee; kort", "neither yes nor no; kort"),
        (directive(modifierExtension=restricted("om rust"), provision={"type": "deny"}), "nee; om rust", "no; om rust"),
        (directive(modifierExtension=permitted("JA")), "ja", "yes"),
        (directive(modifierExtension=permitted("NEE")), "nee", "no"),
        (directive(modifierExtension=permitted("JA_MAAR")), "geen ja en geen nee", "neither yes nor no"),
        (directive(modifierExtension=permitted("JA"), provision={"type": "deny"}), "geen ja en geen nee", "neither yes nor no"),
        (directive(modifierExtension=[{"url": "urn:unheard-of"}], provision={"type": "permit"}), "lees het gegeven zelf", "read the record itself"),
        (directive(provision={"type": "permit", "provision": [{"type": "deny"}]}), "lees het gegeven zelf", "read the record itself"),
    ],
)
def test_yes_but_is_never_a_yes_and_no_answer_is_none_either(consent: Json, dutch: str, english: str) -> None:
    assert directive_shown(tree(consent), "nl").value == dutch
    assert directive_shown(tree(consent), "en").value == english


@pytest.mark.parametrize("code", [concept("400231000146108"), {"text": "Uitzetten ICD (SNOMED CT - 400231000146108)"}])
def test_permit_on_an_icd_is_switching_it_off_and_deny_says_nothing(code: Json) -> None:
    def said(kind: str) -> str:
        return directive_shown(tree(directive(provision={"code": [code], "type": kind})), "en").value

    assert said("permit") == "switching it off was agreed"
    assert said("deny") == "neither yes nor no"


def test_a_living_will_is_there_whatever_it_says() -> None:
    will = directive(category=[concept("acd", system="x")], provision={"code": [concept("EU", "Euthanasieverklaring")]})

    assert directive_shown(tree(will), "en").value == "there is a living will"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            {"resourceType": "Observation", "code": {"text": "CRP"}, "valueQuantity": {"value": 37, "unit": "mg/L"}, "effectiveDateTime": "2024-03"},
            ("CRP", "37 mg/L", "2024-03", ""),
        ),
        ({"resourceType": "Observation", "code": {"text": "CRP"}, "dataAbsentReason": {"text": "niet gemeten"}}, ("CRP", "no value: niet gemeten", "", "")),
        ({"resourceType": "Observation", "status": "preliminary", "valueBoolean": False}, ("Observation", "no", "", "preliminary")),
        (
            {"resourceType": "AllergyIntolerance", "code": concept("1", "penicilline"), "verificationStatus": concept("refuted")},
            ("penicilline", "", "", "refuted"),
        ),
        ({"resourceType": "MedicationRequest", "doNotPerform": True, "medicationCodeableConcept": {"text": "X"}}, ("X", "", "", "do not do or give")),
        ({"resourceType": "Immunization", "status": "not-done", "vaccineCode": {"text": "griep"}}, ("griep", "", "", "not done")),
        ({"resourceType": "Condition", "code": concept("22298006")}, ("22298006", "", "", "")),
        ({"resourceType": "Flag", "modifierExtension": [{"url": "x"}]}, ("Alert", "", "", "with a particularity: read the record itself")),
    ],
)
def test_a_line_says_what_and_when_and_what_turns_it_round(content: Json, line: tuple[str, str, str, str]) -> None:
    shown = plain_show(tree(content), nowhere, "en")

    assert (shown.what, shown.value, shown.when, shown.state) == line


def test_a_medicine_is_called_as_the_record_that_it_refers_to() -> None:
    use = tree(
        {
            "resourceType": "MedicationStatement",
            "category": {"text": "gebruik"},
            "medicationReference": {"reference": "Medication/1"},
            "dosage": [{"text": "2 per dag"}],
        }
    )

    shown = plain_show(use, lambda _: tree({"code": {"text": "apixaban"}}), "nl")
    assert (shown.what, shown.value) == ("apixaban", "2 per dag")


def test_a_contact_is_called_by_name_with_what_they_are_and_how_to_reach_them() -> None:
    contact = {"resourceType": "RelatedPerson", "name": [{"text": "Gert"}], "relationship": [{"text": "partner"}], "telecom": [{"value": "06-1"}]}

    shown = plain_show(tree(contact), nowhere, "nl")
    assert (shown.what, shown.value) == ("Gert", "partner; 06-1")


def test_37_50_stays_37_50_in_words() -> None:
    record = read_tree(b'{"resourceType":"Observation","code":{"text":"CRP"},"valueQuantity":{"value":37.50}}')

    assert plain_show(record, nowhere, "nl").value == "37.50"
