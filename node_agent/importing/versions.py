"""Which version of FHIR a record is written in, as far as it shows.

JSON does not say it. What shows it: types and elements that only one version has, and shapes that changed. A profile
of the Dutch zib2017 generation counts only where nothing else speaks: people do keep it on converted records.
"""

from enum import Enum
from typing import Any, Final

Content = dict[str, Any]


class Evidence(Enum):
    """What a record shows."""

    R4 = "r4"
    OTHER = "other"
    #: Only its profile points to another version.
    PROFILE = "profile"
    NONE = "none"


#: Types of other versions (DSTU2, STU3, R4B and R5) that R4 does not have.
TYPES_OF_OTHER_VERSIONS: Final = frozenset(
    "BodySite Conformance DataElement DeviceComponent DeviceUseRequest DiagnosticOrder EligibilityRequest EligibilityResponse ExpansionProfile "
    "ImagingManifest ImagingObjectSelection MedicationOrder Order OrderResponse ProcedureRequest ProcessRequest ProcessResponse ReferralRequest "
    "Sequence ServiceDefinition "
    "ActorDefinition AdministrableProductDefinition ArtifactAssessment BiologicallyDerivedProductDispense Citation ClinicalUseDefinition "
    "ConditionDefinition DeviceAssociation DeviceDispense DeviceUsage EncounterHistory EvidenceReport FormularyItem GenomicStudy ImagingSelection "
    "Ingredient InventoryItem InventoryReport ManufacturedItemDefinition MedicinalProductDefinition NutritionIntake NutritionProduct "
    "PackagedProductDefinition Permission RegulatedAuthorization RequestOrchestration Requirements SubscriptionStatus SubscriptionTopic "
    "SubstanceDefinition TestPlan Transport".split()
)

#: Elements that STU3 has and R4 has not.
_GONE: Final[dict[str, frozenset[str]]] = {
    name: frozenset(elements.split())
    for name, elements in {
        "AllergyIntolerance": "assertedDate",
        "Appointment": "incomingReferral",
        "Binary": "content",
        "CarePlan": "context definition",
        "CareTeam": "context",
        "ClinicalImpression": "context",
        "Communication": "context definition notDone notDoneReason",
        "CommunicationRequest": "context",
        "Composition": "class",
        "Condition": "context assertedDate",
        "Consent": "except consentingParty actor action securityLabel purpose data dataPeriod period",
        "Coverage": "grouping sequence",
        "DetectedIssue": "category date",
        "Device": "udi",
        "DeviceRequest": "context definition",
        "DeviceUseStatement": "whenUsed indication",
        "DiagnosticReport": "context codedDiagnosis image",
        "DocumentReference": "class indexed created",
        "Encounter": "incomingReferral",
        "FamilyMemberHistory": "notDone notDoneReason definition",
        "Goal": "status",
        "ImagingStudy": "accession context",
        "Immunization": "notGiven date explanation practitioner vaccinationProtocol",
        "Media": "subtype context occurrenceDateTime occurrencePeriod",
        "Medication": "isBrand isOverTheCounter package",
        "MedicationAdministration": "notGiven reasonNotGiven prescription",
        "MedicationDispense": "notDone notDoneReasonCodeableConcept notDoneReasonReference",
        "MedicationRequest": "context definition",
        "MedicationStatement": "taken reasonNotTaken",
        "Observation": "context related comment",
        "Patient": "animal",
        "Procedure": "context definition notDone notDoneReason",
        "QuestionnaireResponse": "parent context",
        "RiskAssessment": "context",
        "Task": "context definitionUri definitionReference reason",
    }.items()
}

#: Elements that R4 has and STU3 has not.
_NEW: Final[dict[str, frozenset[str]]] = {
    name: frozenset(elements.split())
    for name, elements in {
        "AllergyIntolerance": "recordedDate",
        "Binary": "data",
        "CarePlan": "encounter created",
        "CareTeam": "encounter",
        "Condition": "encounter recordedDate recorder",
        "Consent": "scope provision verification performer",
        "Coverage": "class costToBeneficiary",
        "DeviceRequest": "encounter",
        "DeviceUseStatement": "reasonReference reasonCode",
        "DiagnosticReport": "encounter media resultsInterpreter",
        "DocumentReference": "category date",
        "Goal": "lifecycleStatus achievementStatus",
        "Immunization": "occurrenceDateTime occurrenceString protocolApplied statusReason isSubpotent",
        "MedicationRequest": "encounter reportedBoolean reportedReference doNotPerform statusReason",
        "NutritionOrder": "intent",
        "Observation": "encounter focus note hasMember derivedFrom",
        "Procedure": "encounter recorder asserter statusReason",
        "QuestionnaireResponse": "encounter",
        "Task": "encounter",
    }.items()
}

