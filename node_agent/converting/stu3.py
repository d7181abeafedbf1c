"""The table of the conversion: each type of STU3, who converts it, and by what a record of R4 gives itself away."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import is_logical_id
from node_agent.converting import care, consents, devices, documents, findings, medication, people
from node_agent.converting.names import RENAMED_TYPES, Names, told_id
from node_agent.converting.trees import Node, read_tree, write_tree

#: Name and version of this mapping, as they stand with every record that it made. Any change to what it makes is a new version.
MAPPING: Final = "noaber-stu3-to-r4 2026-11-22.3"
#: Media type of the originals.
MEDIA_TYPE: Final = "application/fhir+json; fhirVersion=3.0"


#: How DSTU2 says that something was not done. Whoever knows only STU3 or R4 overlooks it, and sees that it was.
_OLDER: Final = frozenset({"wasNotGiven", "wasNotTaken", "notPerformed"})


class Conversion(NamedTuple):
    """How records of one type are converted.

    `only_r4` are elements that only R4 has; `concepts` are codes in STU3 and concepts in R4.
    """

    convert: Callable[[Node], None]
    only_r4: frozenset[str] = frozenset()
    concepts: frozenset[str] = frozenset()


def _by(convert: Callable[[Node], None], only_r4: str = "", concepts: str = "") -> Conversion:
    names = only_r4.split()
    return Conversion(convert, frozenset((*names, *(f"_{name}" for name in names))), frozenset(concepts.split()))


#: By STU3's name of the type. What is not here cannot be converted.
CONVERSIONS: Final[Mapping[str, Conversion]] = {
    "Patient": _by(people.patient),
    "Practitioner": _by(people.unchanged),
    "PractitionerRole": _by(people.unchanged),
    "Organization": _by(people.unchanged),
    "Location": _by(people.location, "hoursOfOperation availabilityExceptions"),
    "RelatedPerson": _by(people.related_person, "communication"),
    "Coverage": _by(people.coverage, "class costToBeneficiary subrogation"),
    "CareTeam": _by(people.care_team, "encounter telecom"),
    "Consent": _by(consents.consent, "scope provision performer verification"),
    "Observation": _by(findings.observation, "encounter hasMember derivedFrom note partOf focus"),
    "Condition": _by(findings.condition, "encounter recordedDate recorder", "clinicalStatus verificationStatus"),
    "AllergyIntolerance": _by(findings.allergy, "encounter recordedDate", "clinicalStatus verificationStatus"),
    "NutritionOrder": _by(findings.nutrition_order, "intent note instantiates"),
    "Flag": _by(findings.flag),
    "Specimen": _by(findings.specimen, "condition"),
    "DiagnosticReport": _by(findings.diagnostic_report, "encounter media conclusionCode resultsInterpreter"),
    "Immunization": _by(findings.immunization, "occurrenceDateTime occurrenceString performer protocolApplied statusReason recorded"),
    "ImmunizationRecommendation": _by(findings.immunization_recommendation, "date authority"),
    "QuestionnaireResponse": _by(findings.questionnaire_response, "encounter partOf"),
    "MedicationStatement": _by(medication.statement, "statusReason"),
    "MedicationRequest": _by(medication.request, "encounter statusReason doNotPerform reportedBoolean reportedReference"),
    "MedicationDispense": _by(medication.dispense, "statusReasonCodeableConcept statusReasonReference location"),
    "MedicationAdministration": _by(medication.administration, "statusReason request"),
    "Medication": _by(medication.medication, "batch identifier amount"),
    "Device": _by(devices.device, "udiCarrier deviceName modelNumber serialNumber"),
    "DeviceUseStatement": _by(devices.use, "reasonCode reasonReference derivedFrom"),
    "DeviceRequest": _by(devices.request, "encounter parameter"),
    "Encounter": _by(care.encounter, "reasonCode reasonReference serviceType basedOn"),
    "EpisodeOfCare": _by(people.unchanged),
    "Procedure": _by(care.procedure, "encounter statusReason recorder asserter"),
    "ProcedureRequest": _by(care.procedure_request, "encounter instantiatesCanonical quantityQuantity"),
    "ReferralRequest": _by(care.referral_request, "encounter code category performer"),
    "CarePlan": _by(care.care_plan, "encounter contributor created"),
    "Goal": _by(care.goal, "lifecycleStatus achievementStatus"),
    "Appointment": _by(care.appointment, "reasonCode reasonReference basedOn cancelationReason"),
    "Communication": _by(care.communication, "encounter about statusReason"),
    "Task": _by(care.task, "encounter reasonCode reasonReference location insurance"),
    "DocumentReference": _by(documents.document_reference, "date category"),
    "DocumentManifest": _by(documents.document_manifest),
    "Composition": _by(documents.composition, "category"),
    "Binary": _by(documents.binary, "data"),
    "Provenance": _by(documents.provenance, "occurredPeriod occurredDateTime"),
    "List": _by(documents.listing),
}
#: R4's name of a type -> STU3's names of what becomes one.
MADE_FROM: Final[Mapping[str, tuple[str, ...]]] = {
    told: tuple(name for name in CONVERSIONS if RENAMED_TYPES.get(name, name) == told) for told in (RENAMED_TYPES.get(name, name) for name in CONVERSIONS)
}


class Converter:
    """Converts the records of one source, below whose *bases* its own records stand."""

    __slots__ = ("_names",)

    def __init__(self, bases: tuple[str, ...] = ()) -> None:
        self._names = Names(bases)

    def convert(self, text: bytes) -> bytes:
        """A record of STU3 as one of R4.

        Raises:
            BadInput: `wrong-fhir-version` for a record that is plainly of R4 or DSTU2, `unknown-type`, `invalid-id`,
                `not-convertible` for what cannot be told in R4 without guessing, or what is wrong with the text.
        """
        tree = read_tree(text)
        try:
            self._convert(tree, tree.get("id"))
        except (AttributeError, TypeError, KeyError, ValueError, RecursionError):
            # An element has a form that FHIR does not give it: nobody knows what it says.
            raise BadInput(Fault.NOT_CONVERTIBLE) from None
        return write_tree(tree)

    def _convert(self, tree: Node, logical_id: Any) -> None:
        if not isinstance(logical_id, str) or not is_logical_id(logical_id):
            raise BadInput(Fault.INVALID_ID)
        tree["id"] = told_id(_converted(tree), logical_id)
        for inner in tree.get("contained", ()):
            _converted(inner)
        self._names.tell(tree)


def _converted(tree: Node) -> str:
    """Convert one resource in place, without the names in it; its type as it was."""
    kind = tree.get("resourceType")
    if not isinstance(kind, str):
        raise BadInput(Fault.NOT_A_RESOURCE)
    conversion = CONVERSIONS.get(kind)
    if conversion is None:
        raise BadInput(Fault.WRONG_FHIR_VERSION if kind in RENAMED_TYPES.values() else Fault.UNKNOWN_TYPE)
    if not conversion.only_r4.isdisjoint(tree) or not _OLDER.isdisjoint(tree) or any(isinstance(tree.get(name), dict) for name in conversion.concepts):
        raise BadInput(Fault.WRONG_FHIR_VERSION)
    conversion.convert(tree)
    return kind
