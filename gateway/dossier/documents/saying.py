"""A record in one line of a document: what it is about, what it says of that, and when. Plain on purpose.

It reads what nearly every record has, of whatever type, and what turns its meaning round. Where a record says more than fits in words
that are sure, the line says that the record itself must be read.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from accord.terms.records import TYPE_BY_NAME
from gateway.dossier.clinical.shown import Shown
from gateway.dossier.clinical.trees import Follow, Tree, codings, part, parts, text, words_of
from gateway.dossier.documents.directives import directive_shown
from gateway.dossier.documents.state_words import KINDS, READ_THE_RECORD, STATES
from gateway.dossier.words import Language, Wording

#: More than this of one text is not repeated in a line: the record itself is in the document. A directive is read whole, or nearly.
_LONGEST: Final = 400
_LONGEST_DIRECTIVE: Final = 4_000
_CUT: Final = Wording("… (verder in het gegeven zelf)", "… (more in the record itself)")
_NAMED: Final = ("code", "vaccineCode", "medicationCodeableConcept", "description")
#: What a record is called by where it has no name of its own: of what kind it is, or why it is there.
_NAMED_BY_KIND: Final = ("type", "category", "reasonCode")
_REFERRED: Final = (("medicationReference", "code"), ("device", "type"))
#: States that say no more than that a record is what it seems to be.
_PLAIN: Final = frozenset({"", "active", "completed", "final", "amended", "corrected", "finished", "confirmed", "recorded", "current"})
_STATED: Final = ("status", "lifecycleStatus")
_STATED_IN_CODES: Final = ("clinicalStatus", "verificationStatus", "achievementStatus")
_NUMBERS: Final = ("valueString", "valueDateTime", "valueTime", "valueInteger")


def plain_show(tree: Tree, follow: Follow, language: Language) -> Shown:
    """A record in words. It raises nothing, whatever shape the record has."""
    kind = text(tree, "resourceType")
    if kind == "Consent":
        shown = directive_shown(tree, language)
        value, states = shown.value, [shown.state]
    else:
        shown = Shown(what=_what(tree, follow))
        value, states = _value(tree, language), list(_turned_round(tree, language))
    states += [_state(code, language) for code in _states(tree)]
    longest = _LONGEST_DIRECTIVE if kind == "Consent" else _LONGEST
    return Shown(
        what=shortened(shown.what or KINDS.get(kind, Wording(kind, kind)).in_language(language), _LONGEST, language),
        value=shortened(value, longest, language),
        when=shown.when or _when(tree, kind),
        state=", ".join(dict.fromkeys(state for state in states if state)),
    )


def shortened(words: str, longest: int, language: Language) -> str:
    """A text on one line, and no longer than a line may be."""
    one = " ".join(words.split())
    return one if len(one) <= longest else one[:longest] + _CUT.in_language(language)


def _what(tree: Tree, follow: Follow) -> str:
    if found := _first_named(tree, _NAMED):
        return found
    for name, member in _REFERRED:
        referred = follow(text(tree, name, "reference"))
        found = _named((referred or {}).get(member)) or text(tree, name, "display")
        if found:
            return found
    called = next(parts(tree, "name"), part(None))
    person = text(called, "text") or " ".join(word for word in (*_texts(called.get("given")), text(called, "family")) if word)
    return person or text(tree, "title") or _first_named(tree, _NAMED_BY_KIND)


def _first_named(tree: Tree, names: Iterable[str]) -> str:
    return next((found for name in names if (found := _named(tree.get(name)))), "")


def _named(concept: object) -> str:
    """What a concept is called; where it has no words, its code."""
    return words_of(concept) or next((code for _, code, _ in codings(concept) if code), "")


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _value(tree: Tree, language: Language) -> str:
    found = [_one_value(tree, language), *(_named(one) for one in parts(tree, "relationship"))]
    measured = ((component, _one_value(component, language)) for component in parts(tree, "component"))
    found += [f"{_named(component.get('code'))}: {value}".lstrip(": ") for component, value in measured if value]
    found += [text(dosage, "text") for name in ("dosage", "dosageInstruction") for dosage in parts(tree, name)]
    found += [text(telecom, "value") for telecom in parts(tree, "telecom") if tree.get("resourceType") == "RelatedPerson"]
    found += [text(note, "text") for note in parts(tree, "note")]
    return "; ".join(value for value in found if value)


def _one_value(tree: Tree, language: Language) -> str:
    quantity = part(tree, "valueQuantity")
    if quantity:
        return " ".join(word for word in (text(quantity, "comparator"), text(quantity, "value"), text(quantity, "unit") or text(quantity, "code")) if word)
    if (truth := tree.get("valueBoolean")) in (True, False):
        return Wording("ja", "yes").in_language(language) if truth is True else Wording("nee", "no").in_language(language)
    found = next((value for name in _NUMBERS if (value := text(tree, name))), "") or _named(tree.get("valueCodeableConcept"))
    absent = _named(tree.get("dataAbsentReason"))
    return found or (f"{Wording('geen waarde', 'no value').in_language(language)}: {absent}" if absent else "")


def _when(tree: Tree, kind: str) -> str:
    known = TYPE_BY_NAME.get(kind)
    for name in known.moments if known else ():
        found = tree.get(name)
        found = found[0] if isinstance(found, list) and found else found
        if isinstance(found, str) and found:
            return _moment(found)
        start, end = _moment(text(found, "start")), _moment(text(found, "end"))
        if start or end:
            return start if start == end else f"{start} – {end}".strip()
    return ""


def _moment(written: str) -> str:
    """A date at its own precision; of a moment the day and the minute."""
    return written[:16].replace("T", " ")


def _states(tree: Tree) -> Iterator[str]:
    yield from (text(tree, name) for name in _STATED)
    for name in _STATED_IN_CODES:
        yield text(tree, name)
        yield from (code for _, code, _ in codings(tree.get(name)))


def _state(code: str, language: Language) -> str:
    if code in _PLAIN:
        return ""
    return STATES[code].in_language(language) if code in STATES else code


def _turned_round(tree: Tree, language: Language) -> Iterator[str]:
    """What makes a record say something else than it seems to."""
    if tree.get("doNotPerform") is True:
        yield Wording("niet doen of geven", "do not do or give").in_language(language)
    if any(True for _ in parts(tree, "modifierExtension")):
        yield READ_THE_RECORD.in_language(language)


#: How a record is told: `plain_show`, or whatever tells it better.
Show = Callable[[Tree, Follow, Language], Shown]
