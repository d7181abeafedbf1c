"""What a coded value is called: by its own words, else by the concept table, else by its code; never nothing."""

from collections.abc import Iterator, Mapping

from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.wording import code_words, hl7_words, role, system_name
from gateway.dossier.clinical.trees import Tree, extensions, part, parts, text

_ROLES = ("uzi-rolcode", "2.16.840.1.113883.2.4.15.111")


def concept(reader: Reader, value: object) -> str:
    """What a CodeableConcept is called; of a list, each, with a comma between."""
    if isinstance(value, list):
        return ", ".join(dict.fromkeys(filter(None, (concept(reader, one) for one in value))))
    if not isinstance(value, Mapping):
        return value if isinstance(value, str) else ""
    return text(value, "text").strip() or next(_names(reader, value), "") or absent(reader, value)


def whole_concept(reader: Reader, value: Tree) -> str:
    """What it is called, and in brackets whatever else its codings call it."""
    first = concept(reader, value)
    said = first.casefold()
    others = []
    for one in parts(value, "coding"):
        name = _ours(reader, one) or text(one, "display").strip()
        if name and name.casefold() not in said:
            others.append(name)
            said += "\n" + name.casefold()
    return f"{first} ({'; '.join(others)})" if others else first


def _names(reader: Reader, value: Tree) -> Iterator[str]:
    """The names of its codings, the best first."""
    codings = list(parts(value, "coding"))
    for told in (_ours, _own, _by_table, _by_code):
        for one in codings:
            found = told(reader, one)
            if found:
                yield found


def coding(reader: Reader, value: Tree) -> str:
    """What one Coding is called."""
    return _ours(reader, value) or _own(reader, value) or _by_table(reader, value) or _by_code(reader, value)


def _ours(reader: Reader, value: Tree) -> str:
    """HL7's own codes have English displays everywhere: these are said in the reader's language."""
    found = hl7_words(text(value, "system"), text(value, "code"))
    return reader.say(found) if found else ""


def _own(_: Reader, value: Tree) -> str:
    return text(value, "display").strip()


def _by_table(reader: Reader, value: Tree) -> str:
    system, code = text(value, "system"), text(value, "code")
    if system.endswith(_ROLES):
        found = role(code)
        if found is not None:
            return reader.say(found)
    known = reader.table.of(system, code)
    return reader.say(known.label) if known else ""


def _by_code(_: Reader, value: Tree) -> str:
    system, code = system_name(text(value, "system")), text(value, "code")
    return f"{system} {code}".strip() if code else ""


def absent(reader: Reader, value: object) -> str:
    """Why there is no value, where an extension says it."""
    for one in extensions(value, "data-absent-reason"):
        code = text(one, "valueCode")
        found = code_words("data-absent-reason", code)
        return reader.say(found) if found else code
    return ""


def specified(reader: Reader, beside: object) -> str:
    """What stands beside a plain code and says it more exactly (`code-specification` of 2017, `ext-CodeSpecification` of 2020)."""
    found = []
    for one in beside if isinstance(beside, list) else [beside]:
        for ending in ("ext-CodeSpecification", "code-specification"):
            found += [whole_concept(reader, part(each, "valueCodeableConcept")) for each in extensions(one, ending)]
    return ", ".join(dict.fromkeys(filter(None, found)))
