"""Whom a question is about, as this holder's source knows them."""

from typing import Final

from accord.rules.identity import owner_reference
from accord.rules.reading import bsns_of, read_record, references
from accord.terms.faults import BadInput
from accord.terms.identifiers import Bsn, RecordRef, record_ref
from node_agent.ports import LocalPatient, Source, SourceRecord

#: Stands in for somebody who is not known here, so that the same work is done for them: nobody has this number.
NOBODY: Final = Bsn("999999990")
_MOST_OWNERS: Final = 5

Person = tuple[Bsn, LocalPatient]


async def find_person(source: Source, about: Bsn | RecordRef) -> Person | None:
    """The person with this BSN, or the one person that this record is about; none when unknown here.

    Raises:
        SourceFailure: It could not be found out.
    """
    bsn = about if isinstance(about, Bsn) else await _bsn_behind(source, about)
    patient = await source.find(bsn or NOBODY)
    return None if bsn is None or patient is None else (bsn, patient)


async def _bsn_behind(source: Source, ref: RecordRef) -> Bsn | None:
    owners = [ref] if ref.type == "Patient" else await _owners(source, ref)
    found = await source.read(owners)
    try:
        bsns = {bsn for given in found.values() for bsn in bsns_of(read_record(given.fhir_json))}
        # Two people, or a person with two numbers: then nobody can say whose question this is.
        return Bsn(bsns.pop()) if len(bsns) == 1 else None
    except BadInput:
        return None


async def _owners(source: Source, ref: RecordRef) -> list[RecordRef]:
    given = (await source.read([ref])).get(ref)
    owners = _owners_named(given, source.bases) if given else []
    return owners if len(owners) <= _MOST_OWNERS else []


def _owners_named(given: SourceRecord, bases: tuple[str, ...]) -> list[RecordRef]:
    owners: list[RecordRef] = []
    try:
        record = read_record(given.fhir_json)
        kind = record.kind
        if kind is None:
            return []
        for written in references(owner_reference(record, kind)):
            text = written.decode("utf-8").replace("\\/", "/").partition("/_history/")[0]
            for base in bases:
                text = text.removeprefix(f"{base.rstrip('/')}/")
            if text.startswith("Patient/"):
                owners.append(record_ref(text))
    except (BadInput, UnicodeDecodeError):
        return []
    return list(dict.fromkeys(owners))
