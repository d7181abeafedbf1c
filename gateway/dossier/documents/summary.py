"""The patient summary: the sections of the International Patient Summary, filled with what the region shows.

Codes of document and sections: HL7 International Patient Summary (hl7.org/fhir/uv/ips, 2.0.0), Composition-uv-ips. All sections stand in
every document, also those that IPS may leave out: a section that is not there says nothing, an empty one says why.
"""

from typing import Final

from accord.terms.queries import Selection
from accord.terms.vocabulary import CareCategory, Section
from gateway.dossier.clinical.trees import codings, text
from gateway.dossier.documents.codes import (
    is_a_form_of_planning_ahead,
    is_a_goal_of_care,
    is_a_vital_sign,
    is_a_wish,
    is_about_care,
    is_functional_status,
    is_social_history,
)
from gateway.dossier.documents.plans import LOINC, Candidate, Code, DocumentPlan, SectionPlan
from gateway.dossier.words import Wording

PROFILE: Final = "http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips"
VERSION: Final = "2.0.0"

ALLERGIES: Final = "48765-2"
MEDICATION: Final = "10160-0"
PROBLEMS: Final = "11450-4"
PROCEDURES: Final = "47519-4"
IMMUNIZATIONS: Final = "11369-6"
DEVICES: Final = "46264-8"
RESULTS: Final = "30954-2"
VITALS: Final = "8716-3"
PAST_ILLNESS: Final = "11348-0"
FUNCTIONAL: Final = "47420-5"
PLAN_OF_CARE: Final = "18776-5"
SOCIAL: Final = "29762-2"
DIRECTIVES: Final = "42348-3"
ALERTS: Final = "104605-1"


def _section(code: str, display: str, title: Wording, fed_by: set[Section], types: str) -> SectionPlan:
    return SectionPlan(Code(LOINC, code, display), title, frozenset(fed_by), frozenset(types.split()))


_SECTIONS: Final = (
    _section(DIRECTIVES, "Advance directives", Wording("Behandelgrenzen en wensen", "Advance directives"), {Section.PLANNING_AHEAD}, "Consent"),
    _section(ALERTS, "Alert", Wording("Waarschuwingen", "Alerts"), {Section.ALERTS}, "Flag"),
    _section(ALLERGIES, "Allergies and adverse reactions Document", Wording("Allergieën", "Allergies"), {Section.ALLERGIES}, "AllergyIntolerance"),
    _section(
        MEDICATION,
        "History of Medication use Narrative",
        Wording("Medicatie", "Medication"),
        {Section.MEDICATION},
        "MedicationStatement MedicationRequest MedicationDispense",
    ),
    _section(PROBLEMS, "Problem list - Reported", Wording("Problemen en diagnoses", "Problems"), {Section.PROBLEMS}, "Condition"),
    _section(PAST_ILLNESS, "History of Past illness Narrative", Wording("Eerdere problemen", "Past illness"), {Section.PROBLEMS}, "Condition"),
    _section(PROCEDURES, "History of Procedures Document", Wording("Verrichtingen", "Procedures"), {Section.PROCEDURES}, "Procedure"),
    _section(DEVICES, "History of medical device use", Wording("Hulpmiddelen en implantaten", "Medical devices"), {Section.DEVICES}, "DeviceUseStatement"),
    _section(IMMUNIZATIONS, "History of Immunization note", Wording("Vaccinaties", "Immunizations"), {Section.VACCINATIONS}, "Immunization"),
    _section(
        RESULTS,
        "Relevant diagnostic tests/laboratory data note",
        Wording("Uitslagen", "Results"),
        {Section.LAB, Section.MEASUREMENTS},
        "Observation DiagnosticReport",
    ),
    _section(VITALS, "Vital signs note", Wording("Vitale waarden", "Vital signs"), {Section.MEASUREMENTS}, "Observation"),
    _section(FUNCTIONAL, "Functional status assessment note", Wording("Functioneren", "Functional status"), {Section.MEASUREMENTS}, ""),
    _section(PLAN_OF_CARE, "Plan of care note", Wording("Zorgplan en doelen", "Plan of care"), {Section.CARE_PLAN}, "CarePlan"),
    _section(SOCIAL, "Social history note", Wording("Sociale situatie en leefstijl", "Social history"), {Section.SOCIAL, Section.MEASUREMENTS}, "Observation"),
)

_BY_TYPE: Final = {
    "AllergyIntolerance": ALLERGIES,
    "MedicationStatement": MEDICATION,
    "MedicationRequest": MEDICATION,
    "MedicationDispense": MEDICATION,
    "Procedure": PROCEDURES,
    "Immunization": IMMUNIZATIONS,
    "DeviceUseStatement": DEVICES,
    "DiagnosticReport": RESULTS,
    "CarePlan": PLAN_OF_CARE,
    "Flag": ALERTS,
}
_BY_CATEGORY: Final = {
    CareCategory.OBSERVATION_VITAL_SIGNS: VITALS,
    CareCategory.OBSERVATION_SOCIAL_HISTORY: SOCIAL,
    CareCategory.OBSERVATION_SURVEY: FUNCTIONAL,
}
_PAST: Final = frozenset({"inactive", "remission", "resolved"})


def _place(record: Candidate) -> str | None:
    tree = record.tree
    match record.kind:
        case "Observation":
            return _of_observation(record)
        case "Condition":
            status = {code for _, code, _ in codings(tree.get("clinicalStatus"))} | {text(tree, "clinicalStatus")}
            return PAST_ILLNESS if status & _PAST else PROBLEMS
        case "Consent":
            return DIRECTIVES if is_about_care(tree) else None
        case "Goal":
            return DIRECTIVES if is_a_goal_of_care(tree.get("description")) else PLAN_OF_CARE
        case "QuestionnaireResponse":
            return DIRECTIVES if is_a_form_of_planning_ahead(tree) else None
        case kind:
            return _BY_TYPE.get(kind)


def _of_observation(record: Candidate) -> str:
    code = record.tree.get("code")
    if is_a_wish(code) or is_a_goal_of_care(code):
        return DIRECTIVES
    if record.category in _BY_CATEGORY:
        return _BY_CATEGORY[record.category]
    if record.category is CareCategory.OBSERVATION_LABORATORY:
        return RESULTS
    by_code = ((is_a_vital_sign, VITALS), (is_social_history, SOCIAL), (is_functional_status, FUNCTIONAL))
    return next((section for is_one, section in by_code if is_one(code)), RESULTS)


SUMMARY: Final = DocumentPlan(
    name="summary",
    title=Wording("Internationale patiëntsamenvatting", "International Patient Summary"),
    type=Code(LOINC, "60591-5", "Patient summary Document"),
    selection=Selection(types=frozenset({*_BY_TYPE, "Observation", "Condition", "Consent", "Goal", "QuestionnaireResponse"}), includes=("*",)),
    sections=_SECTIONS,
    place=_place,
    profile=PROFILE,
)
