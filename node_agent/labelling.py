"""What decides on a record besides its kind: its security labels, its codes, who wrote it, and what it refers to.

A sensitive label withholds whole records, also those that only hold or show what is labelled. What a record holds is a
closed list, `CONTENTS`: what is contained in it, and what it leads to by elements without which it says nothing. Any other
reference may dangle: a reason (`reasonReference`), an encounter, what a request is based on, a focus, a plan's activity, a
replaced document. So may what no name at this holder stands for: a reference to elsewhere, by identifier, or by search.
The bytes of an attachment (`Binary`) are not looked into: the record that shows them bears their label.
"""

import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from accord.rules.labels import CONFIDENTIALITY, Label, plain
from accord.rules.question import Interval
from accord.rules.reading import Meta, Raw, Record, moment_interval
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import RecordRef, record_ref
from accord.terms.records import TYPE_BY_NAME, ResourceType

#: Type and element -> why whoever may not see what it leads to may not see the record. Every reference inside the element counts.
CONTENTS: Final[dict[str, dict[str, str]]] = {
    "MedicationRequest": {"medicationReference": "it is what is prescribed"},
    "MedicationDispense": {"medicationReference": "it is what was handed over"},
    "MedicationStatement": {"medicationReference": "it is what is used"},
    "MedicationAdministration": {"medicationReference": "it is what was given"},
    "Medication": {"ingredient": "it is what the medicine is made of"},
    "Observation": {
        "hasMember": "a group of findings is the findings in it",
        "derivedFrom": "the outcome tells what it was worked out from",
    },
    "DiagnosticReport": {"result": "a report is its results", "media": "a report is its pictures"},
    "DocumentReference": {"content": "it is the document"},
    "DocumentManifest": {"content": "it is the documents"},
    "Composition": {"section": "a document is its sections, with what stands in them"},
    "List": {"entry": "a list is what stands in it"},
}
#: Elements that are labels by another name, each with the system of its code; empty where it is a concept of its own.
_LABEL_ELEMENTS: Final = {"DocumentReference": ("securityLabel", ""), "Composition": ("confidentiality", CONFIDENTIALITY)}
#: Elements that name who wrote a record (FHIR's pattern `author`, and what stands for it where a type has none).
_AUTHORS: Final = ("author", "recorder", "requester", "asserter", "informationSource", "assessor")
_PERFORMED: Final = {"Observation": ("performer",), "DiagnosticReport": ("performer", "resultsInterpreter")}
_PEOPLE: Final = frozenset({"Practitioner", "Patient", "RelatedPerson", "Organization", "Device"})
#: Marks single elements (Data Segmentation for Privacy): the record holds them, so it bears their labels.
_INLINE: Final = "inline-sec-label"
#: What nobody can read in a label is taken for the most confidential.
_DOUBT: Final[Label] = (CONFIDENTIALITY, "")
_NONE: Final[frozenset[Label]] = frozenset()

_NOTHING: Final = msgspec.Raw(b"")
_POINTER: Final = re.compile(rb'"(?:reference|url)"\s*:\s*"((?:[^"\\]|\\.)*)"')
#: Elements by which a record may bear a label or lead to one, as they stand in bytes; and an escaped letter, that could hide them.
_MARKS: Final = (b'"security', b'"confidentiality"', *(f'"{element}"'.encode() for element in sorted({one for many in CONTENTS.values() for one in many})))
_ESCAPED: Final = re.compile(rb"\\u00[4-7]")


class _Meta(Meta, gc=False, rename="camel"):
    security: Raw = _NOTHING


class Looked(Record, gc=False):
    """A record read with all that this module looks at: no second look is needed where there is nothing of it."""

    meta: _Meta | None = None
    contained: Raw = _NOTHING
    confidentiality: Raw = _NOTHING
    medicationReference: Raw = _NOTHING
    ingredient: Raw = _NOTHING
    hasMember: Raw = _NOTHING
    derivedFrom: Raw = _NOTHING
    result: Raw = _NOTHING
    media: Raw = _NOTHING
    content: Raw = _NOTHING
    section: Raw = _NOTHING
    entry: Raw = _NOTHING


class Traits(NamedTuple):
    """What is known of a record, or of all that it holds: see `accord.rules.question.RecordTraits`."""

    labels: frozenset[Label] = _NONE
    codes: frozenset[Label] | None = None
    moment: Interval | None = None
    authors: frozenset[str] | None = None
    refers_to: frozenset[str] | None = None


def look(text: bytes) -> Looked:
    """Read what *text* says about itself, as `accord.rules.reading.read_record` does.

    Raises:
        BadInput: `malformed-json` or `not-a-resource`.
    """
    try:
        return _decode(text)
    except msgspec.ValidationError:
        raise BadInput(Fault.NOT_A_RESOURCE) from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise BadInput(Fault.MALFORMED_JSON) from None


