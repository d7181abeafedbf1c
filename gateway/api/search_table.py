"""The one table of what can be searched. Routing, parsing, the self link and `/fhir/metadata` all read it.

Names are those of the search parameters of FHIR R4 for the type; `date` is ours where R4 has several dates, and
means the clinical moment by which the dossier is ordered.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from accord.rules.reading import Record
from accord.terms.records import INCLUDES, RESOURCE_TYPES, TYPE_BY_NAME, ResourceType
from gateway.dossier.documents.summary import PROFILE, VERSION


class Aim(StrEnum):
    """What a parameter narrows down."""

    PERSON = "person"
    BIRTH_DATE = "birth-date"
    CODE = "code"
    CATEGORY = "category"
    STATUS = "status"
    IDENTIFIER = "identifier"
    ID = "id"
    DATE = "date"
    UPDATED = "updated"
    INCLUDE = "include"
    TYPES = "types"
    SINCE = "since"
    COUNT = "count"
    SORT = "sort"
    CURSOR = "cursor"
    FORMAT = "format"
    PRETTY = "pretty"
    PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name, its FHIR type, what it narrows down, and what to know about it.

    `only_in_body`: it holds a BSN. `codes`: the values it takes, where they are few.
    """

    name: str
    type: str
    aim: Aim
    documentation: str
    only_in_body: bool = False
    codes: frozenset[str] = frozenset()


#: Stands for the holder's own Patient record, which every holder sends first: nothing more need be asked for.
PATIENT_RECORD: Final = "Patient"

_TOKENS: Final = "[system|]code; several with a comma: one match is enough; once per search."
_MOMENT: Final = "Prefixes eq ge gt le lt sa eb; repeat it for a range; without a zone: Europe/Amsterdam."

_RESULT: Final = (
    Parameter("_format", "string", Aim.FORMAT, "json, application/json or application/fhir+json."),
    Parameter("_pretty", "string", Aim.PRETTY, "true or false. White space only: no value changes."),
)
_PAGED: Final = (
    Parameter("_count", "number", Aim.COUNT, "Records on a page."),
    Parameter("_cursor", "string", Aim.CURSOR, "Made by this server, in the link to the next page."),
    *_RESULT,
)
_PERSON: Final = "The id that POST Patient/_search gave, or Patient/<id>. Every search is about exactly one patient."
_COMMON: Final = (
    Parameter("patient", "reference", Aim.PERSON, _PERSON),
    Parameter("patient.identifier", "token", Aim.PERSON, "http://fhir.nl/fhir/NamingSystem/bsn|BSN; only in the body of POST _search.", only_in_body=True),
    Parameter("_id", "token", Aim.ID, "Logical ids, as this base writes them; several with a comma."),
    Parameter("_lastUpdated", "date", Aim.UPDATED, f"{_MOMENT} A record that does not say when it was updated does not match."),
    Parameter("_include", "special", Aim.INCLUDE, "Type:parameter of the list searchInclude, or *."),
    Parameter("_sort", "special", Aim.SORT, "Only -date, the order of every answer: newest first.", codes=frozenset({"-date"})),
    *_PAGED,
)

#: Parameter of R4 for the element that carries the code, where the type has one.
_CODE_NAMES: Final = {
    "code": "AllergyIntolerance Condition Observation MedicationRequest MedicationDispense MedicationStatement MedicationAdministration Procedure "
    "DiagnosticReport DeviceRequest ServiceRequest Task ChargeItem Basic List DetectedIssue",
    "type": "Encounter EpisodeOfCare DocumentReference Composition Coverage Specimen Media DocumentManifest Invoice Account",
    "vaccine-code": "Immunization",
    "service-type": "Appointment",
    "relationship": "RelatedPerson FamilyMemberHistory",
}
_CATEGORY_TYPES: Final = frozenset(
    "AllergyIntolerance CarePlan CareTeam Communication CommunicationRequest Composition Condition Consent DiagnosticReport DocumentReference Goal "
    "MedicationRequest MedicationStatement Observation Procedure ServiceRequest SupplyRequest".split()
)
_CLINICAL_STATUS: Final = {
    "AllergyIntolerance": frozenset({"active", "inactive", "resolved"}),
    "Condition": frozenset({"active", "recurrence", "relapse", "inactive", "remission", "resolved"}),
}
_NO_STATUS: Final = frozenset(_CLINICAL_STATUS) | frozenset(
    "Goal Basic RelatedPerson Person Group Schedule AuditEvent Provenance BodyStructure MolecularSequence ImmunizationRecommendation AdverseEvent "
    "AppointmentResponse".split()
)
_NO_IDENTIFIER: Final = frozenset({"AuditEvent", "Provenance"})
#: Types whose subject may be somebody else than a patient: R4 then has `subject` beside `patient`.
_SUBJECT_TYPES: Final = frozenset(kind.name for kind in RESOURCE_TYPES if kind.owner == "subject")
_READABLE: Final = frozenset(Record.__struct_fields__)

