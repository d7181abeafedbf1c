"""One line of plain language for a record: enough for a screen, and no substitute for the record itself."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from gateway.dossier.clinical.showing.wording import kind_of_record
from gateway.dossier.words import Language

Json = dict[str, Any]
#: Finds the record that a reference leads to, or none.
Follow = Callable[[str], Json | None]

#: What every Patient record is about.
PERSON: Final = "person"

_MOMENTS: Final = (
    "effectiveDateTime recordedDate authoredOn dateTime date performedDateTime whenHandedOver whenPrepared "
    "onsetDateTime occurrenceDateTime dateAsserted issued startDate created"
).split()
#: What was handed out says nothing of how it is to be used, and so differs from nothing.
_HAND_OUT: Final = "373784005"
_CODES: Final = ("code", "vaccineCode", "type", "class", "serviceType", "description", "category")
_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "confirmed": ("bevestigd", "confirmed"),
    "refuted": ("weerlegd", "refuted"),
    "unconfirmed": ("niet bevestigd", "unconfirmed"),
    "presumed": ("vermoed", "presumed"),
    "deny": ("nee", "no"),
    "permit": ("ja", "yes"),
    "entered-in-error": ("ten onrechte ingevoerd", "entered in error"),
}


def read_exactly(content: bytes) -> Json:
    """A record with its numbers as the text that they are: 37.50 stays 37.50."""
    record: Json = json.loads(content, parse_float=str, parse_int=str)
    return record


def date_of(record: Json) -> str:
    """The day of a record, as far as it is known."""
    for name in _MOMENTS:
        if record.get(name):
            return str(record[name])[:10]
    period = record.get("period") or record.get("effectivePeriod") or record.get("performedPeriod") or {}
    return str(period.get("start", ""))[:10] if isinstance(period, dict) else ""


def line_of(record: Json, follow: Follow, language: Language) -> str:
    """What a record says, in one line."""
    match record.get("resourceType"):
        case "Consent":
            return _consent(record, language)
        case "AllergyIntolerance":
            return _allergy(record, language)
        case "MedicationRequest" | "MedicationDispense" | "MedicationStatement" | "MedicationAdministration":
            return _medication(record, follow)
        case "Observation":
            return _observation(record)
        case "Patient" | "RelatedPerson" | "Practitioner" | "Organization" | "Location":
            return _name(record)
        case "CarePlan":
            return "; ".join([_title(record, language), *(str(part.get("detail", {}).get("description", "")) for part in record.get("activity", []))])
        case "DeviceUseStatement" | "EpisodeOfCare":
            return ": ".join(part for part in (_title(record, language), _of_what(record, follow)) if part)
        case _:
            return ", ".join(part for part in (_title(record, language), _state(record.get("clinicalStatus"), language)) if part)


def subject_of(record: Json, follow: Follow) -> str:
    """What a record is about, so that what two holders say of the same thing can stand together; empty where nothing else can."""
    match record.get("resourceType"):
        case "Consent":
            return f"consent {_treatment(record, 'nl')[0]}"
        case "Patient":
            return PERSON
        case "AllergyIntolerance":
            return f"allergy {_first_code(record.get('code'))}"
        case "MedicationRequest" | "MedicationDispense" if _first_code(record.get("category")) != _HAND_OUT:
            codes = _codings(_product(record, follow))
            return f"medication {next((coding.get('code') for coding in codes if 'atc' in coding.get('system', '')), '')}"
    return ""


def _of_what(record: Json, follow: Follow) -> str:
    """Which device is used, or for what the care is: what stands in another record."""
    named = [record.get("device", {}), *(part.get("condition", {}) for part in record.get("diagnosis", []))]
    found = [follow(str(one["reference"])) for one in named if "reference" in one]
    return ", ".join(text for one in found if one and (text := text_of(one.get("type")) or text_of(one.get("code"))))


def _treatment(record: Json, language: Language) -> tuple[str, str]:
    """Code and name of the treatment that a directive is about, in both generations of codes."""
    concepts = [*record.get("provision", {}).get("code", []), *(part.get("valueCodeableConcept") for part in record.get("extension", []))]
    for concept in filter(None, concepts):
        return _first_code(concept), text_of(concept)
    return "", _title(record, language)


def _consent(record: Json, language: Language) -> str:
    extensions = record.get("modifierExtension", [])
    texts = [part["valueString"] for part in extensions if "valueString" in part]
    answers = [text_of(part["valueCodeableConcept"]) for part in extensions if "valueCodeableConcept" in part]
    decided = record.get("provision", {}).get("type")
    answer = [_said(decided, language)] if decided else []
    return f"{_treatment(record, language)[1]}: {' '.join([*answer, *texts, *answers])}".rstrip(": ")


def _allergy(record: Json, language: Language) -> str:
    reactions = [text_of(found) for reaction in record.get("reaction", []) for found in reaction.get("manifestation", [])]
    return ", ".join(part for part in (text_of(record.get("code")), *reactions, _state(record.get("verificationStatus"), language)) if part)


def _medication(record: Json, follow: Follow) -> str:
    doses = [_dose(instruction) for instruction in record.get("dosageInstruction", [])]
    return ", ".join(part for part in (text_of(_product(record, follow)), *doses) if part)


def _product(record: Json, follow: Follow) -> Json:
    if "medicationCodeableConcept" in record:
        concept: Json = record["medicationCodeableConcept"]
        return concept
    product = follow(str(record.get("medicationReference", {}).get("reference", "")))
    code: Json = (product or {}).get("code", {})
    return code


def _dose(instruction: Json) -> str:
    if instruction.get("text"):
        return str(instruction["text"])
    repeat = instruction.get("timing", {}).get("repeat", {})
    return f"{repeat['frequency']} maal per {repeat.get('period', '')}{repeat.get('periodUnit', '')}" if "frequency" in repeat else ""


def _observation(record: Json) -> str:
    values = [_value(record), *(f"{text_of(part.get('code'))} {_value(part)}" for part in record.get("component", []))]
    return " ".join([text_of(record.get("code")), *filter(None, values)])


def _value(part: Json) -> str:
    quantity = part.get("valueQuantity")
    if quantity:
        return f"{quantity.get('value', '')} {quantity.get('unit') or quantity.get('code', '')}".strip()
    return text_of(part.get("valueCodeableConcept")) or str(part.get("valueString", ""))


def _name(record: Json) -> str:
    names = record.get("name")
    if isinstance(names, str):
        return names
    for name in names or []:
        return str(name.get("text") or " ".join([*name.get("given", []), name.get("family", "")]))
    return ""


def _title(record: Json, language: Language) -> str:
    found = next((text for name in _CODES if (text := text_of(record.get(name)))), "")
    return found or str(record.get("title", "")) or kind_of_record(str(record.get("resourceType", ""))).in_language(language)


def text_of(concept: object) -> str:
    """The words of a concept, a coding or a list of them."""
    if isinstance(concept, list):
        return next((text for one in concept if (text := text_of(one))), "")
    if isinstance(concept, str):
        return ""
    if not isinstance(concept, dict):
        return ""
    return str(concept.get("text") or concept.get("display") or next((coding["display"] for coding in _codings(concept) if coding.get("display")), ""))


def _codings(concept: object) -> list[Json]:
    return list(concept.get("coding", [])) if isinstance(concept, dict) else []


def _first_code(concept: object) -> str:
    return next((str(coding.get("code", "")) for coding in _codings(concept)), "")


def _state(concept: object, language: Language) -> str:
    code = _first_code(concept)
    return _said(code, language) if code in _STATES else ""


def _said(code: str, language: Language) -> str:
    return _STATES.get(code, (code, code))[0 if language == "nl" else 1]


def differing(subjects: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Subjects about which not everybody says the same, from (subject, line) pairs."""
    said: dict[str, set[str]] = {}
    for subject, line in subjects:
        said.setdefault(subject, set()).add(line)
    return (subject for subject, lines in said.items() if subject and len(lines) > 1)
