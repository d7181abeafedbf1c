"""Whom a question is about, as this holder's source knows them."""

from typing import Final

from accord.rules.identity import owner_reference
from accord.rules.reading import bsns_of, read_record, references
from accord.terms.faults import BadInput
from accord.terms.identifiers import Bsn, RecordRef, record_ref
from node_agent.ports import Inquiry, LocalPatient, Source, SourceRecord

#: Stands in for somebody who is not known here, so that the same work is done for them: nobody has this number.
NOBODY: Final = Bsn("999999990")
#: Stands in for the owner of a record that is not here.
_NOBODYS: Final = RecordRef("Patient", "not-here")
_MOST_OWNERS: Final = 5

Person = tuple[Bsn, LocalPatient]


async def bsn_about(source: Source, about: Bsn | RecordRef) -> Bsn:
    """The BSN of whom a question is about: this one, or that of the one person whom this record is about.

    `NOBODY` for a record that is not here, or of nobody in particular: as much is read for it as for any other.

    Raises:
        SourceFailure: It could not be found out.
    """
    if isinstance(about, Bsn):
        return about
    return await _bsn_behind(source, about) or NOBODY


async def find_person(source: Inquiry, bsn: Bsn, *, may_show: bool) -> Person | None:
    """The person with this BSN; none when unknown here. Where nothing may be shown, nobody is looked for, with as much work.

    Raises:
        SourceFailure: It could not be found out.
    """
    sought = bsn if may_show else NOBODY
    patient = await source.find(sought)
    return None if sought == NOBODY or patient is None else (sought, patient)


async def _bsn_behind(source: Source, ref: RecordRef) -> Bsn | None:
    owners = [ref] if ref.type == "Patient" else await _owners(source, ref) or [_NOBODYS]
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
