"""The handover: what whoever takes over the care of somebody must know, by the sections that nurses hand over in.

The message is modelled on the Dutch eOverdracht (Nictiz): a Task that says that care is transferred (SNOMED CT 308292007), and a
document with a Composition (SNOMED CT 371535009). Codes of sections are those of the patient summary; ours where LOINC has none.
"""

from typing import Final

from accord.terms.queries import EVERYTHING
from accord.terms.vocabulary import SECTION_OF, Section
from gateway.dossier.clinical.trees import codings, text
from gateway.dossier.documents.codes import is_about_care, is_functional_status
from gateway.dossier.documents.plans import LOINC, SECTION_SYSTEM, SNOMED, Candidate, Code, DocumentPlan, SectionPlan
from gateway.dossier.documents.summary import ALERTS, ALLERGIES, DEVICES, DIRECTIVES, FUNCTIONAL, MEDICATION, PLAN_OF_CARE, PROBLEMS, PROCEDURES, SOCIAL
from gateway.dossier.words import Wording

TRANSFER_OF_CARE: Final = Code(SNOMED, "308292007", "Transfer of care")
WOUNDS: Final = "wounds"
MEASURED: Final = "measurements"
CONTACTS: Final = "contacts"

#: Wound, open wound, pressure ulcer, diabetic foot ulcer.
_WOUNDS: Final = frozenset({(SNOMED, code) for code in ("416462003", "125643001", "399912005", "371087003")})
#: Of a building block of wounds the profile says so, whatever its code.
_WOUND_PROFILES: Final = ("wound", "pressureulcer")


def _of_loinc(code: str, display: str, title: Wording, *fed_by: Section) -> SectionPlan:
    return SectionPlan(Code(LOINC, code, display), title, frozenset(fed_by), frozenset())


def _of_ours(code: str, title: Wording, *fed_by: Section) -> SectionPlan:
    return SectionPlan(Code(SECTION_SYSTEM, code, title.en), title, frozenset(fed_by), frozenset())


_SECTIONS: Final = (
    _of_loinc(DIRECTIVES, "Advance directives", Wording("Behandelgrenzen en wensen", "Advance directives and wishes"), Section.PLANNING_AHEAD),
    _of_loinc(ALERTS, "Alert", Wording("Waarschuwingen", "Alerts"), Section.ALERTS),
    _of_loinc(ALLERGIES, "Allergies and adverse reactions Document", Wording("Allergieën", "Allergies"), Section.ALLERGIES),
    _of_loinc(MEDICATION, "History of Medication use Narrative", Wording("Medicatie", "Medication"), Section.MEDICATION),
    _of_loinc(PROBLEMS, "Problem list - Reported", Wording("Problemen en diagnoses", "Problems"), Section.PROBLEMS),
    _of_loinc(PROCEDURES, "History of Procedures Document", Wording("Verrichtingen", "Procedures"), Section.PROCEDURES),
    _of_ours(WOUNDS, Wording("Wonden", "Wounds"), Section.PROBLEMS, Section.MEASUREMENTS),
    _of_loinc(FUNCTIONAL, "Functional status assessment note", Wording("Functioneren", "Functional status"), Section.MEASUREMENTS),
    _of_loinc(DEVICES, "History of medical device use", Wording("Hulpmiddelen en implantaten", "Medical devices"), Section.DEVICES),
    _of_ours(MEASURED, Wording("Laatste metingen en uitslagen", "Last measurements and results"), Section.MEASUREMENTS, Section.LAB),
    _of_loinc(PLAN_OF_CARE, "Plan of care note", Wording("Zorgplan en afspraken", "Plan of care"), Section.CARE_PLAN),
    _of_loinc(SOCIAL, "Social history note", Wording("Wonen en sociale situatie", "Social situation"), Section.SOCIAL),
    _of_ours(CONTACTS, Wording("Wie te bellen", "Whom to call"), Section.PERSON),
)
_BY_SECTION: Final = {
    Section.PLANNING_AHEAD: DIRECTIVES,
    Section.ALERTS: ALERTS,
    Section.ALLERGIES: ALLERGIES,
    Section.MEDICATION: MEDICATION,
    Section.PROBLEMS: PROBLEMS,
    Section.PROCEDURES: PROCEDURES,
    Section.DEVICES: DEVICES,
    Section.MEASUREMENTS: MEASURED,
    Section.LAB: MEASURED,
    Section.CARE_PLAN: PLAN_OF_CARE,
    Section.SOCIAL: SOCIAL,
}
#: Of these the last is handed over; how they went is in the dossier.
LAST_ONLY: Final = frozenset({MEASURED, FUNCTIONAL})


def _place(record: Candidate) -> str | None:
    """Where the record stands; who may be called is told apart from records, as the screens do it."""
    tree = record.tree
    if record.kind in {"Patient", "RelatedPerson"} or (record.kind == "Consent" and not is_about_care(tree)):
        return None
    if record.kind in {"Condition", "Observation"} and _is_a_wound(record):
        return WOUNDS
    if record.kind == "Observation" and is_functional_status(tree.get("code")):
        return FUNCTIONAL
    return _BY_SECTION.get(SECTION_OF[record.category])


def _is_a_wound(record: Candidate) -> bool:
    if any((system, code) in _WOUNDS for system, code, _ in codings(record.tree.get("code"))):
        return True
    meta = record.tree.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    named = (text({"of": one}, "of").rpartition("/")[2].casefold() for one in (profiles if isinstance(profiles, list) else ()))
    return any(ending in name for name in named for ending in _WOUND_PROFILES)


HANDOVER: Final = DocumentPlan(
    name="handover",
    title=Wording("Verpleegkundige overdracht", "Nursing handover"),
    type=Code(SNOMED, "371535009", "Transfer summary report"),
    selection=EVERYTHING,
    sections=_SECTIONS,
    place=_place,
)
