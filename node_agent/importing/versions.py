"""Which version of FHIR a record is written in, as far as it shows.

JSON does not say it. What shows it: types and elements that only one version has, and shapes that changed. A profile
of the Dutch zib2017 generation counts only where nothing else speaks: people do keep it on converted records.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec

Members = Mapping[str, msgspec.Raw]


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

#: (type, element, how its JSON begins): single in STU3 and a list in R4, or a code in STU3 and a concept in R4.
_STU3_SHAPES: Final[dict[str, tuple[tuple[str, bytes], ...]]] = {
    "AllergyIntolerance": (("clinicalStatus", b'"'), ("verificationStatus", b'"')),
    "Condition": (("clinicalStatus", b'"'), ("verificationStatus", b'"')),
    "DiagnosticReport": (("category", b"{"),),
    "Flag": (("category", b"{"),),
    "Goal": (("target", b"{"),),
    "MedicationRequest": (("category", b"{"),),
    "Observation": (("interpretation", b"{"),),
    "RelatedPerson": (("relationship", b"{"),),
}
#: A list where STU3 has one is no proof of R4: people write lists there in STU3 too.
_R4_SHAPES: Final[dict[str, tuple[tuple[str, bytes], ...]]] = {
    name: tuple((element, b"{") for element, begin in shapes if begin == b'"') for name, shapes in _STU3_SHAPES.items()
}
#: (type, element, key inside it) that only STU3 knows.
_STU3_INSIDE: Final[dict[str, tuple[tuple[str, bytes], ...]]] = {
    "DeviceRequest": (("requester", b'"agent"'),),
    "DiagnosticReport": (("performer", b'"actor"'),),
    "DocumentManifest": (("content", b'"pReference"'), ("content", b'"pAttachment"')),
    "Encounter": (("diagnosis", b'"role"'),),
    "MedicationRequest": (("requester", b'"agent"'),),
    "Procedure": (("performer", b'"role"'),),
    "Provenance": (("agent", b'"whoReference"'), ("agent", b'"whoUri"')),
    "Task": (("requester", b'"agent"'),),
}
_PROFILES: Final = (
    b"http://fhir.nl/fhir/StructureDefinition/",
    b"http://nictiz.nl/fhir/StructureDefinition/zib-",
    b"http://nictiz.nl/fhir/StructureDefinition/gp-",
    b"http://nictiz.nl/fhir/StructureDefinition/eAfspraak-",
    b"http://nictiz.nl/fhir/StructureDefinition/IHE.MHD.",
)
_NO_RAW: Final = msgspec.Raw(b"")


def evidence(kind: str, members: Members) -> Evidence:
    """What the members of a record show about its version."""
    if kind in TYPES_OF_OTHER_VERSIONS or not _GONE.get(kind, _NOTHING).isdisjoint(members):
        return Evidence.OTHER
    if _has_shape(members, _STU3_SHAPES.get(kind, ())):
        return Evidence.OTHER
    if any(key in bytes(members.get(element, _NO_RAW)) for element, key in _STU3_INSIDE.get(kind, ())):
        return Evidence.OTHER
    if not _NEW.get(kind, _NOTHING).isdisjoint(members) or _has_shape(members, _R4_SHAPES.get(kind, ())):
        return Evidence.R4
    meta = bytes(members.get("meta", _NO_RAW))
    return Evidence.PROFILE if any(profile in meta for profile in _PROFILES) else Evidence.NONE


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


def _has_shape(members: Members, shapes: tuple[tuple[str, bytes], ...]) -> bool:
    return any(bytes(members.get(element, _NO_RAW)).startswith(begin) for element, begin in shapes)
