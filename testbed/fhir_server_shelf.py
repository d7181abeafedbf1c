"""The records of a simulated FHIR server: in memory, as given, found by type, id, patient and identifier."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from accord.rules import reading
from accord.rules.moments import interval
from accord.terms.faults import BadInput
from accord.terms.records import TYPE_BY_NAME
from node_agent.converting.names import RENAMED_TYPES
from testbed.fhir_server_places import PLACE_TYPES, fits

Parameters = Sequence[tuple[str, str]]

_PATIENT: Final = re.compile(rb"(?:^|/)Patient/([A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?$")
_PREFIXES: Final = ("ge", "gt", "le", "lt", "eq")
#: Parameters that mean "about this patient"; R4 spells them differently per type.
ABOUT: Final = frozenset({"patient", "subject", "beneficiary", "member", "actor"})
#: Parameters that shape the answer instead of selecting from it.
SHAPING: Final = frozenset({"_count", "_elements", "_format", "_pretty", "_total", "_sort"})


class UnknownParameter(Exception):
    """A search parameter that this server does not know, by name."""


class Kept(NamedTuple):
    """A record as given, with what it is found by."""

    type: str
    id: str
    body: bytes
    updated_ms: int


class Shelf:
    """Records by what they are searched for."""

    def __init__(self, records: Iterable[bytes]) -> None:
        self.by_ref: dict[tuple[str, str], Kept] = {}
        self._of_type: defaultdict[str, list[Kept]] = defaultdict(list)
        self._about: defaultdict[tuple[str, str], list[Kept]] = defaultdict(list)
        self._identified: defaultdict[tuple[str, str, str], list[Kept]] = defaultdict(list)
        self._linked: defaultdict[str, list[Kept]] = defaultdict(list)
        for body in records:
            self._put(body)

    @property
    def types(self) -> frozenset[str]:
        """The types of which there are records, and Patient."""
        return frozenset(self._of_type) | {"Patient"}

    def _put(self, body: bytes) -> None:
        record = reading.read_record(body)
        kept = Kept(record.resourceType, record.id, body, _updated_ms(record))
        self.by_ref[kept.type, kept.id] = kept
        self._of_type[kept.type].append(kept)
        for identifier in record.identifiers:
            self._identified[kept.type, identifier.system, identifier.value].append(kept)
        kind = TYPE_BY_NAME.get(RENAMED_TYPES.get(kept.type, kept.type))
        if kind is not None and kind.owner:
            for logical_id in _patients_in(reading.raw_member(record, kind.owner)):
                self._about[kept.type, logical_id].append(kept)
        elif kept.type == "Patient":
            for logical_id in _patients_in(reading.raw_member(record, "link")):
                self._linked[logical_id].append(kept)

    def take_places(self, records: Iterable[bytes]) -> None:
        """All that there is about places, instead of what there was.

        Raises:
            BadInput: One of them cannot be read.
        """
        fresh = Shelf(records)
        for kind in PLACE_TYPES:
            self.by_ref = {ref: kept for ref, kept in self.by_ref.items() if ref[0] != kind}
            self._of_type[kind] = []
        for kind in PLACE_TYPES & fresh.types:
            for kept in fresh._of_type[kind]:
                self._put(kept.body)

    def find(self, kind: str, parameters: Parameters, *, lenient: bool) -> list[Kept]:
        """The records of a type that fit all parameters, in the order in which they were given.

        Raises:
            UnknownParameter: Unless *lenient*.
            BadInput: A value cannot be read.
        """
        found: list[Kept] | None = None
        for name, value in parameters:
            if name in SHAPING:
                continue
            fitting = self._fitting(kind, name, value)
            if fitting is None:
                if lenient:
                    continue
                raise UnknownParameter(name)
            if found is None:
                found = fitting
            else:
                refs = {kept.id for kept in fitting}
                found = [kept for kept in found if kept.id in refs]
        return self._of_type.get(kind, []) if found is None else found

    def about_others(self, kind: str, logical_ids: set[str]) -> list[Kept]:
        """Records of a type about anybody but these patients."""
        return [kept for (name, owner), some in self._about.items() if name == kind and owner not in logical_ids for kept in some]

    def _fitting(self, kind: str, name: str, value: str) -> list[Kept] | None:
        values = value.split(",")
        if kind in PLACE_TYPES and (name != "actor" or not value.startswith("Patient/")):
            judged = [(kept, fits(kind, kept.body, name, value)) for kept in self._of_type.get(kind, ())]
            if judged and judged[0][1] is not None:
                return [kept for kept, is_fitting in judged if is_fitting]
        if name in ABOUT:
            ids = (one.removeprefix("Patient/") for one in values)
            return _once(kept for one in ids for kept in self._about.get((kind, one), ()))
        if name == "_id":
            return _once(self.by_ref[kind, one] for one in values if (kind, one) in self.by_ref)
        if name == "identifier":
            return _once(kept for one in values for kept in self._identified.get((kind, *_token(one)), ()))
        if name == "link" and kind == "Patient":
            return _once(kept for one in values for kept in self._linked.get(one.removeprefix("Patient/"), ()))
        if name in ("category", "code"):
            wanted = {_token(one) for one in values}
            return [kept for kept in self._of_type.get(kind, ()) if wanted & _coded(kept.body, name)]
        if name == "status":
            return [kept for kept in self._of_type.get(kind, ()) if reading.read_record(kept.body).status in values]
        if name == "_lastUpdated":
            return [kept for kept in self._of_type.get(kind, ()) if _was_updated(kept.updated_ms, value)]
        return None


def cut_to_elements(body: bytes, elements: Iterable[str]) -> bytes:
    """The resource with only these members and the mandatory ones; what stays keeps its bytes."""
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    wanted = {"resourceType", "id", "meta", *elements}
    return b"{" + b",".join(msgspec.json.encode(name) + b":" + bytes(value) for name, value in members.items() if name in wanted) + b"}"


def _patients_in(element: bytes) -> set[str]:
    matches = (_PATIENT.search(reference) for reference in reading.references(element))
    return {match.group(1).decode() for match in matches if match}


def _once(some: Iterable[Kept]) -> list[Kept]:
    return list({kept.id: kept for kept in some}.values())


def _coded(body: bytes, name: str) -> set[tuple[str, str]]:
    return {(coding.system, coding.code) for coding in reading.codings(getattr(reading.read_record(body), name))}


def _token(value: str) -> tuple[str, str]:
    system, _, code = value.rpartition("|")
    return system, code


def _was_updated(updated_ms: int, value: str) -> bool:
    prefix, moment = (value[:2], value[2:]) if value[:2] in _PREFIXES else ("eq", value)
    begin, end = interval(moment)
    return {
        "ge": updated_ms >= begin,
        "gt": updated_ms >= end,
        "le": updated_ms < end,
        "lt": updated_ms < begin,
        "eq": begin <= updated_ms < end,
    }[prefix]


def _updated_ms(record: reading.Record) -> int:
    try:
        return interval(record.meta.last_updated)[0] if record.meta else 0
    except BadInput:
        return 0
