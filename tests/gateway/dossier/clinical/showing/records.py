"""Short ways to write a record down and to look at its line."""

import json
from typing import Any, Final, Literal

from gateway.dossier.clinical.concepts import table
from gateway.dossier.clinical.showing import show
from gateway.dossier.clinical.shown import Shown
from gateway.dossier.clinical.trees import Tree, read_tree

SNOMED: Final = "http://snomed.info/sct"
HL7: Final = "http://terminology.hl7.org/CodeSystem/"
NICTIZ: Final = "http://nictiz.nl/fhir/StructureDefinition/"


def concept(system: str, code: str, display: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


def extension(name: str, **value: Any) -> dict[str, Any]:
    return {"url": NICTIZ + name, **value}


def read(kind: str, **members: Any) -> Tree:
    return read_tree(json.dumps({"resourceType": kind, **members}).encode())


def shown(kind: str, language: Literal["nl", "en"] = "nl", others: dict[str, Tree] | None = None, **members: Any) -> Shown:
    return show(read(kind, **members), (others or {}).get, language, table())


def details(line: Shown) -> dict[str, str]:
    return {one.label: one.text for one in line.details}
