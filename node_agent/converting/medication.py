"""Medication: what was agreed, handed out, given and used, and the medicines themselves."""

from typing import Final

from node_agent.converting.moves import absent, each, encounter_of, is_negated, keep, keep_parts, listed, nodes, refuse, rename, requester_of, some, told
from node_agent.converting.moves import extend as put
from node_agent.converting.trees import Node

_SNOMED: Final = "http://snomed.info/sct"
#: The category of a building block of 2017, and that of MP9 3.0 for the same.
_MP9: Final = {
    (_SNOMED, "16076005"): "33633005",
    ("urn:oid:2.16.840.1.113883.2.4.3.11.60.20.77.5.3", "6"): "422979000",
}
_TAKEN: Final = ("y", "n", "unk", "na")
_SAYS_TAKEN: Final = ("active", "completed")
_DOSES: Final = ("doseRange", "doseQuantity", "rateRatio", "rateRange", "rateQuantity")


def statement(node: Node) -> None:
    """What is used. Whether it is taken at all is told by the status; an error stays one.

    Raises:
        BadInput: `not-convertible`: whether it is taken is said in a word that STU3 has not, or there is a reason why it is not
            and nothing says that it is not.
    """
    _both_generations(node)
    taken, status = node.get("taken"), node.get("status")
    if taken is not None and taken not in _TAKEN:
        raise refuse("taken")
    if node.get("reasonNotTaken") and taken != "n" and status != "entered-in-error":
        raise refuse("reasonNotTaken")
    if taken == "n" and status != "entered-in-error":
        told(node, "status", "not-taken", "MedicationStatement.status", status)
    elif taken in ("unk", None) and status in _SAYS_TAKEN:
        # In R4 these say that it is, or was, taken; in STU3 only `taken` does.
        told(node, "status", "unknown", "MedicationStatement.status", status)
    keep(node, "taken", "MedicationStatement.taken", "Code")
    rename(node, "reasonNotTaken", "statusReason")
    absent(node, "status")
    each(node, "dosage", _dosage)


def request(node: Node) -> None:
    """What was agreed or prescribed."""
    _both_generations(node)
    listed(node, "category")
    encounter_of(node, "MedicationRequest")
    requester_of(node, "MedicationRequest")
    keep(node, "definition", "MedicationRequest.definition", "Reference")
    for substitution in nodes(node.get("substitution")):
        rename(substitution, "allowed", "allowedBoolean")
        absent(substitution, *() if "allowedCodeableConcept" in substitution else ("allowedBoolean",))
    absent(node, "status", "intent")
    each(node, "dosageInstruction", _dosage)


def dispense(node: Node) -> None:
    """What was handed out, or how to use it (an administration agreement)."""
    _both_generations(node)
    if is_negated(node, "notDone", "MedicationDispense.notDone", "notDoneReasonCodeableConcept", "notDoneReasonReference"):
        told(node, "status", "declined", "MedicationDispense.status", node.get("status"))
    rename(node, "notDoneReasonCodeableConcept", "statusReasonCodeableConcept")
    rename(node, "notDoneReasonReference", "statusReasonReference")
    for performer in nodes(node.get("performer")):
        keep(performer, "onBehalfOf", "MedicationDispense.performer.onBehalfOf", "Reference")
    absent(node, "status")
    each(node, "dosageInstruction", _dosage)


def administration(node: Node) -> None:
    """What was given, or was not."""
    _both_generations(node)
    if is_negated(node, "notGiven", "MedicationAdministration.notGiven", "reasonNotGiven"):
        told(node, "status", "not-done", "MedicationAdministration.status", node.get("status"))
    rename(node, "reasonNotGiven", "statusReason")
    rename(node, "prescription", "request")
    keep(node, "definition", "MedicationAdministration.definition", "Reference")
    for performer in nodes(node.get("performer")):
        keep(performer, "onBehalfOf", "MedicationAdministration.performer.onBehalfOf", "Reference")
    absent(node, "status")


def medication(node: Node) -> None:
    """A medicine. STU3 tells of its package what R4 tells elsewhere, or not at all."""
    for ingredient in nodes(node.get("ingredient")):
        rename(ingredient, "amount", "strength")
    keep(node, "isBrand", "Medication.isBrand", "Boolean")
    keep(node, "isOverTheCounter", "Medication.isOverTheCounter", "Boolean")
    keep(node, "image", "Medication.image", "Attachment")
    for package in nodes(node.pop("package", None)):
        batches = nodes(package.pop("batch", None))
        if len(batches) == 1 and "batch" not in node:
            node["batch"] = batches.pop()
        parts: list[Node | None] = [keep_parts(batch, "batch", {"lotNumber": "String", "expirationDate": "DateTime"}) for batch in batches]
        parts += [keep_parts(content, "content", _CONTENT) for content in nodes(package.pop("content", None))]
        inner = [part | {"url": part["url"].rpartition("extension-")[2]} for part in parts if part is not None]
        rest = keep_parts(package, "Medication.package", {"container": "CodeableConcept"})
        if rest is not None or inner:
            whole: Node = rest or {"url": _PACKAGE}
            whole["extension"] = [*some(whole.get("extension")), *inner]
            put(node, whole)


_CONTENT: Final = {"itemCodeableConcept": "CodeableConcept", "itemReference": "Reference", "amount": "Quantity"}
_PACKAGE: Final = "http://hl7.org/fhir/3.0/StructureDefinition/extension-Medication.package"


def _both_generations(node: Node) -> None:
    """The code of MP9 3.0 beside that of 2017: whoever searches by either finds it."""
    for concept in nodes(node.get("category")):
        codings = nodes(concept.get("coding"))
        there = {(coding.get("system"), coding.get("code")) for coding in codings}
        for known, code in _MP9.items():
            if known in there and (_SNOMED, code) not in there:
                concept["coding"] = [*codings, {"system": _SNOMED, "code": code}]


def _dosage(dosage: Node) -> None:
    """Dose and rate stand together in R4."""
    together = {name: dosage.pop(name) for name in _DOSES if name in dosage}
    if together:
        if "doseAndRate" in dosage:
            raise refuse("doseAndRate")
        dosage["doseAndRate"] = [together]
