"""Findings as they stand on the screen: measurements and results with what the source says of them, reports, samples, answers."""

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.dossier.clinical.showing.coded import concept
from gateway.dossier.clinical.showing.draft import Draft, Form, fill
from gateway.dossier.clinical.showing.quantities import number, quantity, unit
from gateway.dossier.clinical.showing.reader import DEEPEST, Reader
from gateway.dossier.clinical.showing.references import reference
from gateway.dossier.clinical.showing.shapes import members, said
from gateway.dossier.clinical.showing.wording import finding
from gateway.dossier.clinical.shown import Attention
from gateway.dossier.clinical.trees import Tree, codings, part, parts, text

_SYSTOLIC: Final = frozenset({"8480-6", "271649006"})
_DIASTOLIC: Final = frozenset({"8462-4", "271650006"})
#: Interpretation codes of HL7 v3, and those of zib2017 (SNOMED: above and below the reference range).
_ATTENTION: Final = {
    "HH": Attention.CRITICAL, "LL": Attention.CRITICAL, "AA": Attention.CRITICAL, "HU": Attention.HIGH, "LU": Attention.LOW,
    "H": Attention.HIGH, "L": Attention.LOW, "A": Attention.ABNORMAL, "281302008": Attention.HIGH, "281300000": Attention.LOW,
    "263654008": Attention.ABNORMAL,
}  # fmt: skip
_GRAVEST: Final = (Attention.CRITICAL, Attention.HIGH, Attention.LOW, Attention.ABNORMAL)
_IN_FRONT: Final = 5


def _observation(reader: Reader, draft: Draft) -> None:
    tree = reader.tree
    components = list(parts(tree, "component"))
    categories = (finding(code) for _, code, _ in codings(tree.get("category")))
    draft.kind = next((reader.say(one) for one in categories if one), "")
    draft.attention = _attention(tree, components)
    draft.value = value_of(reader, tree)
    pressure = _blood_pressure(components)
    if pressure:
        draft.value = "; ".join(filter(None, (draft.value, pressure)))
    each = [_component(reader, one) for one in components]
    if not draft.value and 0 < len(each) <= _IN_FRONT:
        draft.value = "; ".join(each)
    draft.done |= {"component", *(name for name in tree if name.startswith("value") and draft.value)}
    if not draft.value:
        draft.value = concept(reader, tree.get("dataAbsentReason"))
    for one, told in zip(components, each, strict=True):
        if told not in draft.value:
            draft.add(concept(reader, part(one, "code")) or reader.label("component"), told.partition(": ")[2] or told)
    for one in parts(tree, "referenceRange"):
        draft.add(reader.label("referenceRange"), _reference_range(reader, one))
    draft.done.add("referenceRange")
    _full_value(reader, draft)


def _full_value(reader: Reader, draft: Draft) -> None:
    """What a coded value is called besides: its other names, and what is added to it."""
    for name, value in reader.tree.items():
        if name.startswith("value"):
            whole = said(reader, name, value)
            if whole and whole not in draft.value:
                draft.add(reader.label("value"), whole)


def value_of(reader: Reader, tree: Tree) -> str:
    """The value of an observation or component, of whatever type."""
    for name, value in tree.items():
        if name.startswith("value"):
            if name == "valueCodeableConcept":
                return concept(reader, value)
            return said(reader, name, value)
    return ""


def _component(reader: Reader, one: Tree) -> str:
    """A component with its name and value, and in brackets what else it says."""
    named, value = concept(reader, part(one, "code")), value_of(reader, one) or concept(reader, one.get("dataAbsentReason"))
    rest = {name: inner for name, inner in one.items() if not name.startswith(("value", "dataAbsent")) and name not in ("code", "referenceRange")}
    more = [members(reader, rest, 1), *(_reference_range(reader, each) for each in parts(one, "referenceRange"))]
    more += [told for ext in parts(one, "extension") if (told := said(reader, "extension", {"extension": [ext]}))]
    about = "; ".join(filter(None, more))
    told = f"{named}: {value}" if named and value else named or value
    return f"{told} ({about})" if about else told


def _blood_pressure(components: list[Tree]) -> str:
    """Both on one line, as it is said; only where both are there in the same unit, as plain amounts."""
    found: dict[bool, Tree] = {}
    for one in components:
        codes = {code for _, code, _ in codings(part(one, "code"))}
        for is_upper, known in ((True, _SYSTOLIC), (False, _DIASTOLIC)):
            if codes & known and is_upper not in found:
                found[is_upper] = part(one, "valueQuantity")
    if len(found) != 2 or any("comparator" in one or not number(one.get("value")) for one in found.values()):
        return ""
    upper, lower = found[True], found[False]
    return f"{number(upper.get('value'))}/{quantity(lower)}" if unit(upper) == unit(lower) else ""