def may_bear_labels(text: bytes, record: Looked) -> bool:
    """Whether a record, or something contained in it, might bear a label.

    The bytes are looked at and not only what was read of them: of a member that stands twice, the first counts too.
    """
    if b'"security' in text or record.confidentiality:
        return True
    return (record.meta is not None and bool(record.meta.security)) or (bool(record.contained) and holds_more(record.contained))


def may_hide_labels(text: bytes) -> bool:
    """Whether a record that nobody can read might bear a label, or hold something that does."""
    return any(mark in text for mark in _MARKS) or _ESCAPED.search(text) is not None


def holds_more(contained: Raw) -> bool:
    """Whether what is contained in a record bears labels or leads to other records, or cannot be read."""
    content = bytes(contained)
    if b"\\u00" in content and _ESCAPED.search(content):
        return True
    try:
        held = _decode_held(content)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return True
    return any(bool(raw) for one in held for raw in msgspec.structs.astuple(one))


def labels_of(text: bytes, name: str) -> tuple[frozenset[Label], frozenset[Label]]:
    """The labels of a record itself, and those with all that is contained in it. What cannot be read is a label of its own.

    Raises:
        BadInput: `malformed-json`.
    """
    if name not in _LABEL_ELEMENTS and text.count(b'"security') == 1 and b"\\u00" not in text and _INLINE.encode() not in text:
        try:
            codings = _decode_labelled(text).meta.security
        except (msgspec.DecodeError, ValueError, RecursionError):
            codings = []
        # The word stands in one place, and it is this one.
        if codings:
            own = frozenset(plain(coding.system, coding.code) if coding.system and coding.code else _DOUBT for coding in codings)
            return own, own
    return _labels_in(_every_member(text), name)


def traits_of(text: bytes, record: Record, kind: ResourceType, bases: tuple[str, ...]) -> tuple[Traits, Traits]:
    """All that choices can tell records apart by, of a record itself and with all that is contained in it.

    Authors are known where each is a person or organisation by name: who is behind a role is not looked up.
    """
    whole = _every_member(text)
    own = {key: values for key, values in whole.items() if key != "contained"}
    labels, all_labels = _labels_in(whole, kind.name)
    moment, authors = moment_interval(record, kind), _authors_of(own, kind.name, bases)
    refers_to = frozenset(str(ref) for written in _values(whole, "reference") if (ref := local_ref(written, bases)))
    return Traits(labels, _codes(own), moment, authors, refers_to), Traits(all_labels, _codes(whole), moment, authors, refers_to)


def references_of(text: bytes, bases: tuple[str, ...]) -> frozenset[str]:
    """The names at this holder of all that a record refers to."""
    return frozenset(str(ref) for written in _values(_every_member(text), "reference") if (ref := local_ref(written, bases)))


def contents_of(text: bytes, record: Looked, bases: tuple[str, ...], fine: Mapping[str, bool] = MappingProxyType({})) -> tuple[RecordRef, ...]:
    """The records at this holder without which this one says nothing, by `CONTENTS`: also those of what is contained in it.

    Left out are those that are `fine` by name: a report mostly comes after its results.

    Raises:
        BadInput: `malformed-json`.
    """
    inside = [raw for element in CONTENTS.get(record.resourceType, ()) if (raw := bytes(getattr(record, element)))]
    holds = bool(record.contained) and holds_more(record.contained)
    if not inside and not holds:
        return ()
    if holds or any(b"\\u" in raw for raw in inside):
        return _local(_written_in(_every_member(text), record.resourceType), bases)
    written = (found.decode("utf-8", "replace").replace("\\/", "/") for raw in inside for found in _POINTER.findall(raw))
    return _local((one for one in written if not fine.get(one)), bases)


def local_ref(written: str, bases: tuple[str, ...]) -> RecordRef | None:
    """The record at this holder that a reference names, of whatever version; none for one elsewhere, or of no known type."""
    base = next((base for base in bases if written.startswith(f"{base}/")), "")
    try:
        ref = record_ref(written[len(base) + 1 if base else 0 :].partition("/_history/")[0])
    except BadInput:
        return None
    return ref if ref.type in TYPE_BY_NAME else None


class _Coding(msgspec.Struct, gc=False):
    system: str = ""
    code: str = ""


class _Security(msgspec.Struct, gc=False):
    security: list[_Coding] = []


class _Labelled(msgspec.Struct, gc=False):
    meta: _Security = msgspec.field(default_factory=_Security)


#: What a record is looked at for beyond what decides on every record. A `security` inside it is seen by the look at the bytes.
_HELD: Final = [name for name in Looked.__struct_fields__ if name not in Record.__struct_fields__]
_decode_held: Final = msgspec.json.Decoder(list[msgspec.defstruct("_Held", [(name, Raw, _NOTHING) for name in _HELD], gc=False)]).decode  # type: ignore[misc]
_decode: Final = msgspec.json.Decoder(Looked, strict=False).decode
_decode_labelled: Final = msgspec.json.Decoder(_Labelled).decode

