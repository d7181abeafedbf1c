"""What a record says about itself, read in one partial decode.

The agent computes columns from it, disclosure and scope decide on it. The record's bytes are never written
again: whatever is read here, the bytes go out as they came.
"""

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final

import msgspec

from accord.rules.moments import interval
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_OID, BSN_SYSTEM, is_logical_id
from accord.terms.queries import NO_TIME
from accord.terms.records import ADVANCE_DIRECTIVE_CODES, OBSERVATION_CATEGORIES, TYPE_BY_NAME, ResourceType
from accord.terms.vocabulary import CareCategory

BSN_SYSTEMS: Final = frozenset({BSN_SYSTEM, BSN_OID})


class _Part(msgspec.Struct, gc=False):
    """Base of the partial shapes: every member may be missing."""


class Coding(_Part):
    """FHIR Coding, as far as decisions need it."""

    system: str = ""
    code: str = ""


class Concept(_Part):
    """FHIR CodeableConcept, as far as decisions need it."""

    coding: list[Coding] = []
    text: str = ""


class Identifier(_Part):
    """FHIR Identifier, as far as decisions need it."""

    system: str = ""
    value: str = ""


class Period(_Part):
    """FHIR Period."""

    start: str = ""
    end: str = ""


class Meta(_Part, rename="camel"):
    """FHIR Meta, as far as decisions need it."""

    last_updated: str = ""


Moment = str | Period
Raw = msgspec.Raw
_NO_RAW = msgspec.Raw(b"")


class Record(_Part):
    """The members of any resource that decisions, columns and search look at. Names are FHIR's own."""

    resourceType: str
    id: str = ""
    meta: Meta | None = None
    identifier: list[Identifier] | Identifier | None = None
    status: str | None = None
    clinicalStatus: str | Concept | None = None
    verificationStatus: str | Concept | None = None
    category: Raw = _NO_RAW
    code: Raw = _NO_RAW
    type: Raw = _NO_RAW
    vaccineCode: Raw = _NO_RAW
    medicationCodeableConcept: Raw = _NO_RAW
    codeCodeableConcept: Raw = _NO_RAW
    relationship: Raw = _NO_RAW
    serviceType: Raw = _NO_RAW
    description: Raw = _NO_RAW
    reasonCode: Raw = _NO_RAW
    procedureCode: Raw = _NO_RAW
    activity: Raw = _NO_RAW
    event: Raw = _NO_RAW
    morphology: Raw = _NO_RAW
    itemCodeableConcept: Raw = _NO_RAW
    purpose: Raw = _NO_RAW
    connectionType: Raw = _NO_RAW
    scope: Raw = _NO_RAW
    subject: Raw = _NO_RAW
    patient: Raw = _NO_RAW
    beneficiary: Raw = _NO_RAW
    individual: Raw = _NO_RAW
    participant: Raw = _NO_RAW
    target: Raw = _NO_RAW
    deliverTo: Raw = _NO_RAW
    candidate: Raw = _NO_RAW
    agent: Raw = _NO_RAW
    link: Raw = _NO_RAW
    member: Raw = _NO_RAW
    actor: Raw = _NO_RAW
    for_: Raw = msgspec.field(default=_NO_RAW, name="for")
    birthDate: str = ""
    effectiveDateTime: str = ""
    effectiveInstant: str = ""
    effectivePeriod: Period | None = None
    onsetDateTime: str = ""
    onsetPeriod: Period | None = None
    recordedDate: str = ""
    lastOccurrence: str = ""
    issued: str = ""
    authoredOn: str = ""
    authored: str = ""
    whenHandedOver: str = ""
    whenPrepared: str = ""
    dateAsserted: str = ""
    performedDateTime: str = ""
    performedPeriod: Period | None = None
    period: Period | list[Period] | None = None
    occurrenceDateTime: str = ""
    occurrencePeriod: Period | None = None
    recorded: str = ""
    date: str = ""
    dateTime: str = ""
    created: str = ""
    createdDateTime: str = ""
    sent: str = ""
    received: str = ""
    start: str = ""
    started: str = ""
    startDate: str = ""
    statusDate: str = ""
    timingDateTime: str = ""
    timingPeriod: Period | None = None
    receivedTime: str = ""
    recordedOn: str = ""
    dateWritten: str = ""
    lastModified: str = ""
    createdPeriod: Period | None = None
    servicePeriod: Period | None = None
    occurredDateTime: str = ""
    occurredPeriod: Period | None = None
    identifiedDateTime: str = ""
    identifiedPeriod: Period | None = None
    detected: str = ""
    enteredDate: str = ""
    valueQuantity: Raw = _NO_RAW
    valueString: str | None = None
    valueCodeableConcept: Raw = _NO_RAW

    @property
    def kind(self) -> ResourceType | None:
        """The resource type as this product knows it; none for an unknown one."""
        return TYPE_BY_NAME.get(self.resourceType)

    @property
    def identifiers(self) -> list[Identifier]:
        """The business identifiers, one or many alike."""
        if self.identifier is None:
            return []
        return [self.identifier] if isinstance(self.identifier, Identifier) else self.identifier

    @property
    def entered_in_error(self) -> bool:
        """Whether the source says that this should never have been entered."""
        if self.status == "entered-in-error":
            return True
        status = self.verificationStatus
        if isinstance(status, Concept):
            return any(coding.code == "entered-in-error" for coding in status.coding)
        return status == "entered-in-error"


