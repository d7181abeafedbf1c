"""Where a record stands in a document, of which kind."""

import json
from pathlib import Path
from typing import Any

import pytest

from accord.terms.vocabulary import CareCategory
from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.trees import Tree, read_tree
from gateway.dossier.documents import summary
from gateway.dossier.documents.kinds import PLANS
from gateway.dossier.documents.plans import Candidate, DocumentPlan
from gateway.dossier.documents.saying import say

Json = dict[str, Any]
SCT = "http://snomed.info/sct"
ACP = PLANS["planning-ahead"]
IPS = PLANS["summary"]


def tree(content: Json) -> Tree:
    return read_tree(json.dumps(content).encode())


def concept(code: str, display: str = "", system: str = SCT) -> Json:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def place(plan: DocumentPlan, content: Json, category: CareCategory = CareCategory.OTHER, **referred: Json) -> str | None:
    return plan.place(Candidate(content["resourceType"], category, tree(content), lambda name: tree(referred["to"]) if name and referred else None))


def directive(**more: Any) -> Json:
    provision = {"code": [concept("89666000", "reanimatie")]} | more.pop("provision", {})
    return {"resourceType": "Consent", "status": "active", "dateTime": "2024-05-01", "provision": provision} | more


@pytest.mark.parametrize(
    ("content", "category", "section"),
    [
        ({"resourceType": "AllergyIntolerance"}, CareCategory.ALLERGY_INTOLERANCE, summary.ALLERGIES),
        ({"resourceType": "MedicationDispense"}, CareCategory.MEDICATION_USE, summary.MEDICATION),
        ({"resourceType": "Condition"}, CareCategory.CONDITION, summary.PROBLEMS),
        ({"resourceType": "Condition", "clinicalStatus": concept("active", system="x")}, CareCategory.CONDITION, summary.PROBLEMS),
        ({"resourceType": "Condition", "clinicalStatus": concept("resolved", system="x")}, CareCategory.CONDITION, summary.PAST_ILLNESS),
        ({"resourceType": "Observation"}, CareCategory.OBSERVATION_LABORATORY, summary.RESULTS),
        ({"resourceType": "Observation"}, CareCategory.OBSERVATION_VITAL_SIGNS, summary.VITALS),
        ({"resourceType": "Observation"}, CareCategory.OBSERVATION_SOCIAL_HISTORY, summary.SOCIAL),
        ({"resourceType": "Observation"}, CareCategory.OBSERVATION_SURVEY, summary.FUNCTIONAL),
        ({"resourceType": "Observation"}, CareCategory.OBSERVATION_EXAM, summary.RESULTS),
        ({"resourceType": "Observation", "code": concept("29463-7", system="http://loinc.org")}, CareCategory.OBSERVATION_EXAM, summary.VITALS),
        (
            {"resourceType": "Observation", "code": concept("357", system="urn:oid:2.16.840.1.113883.2.4.4.30.45")},
            CareCategory.OBSERVATION_EXAM,
            summary.VITALS,
        ),
        ({"resourceType": "Observation", "code": concept("3141-9", system="http://loinc.org")}, CareCategory.OBSERVATION_EXAM, summary.VITALS),
        ({"resourceType": "Observation", "code": concept("9843-4", system="http://loinc.org")}, CareCategory.OBSERVATION_EXAM, summary.VITALS),
        ({"resourceType": "Observation", "code": concept("365508006")}, CareCategory.OBSERVATION_EXAM, summary.SOCIAL),
        ({"resourceType": "Observation", "code": concept("74013-4", system="http://loinc.org")}, CareCategory.OBSERVATION_EXAM, summary.SOCIAL),
        ({"resourceType": "Observation", "code": concept("301438001")}, CareCategory.OBSERVATION_EXAM, summary.FUNCTIONAL),
        ({"resourceType": "Observation", "code": concept("89666000")}, CareCategory.OBSERVATION_EXAM, summary.RESULTS),
        ({"resourceType": "Observation", "code": concept("180771000146100")}, CareCategory.OBSERVATION_EXAM, summary.DIRECTIVES),
        ({"resourceType": "Observation", "code": concept("395091006")}, CareCategory.OBSERVATION_SURVEY, summary.DIRECTIVES),
        ({"resourceType": "Goal", "description": concept("385987000")}, CareCategory.CARE_PLANNING, summary.DIRECTIVES),
        ({"resourceType": "Goal"}, CareCategory.CARE_PLANNING, summary.PLAN_OF_CARE),
        (directive(), CareCategory.CONSENT, summary.DIRECTIVES),
        (directive(scope=concept("treatment", system="x")), CareCategory.CONSENT, summary.DIRECTIVES),
        (directive(scope=concept("patient-privacy", system="x")), CareCategory.CONSENT, None),
        ({"resourceType": "QuestionnaireResponse", "questionnaire": "https://x/Questionnaire/PHQ-9"}, CareCategory.OBSERVATION_SURVEY, None),
    ],
)
def test_a_record_has_its_section_of_the_summary(content: Json, category: CareCategory, section: str | None) -> None:
    assert place(IPS, content, category) == section


