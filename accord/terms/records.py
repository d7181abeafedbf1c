"""The resource types of FHIR R4, with what the wire, the rules and the dossier need to know of each.

Sources: HL7 FHIR R4 (4.0.1), resource list, CompartmentDefinition/patient and the elements of each type.
"""

from dataclasses import dataclass
from typing import Final

from accord.terms.vocabulary import CareCategory


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource type.

    `owner` is the element that names the patient; empty for a companion (a record that belongs to no patient
    and is released only together with a record that refers to it). `moments` are the elements that may hold
    the clinical moment, the first that is there counts. `coded` is the element that search calls `code`; empty where R4 has none.
    """

    name: str
    category: CareCategory
    owner: str = ""
    moments: tuple[str, ...] = ()
    coded: str = "code"

    @property
    def is_companion(self) -> bool:
        """Whether records of this type belong to no patient."""
        return not self.owner and self.name != "Patient"


C = CareCategory
_S = "subject"
_P = "patient"

#: The order is part of the wire (type codes, from 1; 0 means "not in this list"): append only.
RESOURCE_TYPES: Final[tuple[ResourceType, ...]] = (
    ResourceType("Patient", C.PATIENT, coded=""),
    ResourceType("AllergyIntolerance", C.ALLERGY_INTOLERANCE, _P, ("onsetDateTime", "onsetPeriod", "recordedDate", "lastOccurrence")),
    ResourceType("Condition", C.CONDITION, _S, ("onsetDateTime", "onsetPeriod", "recordedDate")),
    ResourceType("Observation", C.OBSERVATION_EXAM, _S, ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued")),
    ResourceType("MedicationRequest", C.MEDICATION_REQUEST, _S, ("authoredOn",), "medicationCodeableConcept"),
    ResourceType("MedicationDispense", C.MEDICATION_USE, _S, ("whenHandedOver", "whenPrepared"), "medicationCodeableConcept"),
    ResourceType("MedicationStatement", C.MEDICATION_USE, _S, ("effectiveDateTime", "effectivePeriod", "dateAsserted"), "medicationCodeableConcept"),
    ResourceType("MedicationAdministration", C.MEDICATION_USE, _S, ("effectiveDateTime", "effectivePeriod"), "medicationCodeableConcept"),
    ResourceType("Procedure", C.PROCEDURE, _S, ("performedDateTime", "performedPeriod")),
    ResourceType("Encounter", C.ENCOUNTER, _S, ("period",), "type"),
    ResourceType("EpisodeOfCare", C.EPISODE, _P, ("period",), "type"),
    ResourceType("Immunization", C.IMMUNIZATION, _P, ("occurrenceDateTime", "recorded"), "vaccineCode"),
    ResourceType("DiagnosticReport", C.DIAGNOSTIC_REPORT, _S, ("effectiveDateTime", "effectivePeriod", "issued")),
    ResourceType("DocumentReference", C.DOCUMENT, _S, ("date",), "type"),
    ResourceType("Composition", C.DOCUMENT, _S, ("date",), "type"),
    ResourceType("Consent", C.CONSENT, _P, ("dateTime",), "category"),
    ResourceType("Flag", C.ALERT, _S, ("period",)),
    ResourceType("CarePlan", C.CARE_PLANNING, _S, ("period", "created"), "category"),
    ResourceType("CareTeam", C.CARE_PLANNING, _S, ("period",), "category"),
    ResourceType("Goal", C.CARE_PLANNING, _S, ("startDate", "statusDate"), "description"),
    ResourceType("ServiceRequest", C.REQUEST, _S, ("occurrenceDateTime", "occurrencePeriod", "authoredOn")),
    ResourceType("DeviceRequest", C.REQUEST, _S, ("occurrenceDateTime", "occurrencePeriod", "authoredOn"), "codeCodeableConcept"),
    ResourceType("DeviceUseStatement", C.DEVICE, _S, ("timingDateTime", "timingPeriod", "recordedOn"), ""),
    ResourceType("NutritionOrder", C.NUTRITION, _P, ("dateTime",), ""),
    ResourceType("Coverage", C.FINANCIAL, "beneficiary", ("period",), "type"),
    ResourceType("RelatedPerson", C.PATIENT, _P, ("period",), "relationship"),
    ResourceType("Specimen", C.SPECIMEN, _S, ("receivedTime",), "type"),
    ResourceType("ImagingStudy", C.IMAGING, _S, ("started",), "procedureCode"),
    ResourceType("Media", C.IMAGING, _S, ("createdDateTime", "createdPeriod", "issued"), "type"),
    ResourceType("Communication", C.CARE_PLANNING, _S, ("sent", "received"), "reasonCode"),
    ResourceType("CommunicationRequest", C.REQUEST, _S, ("occurrenceDateTime", "authoredOn"), "reasonCode"),
    ResourceType("QuestionnaireResponse", C.OBSERVATION_SURVEY, _S, ("authored",), coded=""),
    ResourceType("ClinicalImpression", C.OBSERVATION_EXAM, _S, ("effectiveDateTime", "effectivePeriod", "date")),
    ResourceType("FamilyMemberHistory", C.OBSERVATION_SOCIAL_HISTORY, _P, ("date",), "relationship"),
    ResourceType("RiskAssessment", C.OBSERVATION_EXAM, _S, ("occurrenceDateTime", "occurrencePeriod")),
    ResourceType("Appointment", C.ENCOUNTER, "participant", ("start",), "serviceType"),
    ResourceType("Task", C.REQUEST, "for", ("authoredOn", "lastModified")),
    ResourceType("List", C.OTHER, _S, ("date",)),
    ResourceType("Provenance", C.OTHER, "target", ("occurredDateTime", "occurredPeriod", "recorded"), "activity"),
    ResourceType("ImmunizationRecommendation", C.IMMUNIZATION, _P, ("date",), coded=""),
    ResourceType("ImmunizationEvaluation", C.IMMUNIZATION, _P, ("date",), coded=""),
    ResourceType("VisionPrescription", C.REQUEST, _P, ("dateWritten", "created"), coded=""),
    ResourceType("RequestGroup", C.REQUEST, _S, ("authoredOn",)),
    ResourceType("DetectedIssue", C.ALERT, _P, ("identifiedDateTime", "identifiedPeriod")),
    ResourceType("AdverseEvent", C.ALERT, _S, ("date", "detected", "recordedDate"), "event"),
    ResourceType("BodyStructure", C.CONDITION, _P, (), "morphology"),
    ResourceType("MolecularSequence", C.GENOMICS, _P, (), "type"),
    ResourceType("SupplyRequest", C.REQUEST, "deliverTo", ("occurrenceDateTime", "authoredOn"), "itemCodeableConcept"),
    ResourceType("SupplyDelivery", C.DEVICE, _P, ("occurrenceDateTime",), "type"),
    ResourceType("Claim", C.FINANCIAL, _P, ("created",), "type"),
    ResourceType("ClaimResponse", C.FINANCIAL, _P, ("created",), "type"),
    ResourceType("ExplanationOfBenefit", C.FINANCIAL, _P, ("created",), "type"),
    ResourceType("Account", C.FINANCIAL, _S, ("servicePeriod",), "type"),
    ResourceType("ChargeItem", C.FINANCIAL, _S, ("occurrenceDateTime", "enteredDate")),
    ResourceType("Invoice", C.FINANCIAL, _S, ("date",), "type"),
    ResourceType("CoverageEligibilityRequest", C.FINANCIAL, _P, ("created",), "purpose"),
    ResourceType("CoverageEligibilityResponse", C.FINANCIAL, _P, ("created",), "purpose"),
    ResourceType("EnrollmentRequest", C.FINANCIAL, "candidate", ("created",), coded=""),
    ResourceType("DocumentManifest", C.DOCUMENT, _S, ("created",), "type"),
    ResourceType("Basic", C.OTHER, _S, ("created",)),
    ResourceType("ResearchSubject", C.OTHER, "individual", ("period",), coded=""),
    ResourceType("MeasureReport", C.OTHER, _S, ("date",), coded=""),
    ResourceType("GuidanceResponse", C.OTHER, _S, ("occurrenceDateTime",), coded=""),
    ResourceType("AuditEvent", C.LOGGING, "agent", ("recorded",), "type"),
    ResourceType("Person", C.PATIENT, "link", coded=""),
    ResourceType("Group", C.OTHER, "member"),
    ResourceType("Schedule", C.OTHER, "actor", coded=""),
    ResourceType("AppointmentResponse", C.ENCOUNTER, "actor", ("start",), coded=""),
    # Companions: they belong to no patient.
    ResourceType("Practitioner", C.PRACTITIONER, coded=""),
    ResourceType("PractitionerRole", C.PRACTITIONER),
    ResourceType("Organization", C.CARE_SERVICE_ENTITIES, coded="type"),
    ResourceType("Location", C.CARE_SERVICE_ENTITIES, coded="type"),
    ResourceType("HealthcareService", C.CARE_SERVICE_ENTITIES, coded="type"),
    ResourceType("Medication", C.DEFINITIONAL),
    ResourceType("Substance", C.DEFINITIONAL),
    ResourceType("Device", C.DEVICE, coded="type"),
    ResourceType("DeviceMetric", C.DEVICE, coded="type"),
    ResourceType("Endpoint", C.CARE_SERVICE_ENTITIES, coded="connectionType"),
    ResourceType("OrganizationAffiliation", C.CARE_SERVICE_ENTITIES),
    ResourceType("InsurancePlan", C.FINANCIAL, coded="type"),
    ResourceType("Binary", C.DOCUMENT, coded=""),
    ResourceType("Questionnaire", C.DEFINITIONAL),
    ResourceType("ActivityDefinition", C.DEFINITIONAL),
    ResourceType("PlanDefinition", C.DEFINITIONAL, coded="type"),
    ResourceType("Library", C.DEFINITIONAL, coded="type"),
    ResourceType("MedicationKnowledge", C.DEFINITIONAL),
    ResourceType("DeviceDefinition", C.DEFINITIONAL, coded="type"),
    ResourceType("SpecimenDefinition", C.DEFINITIONAL, coded=""),
    ResourceType("ObservationDefinition", C.DEFINITIONAL),
    ResourceType("Slot", C.OTHER, coded="serviceType"),
    ResourceType("ResearchStudy", C.OTHER, coded="category"),
)

TYPE_BY_NAME: Final[dict[str, ResourceType]] = {kind.name: kind for kind in RESOURCE_TYPES}
TYPE_CODE: Final[dict[str, int]] = {kind.name: code for code, kind in enumerate(RESOURCE_TYPES, start=1)}
TYPE_NAME: Final[tuple[str, ...]] = ("", *(kind.name for kind in RESOURCE_TYPES))

#: Conformance and other types of R4 that say nothing about care: known by name, never released.
NEVER_RELEASED: Final = frozenset(
    "Bundle CapabilityStatement CodeSystem CompartmentDefinition ConceptMap Contract EffectEvidenceSynthesis EnrollmentResponse "
    "EventDefinition Evidence EvidenceVariable ExampleScenario GraphDefinition ImplementationGuide Linkage Measure "
    "MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication MedicinalProductIndication "
    "MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured MedicinalProductPackaged "
    "MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition MessageHeader NamingSystem "
    "OperationDefinition OperationOutcome Parameters PaymentNotice PaymentReconciliation ResearchDefinition "
    "ResearchElementDefinition RiskEvidenceSynthesis SearchParameter StructureDefinition StructureMap Subscription "
    "SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial "
    "SubstanceSpecification TerminologyCapabilities TestReport TestScript ValueSet VerificationResult BiologicallyDerivedProduct "
    "CatalogEntry ChargeItemDefinition".split()
)

_OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_SCT = "http://snomed.info/sct"

#: (system, code) of `Observation.category` → care category. HL7 observation-category, and the SNOMED codes of the
#: Dutch laboratory and functional-status queries (2017 and 2020 generations).
OBSERVATION_CATEGORIES: Final[dict[tuple[str, str], CareCategory]] = {
    (_OBSERVATION_CATEGORY, "laboratory"): C.OBSERVATION_LABORATORY,
    (_OBSERVATION_CATEGORY, "vital-signs"): C.OBSERVATION_VITAL_SIGNS,
    (_OBSERVATION_CATEGORY, "social-history"): C.OBSERVATION_SOCIAL_HISTORY,
    (_OBSERVATION_CATEGORY, "survey"): C.OBSERVATION_SURVEY,
    (_OBSERVATION_CATEGORY, "exam"): C.OBSERVATION_EXAM,
    (_OBSERVATION_CATEGORY, "imaging"): C.OBSERVATION_IMAGING,
    (_OBSERVATION_CATEGORY, "procedure"): C.OBSERVATION_PROCEDURE,
    (_OBSERVATION_CATEGORY, "therapy"): C.OBSERVATION_THERAPY,
    (_OBSERVATION_CATEGORY, "activity"): C.OBSERVATION_ACTIVITY,
    **{
        (_SCT, code): C.OBSERVATION_LABORATORY
        for code in ("49581000146104", "275711006", "252275004", "68793005", "395124008", "314076009", "19851009", "405825005", "15220000")
    },
    (_SCT, "118228005"): C.OBSERVATION_SURVEY,
    (_SCT, "384821006"): C.OBSERVATION_SURVEY,
}

#: `Consent.category` that makes a Consent an advance directive (R4 `acd`; zib2017 and zib2020 SNOMED codes).
ADVANCE_DIRECTIVE_CODES: Final = frozenset({"acd", "11341000146107"})

#: Companions a search may ask for along, by `Type:parameter` of `_include`, and the element that refers to them.
INCLUDES: Final[dict[str, str]] = {
    "MedicationRequest:medication": "medicationReference",
    "MedicationDispense:medication": "medicationReference",
    "MedicationStatement:medication": "medicationReference",
    "MedicationAdministration:medication": "medicationReference",
    "MedicationRequest:requester": "requester",
    "Observation:performer": "performer",
    "DiagnosticReport:performer": "performer",
    "Procedure:performer": "performer",
    "Encounter:service-provider": "serviceProvider",
    "Encounter:participant": "participant",
    "Encounter:location": "location",
    "Patient:general-practitioner": "generalPractitioner",
    "Patient:organization": "managingOrganization",
    "CareTeam:participant": "participant",
    "Coverage:payor": "payor",
    "DeviceUseStatement:device": "device",
    "DeviceRequest:device": "codeReference",
    "Immunization:performer": "performer",
    "Immunization:location": "location",
    "AllergyIntolerance:recorder": "recorder",
    "AllergyIntolerance:asserter": "asserter",
    "Condition:asserter": "asserter",
    "ServiceRequest:performer": "performer",
    "ServiceRequest:requester": "requester",
    "DocumentReference:author": "author",
    "DocumentReference:custodian": "custodian",
    "Consent:organization": "organization",
    "Consent:actor": "provision",
}


def categories_of_type(name: str) -> frozenset[CareCategory]:
    """The care categories that records of a type can fall into; none for a type that is not known."""
    kind = TYPE_BY_NAME.get(name)
    if kind is None:
        return frozenset()
    if name == "Observation":
        return frozenset({kind.category, *OBSERVATION_CATEGORIES.values()})
    return frozenset({kind.category, C.ADVANCE_DIRECTIVE} if name == "Consent" else {kind.category})
