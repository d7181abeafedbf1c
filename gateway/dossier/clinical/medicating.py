"""What a medication record states: of which treatment, in which building block of MP9, how much, and whether it is in use.

Sources: category codes of both generations as in the information standard Medication Process 9 (SNOMED CT) and zib2017;
treatment and period of use by the extensions of both.
"""

from typing import Final, NamedTuple

from accord.terms.identifiers import HolderName
from gateway.dossier.clinical.concepts import Concept, ConceptTable
from gateway.dossier.clinical.doses import amount_a_day, substance_word, words_of_product
from gateway.dossier.clinical.lines import Course, Medicated, Moment, Stage
from gateway.dossier.clinical.moments import moment_of
from gateway.dossier.clinical.trees import Follow, Tree, codings, part, parts, text, words_of

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
_NOT_AGREED: Final = frozenset({"draft", "intended", "proposal"})
_TREATMENTS: Final = ("ext-PharmaceuticalTreatment.Identifier", "zib-Medication-MedicationTreatment")
_PERIODS: Final = ("ext-TimeInterval.Period", "ext-TimeIntervalPeriod", "zib-Medication-PeriodOfUse")
_STOP_TYPES: Final = ("ext-StopType", "zib-Medication-StopType", "ext-MedicationAgreement.StopType", "ext-MedicationUse.StopType")

#: For how long what was handed out or administered, and was agreed with nobody who answered, counts as perhaps in use: our own choice.
_RECENT_MS: Final = 366 * 24 * 3600 * 1000


class Product(NamedTuple):
    """Of which product a record is: the keys by which others may be about the same (none: nothing names it), its name, and its concept."""

    keys: tuple[str, ...]
    name: str
    record: Tree
    concept: Concept | None


class Products:
    """The products of one dossier: a Medication to which many records refer is read once."""

    def __init__(self, table: ConceptTable) -> None:
        self._table = table
        self._known: dict[tuple[HolderName, str], Product] = {}

    def of(self, tree: Tree, holder: HolderName, follow: Follow) -> Product:
        """The product that a record is about, itself or in the Medication that it refers to."""
        coded = tree.get("medicationCodeableConcept")
        if coded is not None:
            return _product(self._table, coded, {}, "")
        reference = part(tree, "medicationReference")
        target, display = text(reference, "reference"), text(reference, "display")
        known = self._known.get((holder, target))
        if known is not None:
            return known
        record = follow(target)
        product = _product(self._table, (record or {}).get("code"), record or {}, display)
        # What a record contains is its own; what has not arrived may still come.
        if record is not None and not target.startswith("#"):
            self._known[holder, target] = product
        return product


def _product(table: ConceptTable, concept: object, record: Tree, display: str) -> Product:
    name = words_of(concept) or display
    codes = [(system, code) for system, code, _ in codings(concept) if code]
    atc = [code for system, code in codes if system in ATC]
    keys = [*(f"atc {code}" for code in atc), *(f"name {word}" for word in [substance_word(name)] if word)]
    if not keys:
        keys = [f"{system}|{code}" for system, code in codes] or [f"text {words}" for words in [name.casefold()] if words]
    found = next((known for system, code in codes if (known := table.of(system, code) or table.group_of(system, code))), None)
    if found is None and not atc:
        # Most Dutch sources code the product and not its ATC group: a blood thinner must not be missed for that.
        found = next((known for word in words_of_product(name) if (known := table.by_name(word))), None)
    return Product(tuple(keys), name, record, found)


def medicated(tree: Tree, product: Product, at_ms: float) -> Medicated:
    """What a record states of a medicine at a moment, in milliseconds since 1970-01-01T00:00Z."""
    kind = text(tree, "resourceType")
    stage = next((_STAGES[code] for _, code, _ in codings(tree.get("category")) if code in _STAGES), _BY_TYPE.get(kind, Stage.USE))
    said = _extensions(tree)
    treatment = next((_identifier(said[ending]) for ending in _TREATMENTS if ending in said), "")
    dosages = list(parts(tree, "dosage" if kind in ("MedicationStatement", "MedicationAdministration") else "dosageInstruction"))
    dose = amount_a_day(dosages, product.record, product.name) if stage.says_how_it_is_used else ""
    return Medicated(stage, treatment, dose, _course(tree, stage, said, at_ms))


def begun(tree: Tree) -> Moment | None:
    """From when the medicine is to be used, by the period of use of either generation; for a record that has no date of its own."""
    said = _extensions(tree)
    starts = [text(said[ending], "valuePeriod", "start") for ending in _PERIODS if ending in said]
    return next((moment for start in starts if (moment := moment_of(start)) is not None), None)


def _extensions(tree: Tree) -> dict[str, Tree]:
    """The extensions of a record by the last part of their address, the first of each."""
    found: dict[str, Tree] = {}
    for name in ("modifierExtension", "extension"):
        for one in parts(tree, name):
            found.setdefault(text(one, "url").rpartition("/")[2], one)
    return found


def _identifier(extension: Tree) -> str:
    found = part(extension, "valueIdentifier")
    value = text(found, "value")
    return f"{text(found, 'system')}|{value}" if value else ""


def _course(tree: Tree, stage: Stage, said: dict[str, Tree], at_ms: float) -> Course:
    """A stop of which the day is yet to come is still in use; what begins later takes no other's place until then."""
    status = text(tree, "status")
    is_stop = any(ending in said for ending in _STOP_TYPES)
    if status in _STOPPED or (is_stop and not stage.says_how_it_is_used):
        return Course.STOPPED
    if not stage.says_how_it_is_used:
        happened = moment_of(text(tree, "whenHandedOver") or text(tree, "whenPrepared") or text(tree, "effectiveDateTime") or text(tree, "authoredOn"))
        return Course.ENDED if happened is not None and happened.end < at_ms - _RECENT_MS else Course.CURRENT
    periods = [*(part(said[ending], "valuePeriod") for ending in _PERIODS if ending in said), part(tree, "effectivePeriod")]
    ends = [moment.end for period in periods if (moment := moment_of(text(period, "end"))) is not None]
    if is_stop and not (ends and min(ends) > at_ms):
        return Course.STOPPED
    if any(end <= at_ms for end in ends):
        return Course.ENDED
    if status == "completed" and stage in (Stage.AGREEMENT, Stage.USE, Stage.SCHEDULE):
        return Course.ENDED
    if status == "on-hold" or tree.get("doNotPerform") is True:
        return Course.WITHHELD
    if status in _NOT_AGREED or text(tree, "intent") in _NOT_AGREED:
        return Course.PROPOSED
    begins = [moment.begin for period in periods if (moment := moment_of(text(period, "start"))) is not None]
    return Course.PLANNED if any(begin > at_ms for begin in begins) else Course.CURRENT
