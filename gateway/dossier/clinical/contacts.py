"""Whom to call: the representative and others near the person, and the general practitioner, as records and register know them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from accord.terms.parties import DataHolder
from accord.terms.vocabulary import HolderKind, Section
from gateway.dossier.clinical.groups import Standing
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.trees import Tree, codings, parts, text, words_of
from gateway.dossier.clinical.view import ClinicalView


class ContactRole(StrEnum):
    """In which role somebody is called, the most urgent first."""

    REPRESENTATIVE = "representative"
    FIRST_CONTACT = "first-contact"
    RELATIVE = "relative"
    GENERAL_PRACTITIONER = "general-practitioner"
    #: A practice that answered, where no record names a general practitioner.
    GP_PRACTICE = "gp-practice"


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody to call. `relation` is the record's own word; `telephones` may be none. `line` is where it stands, if a record says it."""

    role: ContactRole
    name: str
    relation: str
    telephones: tuple[str, ...]
    line: Line | None


def contacts(view: ClinicalView, holders: Iterable[DataHolder]) -> tuple[Contact, ...]:
    """Everybody to call, by role; *holders* are those that answered."""
    found: dict[tuple[ContactRole, str], Contact] = {}
    for thread in view.threads(Section.PERSON):
        for group in thread.groups:
            if group.standing is Standing.VALID:
                for line in group.lines:
                    for contact in _of_line(view, line):
                        found.setdefault((contact.role, contact.name.casefold()), contact)
    if not any(role is ContactRole.GENERAL_PRACTITIONER for role, _ in found):
        for holder in holders:
            if holder.kind is HolderKind.GP_PRACTICE:
                contact = Contact(ContactRole.GP_PRACTICE, holder.title, "", (holder.telephone,) if holder.telephone else (), None)
                found.setdefault((contact.role, contact.name), contact)
    places = {role: place for place, role in enumerate(ContactRole)}
    return tuple(sorted(_once(found.values()), key=lambda one: (places[one.role], not one.telephones, one.name)))


def _once(found: Iterable[Contact]) -> Iterator[Contact]:
    """Who is called in two roles stands there in the more urgent one."""
    places = {role: place for place, role in enumerate(ContactRole)}
    seen: set[str] = set()
    for contact in sorted(found, key=lambda one: places[one.role]):
        if contact.name.casefold() not in seen:
            seen.add(contact.name.casefold())
            yield contact


def _of_line(view: ClinicalView, line: Line) -> Iterator[Contact]:
    tree = view.tree(line)
    if line.origin.type == "RelatedPerson":
        yield _relative(view, tree, line)
        return
    for contact in parts(tree, "contact"):
        yield _relative(view, contact, line)
    follow = view.follow(line, tree)
    for reference in parts(tree, "generalPractitioner"):
        named = follow(text(reference, "reference")) or {}
        practitioner = follow(text(named, "practitioner", "reference")) or named
        name = text(reference, "display") or _name(practitioner)
        if name:
            yield Contact(ContactRole.GENERAL_PRACTITIONER, name, "", _telephones(named) or _telephones(practitioner), line)


def _relative(view: ClinicalView, tree: Tree, line: Line) -> Contact:
    relationship = tree.get("relationship")
    known = (view.table.of(system, code) for system, code, _ in codings(relationship))
    roles = {role for concept in known if concept is not None for role in concept.roles}
    role = next((role for role in (ContactRole.REPRESENTATIVE, ContactRole.FIRST_CONTACT) if role.value in roles), ContactRole.RELATIVE)
    relations = dict.fromkeys(word for one in parts({"of": relationship}, "of") if (word := words_of(one)))
    return Contact(role, _name(tree), ", ".join(relations), _telephones(tree), line)


def _name(tree: Tree) -> str:
    if text(tree, "name"):
        return text(tree, "name")
    for name in parts(tree, "name"):
        given = name.get("given")
        words = [*(one for one in (given if isinstance(given, list) else []) if isinstance(one, str)), text(name, "family")]
        if found := text(name, "text") or " ".join(filter(None, words)):
            return found
    return ""


def _telephones(tree: Tree) -> tuple[str, ...]:
    numbers = (text(one, "value") for one in parts(tree, "telecom") if text(one, "system") == "phone" and text(one, "use") != "old")
    return tuple(dict.fromkeys(filter(None, numbers)))
