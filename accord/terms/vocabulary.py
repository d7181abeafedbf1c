"""The fixed words of the region: categories of data, kinds of holder, purposes, sections of the dossier."""

from enum import StrEnum
from typing import Final


class CareCategory(StrEnum):
    """A category of data about which a patient chooses.

    Codes of the national list (nl-generic-functions-ig, CodeSystem data categories). The last four are ours:
    the national list has no word for them. The order is part of the wire (bits of `Batch.categories`):
    append only.
    """

    ADVANCE_DIRECTIVE = "AdvanceDirective"
    ALERT = "Alert"
    ALLERGY_INTOLERANCE = "AllergyIntolerance"
    CARE_SERVICE_ENTITIES = "CareServiceEntities"
    CONDITION = "Condition"
    CONSENT = "Consent"
    DEFINITIONAL = "Definitional"
    DEVICE = "Device"
    DIAGNOSTIC_REPORT = "DiagnosticReport"
    ENCOUNTER = "Encounter"
    EPISODE = "Episode"
    GENOMICS = "Genomics"
    IMAGING = "Imaging"
    LOGGING = "Logging"
    MEDICATION_REQUEST = "MedicationRequest"
    MEDICATION_USE = "MedicationUse"
    NUTRITION = "Nutrition"
    OBSERVATION_ACTIVITY = "ObservationActivity"
    OBSERVATION_EXAM = "ObservationExam"
    OBSERVATION_IMAGING = "ObservationImaging"
    OBSERVATION_LABORATORY = "ObservationLaboratory"
    OBSERVATION_PROCEDURE = "ObservationProcedure"
    OBSERVATION_SOCIAL_HISTORY = "ObservationSocialHistory"
    OBSERVATION_SURVEY = "ObservationSurvey"
    OBSERVATION_THERAPY = "ObservationTherapy"
    OBSERVATION_VITAL_SIGNS = "ObservationVitalSigns"
    PATIENT = "Patient"
    PRACTITIONER = "Practitioner"
    PROCEDURE = "Procedure"
    REQUEST = "Request"
    SPECIMEN = "Specimen"
    SUBSCRIPTION = "Subscription"
    CARE_PLANNING = "CarePlanning"
    DOCUMENT = "Document"
    FINANCIAL = "Financial"
    IMMUNIZATION = "Immunization"
    OTHER = "Other"


CATEGORY_ORDER: Final[tuple[CareCategory, ...]] = tuple(CareCategory)
CATEGORY_BIT: Final[dict[CareCategory, int]] = {category: 1 << i for i, category in enumerate(CATEGORY_ORDER)}
CATEGORY_CODE: Final[dict[CareCategory, int]] = {category: i for i, category in enumerate(CATEGORY_ORDER)}


class PurposeOfUse(StrEnum):
    """Why data moves (HL7 v3 ActReason)."""

    TREATMENT = "TREAT"
    EMERGENCY_TREATMENT = "ETREAT"


class HolderKind(StrEnum):
    """A kind of care provider, by a word for code; Vektis type codes are in `VEKTIS_TYPES`."""

    HOSPITAL = "hospital"
    GP_PRACTICE = "gp-practice"
    OUT_OF_HOURS_POST = "out-of-hours-post"
    PHARMACY = "pharmacy"
    LABORATORY = "laboratory"
    MENTAL_HEALTH = "mental-health"
    HOME_CARE = "home-care"
    NURSING_HOME = "nursing-home"
    AMBULANCE = "ambulance"
    REHABILITATION = "rehabilitation"
    HOSPICE = "hospice"
    MATERNITY = "maternity"
    DISABILITY = "disability"
    DIAGNOSTIC_CENTRE = "diagnostic-centre"
    PUBLIC_HEALTH = "public-health"
    PARAMEDIC = "paramedic"


#: Organisation type codes (OID 2.16.840.1.113883.2.4.15.1060, Vektis/VZVZ list) by kind.
VEKTIS_TYPES: Final[dict[HolderKind, tuple[str, ...]]] = {
    HolderKind.HOSPITAL: ("V4", "V5", "V6"),
    HolderKind.GP_PRACTICE: ("Z3", "H1", "K3"),
    HolderKind.OUT_OF_HOURS_POST: ("N6",),
    HolderKind.PHARMACY: ("J8", "A1", "K9"),
    HolderKind.LABORATORY: ("L1",),
    HolderKind.MENTAL_HEALTH: ("G5", "G7", "G8"),
    HolderKind.HOME_CARE: ("T2", "R5"),
    HolderKind.NURSING_HOME: ("X3", "M1"),
    HolderKind.AMBULANCE: ("AMB",),
    HolderKind.REHABILITATION: ("R8",),
    HolderKind.HOSPICE: ("H2",),
    HolderKind.MATERNITY: ("K4",),
    HolderKind.DISABILITY: ("G6",),
    HolderKind.DIAGNOSTIC_CENTRE: ("Z5", "B1"),
    HolderKind.PUBLIC_HEALTH: ("G9", "JGZ"),
    HolderKind.PARAMEDIC: ("F1",),
}


