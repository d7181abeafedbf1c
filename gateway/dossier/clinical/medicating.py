"""What a medication record states: of which treatment, in which building block of MP9, how much, and whether it is in use.

Sources: category codes of both generations as in the information standard Medication Process 9 (SNOMED CT) and zib2017;
treatment and period of use by the extensions of both.
"""

from datetime import datetime
from typing import Final, NamedTuple

from gateway.dossier.clinical.concepts import Concept, ConceptTable
from gateway.dossier.clinical.doses import amount_a_day, first_word
from gateway.dossier.clinical.lines import Course, Medicated, Stage
from gateway.dossier.clinical.moments import moment_of
from gateway.dossier.clinical.trees import Follow, Tree, codings, extensions, part, parts, text, words_of

ATC: Final = frozenset({"http://www.whocc.no/atc", "urn:oid:2.16.840.1.113883.6.73"})
_STAGES: Final = {
    "33633005": Stage.AGREEMENT,
    "16076005": Stage.AGREEMENT,
    "395067002": Stage.SCHEDULE,
    "422037009": Stage.INSTRUCTION,
    "52711000146108": Stage.REQUEST,
    "373784005": Stage.DISPENSE,
    "422979000": Stage.USE,
    "6": Stage.USE,
    "18629005": Stage.ADMINISTRATION,
}
_BY_TYPE: Final = {
    "MedicationRequest": Stage.AGREEMENT,
    "MedicationDispense": Stage.DISPENSE,
    "MedicationStatement": Stage.USE,
    "MedicationAdministration": Stage.ADMINISTRATION,
}
_STOPPED: Final = frozenset({"stopped", "cancelled", "declined", "not-taken", "not-done", "entered-in-error"})
_TREATMENTS: Final = ("ext-PharmaceuticalTreatment.Identifier", "zib-Medication-MedicationTreatment")
_PERIODS: Final = ("ext-TimeInterval.Period", "ext-TimeIntervalPeriod", "zib-Medication-PeriodOfUse")
_STOP_TYPES: Final = ("ext-StopType", "zib-Medication-StopType")

#: For how long what was handed out or administered, and was agreed with nobody who answered, counts as perhaps in use: our own choice.
_RECENT_MS: Final = 366 * 24 * 3600 * 1000


class Product(NamedTuple):
    """Of which product a record is: the keys by which others may be about the same, its name, and its concept."""

    keys: tuple[str, ...]
    name: str
    record: Tree
    concept: Concept | None


def product_of(tree: Tree, follow: Follow, table: ConceptTable) -> Product:
    """The product that a record is about, itself or in the Medication that it refers to."""
    coded = tree.get("medicationCodeableConcept")
    reference = part(tree, "medicationReference")
    record = {} if coded is not None else follow(text(reference, "reference")) or {}
    concept = coded if coded is not None else record.get("code")
    name = words_of(concept) or text(reference, "display")
    codes = [(system, code) for system, code, _ in codings(concept) if code]
    keys = [f"atc {code}" for system, code in codes if system in ATC]
    keys += [f"name {word}" for word in [first_word(name)] if word]
    if not keys:
        keys = [f"{system}|{code}" for system, code in codes] or [f"text {name.casefold()}"]
    found = next((known for system, code in codes if (known := table.of(system, code) or table.group_of(system, code))), None)
    return Product(tuple(keys), name, record, found)


def medicated(tree: Tree, product: Product, at: datetime) -> Medicated:
    """What a record states of a medicine at a moment."""
    kind = text(tree, "resourceType")
    stage = next((_STAGES[code] for _, code, _ in codings(tree.get("category")) if code in _STAGES), _BY_TYPE.get(kind, Stage.USE))
    treatment = next((_identifier(one) for ending in _TREATMENTS for one in extensions(tree, ending)), "")
    dosages = list(parts(tree, "dosage" if kind in ("MedicationStatement", "MedicationAdministration") else "dosageInstruction"))
    dose = amount_a_day(dosages, product.record, product.name) if stage.says_how_it_is_used else ""
    return Medicated(stage, treatment, dose, _course(tree, stage, at))


def _identifier(extension: Tree) -> str:
    found = part(extension, "valueIdentifier")
    value = text(found, "value")
    return f"{text(found, 'system')}|{value}" if value else ""


def _course(tree: Tree, stage: Stage, at: datetime) -> Course:
    if text(tree, "status") in _STOPPED or any(any(extensions(tree, ending, where)) for ending in _STOP_TYPES for where in ("modifierExtension", "extension")):
        return Course.STOPPED
    ends = [text(one, "valuePeriod", "end") for ending in _PERIODS for one in extensions(tree, ending)]
    ends.append(text(tree, "effectivePeriod", "end"))
    now = at.timestamp() * 1000
    if not stage.says_how_it_is_used:
        happened = moment_of(text(tree, "whenHandedOver") or text(tree, "whenPrepared") or text(tree, "effectiveDateTime") or text(tree, "authoredOn"))
        return Course.ENDED if happened is not None and happened.end < now - _RECENT_MS else Course.CURRENT
    if any(moment.end <= now for end in ends if (moment := moment_of(end)) is not None):
        return Course.ENDED
    if text(tree, "status") == "completed" and stage in (Stage.AGREEMENT, Stage.USE, Stage.SCHEDULE):
        return Course.ENDED
    return Course.CURRENT