PATIENT_PARAMETERS: Final = (
    Parameter("identifier", "token", Aim.PERSON, "http://fhir.nl/fhir/NamingSystem/bsn|BSN; only in the body of POST Patient/_search.", only_in_body=True),
    Parameter("birthdate", "date", Aim.BIRTH_DATE, "The date of birth as you know it; holders compare it. Only in the body.", only_in_body=True),
    Parameter("_id", "token", Aim.PERSON, "The id that POST Patient/_search gave."),
    *_RESULT,
)
EVERYTHING_PARAMETERS: Final = (
    Parameter("_type", "string", Aim.TYPES, "Resource types, with commas."),
    Parameter("_since", "date", Aim.SINCE, "Records updated at this moment or later; those that do not say when are left out."),
    *_PAGED,
)
#: Parameters of the operations on one patient that answer with a document, by the name of the operation.
DOCUMENT_PARAMETERS: Final = {
    "summary": (
        Parameter(
            "profile", "uri", Aim.PROFILE, f"{PROFILE}, with or without |{VERSION}: there is no other.", codes=frozenset({PROFILE, f"{PROFILE}|{VERSION}"})
        ),
        *_RESULT,
    ),
    "planning-ahead": _RESULT,
}
#: How such an operation is told whom it is about where no id stands in its path.
PERSON_PARAMETERS: Final = (
    Parameter("identifier", "token", Aim.PERSON, "http://fhir.nl/fhir/NamingSystem/bsn|BSN; only in the body of a POST.", only_in_body=True),
    Parameter("birthdate", "date", Aim.BIRTH_DATE, "The date of birth as you know it; holders compare it. Only in the body.", only_in_body=True),
)


def _code_parameter(kind: ResourceType) -> tuple[Parameter, ...]:
    names = [name for name, types in _CODE_NAMES.items() if kind.name in types.split()]
    if not names or kind.coded not in _READABLE:
        return ()
    return (Parameter(names[0], "token", Aim.CODE, f"On {kind.coded}. {_TOKENS}"),)


def _parameters(kind: ResourceType) -> tuple[Parameter, ...]:
    own = list(_code_parameter(kind))
    if kind.name in _SUBJECT_TYPES:
        own.append(Parameter("subject", "reference", Aim.PERSON, _PERSON))
    if kind.name in _CATEGORY_TYPES:
        own.append(Parameter("category", "token", Aim.CATEGORY, _TOKENS))
    if kind.name in _CLINICAL_STATUS:
        own.append(Parameter("clinical-status", "token", Aim.STATUS, _TOKENS, codes=_CLINICAL_STATUS[kind.name]))
    elif kind.name not in _NO_STATUS:
        own.append(Parameter("status", "token", Aim.STATUS, _TOKENS))
    if kind.name not in _NO_IDENTIFIER:
        own.append(Parameter("identifier", "token", Aim.IDENTIFIER, _TOKENS))
    if kind.moments:
        own.append(Parameter("date", "date", Aim.DATE, f"On the first that is there of {', '.join(kind.moments)}. {_MOMENT}"))
    return (*own, *_COMMON)


#: Type → parameter name → parameter. A type that is not here cannot be searched, only read.
SEARCHABLE: Final[dict[str, dict[str, Parameter]]] = {
    "Patient": {parameter.name: parameter for parameter in PATIENT_PARAMETERS},
    **{kind.name: {parameter.name: parameter for parameter in _parameters(kind)} for kind in RESOURCE_TYPES if kind.owner},
}
EVERYTHING: Final = {parameter.name: parameter for parameter in EVERYTHING_PARAMETERS}
DOCUMENTS: Final = {name: {parameter.name: parameter for parameter in parameters} for name, parameters in DOCUMENT_PARAMETERS.items()}


def includes_of(type_name: str) -> dict[str, str]:
    """What `_include` takes for a type, and the element that refers to it; the patient's own record among them."""
    kind = TYPE_BY_NAME[type_name]
    found = {name: element for name, element in INCLUDES.items() if name.startswith(f"{type_name}:")}
    if kind.owner:
        found[f"{type_name}:patient"] = PATIENT_RECORD
        if type_name in _SUBJECT_TYPES:
            found[f"{type_name}:subject"] = PATIENT_RECORD
    return found