_decode_record = msgspec.json.Decoder(Record, strict=False).decode
_decode_concepts = msgspec.json.Decoder(list[Concept] | Concept | str, strict=False).decode
_decode_plain_codes = msgspec.json.Decoder(list[str] | str).decode


def read_record(text: bytes) -> Record:
    """Read what *text* says about itself. The record's other members are skipped, not checked.

    Raises:
        BadInput: `malformed-json` or `not-a-resource`; never with content.
    """
    try:
        return _decode_record(text)
    except msgspec.ValidationError:
        raise BadInput(Fault.NOT_A_RESOURCE) from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise BadInput(Fault.MALFORMED_JSON) from None


def check_record(record: Record) -> ResourceType:
    """The type of a record that may travel.

    Raises:
        BadInput: `unknown-type`, `missing-id` or `invalid-id`.
    """
    kind = record.kind
    if kind is None:
        raise BadInput(Fault.UNKNOWN_TYPE)
    if not record.id:
        raise BadInput(Fault.MISSING_ID)
    if not is_logical_id(record.id):
        raise BadInput(Fault.INVALID_ID)
    return kind


def concepts(raw: Raw) -> list[Concept]:
    """The concepts in an element that is a CodeableConcept, a list of them, or neither (then none)."""
    content = bytes(raw)
    if not content:
        return []
    try:
        value = _decode_concepts(content)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return []
    if isinstance(value, Concept):
        return [value]
    return value if isinstance(value, list) else []


def plain_codes(raw: Raw) -> list[str]:
    """The codes in an element that is a plain code or a list of them (AllergyIntolerance.category); none for another shape."""
    content = bytes(raw)
    if not content:
        return []
    try:
        value = _decode_plain_codes(content)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return []
    return [value] if isinstance(value, str) else value


def codings(raw: Raw) -> Iterator[Coding]:
    """The codings in an element that is a CodeableConcept or a list of them."""
    for concept in concepts(raw):
        yield from concept.coding


def category_of(record: Record, kind: ResourceType) -> CareCategory:
    """The care category of a record: by its type, and for Observation and Consent by its own category.

    An observation with several categories counts as the first known one in the fixed order of the list.
    """
    if kind.name == "Observation":
        found = {OBSERVATION_CATEGORIES.get((coding.system, coding.code)) for coding in codings(record.category)}
        known = [category for category in found if category is not None]
        return min(known, key=_CATEGORY_RANK.__getitem__) if known else kind.category
    if kind.name == "Consent" and any(coding.code in ADVANCE_DIRECTIVE_CODES for coding in codings(record.category)):
        return CareCategory.ADVANCE_DIRECTIVE
    return kind.category


_CATEGORY_RANK: Final = {category: rank for rank, category in enumerate(CareCategory)}


def moment_texts(record: Record, kind: ResourceType) -> tuple[str, str] | None:
    """Begin and end, as partial dates, of the element that holds the clinical moment; none when there is none."""
    for name in kind.moments:
        value = getattr(record, name, None)
        if isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, Period):
            if value.start or value.end:
                return value.start, value.end
        elif value:
            return value, value
    return None


def moment_interval(record: Record, kind: ResourceType) -> tuple[int, int] | None:
    """The clinical moment as an interval of milliseconds since 1970; an open period runs to the far past or future."""
    texts = moment_texts(record, kind)
    if texts is None:
        return None
    start, end = texts
    try:
        begin_ms = interval(start)[0] if start else -(2**62)
        end_ms = interval(end)[1] if end else 2**62
    except BadInput:
        return None
    return begin_ms, end_ms


