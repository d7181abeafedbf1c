"""Planning ahead in full: every record in which somebody said what they want and do not want in the last phase of life.

What belongs to it is published by IKNL (PZP-FHIR-R4) as seven searches, some of which servers answer differently or not at all. One
question is asked here instead, by type and category, and what belongs to it is picked from the answers. Treatment directives stand under
the category of consents and living wills under that of advance directives: both are asked.
"""

from typing import Final

from accord.terms.queries import Selection
from accord.terms.vocabulary import CareCategory, Section
from gateway.dossier.clinical.trees import parts, text
from gateway.dossier.documents.codes import (
    is_a_defibrillator,
    is_a_form_of_planning_ahead,
    is_a_goal_of_care,
    is_a_wish,
    is_about_care,
    is_planning_ahead,
)
from gateway.dossier.documents.plans import LOINC, SECTION_SYSTEM, Candidate, Code, DocumentPlan, SectionPlan
from gateway.dossier.words import Wording

DIRECTIVES: Final = "treatment-directives"
LIVING_WILLS: Final = "living-wills"
GOALS: Final = "goals-of-care"
WISHED: Final = "wishes"
DEFIBRILLATOR: Final = "defibrillator"
CONVERSATIONS: Final = "conversations"
FORMS: Final = "forms"
CONTACTS: Final = "contacts"


def _section(code: str, title: Wording, *more: Section) -> SectionPlan:
    return SectionPlan(Code(SECTION_SYSTEM, code, title.en), title, frozenset({Section.PLANNING_AHEAD, *more}), frozenset())


#: Who keeps wishes at all feeds every section; whom to call is known to everybody.
_SECTIONS: Final = (
    _section(DIRECTIVES, Wording("Behandelaanwijzingen", "Treatment directives")),
    _section(LIVING_WILLS, Wording("Wilsverklaringen", "Living wills")),
    _section(GOALS, Wording("Doel van de behandeling", "Goal of treatment")),
    _section(WISHED, Wording("Wensen", "Wishes")),
    _section(DEFIBRILLATOR, Wording("Implanteerbare defibrillator (ICD)", "Implantable defibrillator (ICD)")),
    _section(CONVERSATIONS, Wording("Gesprekken", "Conversations")),
    _section(FORMS, Wording("Formulieren", "Forms")),
    _section(CONTACTS, Wording("Contactpersonen en vertegenwoordigers", "Contacts and representatives"), Section.PERSON),
)

_TYPES: Final = frozenset(
    "Consent Goal Observation DeviceUseStatement Procedure Encounter Communication CommunicationRequest QuestionnaireResponse RelatedPerson".split()
)
_CATEGORIES: Final = frozenset(
    {
        CareCategory.ADVANCE_DIRECTIVE,
        CareCategory.CONSENT,
        CareCategory.CARE_PLANNING,
        CareCategory.OBSERVATION_EXAM,
        CareCategory.OBSERVATION_SURVEY,
        CareCategory.OBSERVATION_SOCIAL_HISTORY,
        CareCategory.DEVICE,
        CareCategory.PROCEDURE,
        CareCategory.ENCOUNTER,
        CareCategory.REQUEST,
        CareCategory.PATIENT,
    }
)


def _place(record: Candidate) -> str | None:
    tree = record.tree
    match record.kind:
        case "Consent":
            found = LIVING_WILLS if record.category is CareCategory.ADVANCE_DIRECTIVE else DIRECTIVES
            return found if is_about_care(tree) else None
        case "Goal":
            return GOALS if is_a_goal_of_care(tree.get("description")) else None
        case "Observation":
            return _of_observation(tree.get("code"))
        case "DeviceUseStatement":
            return DEFIBRILLATOR if _is_of_a_defibrillator(record) else None
        case "Procedure" | "Encounter" | "Communication" | "CommunicationRequest":
            return CONVERSATIONS if _is_a_conversation(record) else None
        case "QuestionnaireResponse":
            return FORMS if is_a_form_of_planning_ahead(tree) else None
        case "RelatedPerson":
            return CONTACTS
        case _:
            return None


def _of_observation(code: object) -> str | None:
    if is_a_wish(code):
        return WISHED
    return GOALS if is_a_goal_of_care(code) else None


def _is_of_a_defibrillator(record: Candidate) -> bool:
    device = record.follow(text(record.tree, "device", "reference"))
    return is_a_defibrillator((device or {}).get("type")) or is_a_defibrillator(record.tree.get("reasonCode"))


def _is_a_conversation(record: Candidate) -> bool:
    if any(is_planning_ahead(record.tree.get(name)) for name in ("code", "reasonCode", "category", "type")):
        return True
    # A conversation names the procedure that it was about, and not always its code.
    reasons = (record.follow(text(reason, "reference")) for reason in parts(record.tree, "reasonReference"))
    return any(is_planning_ahead(reason.get("code")) for reason in reasons if reason is not None)


PLANNING: Final = DocumentPlan(
    name="planning-ahead",
    title=Wording("Proactieve zorgplanning", "Planning ahead"),
    type=Code(LOINC, "42348-3", "Advance directives"),
    selection=Selection(types=_TYPES, categories=_CATEGORIES, includes=("*",)),
    sections=_SECTIONS,
    place=_place,
)
