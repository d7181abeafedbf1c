"""Whose record is it? What the owner element of a record says, by reference or by BSN."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from accord.rules.reading import BSN_SYSTEMS
from accord.terms.faults import BadInput
from accord.terms.identifiers import Bsn, RecordRef, is_logical_id
from accord.terms.records import ResourceType

Resolve = Callable[[str], RecordRef | None]


@dataclass(frozen=True, slots=True)
class Owners:
    """The Patients that a record names as its own, by logical id and by BSN; `elsewhere` when one cannot be found here."""

    patients: tuple[str, ...] = ()
    bsns: tuple[str, ...] = ()
    elsewhere: bool = False

    def __bool__(self) -> bool:
        return bool(self.patients or self.bsns)


def owners_of(content: dict[str, Any], kind: ResourceType, resolve: Resolve, bases: tuple[str, ...]) -> Owners:
    """Who a record is about, by the element of its type that says so; references are read as *resolve* reads them."""
    patients: dict[str, None] = {}
    bsns: dict[str, None] = {}
    elsewhere = False
    for reference in _references(content.get(kind.owner)):
        text = reference.get("reference")
        if isinstance(text, str):
            if text.startswith("#"):
                bsns |= dict.fromkeys(_contained(content, text[1:]))
                continue
            found = resolve(text) or local_reference(text, bases)
            if found is None:
                elsewhere = elsewhere or "Patient/" in text or text.startswith(("urn:", "Patient?"))
            elif found.type == "Patient":
                patients[found.id] = None
            continue
        bsns |= dict.fromkeys(valid_bsns(reference.get("identifier")))
    return Owners(tuple(patients), tuple(bsns), elsewhere)


def local_reference(text: str, bases: tuple[str, ...]) -> RecordRef | None:
    """The record that a reference points to: relative, or below one of our own bases; of a version, the record itself."""
    for base in bases:
        if text.startswith(base):
            text = text.removeprefix(base)
            break
    kind, _, logical_id = text.partition("/_history/")[0].partition("/")
    if not is_logical_id(logical_id) or not (kind.isascii() and kind.isalpha()):
        return None
    return RecordRef(kind, logical_id)


def valid_bsns(identifiers: Any) -> list[str]:
    """The BSNs among business identifiers that pass the eleven-test, each once."""
    found: dict[str, None] = {}
    for identifier in identifiers if isinstance(identifiers, list) else [identifiers]:
        if isinstance(identifier, dict) and identifier.get("system") in BSN_SYSTEMS and isinstance(identifier.get("value"), str):
            try:
                found[Bsn(identifier["value"]).value] = None
            except BadInput:
                continue
    return list(found)


def claims_a_bsn(identifiers: Any) -> bool:
    """Whether there is an identifier that says it is a BSN."""
    return isinstance(identifiers, list) and any(isinstance(item, dict) and item.get("system") in BSN_SYSTEMS for item in identifiers)


def merged_with(content: dict[str, Any], resolve: Resolve, bases: tuple[str, ...]) -> list[str]:
    """The logical ids of the Patients that a Patient replaces or is replaced by. A see-also is not a merge."""
    links = content.get("link")
    found = []
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("type") in ("replaces", "replaced-by") and isinstance(link.get("other"), dict):
            text = link["other"].get("reference")
            ref = (resolve(text) or local_reference(text, bases)) if isinstance(text, str) else None
            if ref is not None and ref.type == "Patient":
                found.append(ref.id)
    return found


def _references(element: Any) -> Iterator[dict[str, Any]]:
    """Every Reference in an element, at any depth: participant.actor, member.entity, link.target."""
    if isinstance(element, dict) and isinstance(element.get("reference"), str) and "extension" not in element:
        yield element  # nearly always
        return
    pending = [element]
    while pending:
        item = pending.pop(0)
        if isinstance(item, dict):
            if isinstance(item.get("reference"), str) or isinstance(item.get("identifier"), dict):
                yield item
            pending += [value for value in item.values() if isinstance(value, dict | list)]
        elif isinstance(item, list):
            pending += item


def _contained(content: dict[str, Any], local_id: str) -> list[str]:
    contained = content.get("contained")
    for resource in contained if isinstance(contained, list) else []:
        if isinstance(resource, dict) and resource.get("resourceType") == "Patient" and resource.get("id") == local_id:
            return valid_bsns(resource.get("identifier"))
    return []
