"""Who took part: the people that a record of planning ahead refers to, by name and by what they are."""

from collections.abc import Iterator
from typing import Final

from gateway.dossier.clinical.trees import Follow, Tree, codings, part, parts, text, words_of
from gateway.dossier.words import Wording

_PATIENT: Final = Wording("patiënt", "patient")
_REPRESENTATIVE: Final = Wording("vertegenwoordiger", "representative")
_CONTACT: Final = Wording("contactpersoon", "contact person")
#: ROLCodelijst of the zib ContactPerson: legal representative.
_LEGAL: Final = ("urn:oid:2.16.840.1.113883.2.4.3.11.22.472", "24")
_RESPONSIBLE: Final = "RESPRSN"


def actors(provision: object, tree: Tree, follow: Follow) -> tuple[Wording, ...]:
    """Those who agreed (`provision.actor`, role CONSENTER), and who speaks for the patient (RESPRSN)."""
    return _once(
        party(part(one, "reference"), tree, follow, speaks=any(code == _RESPONSIBLE for _, code, _ in codings(part(one, "role"))))
        for one in parts(provision, "actor")
    )


def parties(tree: Tree, names: tuple[str, ...], follow: Follow) -> tuple[Wording, ...]:
    """Those to whom these members refer, each also as a member `actor` or `individual` of a part."""
    return _once(
        party(part(one, inner) if inner else one, tree, follow)
        for name in names
        for one in parts(tree, name)
        for inner in ("", "actor", "individual")
        if not inner or inner in one
    )


def together(first: tuple[Wording, ...], *more: tuple[Wording, ...]) -> tuple[Wording, ...]:
    """All of them, each once: who is already named with what they are is not named again as something else."""
    found, named = list(first), {_who(one) for one in first}
    for one in (one for some in more for one in some):
        if _who(one) not in named:
            named.add(_who(one))
            found.append(one)
    return tuple(found)


def _who(words: Wording) -> str:
    return words.nl.rpartition(" (")[0] if words.nl.endswith(")") and " (" in words.nl else words.nl


def resolve(reference: object, tree: Tree, follow: Follow) -> Tree | None:
    """The record that a reference leads to: inside the record itself, or at the same holder."""
    target = text(reference, "reference")
    if target.startswith("#"):
        return next((one for one in parts(tree, "contained") if text(one, "id") == target[1:]), None)
    return follow(target) if target else None


def party(reference: object, tree: Tree, follow: Follow, *, speaks: bool = False) -> Wording | None:
    """Somebody by name and by what they are; in the record's own words where nothing else is there. None: nobody is named."""
    record = resolve(reference, tree, follow) or {}
    kind = text(record, "resourceType") or text(reference, "type") or text(reference, "reference").rpartition("/")[0].rpartition("/")[2]
    name, told = _name(record), text(reference, "display")
    if kind == "PractitionerRole":
        person = part(record, "practitioner")
        name = _name(resolve(person, record, follow) or {}) or text(person, "display")
    role = _role(kind, record, speaks=speaks)
    if not (name or told or kind == "Patient"):
        return None
    who = name or told
    if role is None or not who:
        return role or Wording(who, who)
    # The record's own words for a person often say what they are; twice is no clearer.
    return Wording(f"{who} ({role.nl})", f"{who} ({role.en})")


def _role(kind: str, record: Tree, *, speaks: bool) -> Wording | None:
    if kind == "Patient":
        return _PATIENT
    if kind == "RelatedPerson":
        relations = [one for relation in parts(record, "relationship") for one in codings(relation)]
        if speaks or any(one[:2] == _LEGAL for one in relations):
            return _REPRESENTATIVE
        return _CONTACT
    told = (words_of(record.get("specialty")) or words_of(record.get("code"))) if kind == "PractitionerRole" else ""
    return Wording(told, told) if told else None


def _name(record: Tree) -> str:
    """The first name that has words; of an organisation its only one."""
    if isinstance(record.get("name"), str):
        return text(record, "name")
    for one in parts(record, "name"):
        given = one.get("given")
        first = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
        found = text(one, "text") or " ".join(filter(None, [*first, text(one, "family")]))
        if found:
            return found
    return ""


def _once(found: Iterator[Wording | None]) -> tuple[Wording, ...]:
    return tuple(dict.fromkeys(one for one in found if one is not None))
