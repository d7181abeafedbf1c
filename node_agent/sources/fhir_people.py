"""Who is who at a FHIR server: Patient records that are about one person, by BSN and by merge."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec
import structlog

from accord.rules import reading
from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import Bsn, RecordRef, is_logical_id
from node_agent.ports import LocalPatient, SourceAnswerInvalid
from node_agent.sources.fhir_client import FhirClient
from node_agent.sources.fhir_endpoint import FhirEndpoint
from node_agent.sources.fhir_exchange import SourceRefused
from node_agent.sources.fhir_pages import search
from node_agent.sources.fhir_reading import read_bodies
from node_agent.sources.fhir_search import side_by_side
from node_agent.sources.fhir_walk import Walk

_log = structlog.get_logger("noaber.agent")

#: Links that say that two records were merged; a `seealso` does not.
_MERGED: Final = frozenset({"replaces", "replaced-by"})
#: Nobody's record was merged more often than this.
_MOST_IDS: Final = 32
#: Is told the ids of the first records that were found.
Begin = Callable[[frozenset[str]], None]

_ELEMENTS: Final = ("_elements", "identifier,link,birthDate")


class _Other(msgspec.Struct, gc=False):
    reference: str = ""


class _Link(msgspec.Struct, gc=False):
    other: _Other
    type: str


_decode_links = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_link = msgspec.json.Decoder(_Link).decode


@dataclass(frozen=True, slots=True)
class PatientEntry:
    """What a Patient record says about whose it is."""

    id: str
    bsns: frozenset[str]
    merged_with: frozenset[str]
    body: bytes = field(default=b"", compare=False, repr=False)

    def may_be(self, bsn: str) -> bool:
        """Whether nothing in it says that it is somebody else's."""
        return not self.bsns or bsn in self.bsns


def patient_entry(body: bytes) -> PatientEntry | None:
    """Read a Patient record; none when it cannot be read or has no id."""
    try:
        record = reading.read_record(body)
    except BadInput:
        return None
    if record.resourceType != "Patient" or not is_logical_id(record.id):
        return None
    merged = {_patient_id(link.other.reference) for link in _links(record) if link.type in _MERGED}
    return PatientEntry(record.id, frozenset(reading.bsns_of(record)), frozenset(merged - {"", record.id}), body)


def _links(record: reading.Record) -> Iterator[_Link]:
    """The links that can be read; an odd one says nothing, and takes nothing away from the rest of the record."""
    raw = reading.raw_member(record, "link")
    try:
        links = _decode_links(raw) if raw else []
    except (msgspec.DecodeError, RecursionError, ValueError):
        return
    for link in links:
        with suppress(msgspec.DecodeError, RecursionError, ValueError):
            yield _decode_link(link)


def _patient_id(reference: str) -> str:
    parts = reference.split("/_history/", maxsplit=1)[0].rsplit("/", 2)[-2:]
    return parts[1] if len(parts) == 2 and parts[0] == "Patient" and is_logical_id(parts[1]) else ""