@pytest.mark.parametrize(
    ("content", "category", "section"),
    [
        (directive(), CareCategory.CONSENT, "treatment-directives"),
        (directive(), CareCategory.ADVANCE_DIRECTIVE, "living-wills"),
        (directive(scope=concept("research", system="x")), CareCategory.CONSENT, None),
        ({"resourceType": "Goal", "description": concept("713148004")}, CareCategory.CARE_PLANNING, "goals-of-care"),
        ({"resourceType": "Goal", "description": concept("1")}, CareCategory.CARE_PLANNING, None),
        ({"resourceType": "Observation", "code": concept("180771000146100")}, CareCategory.OBSERVATION_EXAM, "goals-of-care"),
        ({"resourceType": "Observation", "code": concept("89666000")}, CareCategory.OBSERVATION_EXAM, None),
        ({"resourceType": "Procedure", "code": concept("713603004")}, CareCategory.PROCEDURE, "conversations"),
        ({"resourceType": "Procedure", "code": concept("1")}, CareCategory.PROCEDURE, None),
        ({"resourceType": "Communication", "reasonCode": [concept("713603004")]}, CareCategory.CARE_PLANNING, "conversations"),
        ({"resourceType": "QuestionnaireResponse", "questionnaire": "https://x/Questionnaire/ACP-zib2020|1"}, CareCategory.OBSERVATION_SURVEY, "forms"),
        ({"resourceType": "QuestionnaireResponse"}, CareCategory.OBSERVATION_SURVEY, "forms"),
        ({"resourceType": "RelatedPerson"}, CareCategory.PATIENT, "contacts"),
        ({"resourceType": "MedicationStatement"}, CareCategory.MEDICATION_USE, None),
    ],
)
def test_a_record_has_its_section_of_planning_ahead(content: Json, category: CareCategory, section: str | None) -> None:
    assert place(ACP, content, category) == section


@pytest.mark.parametrize("code", ["153851000146100", "395091006", "340171000146104", "247751003", "570801000146104"])
def test_every_wish_has_a_place_organ_donation_too(code: str) -> None:
    wish = {"resourceType": "Observation", "code": concept(code)}

    assert place(ACP, wish, CareCategory.OBSERVATION_EXAM) == "wishes"
    assert place(IPS, wish, CareCategory.OBSERVATION_EXAM) == summary.DIRECTIVES


@pytest.mark.parametrize("code", ["72506001", "465460004", "468542000", "704707009", "1263462004", "1236894001"])
def test_every_kind_of_defibrillator_of_the_published_list_is_one(code: str) -> None:
    use = {"resourceType": "DeviceUseStatement", "device": {"reference": "Device/1"}}

    assert place(ACP, use, to={"resourceType": "Device", "type": concept(code)}) == "defibrillator"


def test_only_a_defibrillator_is_part_of_planning_ahead() -> None:
    use = {"resourceType": "DeviceUseStatement", "device": {"reference": "Device/1"}}

    assert place(ACP, use, to={"resourceType": "Device", "type": concept("72506001")}) == "defibrillator"
    assert place(ACP, use, to={"resourceType": "Device", "type": concept("704708004")}) is None
    assert place(ACP, use) is None


def test_a_conversation_is_known_by_the_procedure_that_it_names() -> None:
    encounter = {"resourceType": "Encounter", "reasonReference": [{"reference": "Procedure/1"}]}

    assert place(ACP, encounter, to={"resourceType": "Procedure", "code": concept("713603004")}) == "conversations"
    assert place(ACP, encounter, to={"resourceType": "Procedure", "code": concept("2")}) is None


def test_planning_ahead_is_asked_under_both_categories() -> None:
    assert {CareCategory.ADVANCE_DIRECTIVE, CareCategory.CONSENT} <= ACP.selection.categories
    assert not ACP.selection.categories & {CareCategory.MEDICATION_USE, CareCategory.OBSERVATION_LABORATORY, CareCategory.CONDITION}
    assert not ACP.selection.looks_inside, "sources search codes in their own ways: it is picked here"


def test_each_kind_of_document_has_its_sections_once_and_every_one_is_fed() -> None:
    for plan in PLANS.values():
        codes = [section.code.code for section in plan.sections]
        assert len(set(codes)) == len(codes)
        assert all(section.fed_by for section in plan.sections)


def test_every_published_instance_of_planning_ahead_has_its_place(shared_data: Path) -> None:
    published = {path.stem: tree(json.loads(path.read_text(encoding="utf-8"))) for path in sorted((shared_data / "dutch" / "pzp-r4").glob("*.json"))}
    by_ref = {f"{one['resourceType']}/{one['id']}": one for one in published.values()}
    places: dict[str, str | None] = {}
    for name, one in published.items():
        kind = one["resourceType"]
        category = CareCategory.ADVANCE_DIRECTIVE if "AdvanceDirective" in name else CareCategory.OTHER
        if kind not in ("Patient", "Practitioner", "PractitionerRole", "Device"):
            places[name] = ACP.place(Candidate(kind, category, one, by_ref.get))
        assert say(one, by_ref.get, "nl", table()).told

    assert len(places) > 30
    assert None not in places.values(), places
    assert places["DeviceUseStatement-D2-ACP-MedicalDevice-ICD"] == "defibrillator"
    icd = say(published["Consent-D2-ACP-TreatmentDirective-ICD-Deactivation"], by_ref.get, "nl", table())
    assert icd.told.startswith("Uitzetten van de ICD: Geen ja of nee: Nee, nog geen besluit genomen")