def _reference_range(reader: Reader, one: Tree) -> str:
    """The range in its own words, or from low to high, with to whom it applies."""
    ends = said(reader, "range", {name: one[name] for name in ("low", "high") if name in one}) if one.keys() & {"low", "high"} else ""
    rest = {name: value for name, value in one.items() if name not in ("low", "high", "text")}
    return "; ".join(filter(None, (ends, text(one, "text"), members(reader, rest, 1))))


def _attention(tree: Tree, components: list[Tree]) -> Attention:
    """What the source says of it, of the parts too: the gravest."""
    codes = {code for one in (tree, *components) for _, code, _ in codings(one.get("interpretation"))}
    said_of_it = {_ATTENTION[code] for code in codes if code in _ATTENTION}
    return next((one for one in _GRAVEST if one in said_of_it), Attention.NONE)


def _report(reader: Reader, draft: Draft) -> None:
    """The conclusion in front, each result below it."""
    for one in parts(reader.tree, "result"):
        draft.add(reader.label("result"), result_line(reader, one))
    draft.done.add("result")


def result_line(reader: Reader, one: Tree) -> str:
    """A result that is referred to, with its value where the record is there."""
    there = reader.at(one)
    if there is None or text(there.tree, "resourceType") != "Observation":
        return reference(reader, one)
    inner = Draft()
    _observation(there, inner)
    fill(there, FORMS["Observation"], inner)
    return f"{inner.what}: {inner.value}" if inner.value else inner.what


def _members(reader: Reader, draft: Draft) -> None:
    _observation(reader, draft)
    each = [result_line(reader, one) for one in parts(reader.tree, "hasMember")]
    if not draft.value and len(each) <= _IN_FRONT:
        draft.value = "; ".join(filter(None, each))
    for told in each:
        draft.add(reader.label("hasMember"), "" if told in draft.value else told)
    draft.done.add("hasMember")


def _answers(reader: Reader, draft: Draft) -> None:
    """Each question with its answer on a line of its own; of a group its title stands before."""
    named = text(part(reader.tree, "_questionnaire", "extension"), "valueString") or text(reader.tree, "_questionnaire", "display")
    draft.what = named
    draft.done |= {"item", "questionnaire"}
    for question, answer in _lines(reader, reader.tree, "", 0):
        draft.add(question, answer)
    for one in parts(reader.tree.get("_questionnaire"), "extension"):
        draft.what = draft.what or said(reader, "valueString", one.get("valueString") or one.get("valueReference") or "")


def _lines(reader: Reader, node: Tree, group: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > DEEPEST:
        yield group or reader.phrase("nameless-question"), reader.phrase("deeper")
        return
    for item in parts(node, "item"):
        asked = text(item, "text").strip()
        title = " · ".join(filter(None, (group, asked.rstrip(": "))))
        answers = list(parts(item, "answer"))
        told = ", ".join(filter(None, (said(reader, name, value) for one in answers for name, value in one.items() if name.startswith("value"))))
        if told or (asked and not answers and "item" not in item):
            yield title or reader.phrase("nameless-question"), told or "–"
        elif asked and not any(isinstance(one.get("item"), list) for one in (item, *answers)):
            yield title, "–"
        for inner in (item, *answers):
            if isinstance(inner, Mapping):
                yield from _lines(reader, inner, title, depth + 1)


_BY: Final = ("performer", "author", "source", "informationSource")

FORMS: Final[Mapping[str, Form]] = {
    "Observation": Form(
        when=("effective*", "issued"), author=_BY, more=_members,
        first=("interpretation", "referenceRange", "note", "method", "bodySite", "specimen", "device"),
        plainly=frozenset({"final"}),
    ),
    "DiagnosticReport": Form(
        value=("conclusion",), when=("effective*", "issued"), author=("performer", "resultsInterpreter"), more=_report,
        first=("conclusion", "conclusionCode", "presentedForm", "media"),
    ),
    "Specimen": Form(what=("type",), value=("collection.bodySite",), when=("receivedTime",), author=("collection.collector",), plainly=frozenset({"available"})),
    "QuestionnaireResponse": Form(what=(), when=("authored",), author=("author", "source"), more=_answers),
    "RiskAssessment": Form(what=("code", "method"), value=("prediction.outcome",), when=("occurrence*",), author=("performer",)),
    "ClinicalImpression": Form(what=("code", "description"), value=("summary",), when=("effective*", "date"), author=("assessor",)),
    "FamilyMemberHistory": Form(what=("relationship", "name"), value=("condition.code",), when=("date",)),
}  # fmt: skip