#: (element, what it is in STU3): single there and a list in R4, or a code there and a concept in R4.
_STU3_SHAPES: Final[dict[str, tuple[tuple[str, type], ...]]] = {
    "AllergyIntolerance": (("clinicalStatus", str), ("verificationStatus", str)),
    "Condition": (("clinicalStatus", str), ("verificationStatus", str)),
    "DiagnosticReport": (("category", dict),),
    "Flag": (("category", dict),),
    "Goal": (("target", dict),),
    "MedicationRequest": (("category", dict),),
    "Observation": (("interpretation", dict),),
    "RelatedPerson": (("relationship", dict),),
}
#: A list where STU3 has one is no proof of R4: people write lists there in STU3 too.
_R4_SHAPES: Final[dict[str, tuple[tuple[str, type], ...]]] = {
    "AllergyIntolerance": (("clinicalStatus", dict), ("verificationStatus", dict)),
    "Condition": (("clinicalStatus", dict), ("verificationStatus", dict)),
}
#: (element, member inside it) that only STU3 knows.
_STU3_INSIDE: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "DeviceRequest": (("requester", "agent"),),
    "DiagnosticReport": (("performer", "actor"),),
    "DocumentManifest": (("content", "pReference"), ("content", "pAttachment")),
    "Encounter": (("diagnosis", "role"),),
    "MedicationRequest": (("requester", "agent"),),
    "Procedure": (("performer", "role"),),
    "Provenance": (("agent", "whoReference"), ("agent", "whoUri")),
    "Task": (("requester", "agent"),),
}
_PROFILES: Final = (
    "http://fhir.nl/fhir/StructureDefinition/",
    "http://nictiz.nl/fhir/StructureDefinition/zib-",
    "http://nictiz.nl/fhir/StructureDefinition/gp-",
    "http://nictiz.nl/fhir/StructureDefinition/eAfspraak-",
    "http://nictiz.nl/fhir/StructureDefinition/IHE.MHD.",
)


def evidence(kind: str, content: Content) -> Evidence:
    """What a record shows about its version."""
    if kind in TYPES_OF_OTHER_VERSIONS or not _GONE.get(kind, _NOTHING).isdisjoint(content) or _has_shape(content, _STU3_SHAPES.get(kind, ())):
        return Evidence.OTHER
    if any(_is_inside(content.get(element), member) for element, member in _STU3_INSIDE.get(kind, ())):
        return Evidence.OTHER
    if not _NEW.get(kind, _NOTHING).isdisjoint(content) or _has_shape(content, _R4_SHAPES.get(kind, ())):
        return Evidence.R4
    return Evidence.PROFILE if _claims_another_version(content.get("meta")) else Evidence.NONE


def is_another_version(shown: Evidence, beside: frozenset[Evidence]) -> bool:
    """Whether a record is of another version, given what the records in the same Bundle show.

    A Bundle is of one version: what says nothing itself is of the version that the others show. Where they show both,
    a profile of another version decides.
    """
    if shown in (Evidence.R4, Evidence.OTHER):
        return shown is Evidence.OTHER
    if shown is Evidence.PROFILE:
        return Evidence.OTHER in beside or Evidence.R4 not in beside
    return Evidence.OTHER in beside and Evidence.R4 not in beside


_NOTHING: Final[frozenset[str]] = frozenset()


def _has_shape(content: Content, shapes: tuple[tuple[str, type], ...]) -> bool:
    return any(isinstance(content.get(element), shape) for element, shape in shapes)


def _is_inside(element: Any, member: str) -> bool:
    return any(isinstance(item, dict) and member in item for item in (element if isinstance(element, list) else (element,)))


def _claims_another_version(meta: Any) -> bool:
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    return isinstance(profiles, list) and any(isinstance(profile, str) and profile.startswith(_PROFILES) for profile in profiles)