_Object = dict[str, list[Any]]
"""An object with every value of each of its members: one that stands twice must not hide what it said first."""


def _every_member(text: bytes) -> _Object:
    """Read a record, slowly and surely.

    Raises:
        BadInput: `malformed-json`.
    """
    try:
        whole = json.loads(text, object_pairs_hook=_paired)
    except (ValueError, RecursionError):
        raise BadInput(Fault.MALFORMED_JSON) from None
    if not isinstance(whole, dict):
        raise BadInput(Fault.MALFORMED_JSON)
    return whole


def _paired(pairs: list[tuple[str, Any]]) -> _Object:
    found: _Object = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _inside(value: Any) -> Iterator[_Object]:
    """Every object at any depth."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield item
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def _values(value: Any, *names: str) -> Iterator[str]:
    """Every text that is a member of one of these names, at any depth."""
    return (text for item in _inside(value) for name in names for text in item.get(name, ()) if isinstance(text, str))


def _labels_in(whole: _Object, name: str) -> tuple[frozenset[Label], frozenset[Label]]:
    own = frozenset((*_borne(whole, name), *_inline_labels({key: values for key, values in whole.items() if key != "contained"})))
    held = frozenset(label for item in _inside(whole.get("contained", [])) for label in _borne(item, _type_of(item)))
    return own, own | held | frozenset(_inline_labels(whole))


def _type_of(item: _Object) -> str:
    return next((name for name in item.get("resourceType", ()) if isinstance(name, str)), "")


def _borne(item: _Object, name: str) -> Iterator[Label]:
    """The labels that a resource bears by its own elements."""
    for meta in item.get("meta", ()):
        for security in meta.get("security", ()) if isinstance(meta, dict) else (None,):
            yield from _labels(security)
    element, system = _LABEL_ELEMENTS.get(name, ("", ""))
    for value in item.get(element, ()):
        if system:
            yield (system, value) if isinstance(value, str) else _DOUBT
        else:
            # A list of concepts; where one holds no coding, its text cannot be read.
            for concept in value if isinstance(value, list) else [value]:
                for coding in concept.get("coding", (None,)) if isinstance(concept, dict) else (None,):
                    yield from _labels(coding)


def _inline_labels(value: Any) -> Iterator[Label]:
    for item in _inside(value):
        if any(isinstance(url, str) and _INLINE in url for url in item.get("url", ())):
            for coding in item.get("valueCoding", (None,)):
                yield from _labels([coding])


def _labels(security: Any) -> Iterator[Label]:
    if not isinstance(security, list):
        yield _DOUBT
        return
    for coding in security:
        found = set(_codings(coding)) if isinstance(coding, dict) else set()
        yield from (plain(system, code) if system else _DOUBT for system, code in found or {("", "")})


def _codings(item: _Object) -> Iterator[Label]:
    systems = [system for system in item.get("system", ()) if isinstance(system, str)] or [""]
    return ((system, code) for code in item.get("code", ()) if isinstance(code, str) and code for system in systems)


def _codes(whole: _Object) -> frozenset[Label]:
    """Every coding at any depth; labels and tags are none of what a record says."""
    return frozenset(label for item in _inside({key: values for key, values in whole.items() if key != "meta"}) for label in _codings(item))


def _authors_of(own: _Object, name: str, bases: tuple[str, ...]) -> frozenset[str] | None:
    named = [value for element in (*_AUTHORS, *_PERFORMED.get(name, ())) for value in own.get(element, ())]
    people = [person for value in named for person in (value if isinstance(value, list) else [value])]
    refs = [_named_by(person, bases) for person in people]
    found = frozenset(str(ref) for ref in refs if ref is not None and ref.type in _PEOPLE)
    return found if found and len(refs) == sum(ref is not None and ref.type in _PEOPLE for ref in refs) else None


def _named_by(person: Any, bases: tuple[str, ...]) -> RecordRef | None:
    written: list[Any] = person.get("reference", []) if isinstance(person, dict) else []
    return local_ref(written[0], bases) if len(written) == 1 and isinstance(written[0], str) else None


def _written_in(whole: _Object, name: str) -> Iterator[str]:
    for element in CONTENTS.get(name, ()):
        yield from _values(whole.get(element, []), "reference", "url")
    for item in _inside(whole.get("contained", [])):
        for element in CONTENTS.get(_type_of(item), ()):
            yield from _values(item.get(element, []), "reference", "url")


def _local(written: Iterator[str], bases: tuple[str, ...]) -> tuple[RecordRef, ...]:
    refs = (local_ref(one, bases) for one in written)
    return tuple(dict.fromkeys(ref for ref in refs if ref is not None and ref.type not in _NOT_FOLLOWED))


#: An attachment is decided on where it is fetched; a Patient record is what the answer is about.
_NOT_FOLLOWED: Final = frozenset({"Binary", "Patient"})
