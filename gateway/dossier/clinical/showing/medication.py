"""Medication as it stands on the screen: which building block it is, of which medicine, how to be used and for how long."""

from collections.abc import Mapping
from typing import Final

from gateway.dossier.clinical.showing.coded import concept
from gateway.dossier.clinical.showing.dates import in_words, period
from gateway.dossier.clinical.showing.dosage import in_full
from gateway.dossier.clinical.showing.draft import Draft, Form
from gateway.dossier.clinical.showing.quantities import quantity, ratio
from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.references import reference
from gateway.dossier.clinical.showing.shapes import extension, said
from gateway.dossier.clinical.showing.wording import block, state
from gateway.dossier.clinical.trees import Tree, codings, extensions, part, parts, text, words_of

_PERIODS: Final = ("ext-TimeInterval.Period", "zib-Medication-PeriodOfUse")
_STOPS: Final = ("ext-StopType", "zib-Medication-StopType", "ext-MedicationAgreement.StopType", "ext-MedicationUse.StopType")
#: An administration agreement: FHIR has no better word for "holds" than "in-progress".
_INSTRUCTION: Final = "422037009"
_WORDS: Final = ("ext-RenderedDosageInstruction",)


def _treatment(reader: Reader, draft: Draft) -> None:
    """What all building blocks have: medicine, dosage, period of use, and whether it is a stop."""
    tree = reader.tree
    draft.kind = _block(reader)
    draft.what = product(reader)
    dosages = [one for name in ("dosageInstruction", "dosage") for one in parts(tree, name)]
    words = next((text(one, "valueString") for ending in _WORDS for one in extensions(tree, ending)), "")
    amounts = [quantity(part(tree, "quantity")), quantity(part(tree, "dispenseRequest", "quantity"))]
    draft.value = words or in_full(reader, dosages) or "; ".join(filter(None, amounts))
    draft.when = next((told for ending in _PERIODS for one in extensions(tree, ending) if (told := period(part(one, "valuePeriod"), reader.language))), "")
    for name in ("extension", "modifierExtension"):
        for ending in _STOPS:
            draft.states += [told for one in extensions(tree, ending, name) if (told := extension(reader, one)[1])]
    ingredients = reader.at(part(tree, "medicationReference"))
    if ingredients is not None:
        for label, told in _of_product(ingredients):
            if told not in draft.what:
                draft.add(label, told)
    draft.done |= {"medicationReference"} if draft.what else set()
    if draft.kind and not any(words_of(one) for one in parts(tree, "category")):
        draft.done.add("category")
    _author(reader, draft)


def _author(reader: Reader, draft: Draft) -> None:
    """Of what is used the record names who wrote it down beside whose word it is."""
    for ending in ("ext-MedicationUse.Author", "zib-MedicationUse-Author"):
        for one in extensions(reader.tree, ending):
            draft.author = draft.author or reference(reader, part(one, "valueReference"))


def _block(reader: Reader) -> str:
    for _, code, _ in codings(reader.tree.get("category")):
        found = block(code)
        if found is not None:
            return reader.say(found)
    return ""


def product(reader: Reader) -> str:
    """What the medicine is called: as coded here, else in the record that is referred to."""
    here = concept(reader, reader.tree.get("medicationCodeableConcept"))
    return here or reference(reader, part(reader.tree, "medicationReference"))


def _of_product(reader: Reader) -> list[tuple[str, str]]:
    """What the record of the medicine says besides its name."""
    tree = reader.tree
    found = [(reader.label("ingredient"), ingredient(reader, one)) for one in parts(tree, "ingredient")]
    found += [(reader.label(name), said(reader, name, tree.get(name))) for name in ("form", "amount", "manufacturer", "batch")]
    found += [extension(reader, one) for one in parts(tree, "extension")]
    return [(label, told) for label, told in found if told]


def ingredient(reader: Reader, one: Tree) -> str:
    """A substance with its strength."""
    named = concept(reader, one.get("itemCodeableConcept")) or reference(reader, part(one, "itemReference"))
    return " ".join(filter(None, (named, ratio(part(one, "strength"), reader.language))))


def _medicine(reader: Reader, draft: Draft) -> None:
    strengths = [ingredient(reader, one) for one in parts(reader.tree, "ingredient")]
    draft.what = concept(reader, reader.tree.get("code")) or ", ".join(filter(None, strengths))
    draft.value = "; ".join(filter(None, (concept(reader, reader.tree.get("form")), "" if draft.what in strengths else ", ".join(filter(None, strengths)))))
    draft.done.add("ingredient")


def _administration(reader: Reader, draft: Draft) -> None:
    _treatment(reader, draft)
    given = part(reader.tree, "dosage")
    draft.value = text(given, "text") or quantity(part(given, "dose")) or draft.value


def _dispense(reader: Reader, draft: Draft) -> None:
    """A hand-out is of the day on which it was handed out; how to use it (an administration agreement) is from when it holds."""
    _treatment(reader, draft)
    in_progress = state("in-progress")
    if in_progress is not None and any(code == _INSTRUCTION for _, code, _ in codings(reader.tree.get("category"))):
        draft.states = [one for one in draft.states if one != reader.say(in_progress)]
    handed = text(reader.tree, "whenHandedOver")
    if handed:
        draft.when = in_words(handed, reader.language)
        amount = quantity(part(reader.tree, "quantity"))
        draft.value = "; ".join(filter(None, (amount, draft.value if draft.value != amount else "")))


_WHAT: Final = ("medication*",)
_FIRST: Final = ("dosageInstruction", "dosage", "reasonCode", "reasonReference", "note")

FORMS: Final[Mapping[str, Form]] = {
    "MedicationRequest": Form(what=_WHAT, when=("authoredOn",), author=("requester", "recorder"), more=_treatment, first=_FIRST),
    "MedicationDispense": Form(
        what=_WHAT, when=("whenHandedOver", "whenPrepared"), author=("performer.actor",), more=_dispense, first=_FIRST,
    ),
    "MedicationStatement": Form(what=_WHAT, when=("effective*", "dateAsserted"), author=("informationSource",), more=_treatment, first=_FIRST),
    "MedicationAdministration": Form(what=_WHAT, when=("effective*",), author=("performer.actor",), more=_administration, first=_FIRST),
    "Medication": Form(more=_medicine, first=("form", "amount")),
}  # fmt: skip
