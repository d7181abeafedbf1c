"""Is a record about this person, and about nobody else? This is promise P4.

The rule is wider than the patient compartment of FHIR R4 on purpose: *every* reference to a Patient anywhere in a
record, contained resources, extensions and logical references included, must be to the Patient record(s) of the
person asked for. A record that also names somebody else's record never travels.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote

from accord.rules.reading import BSN_SYSTEMS, Record, bsns_of, raw_member
from accord.rules.strictness import Json, strict_json
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, is_logical_id
from accord.terms.limits import MIB
from accord.terms.records import ResourceType

_ONE_ATTACHMENT_FREE_RECORD: Final = 16 * MIB


class Identity(StrEnum):
    """What a Patient record shows about who it is."""

    SAME = "same"
    UNVERIFIED = "unverified"
    OTHER = "other"


def identity_of(patient: Record, bsn: Bsn, birth_date: date | None) -> Identity:
    """Whether a Patient record is of the person asked for.

    Exactly one BSN, equal to the one asked for; the date of birth must be there, and equal to the one asked for
    where the data user gave one. A missing BSN or date leaves it unverified, and so does a year or a month in which
    the asked date falls; a different one makes it another's.
    """
    found = bsns_of(patient)
    if len(found) > 1 or (found and found != {bsn.value}):
        return Identity.OTHER
    if not found:
        return Identity.UNVERIFIED
    if not patient.birthDate:
        return Identity.UNVERIFIED
    if birth_date is None or patient.birthDate == birth_date.isoformat():
        return Identity.SAME
    is_part_of_it = patient.birthDate in (f"{birth_date:%Y}", f"{birth_date:%Y-%m}")
    return Identity.UNVERIFIED if is_part_of_it else Identity.OTHER


def check_about(text: bytes, kind: ResourceType, own: frozenset[str], bsn: Bsn) -> None:
    """Refuse a record that is not about this person, or also about another: the strict, slow path.

    *own* are the references to this person's Patient record(s) at the holder, as they may stand in a record:
    `Patient/7`, and the same behind the holder's own base addresses. A companion need name nobody; an
    implant (Device.patient) may name this person.

    Raises:
        BadInput: `other-patient`, `several-bsns`, or what `strict_json` raises.
    """
    content = strict_json(text, limit=_ONE_ATTACHMENT_FREE_RECORD)
    if not isinstance(content, dict):
        raise BadInput(Fault.NOT_A_RESOURCE)
    objects = _objects_in(content)
    # The record itself comes first; a Patient record is none of those inside it.
    contained = _contained_patients(objects[1:], bsn)
    if any(not _is_own(reference, own | contained, bsn) for reference in _patients_named(objects)):
        raise BadInput(Fault.OTHER_PATIENT)
    _check_bsns(objects, bsn)
    if kind.owner and not any(_is_own(r, own | contained, bsn) for r in _references(_objects_in(content.get(kind.owner)))):
        raise BadInput(Fault.OTHER_PATIENT)


def check_document(text: bytes, bsn: Bsn) -> None:
    """Refuse a Bundle that somebody made of a person's records when it does not name them by their number, or names another number anywhere.

    Raises:
        BadInput: `other-patient`, `identity-unverified`, `not-a-resource`, or what `strict_json` raises.
    """
    content = strict_json(text, limit=_ONE_ATTACHMENT_FREE_RECORD)
    if not isinstance(content, dict) or content.get("resourceType") != "Bundle":
        raise BadInput(Fault.NOT_A_RESOURCE)
    objects = _objects_in(content)
    _check_bsns(objects, bsn)
    if not any(item.get("system") in BSN_SYSTEMS and item.get("value") == bsn.value for item in objects):
        raise BadInput(Fault.IDENTITY_UNVERIFIED)


def owner_reference(record: Record, kind: ResourceType) -> bytes:
    """The bytes of the element that names the patient; empty when it is not there."""
    return raw_member(record, kind.owner) if kind.owner else b""


def _objects_in(value: Json) -> list[dict[str, Any]]:
    """Every object at any depth; *value* itself first, when it is one."""
    found: list[dict[str, Any]] = []
    pending: list[Json] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            found.append(item)
            # Numbers are a kind of text here: what is no text, object or list holds nothing.
            pending.extend(inner for inner in item.values() if type(inner) is not str)
        elif isinstance(item, list):
            pending.extend(item)
    return found


def _contained_patients(objects: Iterable[dict[str, Any]], bsn: Bsn) -> frozenset[str]:
    """Patient resources inside the record that are this very person (by BSN), as `#id` references.

    Raises:
        BadInput: `other-patient` for one that does not show to be this person.
    """
    fine = set()
    for item in objects:
        if item.get("resourceType") == "Patient":
            bsns = {value for system, value in _identifiers(item.get("identifier")) if system in BSN_SYSTEMS and value}
            if bsns != {bsn.value}:
                raise BadInput(Fault.OTHER_PATIENT)
            fine.add(f"#{item.get('id')}")
    return frozenset(fine)


def _patients_named(objects: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every Reference in the record that is, or may be, to a Patient."""
    for reference in _references(objects):
        if (
            _may_be_to_a_patient(reference.get("reference"))
            or _names_the_patient_type(reference.get("type"))
            or any(system in BSN_SYSTEMS for system, _ in _identifiers(reference.get("identifier")))
        ):
            yield reference


def _may_be_to_a_patient(text: Json) -> bool:
    if not isinstance(text, str):
        return False
    # A server may take `Patient%2F9` for `Patient/9`; `Patient?name=…` is whoever it finds.
    plain = unquote(text)
    return "Patient/" in plain or "Patient?" in plain


def _names_the_patient_type(text: Json) -> bool:
    # R4 allows the canonical URL of the type.
    return isinstance(text, str) and (text == "Patient" or text.endswith("/Patient"))


def _references(objects: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every one of these that has the shape of a Reference."""
    for item in objects:
        # Somebody may be named by a display alone. A type alone names nobody: a DataRequirement has one.
        if "reference" in item or ("resourceType" not in item and ("identifier" in item or ("type" in item and "display" in item))):
            yield item


def _is_own(reference: dict[str, Any], own: frozenset[str], bsn: Bsn) -> bool:
    # A masked BSN has no value, and says nothing either way.
    bsns = {value for system, value in _identifiers(reference.get("identifier")) if system in BSN_SYSTEMS and value}
    text = reference.get("reference")
    if isinstance(text, str):
        record, history, version = text.partition("/_history/")
        return record in own and bsns <= {bsn.value} and (not history or is_logical_id(version))
    return bsns == {bsn.value}


def _identifiers(value: Json) -> Iterator[tuple[str, str]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield str(item.get("system", "")), str(item.get("value", ""))


def _check_bsns(objects: Iterable[dict[str, Any]], bsn: Bsn) -> None:
    """No BSN but this one, anywhere an identifier can stand.

    Raises:
        BadInput: `other-patient`.
    """
    for item in objects:
        # The same system makes a BSN of a Coding's code.
        if "system" in item and str(item["system"]) in BSN_SYSTEMS and any(item[key] != bsn.value for key in ("value", "code") if key in item):
            raise BadInput(Fault.OTHER_PATIENT)
