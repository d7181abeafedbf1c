"""What a reference leads to, in words; and who wrote a record, with role and organisation where the records say them."""

import re
from collections.abc import Mapping
from typing import Final

from gateway.dossier.clinical.showing.coded import concept
from gateway.dossier.clinical.showing.dates import in_words
from gateway.dossier.clinical.showing.parties import name_of, relation
from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.wording import kind_of_record, system_name
from gateway.dossier.clinical.trees import Tree, codings, extensions, part, parts, text

_BSN: Final = ("bsn", "2.16.840.1.113883.2.4.6.3")
_NATIONAL: Final = ("http://fhir.nl/", "urn:oid:2.16.840.1.113883.2.4.6.4")
_UNIQUE: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PEOPLE: Final = frozenset("Practitioner PractitionerRole Organization RelatedPerson Patient CareTeam Location Device Person".split())
#: What a record may be called by, the best first.
_NAMES: Final = (
    "code", "vaccineCode", "medicationCodeableConcept", "description", "title", "name", "type", "category", "serviceType", "deviceName", "summary", "class",
)  # fmt: skip
_EXACT: Final = frozenset({"Medication", "Device"})
_KINDS: Final = frozenset("problem procedure encounter patient condition observation device goal consent practitioner".split())
_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_FOLLOWED: Final = ("medicationReference", "device", "itemReference")


def reference(reader: Reader, value: Tree) -> str:
    """What a reference leads to, in the words of that record; with the name it is given here where that says something else."""
    if kind_of(value) == "Patient":
        return reader.phrase("patient")
    given, found = text(value, "display").strip(), _found(reader, value)
    if not found:
        return given or _by_identifier(reader, value)
    return found if _says_the_same(found, given, exactly=kind_of(value) in _EXACT) else f"{found} (“{_own_part(given)}”)"


def _says_the_same(found: str, given: str, *, exactly: bool) -> bool:
    """Whether a name given here says nothing else: of medicines and devices it must be the same, as strengths differ by a digit."""
    there, here = found.casefold(), _own_part(given).casefold()
    if not here or here in there or (not exactly and there.partition(",")[0] in here):
        return True
    return not exactly and not set(_WORD.findall(here)).isdisjoint(_WORD.findall(there))


def _own_part(given: str) -> str:
    """A display without the name of its type: of "Encounter, intake" and of "Problem" there is left "intake" and nothing."""
    kind, _, rest = given.partition(",")
    return rest.strip() if kind.strip().casefold() in _KINDS else given


def _found(reader: Reader, value: Tree) -> str:
    for one in extensions(value, "practitionerrole-reference"):
        role = part(one, "valueReference")
        person = reader.at(role)
        if person is not None and (who := _who(person)):
            name = text(value, "display").strip()
            return who if not name or name.casefold() in who.casefold() else f"{name}, {who}"
        named = text(role, "display").strip()
        if named:
            there = reader.at(value)
            name = (_who(there) if there else "") or text(value, "display").strip()
            return f"{name}, {named}" if name else named
    there = reader.at(value)
    return "" if there is None else summary(there)


def summary(reader: Reader) -> str:
    """A record in one short line: who, or what with its value or date."""
    tree = reader.tree
    if text(tree, "resourceType") in _PEOPLE:
        return _who(reader)
    what = called(reader)
    if text(tree, "resourceType") == "Observation":
        return what
    when = next((text(tree, name) for name in ("performedDateTime", "date", "authoredOn") if text(tree, name)), "")
    return f"{what}, {in_words(when, reader.language)}" if what and when else what


def called(reader: Reader) -> str:
    """What a record is called; empty where nothing in it names it."""
    for name in _NAMES:
        value = reader.tree.get(name)
        if isinstance(value, list):
            value = value[0] if value else None
        found = _name(reader, value)
        if found:
            return found
    for name in _FOLLOWED:
        found = reference(reader, part(reader.tree, name))
        if found:
            return found
    for one in (*extensions(reader.tree, "ext-EpisodeOfCare.EpisodeOfCareName"), *extensions(reader.tree, "EpisodeOfCare-Title")):
        return text(one, "valueString")
    return ""


def _name(reader: Reader, value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if not isinstance(value, Mapping):
        return ""
    return text(value, "name") or concept(reader, value if "coding" in value or "text" in value else {"coding": [value]})


def _who(reader: Reader) -> str:
    """Somebody: name, then role, then organisation."""
    tree, kind = reader.tree, text(reader.tree, "resourceType")
    if kind == "Patient":
        return reader.phrase("patient")
    if kind == "PractitionerRole":
        person, house = part(tree, "practitioner"), part(tree, "organization")
        return ", ".join(dict.fromkeys(filter(None, (reference(reader, person), profession(reader, tree), reference(reader, house)))))
    name = name_of(reader, tree)
    if kind == "RelatedPerson":
        return ", ".join(filter(None, (name, relation(reader, tree))))
    return name or called(reader)


def profession(reader: Reader, tree: Tree) -> str:
    """What somebody is: the role, and the specialty where it is another word."""
    found = [concept(reader, one) for name in ("code", "specialty") for one in parts(tree, name)]
    return ", ".join(dict.fromkeys(filter(None, found)))


def kind_of(value: object) -> str:
    """The type of what a reference leads to, as far as it says."""
    address = text(value, "reference").split("/_history/")[0].split("/")
    return address[-2] if len(address) > 1 else text(value, "type")


def _by_identifier(reader: Reader, value: Tree) -> str:
    """Who is named by a number only: what it is and the number. A citizen's number is never put here."""
    number = identified(reader, part(value, "identifier"))
    kind = kind_of(value)
    return f"{reader.say(kind_of_record(kind))} {number}" if number and kind else number


def identified(_: Reader, value: Tree) -> str:
    """An identifier with the name of its system; that of a citizen is left out, and one that only machines use."""
    system, number = text(value, "system"), text(value, "value").strip()
    if not number or system.endswith(_BSN):
        return ""
    if _UNIQUE.search(number) or any(code == "RI" for _, code, _ in codings(part(value, "type"))):
        return ""
    known = system_name(system) if system.startswith(_NATIONAL) else ""
    return f"{known} {number}".strip()
