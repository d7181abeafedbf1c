"""`/fhir/metadata`, generated from the table that drives search, so that it says what is true."""

from datetime import datetime
from typing import Any

from accord.terms.records import RESOURCE_TYPES
from gateway.api.fhir_views import View
from gateway.api.search_table import EVERYTHING, SEARCHABLE, Parameter, includes_of

Json = dict[str, Any]


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
        ]
    return described


def _parameter(parameter: Parameter) -> Json:
    return {"name": parameter.name, "type": parameter.type, "documentation": parameter.documentation}
