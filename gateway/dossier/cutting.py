"""A part of a record, for `_elements` and `_summary`: whole members cut out, what stays untouched, and marked as a part.

Members that FHIR demands, or that change what the rest means, always stay. Reading a part as if it were all is what
the tag SUBSETTED warns against; it is spliced in.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final

from accord.terms.faults import BadInput, Fault
from gateway.dossier.scanning import TOKEN, unescaped

SUBSETTED: Final = b'{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}'
#: Stay in every part: identity, whose it is, and what turns the meaning of the rest.
_ALWAYS: Final = frozenset(
    "resourceType id meta implicitRules modifierExtension status subject patient clinicalStatus verificationStatus doNotPerform active".split()
)
#: What FHIR R4 demands beside those, by type.
MANDATORY: Final[dict[str, frozenset[str]]] = {
    kind: frozenset(names.split())
    for kind, names in {
        "Observation": "code",
        "MedicationRequest": "intent medicationCodeableConcept medicationReference",
        "MedicationDispense": "medicationCodeableConcept medicationReference",
        "MedicationStatement": "medicationCodeableConcept medicationReference",
        "MedicationAdministration": "effectiveDateTime effectivePeriod medicationCodeableConcept medicationReference",
        "Encounter": "class",
        "Immunization": "occurrenceDateTime occurrenceString vaccineCode",
        "DiagnosticReport": "code",
        "DocumentReference": "content",
        "Composition": "author date title type",
        "Consent": "category scope",
        "Flag": "code",
        "CarePlan": "intent",
        "Goal": "description lifecycleStatus",
        "ServiceRequest": "intent",
        "DeviceRequest": "codeCodeableConcept codeReference intent",
        "DeviceUseStatement": "device",
        "NutritionOrder": "dateTime intent",
        "Coverage": "beneficiary payor",
        "Media": "content",
        "FamilyMemberHistory": "relationship",
        "Appointment": "participant",
        "Task": "intent",
        "List": "mode",
        "Provenance": "agent recorded target",
        "ImmunizationRecommendation": "date recommendation",
        "ImmunizationEvaluation": "doseStatus immunizationEvent targetDisease",
        "VisionPrescription": "created dateWritten lensSpecification prescriber",
        "RequestGroup": "intent",
        "AdverseEvent": "actuality",
        "MolecularSequence": "coordinateSystem",
        "SupplyRequest": "itemCodeableConcept itemReference quantity",
        "Claim": "created insurance priority provider type use",
        "ClaimResponse": "created insurer outcome type use",
        "ExplanationOfBenefit": "created insurance insurer outcome provider type use",
        "ChargeItem": "code",
        "CoverageEligibilityRequest": "created insurer purpose",
        "CoverageEligibilityResponse": "created insurer outcome purpose request",
        "DocumentManifest": "content",
        "Basic": "code",
        "ResearchSubject": "individual study",
        "MeasureReport": "measure period type",
        "GuidanceResponse": "moduleCanonical moduleCodeableConcept moduleUri",
        "AuditEvent": "agent recorded source type",
        "Group": "actual type",
        "Schedule": "actor",
        "AppointmentResponse": "appointment participantStatus",
        "Substance": "code",
        "DeviceMetric": "category type",
        "Endpoint": "address connectionType payloadType",
        "Binary": "contentType",
        "Library": "type",
        "ObservationDefinition": "code",
        "Slot": "end schedule start",
    }.items()
}

# What may follow the name of an element that comes in several types (`value[x]`).
_CHOICE: Final = re.compile(
    r"(?:Base64Binary|Boolean|Canonical|Code|Date|DateTime|Decimal|Id|Instant|Integer|Markdown|Oid|PositiveInt|String|Time|UnsignedInt|Uri|Url|Uuid|"
    r"Address|Age|Annotation|Attachment|CodeableConcept|Coding|ContactPoint|Count|Distance|Duration|HumanName|Identifier|Money|Period|Quantity|Range|"
    r"Ratio|Reference|SampledData|Signature|Timing|Dosage|Meta)"
)
_LITERAL: Final = re.compile(rb"[ \t\r\n]*[-+.0-9A-Za-z]+")


def elements_only(text: bytes, kind: str, elements: Collection[str]) -> bytes:
    """The named elements of a record of type *kind*, and those that stay in every part.

    Raises:
        BadInput: `malformed-json`, or `not-a-resource` where it cannot be marked as a part.
    """
    stay = _ALWAYS | MANDATORY.get(kind, frozenset()) | {element.removesuffix("[x]") for element in elements}
    return _part(text, [(name, start, end) for name, start, end in members(text) if _stays(name, stay)])


def without_narrative(text: bytes) -> bytes:
    """The record for `_summary=data`: all but the narrative.

    Raises:
        BadInput: As `elements_only`.
    """
    return _part(text, [member for member in members(text) if member[0] != "text"])


def narrative_only(text: bytes, kind: str) -> bytes:
    """The record for `_summary=text`: the narrative and what stays in every part.

    Raises:
        BadInput: As `elements_only`.
    """
    return elements_only(text, kind, ("text",))


def members(text: bytes) -> Iterator[tuple[str, int, int]]:
    """Name and span, from the quote of the name to the end of the value, of every member of a JSON object."""
    depth, name, start = 0, "", -1
    for match in TOKEN.finditer(text):
        if match[2] is not None:
            if depth == 1:
                name, start = unescaped(match[1]), match.start()
                literal = _LITERAL.match(text, match.end())
                if literal:
                    yield name, start, literal.end()
                    start = -1
            continue
        if match[1] is None:
            depth += 1 if match[0] in (b"{", b"[") else -1
        # A value ends with its string, or with the bracket that brings us back here.
        if depth == 1 and start >= 0:
            yield name, start, match.end()
            start = -1


def _stays(name: str, stay: frozenset[str]) -> bool:
    plain = name.removeprefix("_")
    return plain in stay or any(plain.startswith(element) and _CHOICE.fullmatch(plain, len(element)) for element in stay)


def _part(text: bytes, kept: list[tuple[str, int, int]]) -> bytes:
    everything = list(members(text))
    if not everything:
        raise BadInput(Fault.NOT_A_RESOURCE)
    pieces = [_marked(text[start:end]) if name == "meta" else text[start:end] for name, start, end in kept]
    if not any(name == "meta" for name, _, _ in kept):
        pieces.append(b'"meta":{"tag":[' + SUBSETTED + b"]}")
    return text[: everything[0][1]] + b",".join(pieces) + text[everything[-1][2] :]


def _marked(meta: bytes) -> bytes:
    """The member `meta` with the tag that says that this is a part."""
    brace = meta.find(b"{")
    if brace < 0:
        raise BadInput(Fault.NOT_A_RESOURCE)
    inner = list(members(meta[brace:]))
    tag = next((start + brace for name, start, _ in inner if name == "tag"), None)
    if tag is None:
        return meta[: brace + 1] + b'"tag":[' + SUBSETTED + b"]" + (b"," if inner else b"") + meta[brace + 1 :]
    bracket = meta.find(b"[", tag)
    if bracket < 0:
        raise BadInput(Fault.NOT_A_RESOURCE)
    empty = meta[bracket + 1 :].lstrip().startswith(b"]")
    return meta[: bracket + 1] + SUBSETTED + (b"" if empty else b",") + meta[bracket + 1 :]