class People:
    """Finds the Patient records of a person."""

    def __init__(self, client: FhirClient, endpoint: FhirEndpoint) -> None:
        self._client = client
        self._endpoint = endpoint

    async def with_bsn(self, bsn: Bsn, until: float, *, links: bool, begin: Begin | None = None) -> LocalPatient | None:
        """The person with this BSN. With *links*, records that point to theirs are looked for too.

        *begin* is told the ids of the records with this BSN and no other, before the links are followed.

        Raises:
            SourceFailure: It could not be found out.
        """
        # One search per system: a server that does not understand `a,b` would seem to know nobody.
        pairs = [("identifier", f"{system}|{bsn.value}") for system in self._endpoint.bsn_systems]
        known = await self._matching(pairs, until, secret=bsn.value)
        if any(bsn.value not in entry.bsns for entry in known.values()):
            raise SourceAnswerInvalid("Patient: another BSN")
        asked: set[str] = set()
        while new := known.keys() - asked:
            if len(known) > _MOST_IDS:
                raise SourceAnswerInvalid("Patient.link")
            if begin is not None and not asked and all(entry.bsns == {bsn.value} for entry in known.values()):
                begin(frozenset(known))
            asked |= new
            beside = {other for logical_id in new for other in known[logical_id].merged_with} - known.keys()
            pointing, merged = await side_by_side([partial(self._pointing_to, frozenset(new if links else ()), until), partial(self._by_id, beside, until)])
            known |= {entry.id: entry for entry in (*merged, *pointing) if entry.may_be(bsn.value)}
        if not known:
            return None
        taken, bases = self._endpoint.generation.record, self._endpoint.bases
        return LocalPatient(frozenset(known), tuple(taken(entry.body, bases) for entry in known.values()))

    async def everybody(self, until: float) -> list[tuple[Bsn, LocalPatient]]:
        """Everybody with a valid BSN. A record that cannot be read is nobody's, and is counted in the log.

        Raises:
            SourceFailure: It could not be found out.
        """
        count = ("_count", str(self._endpoint.page_size))
        walk = Walk(self._endpoint, search(self._endpoint, "Patient", [_ELEMENTS, count]))
        try:
            found = await walk.all(self._client, until)
        except SourceRefused as refusal:
            if refusal.status != 400:
                raise
            # `_elements` is not known there: take the whole records.
            found = await Walk(self._endpoint, search(self._endpoint, "Patient", [count])).all(self._client, until)
        entries = {entry.id: entry for body in found if (entry := patient_entry(body)) is not None}
        if len(entries) < len(found):
            _log.warning("some records of people cannot be read", code=Fault.SOURCE_ANSWER_INVALID.value, records=len(found) - len(entries))
        return list(_people(entries))

    async def _matching(self, pairs: Iterable[tuple[str, str]], until: float, *, secret: str = "") -> dict[str, PatientEntry]:
        count = ("_count", str(self._endpoint.page_size))
        # Whoever is found by a link is looked at again; by whom a BSN is not heeded, nobody may be found who is there.
        heeds = "identifier" if secret else ""
        walks = [Walk(self._endpoint, search(self._endpoint, "Patient", [pair, count]), secret=secret, heeds=heeds) for pair in pairs]
        found = await side_by_side([partial(self._entries, walk, until) for walk in walks])
        return {logical_id: entry for some in found for logical_id, entry in some.items()}

    async def _entries(self, walk: Walk, until: float) -> dict[str, PatientEntry]:
        return {entry.id: entry for entry in map(_sound, await walk.all(self._client, until))}

    async def _pointing_to(self, logical_ids: frozenset[str], until: float) -> list[PatientEntry]:
        """Those that say that they were merged with one of these."""
        found = await self._matching([("link", f"Patient/{logical_id}") for logical_id in logical_ids], until)
        return [entry for entry in found.values() if entry.merged_with & logical_ids]

    async def _by_id(self, logical_ids: Iterable[str], until: float) -> list[PatientEntry]:
        refs = [RecordRef("Patient", logical_id) for logical_id in sorted(logical_ids)]
        bodies = await read_bodies(self._client, self._endpoint, refs, until)
        return [_sound(body) for body in bodies.values()]


def _sound(body: bytes) -> PatientEntry:
    """A record that may be of the person who is looked for, so that it must not be passed over.

    Raises:
        SourceAnswerInvalid: It cannot be read.
    """
    entry = patient_entry(body)
    if entry is None:
        raise SourceAnswerInvalid("Patient")
    return entry


def _people(entries: dict[str, PatientEntry]) -> Iterator[tuple[Bsn, LocalPatient]]:
    """One item per person: the records with a BSN, and those merged with them that carry no other."""
    of_bsn: defaultdict[str, set[str]] = defaultdict(set)
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for entry in entries.values():
        for value in entry.bsns:
            of_bsn[value].add(entry.id)
        for other in entry.merged_with & entries.keys():
            beside[entry.id].add(other)
            beside[other].add(entry.id)
    for value, found in of_bsn.items():
        try:
            bsn = Bsn(value)
        except BadInput:
            continue
        ids = set(found)
        new = found
        while new:
            new = {other for logical_id in new for other in beside.get(logical_id, ()) if entries[other].may_be(value)} - ids
            ids |= new
        yield bsn, LocalPatient(frozenset(ids))
