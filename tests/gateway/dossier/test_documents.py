"""What sections without records say, whom a document is about, and that no shape of a record breaks it."""

import json
from typing import Any
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from accord.terms.identifiers import HolderName, Ura
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import CareCategory, HolderKind, Section
from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.trees import Tree, read_tree
from gateway.dossier.documents.composing import Item, SectionContent, _section
from gateway.dossier.documents.kinds import PLANS
from gateway.dossier.documents.narrative import listed, narrative, paragraph
from gateway.dossier.documents.parties import Subject
from gateway.dossier.documents.plans import Candidate, DocumentPlan
from gateway.dossier.documents.saying import line, say
from tests.gateway.api.fake_region import BSN

Json = dict[str, Any]
IPS = PLANS["summary"]


def tree(content: Json) -> Tree:
    return read_tree(json.dumps(content).encode())


def place(plan: DocumentPlan, content: Json, category: CareCategory = CareCategory.OTHER, **referred: Json) -> str | None:
    return plan.place(Candidate(content["resourceType"], category, tree(content), lambda name: tree(referred["to"]) if name and referred else None))


_MEMBERS = (
    "resourceType code category provision type text coding display system valueQuantity value unit status clinicalStatus scope reference device "
    "medicationReference modifierExtension extension url valueString valueCodeableConcept effectiveDateTime effectivePeriod start end component "
    "dosage note name given family period description reasonReference telecom questionnaire birthDate lifecycleStatus doNotPerform valueBoolean contained id"
).split()
_KINDS = (
    "Observation Condition Consent Goal Procedure Encounter DeviceUseStatement RelatedPerson MedicationRequest QuestionnaireResponse Patient "
    "Communication CommunicationRequest AllergyIntolerance Flag"
).split()
_SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.sampled_from([*_KINDS, "permit", "deny"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_MEMBERS), inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=400)
@given(st.sampled_from(_KINDS), st.dictionaries(st.sampled_from(_MEMBERS), _SHAPES, max_size=6), st.sampled_from(list(CareCategory)))
def test_no_shape_of_a_record_breaks_a_document(kind: str, content: Json, category: CareCategory) -> None:
    record = tree({**content, "resourceType": kind})
    said = say(record, lambda _: record, "nl", table())
    assert said.told
    for plan in PLANS.values():
        code = plan.place(Candidate(kind, category, record, lambda _: record))
        assert code is None or code in {section.code.code for section in plan.sections}
    ET.fromstring(narrative(listed([line(said, ["A"], ["B"], "nl")]))["div"])  # noqa: S314
    written = Subject("id", BSN, None, [("Patient/x", record)]).written
    json.dumps(written).encode()
    assert written["name"]


@given(st.lists(st.text(), max_size=4))
def test_every_text_is_well_formed_xhtml_and_no_markup(lines: list[str]) -> None:
    div = ET.fromstring(narrative(paragraph("x<script>"), listed(lines))["div"])  # noqa: S314

    assert {element.tag.rpartition("}")[2] for element in div.iter()} <= {"div", "p", "ul", "li", "br"}
    assert len(div.findall(".//{*}li")) == len(lines)


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
