"""Records of planning ahead to read in tests, as small as their profiles allow."""

import json
from typing import Any, Final

from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.trees import Tree, read_tree
from gateway.dossier.clinical.wish_reading import read_wishes
from gateway.dossier.clinical.wishes import Wish

Json = dict[str, Any]

SNOMED: Final = "http://snomed.info/sct"
NICTIZ: Final = "http://nictiz.nl/fhir/StructureDefinition/"
HL7: Final = "http://terminology.hl7.org/CodeSystem/"
OF_2017: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4"
DECISIONS: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.25.1"
WILLS: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4.14.1"
RESUSCITATION: Final = "89666000"
VENTILATION: Final = "40617009"
DEACTIVATION: Final = "400231000146108"
#: Of other guides, for a device's management: not the same as switching it off.
DEVICE_MANAGEMENT: Final = "431415002"


def concept(code: str, system: str = SNOMED, display: str = "", text: str = "") -> Json:
    """A CodeableConcept of one coding."""
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]} | ({"text": text} if text else {})


def extension(name: str, **value: Any) -> Json:
    """An extension of Nictiz."""
    return {"url": NICTIZ + name, **value}


def other(text: str) -> Json:
    """The text that stands in the place of a yes or a no."""
    return extension("ext-TreatmentDirective2.SpecificationOther", valueString=text)


def directive(type_: object = None, *modifiers: Json, code: Json | None = None, provision: Json | None = None, **members: Any) -> Json:
    """A treatment directive of 2020."""
    rules: Json = {"code": [code or concept(RESUSCITATION)]} | ({} if type_ is None else {"type": type_}) | (provision or {})
    record: Json = {
        "resourceType": "Consent",
        "status": "active",
        "scope": concept("treatment", HL7 + "consentscope"),
        "category": [concept("129125009")],
        "dateTime": "2026-11-09",
        "provision": rules,
    }
    return record | ({"modifierExtension": list(modifiers)} if modifiers else {}) | members


def directive_of_2017(answer: str, *, code: str = RESUSCITATION, restrictions: str = "", **members: Any) -> Json:
    """A treatment directive of 2017, as systems give it in R4 that never moved on."""
    record: Json = {
        "resourceType": "Consent",
        "status": "active",
        "extension": [extension("zib-TreatmentDirective-Treatment", valueCodeableConcept=concept(code))],
        "modifierExtension": [extension("zib-TreatmentDirective-TreatmentPermitted", valueCodeableConcept=concept(answer, OF_2017))],
        "scope": concept("patient-privacy", HL7 + "consentscope"),
        "category": [concept("11291000146105")],
        "dateTime": "2021-04-01",
    }
    if restrictions:
        limit = [extension("zib-TreatmentDirective-Restrictions", valueString=restrictions)]
        record["provision"] = {"provision": [{"type": "deny", "extension": limit}]}
    return record | members


def living_will(code: str, **members: Any) -> Json:
    """An advance directive."""
    record: Json = {
        "resourceType": "Consent",
        "status": "active",
        "scope": concept("adr", HL7 + "consentscope"),
        "category": [concept("acd", HL7 + "consentcategorycodes")],
        "dateTime": "2026-01-02",
        "provision": {"code": [concept(code, WILLS)]},
    }
    return record | members


def observation(code: str, **members: Any) -> Json:
    """An observation."""
    return {"resourceType": "Observation", "status": "final", "code": concept(code), "effectiveDateTime": "2026-11-09"} | members


def tree(record: Json) -> Tree:
    """The record as a reader has it."""
    return read_tree(json.dumps(record).encode())


def read(record: Json, *others: Json) -> tuple[Wish, ...]:
    """Its wishes; the others are what it can refer to."""
    named = {f"{one['resourceType']}/{one['id']}": tree(one) for one in others}
    return read_wishes(tree(record), named.get, table())


def read_one(record: Json, *others: Json) -> Wish:
    """Its only wish."""
    (wish,) = read(record, *others)
    return wish


def notes_of(wish: Wish) -> str:
    """Everything that must be read with it."""
    return "\n".join(f"{label.nl} {told}" for label, told in wish.notes)