class Section(StrEnum):
    """A section of the virtual dossier."""

    PERSON = "person"
    PLANNING_AHEAD = "planning-ahead"
    ALERTS = "alerts"
    ALLERGIES = "allergies"
    MEDICATION = "medication"
    PROBLEMS = "problems"
    LAB = "lab"
    MEASUREMENTS = "measurements"
    PROCEDURES = "procedures"
    CONTACTS = "contacts"
    SOCIAL = "social"
    DEVICES = "devices"
    VACCINATIONS = "vaccinations"
    CARE_PLAN = "care-plan"
    DOCUMENTS = "documents"
    CARE_TEAM = "care-team"
    OTHER = "other"


SECTION_OF: Final[dict[CareCategory, Section]] = {
    CareCategory.ADVANCE_DIRECTIVE: Section.PLANNING_AHEAD,
    CareCategory.ALERT: Section.ALERTS,
    CareCategory.ALLERGY_INTOLERANCE: Section.ALLERGIES,
    CareCategory.CARE_SERVICE_ENTITIES: Section.CARE_TEAM,
    CareCategory.CONDITION: Section.PROBLEMS,
    CareCategory.CONSENT: Section.PLANNING_AHEAD,
    CareCategory.DEFINITIONAL: Section.OTHER,
    CareCategory.DEVICE: Section.DEVICES,
    CareCategory.DIAGNOSTIC_REPORT: Section.LAB,
    CareCategory.ENCOUNTER: Section.CONTACTS,
    CareCategory.EPISODE: Section.CONTACTS,
    CareCategory.GENOMICS: Section.LAB,
    CareCategory.IMAGING: Section.DOCUMENTS,
    CareCategory.LOGGING: Section.OTHER,
    CareCategory.MEDICATION_REQUEST: Section.MEDICATION,
    CareCategory.MEDICATION_USE: Section.MEDICATION,
    CareCategory.NUTRITION: Section.CARE_PLAN,
    CareCategory.OBSERVATION_ACTIVITY: Section.MEASUREMENTS,
    CareCategory.OBSERVATION_EXAM: Section.MEASUREMENTS,
    CareCategory.OBSERVATION_IMAGING: Section.MEASUREMENTS,
    CareCategory.OBSERVATION_LABORATORY: Section.LAB,
    CareCategory.OBSERVATION_PROCEDURE: Section.MEASUREMENTS,
    CareCategory.OBSERVATION_SOCIAL_HISTORY: Section.SOCIAL,
    CareCategory.OBSERVATION_SURVEY: Section.MEASUREMENTS,
    CareCategory.OBSERVATION_THERAPY: Section.MEASUREMENTS,
    CareCategory.OBSERVATION_VITAL_SIGNS: Section.MEASUREMENTS,
    CareCategory.PATIENT: Section.PERSON,
    CareCategory.PRACTITIONER: Section.CARE_TEAM,
    CareCategory.PROCEDURE: Section.PROCEDURES,
    CareCategory.REQUEST: Section.CARE_PLAN,
    CareCategory.SPECIMEN: Section.LAB,
    CareCategory.SUBSCRIPTION: Section.OTHER,
    CareCategory.CARE_PLANNING: Section.CARE_PLAN,
    CareCategory.DOCUMENT: Section.DOCUMENTS,
    CareCategory.FINANCIAL: Section.OTHER,
    CareCategory.IMMUNIZATION: Section.VACCINATIONS,
    CareCategory.OTHER: Section.OTHER,
}

_EVERYTHING = frozenset(Section)
_BASICS = frozenset(
    {Section.PERSON, Section.ALERTS, Section.ALLERGIES, Section.PROBLEMS, Section.MEDICATION, Section.CONTACTS, Section.DOCUMENTS, Section.OTHER}
)

#: Which sections a holder of a kind feeds: whose absence harms what. A kind that is not here feeds all.
SECTIONS_FED: Final[dict[HolderKind, frozenset[Section]]] = {
    HolderKind.PHARMACY: frozenset({Section.PERSON, Section.MEDICATION, Section.ALLERGIES, Section.ALERTS, Section.OTHER}),
    HolderKind.LABORATORY: frozenset({Section.PERSON, Section.LAB, Section.OTHER}),
    HolderKind.DIAGNOSTIC_CENTRE: frozenset({Section.PERSON, Section.LAB, Section.DOCUMENTS, Section.MEASUREMENTS, Section.OTHER}),
    HolderKind.AMBULANCE: _BASICS | {Section.MEASUREMENTS, Section.PROCEDURES},
    HolderKind.OUT_OF_HOURS_POST: _BASICS | {Section.MEASUREMENTS, Section.PLANNING_AHEAD},
    HolderKind.PARAMEDIC: _BASICS | {Section.CARE_PLAN, Section.MEASUREMENTS},
    HolderKind.MATERNITY: _BASICS | {Section.MEASUREMENTS, Section.PROCEDURES, Section.VACCINATIONS},
}


def sections_fed_by(kind: HolderKind) -> frozenset[Section]:
    """The sections that suffer when a holder of this kind is not heard."""
    return SECTIONS_FED.get(kind, _EVERYTHING)
