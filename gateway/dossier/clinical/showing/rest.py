"""Everything that a record says and that does not stand in front, so that nothing a clinician would read is out of reach."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Final

from gateway.dossier.clinical.showing.draft import Draft, Form, matching, title
from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.shapes import TECHNICAL, element, extension, said
from gateway.dossier.clinical.shown import Detail
from gateway.dossier.clinical.trees import Tree, part, parts, text

#: Every line is about the patient; the narrative says again what the elements say.
_LEFT_OUT: Final = frozenset("id meta text language resourceType implicitRules contained subject patient beneficiary extension modifierExtension".split())
#: Modifier extensions that the families read, by the end of their addresses; any other may turn the meaning around.
_KNOWN_MODIFIERS: Final = ("SpecificationOther", "TreatmentPermitted", "StopType", "Restrictions")
_TAG: Final = re.compile(r"<(/?)([A-Za-z0-9!?]*)[^<>]*>")
_BREAKS: Final = frozenset("br p div tr li h1 h2 h3 h4 h5 h6 caption table ul ol".split())
_UNSEEN: Final = frozenset({"script", "style"})
#: What a browser could take for the beginning of markup, should anybody forget to escape it.
_OPENS: Final = re.compile(r"<(?=[A-Za-z/!?])")


def all_the_rest(reader: Reader, form: Form, draft: Draft) -> None:
    """Add what was not said yet: modifiers first, then the details of the form, then all others in the order of the record."""
    _modifiers(reader, draft)
    in_front = {draft.kind, draft.kind.lower(), draft.what, draft.value, draft.when, draft.author, *(one.text for one in draft.details)} - {""}
    in_front |= {piece for one in (draft.value, draft.author, draft.what) for piece in one.split("; ")}
    for name in _ordered(reader.tree, form):
        if name in _LEFT_OUT or name in draft.done or name in TECHNICAL:
            continue
        for told in _each(reader, name):
            if told and not ((name in draft.front or _is_telling(told, draft)) and _is_said(told, in_front)):
                draft.add(title(reader, name), told)
    for one in parts(reader.tree, "extension"):
        label, told = extension(reader, one)
        if told and text(one, "url").rpartition("/")[2] not in draft.done and not _is_said(told, in_front):
            draft.add(label, told)


def _ordered(tree: Tree, form: Form) -> Iterator[str]:
    first = [name for pattern in form.first for name in matching(tree, pattern)]
    yield from first
    for name in tree:
        plain = name[1:] if name.startswith("_") and name[1:] not in tree else name
        if plain not in first and not plain.startswith("_"):
            yield plain


def _each(reader: Reader, name: str) -> Iterator[str]:
    """One detail for each thing with parts; concepts and short texts together."""
    value, beside = reader.tree.get(name), reader.tree.get("_" + name)
    if isinstance(value, list) and beside is None and any(isinstance(one, Mapping) and not _is_plain(one) for one in value):
        for one in value:
            yield said(reader, name, one, 1)
    else:
        yield element(reader, name, value, beside)


def _is_plain(value: Tree) -> bool:
    return "coding" in value or value.keys() <= {"text"}


def _is_said(told: str, in_front: set[str]) -> bool:
    return told in in_front or all(piece in in_front for piece in told.split("; "))


def _is_telling(told: str, draft: Draft) -> bool:
    """Whether words that stand in front already need not stand here again: "yes", "2" or a date say nothing without their label."""
    return len(told) > 4 and told != draft.when and not told[0].isdigit()


def _modifiers(reader: Reader, draft: Draft) -> None:
    """What may change the meaning stands above all else; what we do not know is said to be so."""
    unknown = False
    for one in parts(reader.tree, "modifierExtension"):
        tail = text(one, "url").rpartition("/")[2]
        label, told = extension(reader, one)
        is_known = tail.endswith(_KNOWN_MODIFIERS)
        unknown = unknown or not is_known
        if told and not (is_known and told in (draft.value, *draft.states)):
            draft.warnings.append(Detail(label, told))
    unknown = unknown or any(_has_inner_modifier(value) for name, value in reader.tree.items() if name not in _LEFT_OUT)
    if unknown:
        draft.warnings.insert(0, Detail(reader.phrase("attention"), reader.phrase("modifier")))


def _has_inner_modifier(value: object, depth: int = 0) -> bool:
    if depth > 12:
        return False
    if isinstance(value, Mapping):
        found = value.get("modifierExtension")
        if isinstance(found, list) and any(not text(one, "url").endswith(_KNOWN_MODIFIERS) for one in found):
            return True
        return any(_has_inner_modifier(one, depth + 1) for one in value.values() if isinstance(one, (dict, list)))
    return isinstance(value, list) and any(_has_inner_modifier(one, depth + 1) for one in value if isinstance(one, (dict, list)))


def narrative(reader: Reader) -> str:
    """The plain text of the narrative; markup goes, and nothing of it is ever put out."""
    div = text(part(reader.tree, "text"), "div")
    found, at, hidden = [""], 0, ""
    for tag in _TAG.finditer(div):
        if not hidden:
            found[-1] += div[at : tag.start()]
        at, name = tag.end(), tag[2].lower()
        if name in _UNSEEN:
            hidden = "" if tag[1] and name == hidden else hidden or name
        if name in _BREAKS:
            found.append("")
        else:
            found[-1] += " "
    found[-1] += "" if hidden else div[at:]
    lines = (" ".join(_OPENS.sub("‹", html.unescape(one)).split()) for one in found)
    return "; ".join(filter(None, lines))
