"""The table of resource types against FHIR R4 itself: the whole list, and elements that are really there.

The models are those of R4B, which changed none of the types that people have records of.
"""

from typing import Any, Final, get_args

import pytest
from fhir.resources.R4B import get_fhir_model_class

from accord.rules.reading import Record
from accord.terms.records import (
    INCLUDES,
    NEVER_RELEASED,
    OBSERVATION_CATEGORIES,
    RESOURCE_TYPES,
    TYPE_BY_NAME,
    TYPE_CODE,
    TYPE_NAME,
    ResourceType,
)
from accord.terms.vocabulary import (
    CATEGORY_BIT,
    CATEGORY_CODE,
    CATEGORY_ORDER,
    SECTION_OF,
    SECTIONS_FED,
    VEKTIS_TYPES,
    CareCategory,
    HolderKind,
    Section,
    sections_fed_by,
)

#: http://hl7.org/fhir/R4/valueset-resource-types.html without the two abstract ones.
R4: Final = frozenset(
    "Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic Binary BiologicallyDerivedProduct "
    "BodyStructure Bundle CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem ChargeItemDefinition Claim ClaimResponse ClinicalImpression "
    "CodeSystem Communication CommunicationRequest CompartmentDefinition Composition ConceptMap Condition Consent Contract Coverage "
    "CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest DeviceUseStatement "
    "DiagnosticReport DocumentManifest DocumentReference EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest EnrollmentResponse "
    "EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit FamilyMemberHistory Flag Goal GraphDefinition "
    "Group GuidanceResponse HealthcareService ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation ImplementationGuide "
    "InsurancePlan Invoice Library Linkage List Location Measure MeasureReport Media Medication MedicationAdministration MedicationDispense "
    "MedicationKnowledge MedicationRequest MedicationStatement MedicinalProduct MedicinalProductAuthorization MedicinalProductContraindication "
    "MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured MedicinalProductPackaged "
    "MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition MessageHeader MolecularSequence NamingSystem NutritionOrder "
    "Observation ObservationDefinition OperationDefinition OperationOutcome Organization OrganizationAffiliation Parameters Patient PaymentNotice "
    "PaymentReconciliation Person PlanDefinition Practitioner PractitionerRole Procedure Provenance Questionnaire QuestionnaireResponse "
    "RelatedPerson RequestGroup ResearchDefinition ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis "
    "Schedule SearchParameter ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition StructureMap Subscription Substance "
    "SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification "
    "SupplyDelivery SupplyRequest Task TerminologyCapabilities TestReport TestScript ValueSet VerificationResult VisionPrescription".split()
)
OWNED: Final = [kind for kind in RESOURCE_TYPES if kind.owner]
READ_BY_US: Final = {"for" if name == "for_" else name for name in Record.__struct_fields__}


def elements_of(type_name: str) -> dict[str, Any]:
    """Name in JSON → field of the R4B model."""
    return {field.alias or name: field for name, field in get_fhir_model_class(type_name).model_fields.items()}


def targets_of(field: Any, below: int = 1) -> set[str]:
    """The types that an element may refer to: its own targets, or those of the references in it, some levels deep."""
    own = (field.json_schema_extra or {}).get("enum_reference_types")
    if own or not below:
        return set(own or ())
    return {name for part in _models_in(field.annotation) for inner in part.model_fields.values() for name in targets_of(inner, below - 1)}


def _models_in(annotation: Any) -> list[Any]:
    """The models that an annotation speaks of: `List[abc.PersonLinkType] | None` → `PersonLink`."""
    inner = get_args(annotation)
    if inner:
        return [model for part in inner for model in _models_in(part)]
    name = getattr(annotation, "__name__", "")
    try:
        return [get_fhir_model_class(name.removesuffix("Type"))]
    except (ValueError, LookupError):
        return []


def test_r4_has_146_types() -> None:
    assert len(R4) == 146


def test_every_type_of_r4_is_in_one_of_the_two_lists_and_nothing_else_is() -> None:
    released = [kind.name for kind in RESOURCE_TYPES]

    assert len(set(released)) == len(released)
    assert not set(released) & NEVER_RELEASED
    assert set(released) | NEVER_RELEASED == R4


