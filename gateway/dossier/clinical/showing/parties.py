"""Names, addresses and telephone numbers of people and organisations, as they were written down."""

from gateway.dossier.clinical.showing.coded import concept
from gateway.dossier.clinical.showing.reader import Reader
from gateway.dossier.clinical.showing.wording import code_words
from gateway.dossier.clinical.trees import Tree, extensions, part, parts, text


def human_name(_: Reader, value: Tree) -> str:
    """A name in its own words, else of its parts in their order."""
    whole = text(value, "text").strip()
    return whole or " ".join(filter(None, (*_strings(value, "prefix"), *_strings(value, "given"), text(value, "family").strip(), *_strings(value, "suffix"))))


def name_of(reader: Reader, tree: Tree) -> str:
    """What somebody is called: the official name where there is one, else the first; of an organisation its name."""
    plain = text(tree, "name").strip()
    if plain:
        return plain
    names = [one for one in parts(tree, "name") if text(one, "use") != "old"]
    names.sort(key=lambda one: text(one, "use") != "official")
    return next(filter(None, (human_name(reader, one) for one in names)), "")


def address(reader: Reader, value: Tree) -> str:
    """An address on one line, with what it is for."""
    town = " ".join(filter(None, (text(value, "postalCode"), text(value, "city"))))
    whole = [*_strings(value, "line"), town, text(value, "district"), text(value, "state"), text(value, "country")]
    said = ", ".join(filter(None, whole)) or text(value, "text").strip()
    country = next((concept(reader, part(one, "valueCodeableConcept")) for one in extensions(value.get("_country"), "ext-CodeSpecification")), "")
    if country and not text(value, "country"):
        said = ", ".join(filter(None, (said, country)))
    purpose = _use(reader, value)
    return f"{said} ({purpose})" if said and purpose else said


def telecom(reader: Reader, value: Tree) -> str:
    """A number or address, with what it is for and how it is called there."""
    number = text(value, "value").strip()
    kinds = [_use(reader, value)]
    for ending in ("ext-CodeSpecification", "zib-ContactInformation-TelecomType"):
        kinds += [concept(reader, part(one, "valueCodeableConcept")) for one in (*extensions(value.get("_system"), ending), *extensions(value, ending))]
    about = ", ".join(dict.fromkeys(filter(None, kinds)))
    sign = f"{reader.phrase('phone')} " if text(value, "system") in ("phone", "sms", "pager") else ""
    return f"{sign}{number}" + (f" ({about})" if about else "") if number else ""


def phone_of(reader: Reader, tree: Tree) -> str:
    """The telephone numbers of somebody, the ones not in use any more left out."""
    found = [telecom(reader, one) for one in parts(tree, "telecom") if text(one, "system") in ("phone", "sms", "pager", "") and text(one, "use") != "old"]
    return ", ".join(dict.fromkeys(filter(None, found)))


def _use(reader: Reader, value: Tree) -> str:
    code = text(value, "use")
    found = code_words("use", code)
    return reader.say(found) if found else code


def _strings(value: Tree, name: str) -> list[str]:
    found = value.get(name)
    return [one.strip() for one in (found if isinstance(found, list) else [found]) if isinstance(one, str) and one.strip()]


def relation(reader: Reader, tree: Tree) -> str:
    """In which relation somebody stands to the patient."""
    return concept(reader, list(parts(tree, "relationship")))
