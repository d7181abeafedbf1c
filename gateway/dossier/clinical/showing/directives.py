"""The plain facts of a directive or consent, where nobody reads it as a wish: never turned into a yes or no that it does not say."""

from collections.abc import Mapping
from typing import Final

from gateway.dossier.clinical.showing.coded import concept, whole_concept
from gateway.dossier.clinical.showing.draft import Draft, Form
from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.references import reference
from gateway.dossier.clinical.showing.shapes import extension, members
from gateway.dossier.clinical.trees import Tree, codings, extensions, part, parts, text

#: Switching off a cardioverter-defibrillator: `permit` means that switching it off is agreed.
_SWITCHING_OFF: Final = "400231000146108"
_TREATMENTS: Final = ("zib-TreatmentDirective-Treatment",)
_ANSWERS: Final = ("zib-TreatmentDirective-TreatmentPermitted",)
_TEXTS: Final = ("ext-TreatmentDirective2.SpecificationOther", "zib-TreatmentDirective-Restrictions")


def _consent(reader: Reader, draft: Draft) -> None:
    tree = reader.tree
    provision = part(tree, "provision")
    asked = [concept(reader, part(one, "valueCodeableConcept")) for ending in _TREATMENTS for one in _found(tree, ending)]
    asked += [concept(reader, one) for one in parts(provision, "code")]
    draft.what = ", ".join(dict.fromkeys(filter(None, asked))) or concept(reader, tree.get("category"))
    answers = [concept(reader, part(one, "valueCodeableConcept")) for ending in _ANSWERS for one in _found(tree, ending)]
    words = [extension(reader, one)[1] for ending in _TEXTS for node in (tree, provision, *parts(provision, "provision")) for one in _found(node, ending)]
    said = [*answers, _decision(reader, provision, needed=not answers and bool(asked) and _is_treatment(tree)), *words]
    draft.value = "; ".join(dict.fromkeys(filter(None, said)))
    for one in parts(provision, "actor"):
        draft.add(concept(reader, one.get("role")) or reader.label("participant"), reference(reader, part(one, "reference")))
    rest = {name: value for name, value in provision.items() if name not in ("type", "actor")}
    draft.add(reader.label("provision"), members(reader, rest, 1) if rest.keys() - {"code"} else "")
    for ext in parts(provision, "extension"):
        draft.add(*extension(reader, ext))
    others = [one for one in parts(provision, "code") if whole_concept(reader, one) not in draft.what]
    draft.add(reader.label("provision"), ", ".join(whole_concept(reader, one) for one in others))
    draft.done |= {"provision", "policy", *(["scope"] if asked else [])}


def _decision(reader: Reader, provision: Tree, *, needed: bool) -> str:
    """What `provision.type` says; where it says nothing, that it does not: that is neither a yes nor a no."""
    decided = text(provision, "type")
    if decided == "permit" and any(code == _SWITCHING_OFF for one in parts(provision, "code") for _, code, _ in codings(one)):
        return reader.phrase("switch-off")
    if decided in ("permit", "deny"):
        return reader.phrase(decided)
    return decided or (reader.phrase("no-answer") if needed else "")


def _is_treatment(tree: Tree) -> bool:
    return any(code == "treatment" for _, code, _ in codings(tree.get("scope")))


def _found(node: Tree, ending: str) -> list[Tree]:
    return [one for name in ("extension", "modifierExtension") for one in extensions(node, ending, name)]


FORMS: Final[Mapping[str, Form]] = {"Consent": Form(what=("category",), when=("dateTime",), author=("performer",), more=_consent, first=("sourceAttachment",))}
