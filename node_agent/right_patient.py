"""Whether the Patient records of a source are of the person asked for, and of nobody else."""

from collections.abc import Iterable
from datetime import date

from accord.rules.identity import Identity, check_about, identity_of
from accord.rules.reading import Record, bsns_of, check_record
from accord.terms.answers import Ending
from accord.terms.faults import BadInput, Fault, Faulted
from accord.terms.identifiers import Bsn
from accord.terms.limits import RECORD_BYTES
from accord.terms.records import ResourceType
from node_agent.belonging import check_text
from node_agent.labelling import look
from node_agent.ports import LocalPatient, SourceRecord
from node_agent.shortfall import Shortfall


class IdentityInDoubt(Faulted):
    """The Patient records do not show to be of the person asked for: nothing is released."""

    def __init__(self, ending: Ending, fault: Fault) -> None:
        super().__init__(fault)
        self.ending = ending


def verify_patients(
    patients: Iterable[SourceRecord], people: tuple[Bsn, LocalPatient], birth_date: date | None, shortfall: Shortfall
) -> list[tuple[SourceRecord, Record]]:
    """Those that show who the answer is about; none when there are none. The others are added to the shortfall.

    Raises:
        IdentityInDoubt: They do not show to be of this person.
    """
    verified: list[tuple[SourceRecord, Record]] = []
    room = RECORD_BYTES
    for given in patients:
        record = _verified(given, people, birth_date)
        if record is None:
            shortfall.unfit += 1
        elif len(given.fhir_json) <= room:
            verified.append((given, record))
            # All of them travel in the first batch.
            room -= len(given.fhir_json)
        else:
            shortfall.oversized += 1
    if not verified and shortfall.unfit + shortfall.oversized:
        raise IdentityInDoubt(Ending.IDENTITY_UNVERIFIED, Fault.IDENTITY_UNVERIFIED)
    return verified


def _verified(given: SourceRecord, people: tuple[Bsn, LocalPatient], birth_date: date | None) -> Record | None:
    """The content of a Patient record that is of this person and of nobody else."""
    bsn, patient = people
    try:
        if given.unfit:
            raise BadInput(Fault.NOT_CONVERTIBLE)
        record = look(given.fhir_json)
        kind = check_record(record)
        if kind.name != "Patient" or record.id not in patient.ids:
            raise BadInput(Fault.OTHER_PATIENT)
    except BadInput:
        return None
    if len(bsns_of(record)) > 1:
        raise IdentityInDoubt(Ending.REFUSED, Fault.SEVERAL_BSNS)
    match identity_of(record, bsn, birth_date):
        case Identity.OTHER:
            raise IdentityInDoubt(Ending.REFUSED, Fault.OTHER_PATIENT)
        case Identity.SAME:
            if _is_fit_patient(given, kind, people):
                return record
    return None


def _is_fit_patient(given: SourceRecord, kind: ResourceType, people: tuple[Bsn, LocalPatient]) -> bool:
    bsn, patient = people
    own = frozenset(f"Patient/{logical_id}" for logical_id in patient.ids)
    try:
        check_text(given.fhir_json)
        check_about(given.fhir_json, kind, own, bsn)
    except BadInput:
        return False
    return True