@pytest.mark.parametrize("kind", OWNED, ids=lambda kind: kind.name)
def test_the_owner_is_an_element_that_may_refer_to_a_patient(kind: ResourceType) -> None:
    element = elements_of(kind.name)[kind.owner]

    assert targets_of(element) & {"Patient", "Resource"}
    assert kind.owner in READ_BY_US


@pytest.mark.parametrize("kind", RESOURCE_TYPES, ids=lambda kind: kind.name)
def test_the_elements_of_the_moment_and_the_code_are_there_and_are_read(kind: ResourceType) -> None:
    elements = elements_of(kind.name)

    for name in (*kind.moments, *filter(None, [kind.coded])):
        assert name in elements
        assert name in READ_BY_US


@pytest.mark.parametrize("kind", [kind for kind in RESOURCE_TYPES if kind.is_companion], ids=lambda kind: kind.name)
def test_a_companion_need_not_belong_to_a_patient(kind: ResourceType) -> None:
    required = [name for name, element in elements_of(kind.name).items() if element.is_required() and "Patient" in targets_of(element)]

    assert not required


@pytest.mark.parametrize("parameter", INCLUDES)
def test_what_can_be_included_is_an_element_that_refers_to_something(parameter: str) -> None:
    name, _, _ = parameter.partition(":")
    element = elements_of(name).get(INCLUDES[parameter])

    assert name in TYPE_BY_NAME
    assert element is not None
    # Consent.provision.actor.reference is the deepest.
    assert targets_of(element, below=2)


def test_type_codes_and_names_are_each_others_mirror() -> None:
    assert TYPE_NAME[0] == ""
    assert all(TYPE_NAME[code] == name for name, code in TYPE_CODE.items())
    assert len(TYPE_CODE) == len(TYPE_BY_NAME) == len(TYPE_NAME) - 1


def test_the_wire_knows_the_first_types_and_categories_by_these_numbers() -> None:
    # Append only: a change here breaks every agent that is already out there.
    assert [TYPE_CODE[name] for name in ("Patient", "Observation", "Encounter", "AuditEvent", "Practitioner", "ResearchStudy")] == [1, 4, 10, 64, 69, 91]
    assert [CATEGORY_CODE[c] for c in (CareCategory.ADVANCE_DIRECTIVE, CareCategory.PATIENT, CareCategory.SUBSCRIPTION, CareCategory.OTHER)] == [0, 26, 31, 36]


def test_every_category_has_a_bit_a_code_and_a_section() -> None:
    assert set(CATEGORY_BIT) == set(CATEGORY_CODE) == set(SECTION_OF) == set(CareCategory)
    assert sum(CATEGORY_BIT.values()) == 2 ** len(CareCategory) - 1
    assert all(CATEGORY_ORDER[code] is category and CATEGORY_BIT[category] == 1 << code for category, code in CATEGORY_CODE.items())
    assert len(CareCategory) <= 64


def test_every_kind_of_holder_has_codes_of_its_own_and_feeds_the_person() -> None:
    codes = [code for of_kind in VEKTIS_TYPES.values() for code in of_kind]

    assert set(VEKTIS_TYPES) == set(HolderKind)
    assert len(codes) == len(set(codes))
    # Safety fact: Z3 is a GP practice, hospitals are V4, V5 and V6.
    assert "Z3" in VEKTIS_TYPES[HolderKind.GP_PRACTICE]
    assert VEKTIS_TYPES[HolderKind.HOSPITAL] == ("V4", "V5", "V6")
    assert all(Section.PERSON in sections_fed_by(kind) for kind in HolderKind)
    assert sections_fed_by(HolderKind.HOSPITAL) == frozenset(Section)
    assert Section.LAB not in SECTIONS_FED[HolderKind.PHARMACY]


def test_observation_categories_are_observation_categories() -> None:
    assert all(category.name.startswith("OBSERVATION_") for category in OBSERVATION_CATEGORIES.values())
    assert OBSERVATION_CATEGORIES["http://snomed.info/sct", "118228005"] is CareCategory.OBSERVATION_SURVEY
