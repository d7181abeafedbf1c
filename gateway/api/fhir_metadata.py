"""`/fhir/metadata`, generated from the table that drives search, so that it says what is true."""

from datetime import datetime
from typing import Any, Final

from accord.terms.records import RESOURCE_TYPES
from gateway.api.fhir_views import View
from gateway.api.search_table import DOCUMENT_PARAMETERS, EVERYTHING, PERSON_PARAMETERS, SEARCHABLE, Parameter, includes_of

Json = dict[str, Any]
_SUMMARY: Final = "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"


def capability_statement(view: View, started: datetime, version: str) -> Json:
    """What this base can do."""
    title = "Noaber virtual dossier" if view.holder is None else f"Noaber: records of {view.holder.value}"
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": started.isoformat(timespec="seconds"),
        "kind": "instance",
        "software": {"name": "Noaber", "version": version},
        "implementation": {"description": title, "url": view.own_base},
        "fhirVersion": "4.0.1",
        "format": ["json", "application/fhir+json"],
        "rest": [{"mode": "server", "documentation": _ABOUT, "security": {"cors": False}, "resource": [_resource(kind.name, view) for kind in RESOURCE_TYPES]}],
    }


_ABOUT = (
    "Every search is about exactly one patient: POST Patient/_search with a BSN in the body gives the id to use. A BSN may not stand in a URL. "
    "Unknown parameters are refused, or ignored with Prefer: handling=lenient. Holders that were not heard out stand in the Bundle as an "
    "OperationOutcome (search.mode outcome), in Bundle.meta.tag and, where the answer is not streamed, in the header Noaber-Completeness; Prefer: noaber-partial=refuse gives an error "
    "instead of a part. Prefer: noaber-fold=none shows the identical statements of several holders each for itself; Prefer: noaber-bytes=exact leaves "
    "ids and references as the holders have them. Each holder is a FHIR base of its own, at/<holder>. A Binary is read with the parameter record, the "
    "record that refers to it."
)


_ORIGINAL = (
    "On one record that its holder's agent made from another form (GET): what it was made from, byte for byte as the source has it. By which mapping a "
    "record was made stands in the Provenance of the merged view (extension urn:noaber:mapping of the entity) and in the header Noaber-Mapping of a read."
)


def _resource(name: str, view: View) -> Json:
    interactions = [{"code": "read"}] + ([{"code": "search-type"}] if name in SEARCHABLE else [])
    described: Json = {"type": name, "interaction": interactions, "versioning": "no-version", "readHistory": False}
    if name in SEARCHABLE:
        described["searchParam"] = [_parameter(parameter) for parameter in SEARCHABLE[name].values()]
        if name != "Patient":
            described["searchInclude"] = ["*", *includes_of(name)]
    if view.holder is not None:
        described["operation"] = [{"name": "original", "definition": "urn:noaber:operation:original", "documentation": _ORIGINAL}]
    if name == "Patient":
        names = ", ".join(EVERYTHING)
        described["operation"] = [
            *described.get("operation", ()),
            {
                "name": "everything",
                "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
                "documentation": f"On one patient. Parameters: {names}. Without _count the answer comes as the holders answer.",
            },
            *(_documents() if view.holder is None else ()),
        ]
    return described


_DOCUMENTS: Final = {
    "summary": (
        _SUMMARY,
        (
            "The International Patient Summary of one patient: a document. Sections say by emptyReason whether nothing was shown (urn:noaber:empty-reason) or "
            "somebody was not heard (unavailable); the last section refers to the account of who was heard. entered-in-error is left out, and counted."
        ),
    ),
    "planning-ahead": (
        "urn:noaber:operation:planning-ahead",
        (
            "Wishes and directives of one patient for the last phase of life, in full: a document with treatment directives, living wills, goals, wishes, "
            "an implanted defibrillator, conversations, forms, contacts and representatives. A directive without a type is neither a yes nor a no."
        ),
    ),
}
#: The operations that answer with a document, by the id of their definition here.
DEFINITIONS: Final = {f"noaber-{name}": name for name in _DOCUMENTS}


def _documents() -> list[Json]:
    return [
        {"name": name, "definition": definition, "documentation": f"{told} See OperationDefinition/noaber-{name}."}
        for name, (definition, told) in _DOCUMENTS.items()
    ]


def operation_definition(logical_id: str) -> Json:
    """What one of these operations takes and gives."""
    name = DEFINITIONS[logical_id]
    definition, told = _DOCUMENTS[name]
    parameters = [_operation_parameter(parameter) for parameter in (*PERSON_PARAMETERS, *DOCUMENT_PARAMETERS[name])]
    written: Json = {
        "resourceType": "OperationDefinition",
        "id": logical_id,
        "url": f"urn:noaber:operation:{name}",
        "name": name.replace("-", " ").title().replace(" ", ""),
        "status": "active",
        "kind": "operation",
        "description": told,
        "affectsState": False,
        "code": name,
        "resource": ["Patient"],
        "system": False,
        "type": True,
        "instance": True,
        "parameter": [*parameters, {"name": "return", "use": "out", "min": 1, "max": "1", "type": "Bundle", "documentation": "A document."}],
    }
    return written | ({"base": definition} if not definition.startswith("urn:") else {})


def _operation_parameter(parameter: Parameter) -> Json:
    kind = {"token": {"type": "string", "searchType": "token"}}.get(parameter.type, {"type": parameter.type})
    return {"name": parameter.name, "use": "in", "min": 0, "max": "1", "documentation": parameter.documentation, **kind}


def _parameter(parameter: Parameter) -> Json:
    return {"name": parameter.name, "type": parameter.type, "documentation": parameter.documentation}
