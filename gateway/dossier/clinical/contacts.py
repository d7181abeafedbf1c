"""Whom to call: the representative and others near the person, and the general practitioner, as records and register know them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from accord.terms.parties import DataHolder
from accord.terms.vocabulary import HolderKind, Section
from gateway.dossier.clinical.groups import Standing
from gateway.dossier.clinical.lines import Line
from gateway.dossier.clinical.moments import moment_of
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


_PLACES: Final = {role: place for place, role in enumerate(ContactRole)}


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
    found = [
        contact
        for thread in view.threads(Section.PERSON)
        for group in thread.groups
        if group.standing is Standing.VALID
        for line in group.lines
        for contact in _of_line(view, line)
    ]
    if not any(contact.role is ContactRole.GENERAL_PRACTITIONER and contact.telephones for contact in found):
        practices = [holder for holder in holders if holder.kind is HolderKind.GP_PRACTICE]
        found += [Contact(ContactRole.GP_PRACTICE, one.title, "", (one.telephone,) if one.telephone else (), None) for one in practices]
    return tuple(sorted(_once(found), key=lambda one: (_PLACES[one.role], not one.telephones, one.name, one.telephones)))


def _once(found: Iterable[Contact]) -> Iterator[Contact]:
    """Each once, in the most urgent role, with all numbers under which somebody knows them. Without a name the number tells who is who."""
    seen: defaultdict[object, list[Contact]] = defaultdict(list)
    for contact in sorted(found, key=lambda one: _PLACES[one.role]):
        seen[contact.name.casefold() or (contact.telephones, contact.relation)].append(contact)
    for same in seen.values():
        yield replace(same[0], telephones=tuple(dict.fromkeys(number for one in same for number in one.telephones)))


def _of_line(view: ClinicalView, line: Line) -> Iterator[Contact]:
    tree = view.tree(line)
    if line.origin.type == "RelatedPerson":
        if tree.get("active") is not False and not _is_over(view, tree):
            yield _relative(view, tree, line)
        return
    for contact in parts(tree, "contact"):
        if not _is_over(view, contact):
            yield _relative(view, contact, line)
    follow = view.follow(line, tree)
    for reference in parts(tree, "generalPractitioner"):
        named = follow(text(reference, "reference")) or {}
        practitioner = follow(text(named, "practitioner", "reference")) or named
        name = text(reference, "display") or _name(practitioner)
        if name:
            yield Contact(ContactRole.GENERAL_PRACTITIONER, name, "", _telephones(named) or _telephones(practitioner), line)


def _is_over(view: ClinicalView, tree: Tree) -> bool:
    """Whether somebody was a contact, and is none any more: a former representative is not called."""
    until = moment_of(text(tree, "period", "end"))
    return until is not None and until.end <= view.at.timestamp() * 1000


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