def time_ms(record: Record, kind: ResourceType) -> int:
    """The clinical moment for ordering: the earliest millisecond it can mean; `NO_TIME` when there is none."""
    return _time_of(moment_texts(record, kind))


def _time_of(texts: tuple[str, str] | None) -> int:
    if texts is None:
        return NO_TIME
    try:
        return interval(texts[0] or texts[1])[0]
    except BadInput:
        return NO_TIME


def identifier_hint(record: Record) -> int:
    """A 64-bit hint over the business identifiers, whatever their order; 0 when there are none."""
    return _identifier_hint(_identifier_pairs(record))


def content_hint(record: Record, kind: ResourceType) -> int:
    """A 64-bit hint over what the record states: equal statements have equal hints.

    It looks at members whose text two holders share when they state the identical thing, whatever their logical
    ids. Different statements may collide by what is left out: a hint is confirmed on bytes before it counts.
    """
    return _content_hint(record, moment_texts(record, kind), _identifier_pairs(record), _packed_codes(_coded(record, kind)))


class Hints:
    """The same hints and the same moment, for all records of one answer: a dossier writes few different codes.

    Lives no longer than the answer, because what it remembers is content of records.
    """

    __slots__ = ("_packed",)

    def __init__(self) -> None:
        self._packed: dict[bytes, bytes] = {}

    def of(self, record: Record, kind: ResourceType) -> tuple[int, int, int]:
        """`time_ms`, `identifier_hint` and `content_hint` of a record."""
        raw = _coded(record, kind)
        codes = self._packed.get(raw)
        if codes is None:
            codes = _packed_codes(raw)
            if len(self._packed) < _REMEMBERED_CODES and len(raw) <= _REMEMBERED_BYTES:
                self._packed[raw] = codes
        texts, pairs = moment_texts(record, kind), _identifier_pairs(record)
        return _time_of(texts), _identifier_hint(pairs), _content_hint(record, texts, pairs, codes)


_REMEMBERED_CODES: Final = 1_024
_REMEMBERED_BYTES: Final = 2_048
#: Every part with its length before it: nothing can be shifted from one part to the next.
_pack: Final = msgspec.msgpack.Encoder().encode


def _identifier_pairs(record: Record) -> list[tuple[str, str]]:
    found = record.identifier
    if found is None:
        return []
    if isinstance(found, Identifier):
        return [(found.system, found.value)]
    pairs = [(one.system, one.value) for one in found]
    if len(pairs) > 1:
        pairs.sort()
    return pairs


def _identifier_hint(pairs: list[tuple[str, str]]) -> int:
    valued = [pair for pair in pairs if pair[1]]
    return _hint(_pack(valued)) if valued else 0


def _content_hint(record: Record, texts: tuple[str, str] | None, pairs: list[tuple[str, str]], codes: bytes) -> int:
    number = _number_text(record.valueQuantity)
    return _hint(_pack((record.resourceType, record.status, texts, pairs, codes, number, record.valueString)))


def _coded(record: Record, kind: ResourceType) -> bytes:
    return bytes(getattr(record, kind.coded, _NO_RAW))


def _packed_codes(raw: bytes) -> bytes:
    return _pack(sorted((coding.system, coding.code) for coding in codings(Raw(raw)))) if raw else _NO_CODES


_NO_CODES: Final = _pack([])


class _Quantity(_Part):
    value: Raw = _NO_RAW


_decode_quantity = msgspec.json.Decoder(_Quantity).decode


def _number_text(raw: Raw) -> bytes:
    content = bytes(raw)
    if not content:
        return b""
    try:
        return bytes(_decode_quantity(content).value)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return b""


def _hint(content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little") or 1


_REFERENCE: Final = re.compile(rb'(?<!\\)"reference"\s*:\s*"((?:[^"\\]|\\.)*)"')


def references(text: bytes) -> Iterator[bytes]:
    """Every reference string in a record, contained resources and extensions included, as it stands there."""
    for match in _REFERENCE.finditer(text):
        yield match.group(1)


def bsns_of(record: Record) -> set[str]:
    """The distinct BSNs among a record's business identifiers, as they stand there; a masked one has no value."""
    return {identifier.value for identifier in record.identifiers if identifier.system in BSN_SYSTEMS and identifier.value}


def raw_member(record: Record, name: str) -> bytes:
    """The bytes of a member that was kept raw; empty when it is not there."""
    value: Any = getattr(record, "for_" if name == "for" else name, _NO_RAW)
    return bytes(value) if isinstance(value, Raw) else b""
