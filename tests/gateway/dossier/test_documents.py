"""Documents, piece by piece: where a record stands, what its line says, and what an empty section says."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.terms.identifiers import HolderName, Ura
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import CareCategory, HolderKind, Section
from gateway.dossier.clinical.trees import Tree, read_tree
from gateway.dossier.documents import summary
from gateway.dossier.documents.composing import Item, SectionContent, _section
from gateway.dossier.documents.directives import directive_shown
from gateway.dossier.documents.kinds import PLANS
from gateway.dossier.documents.narrative import listed, narrative, paragraph
from gateway.dossier.documents.parties import Subject
from gateway.dossier.documents.plans import Candidate, DocumentPlan
from gateway.dossier.documents.saying import plain_show
from tests.gateway.api.fake_region import BSN

Json = dict[str, Any]
SCT = "http://snomed.info/sct"
ACP = PLANS["planning-ahead"]
IPS = PLANS["summary"]


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


# -- Where a record stands


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
        ({"resourceType": "Observation", "code": concept("365508006")}, CareCategory.OBSERVATION_EXAM, summary.SOCIAL),
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


# -- What a line says


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


_MEMBERS = (
    "resourceType code category provision type text coding display system valueQuantity value unit status clinicalStatus scope reference device "
    "medicationReference modifierExtension extension url valueString valueCodeableConcept effectiveDateTime effectivePeriod start end component "
    "dosage note name given family period description reasonReference telecom questionnaire birthDate lifecycleStatus doNotPerform valueBoolean contained id"
).split()
_KINDS = "Observation Condition Consent Goal Procedure Encounter DeviceUseStatement RelatedPerson MedicationRequest QuestionnaireResponse Patient".split()
_SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.sampled_from([*_KINDS, "permit", "deny"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_MEMBERS), inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=400)
@given(st.sampled_from(_KINDS), st.dictionaries(st.sampled_from(_MEMBERS), _SHAPES, max_size=6), st.sampled_from(list(CareCategory)))
def test_no_shape_of_a_record_breaks_a_document(kind: str, content: Json, category: CareCategory) -> None:
    record = tree({**content, "resourceType": kind})
    shown = plain_show(record, lambda _: record, "nl")
    for plan in PLANS.values():
        code = plan.place(Candidate(kind, category, record, lambda _: record))
        assert code is None or code in {section.code.code for section in plan.sections}
    ET.fromstring(narrative(listed([f"{shown.what} {shown.value} {shown.when} {shown.state}"]))["div"])  # noqa: S314
    written = Subject("id", BSN, None, [("Patient/x", record)]).written
    json.dumps(written).encode()
    assert written["name"]


@given(st.lists(st.text(), max_size=4))
def test_every_text_is_well_formed_xhtml_and_no_markup(lines: list[str]) -> None:
    div = ET.fromstring(narrative(paragraph("x<script>"), listed(lines))["div"])  # noqa: S314

    assert {element.tag.rpartition("}")[2] for element in div.iter()} <= {"div", "p", "ul", "li"}
    assert len(div.findall(".//{*}li")) == len(lines)


# -- What an empty section says


def holder(name: str) -> DataHolder:
    return DataHolder(HolderName(name), Ura("90000001"), name.title(), HolderKind.PHARMACY, "")


def section(*, items: int = 0, missing: int = 0, in_error: int = 0) -> Json:
    content = SectionContent(IPS.sections[0], [Item(f"Consent/{i}", "Consent", "x") for i in range(items)], in_error, [holder(f"h{i}") for i in range(missing)])
    return _section(content, "en")


def test_an_empty_section_says_why_by_code() -> None:
    heard, gap = section(), section(missing=2)

    assert [(one["system"], one["code"]) for one in heard["emptyReason"]["coding"]] == [("urn:noaber:empty-reason", "nothing-shown")]
    assert [one["code"] for one in gap["emptyReason"]["coding"]] == ["unavailable"]
    assert gap["emptyReason"]["text"] == "Not everything was heard from: H0, H1."
    assert [one["valueCoding"]["code"] for one in gap["extension"]] == ["h0", "h1"]


def test_a_section_with_records_and_a_gap_says_so_and_has_no_reason() -> None:
    part = section(items=1, missing=1)

    assert "emptyReason" not in part
    assert "Not everything was heard from: H0." in part["text"]["div"]


def test_what_was_entered_in_error_is_counted_and_no_section_is_said_to_be_known_empty() -> None:
    only_mistakes = section(in_error=1)

    assert "1 record is left out: its source says that it was entered in error." in only_mistakes["text"]["div"]
    assert only_mistakes["emptyReason"]["coding"][0]["code"] == "nothing-shown"


# -- Whom it is about


def test_names_are_the_holders_own_and_a_birth_date_is_what_all_have() -> None:
    one, other = tree({"name": [{"family": "Nijhuis", "given": ["Dina"]}], "birthDate": "1950-01-02"}), tree({"name": [{"text": "D. Nijhuis"}]})
    written = Subject("id", BSN, None, [("Patient/a.1", one), ("Patient/b.1", other)]).written
    differing = Subject("id", BSN, None, [("Patient/a.1", one), ("Patient/b.1", tree({"birthDate": "1951-01-02"}))]).written

    assert written["name"] == [{"family": "Nijhuis", "given": ["Dina"]}, {"text": "D. Nijhuis"}]
    assert written["birthDate"] == "1950-01-02"
    assert [link["other"]["reference"] for link in written["link"]] == ["Patient/a.1", "Patient/b.1"]
    assert "birthDate" not in differing
    assert differing["_birthDate"]["extension"][0]["valueCode"] == "unknown"


def test_every_section_of_the_dossier_that_a_summary_needs_feeds_it() -> None:
    assert IPS.fed_by == {
        Section.PLANNING_AHEAD,
        Section.ALERTS,
        Section.ALLERGIES,
        Section.MEDICATION,
        Section.PROBLEMS,
        Section.PROCEDURES,
        Section.DEVICES,
        Section.VACCINATIONS,
        Section.LAB,
        Section.MEASUREMENTS,
        Section.CARE_PLAN,
        Section.SOCIAL,
    }


def test_every_published_instance_of_planning_ahead_has_its_place(shared_data: Path) -> None:
    published = {path.stem: tree(json.loads(path.read_text(encoding="utf-8"))) for path in sorted((shared_data / "dutch" / "pzp-r4").glob("*.json"))}
    by_ref = {f"{one['resourceType']}/{one['id']}": one for one in published.values()}
    places: dict[str, str | None] = {}
    for name, one in published.items():
        kind = one["resourceType"]
        category = CareCategory.ADVANCE_DIRECTIVE if "AdvanceDirective" in name else CareCategory.OTHER
        if kind not in ("Patient", "Practitioner", "PractitionerRole", "Device"):
            places[name] = ACP.place(Candidate(kind, category, one, by_ref.get))
        line = plain_show(one, by_ref.get, "nl")
        assert line.what or kind in ("Patient", "PractitionerRole")

    assert len(places) > 30
    assert None not in places.values(), places
    assert places["DeviceUseStatement-D2-ACP-MedicalDevice-ICD"] == "defibrillator"
    icd = directive_shown(published["Consent-D2-ACP-TreatmentDirective-ICD-Deactivation"], "nl")
    assert icd.value == "geen ja en geen nee; Nee, nog geen besluit genomen"
