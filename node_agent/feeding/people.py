"""PID, MRG and PV1: the Patient, what it was merged with, and the Encounter."""

from typing import Final

from accord.terms.faults import BadInput, Fault
from accord.terms.identifiers import BSN_SYSTEM, Bsn, RecordRef, is_logical_id
from node_agent.feeding.drafts import Draft, Merge, Reading, derived_id, rank, secret_id
from node_agent.feeding.er7 import Message, Repetition, Segment, part
from node_agent.feeding.originals import cut_out
from node_agent.feeding.refusing import MessageRefused
from node_agent.feeding.values import TERMINOLOGY, Json, authority, given, moment, system_of

_BSN_NAMESPACE: Final = "NLMINBIZA"
_BSN_OID: Final = "2.16.840.1.113883.2.4.6.3"
_GENDERS: Final = {"M": "male", "F": "female", "O": "other", "A": "other", "U": "unknown", "N": "unknown"}
#: Patient class (HL7 table 0004) and v3 ActCode.
_CLASSES: Final = {"I": "IMP", "E": "EMER", "O": "AMB", "P": "PRENC", "R": "AMB", "B": "IMP", "H": "HH"}
#: What an event makes of an Encounter, and how heavy it weighs against another of the same moment.
VISITS: Final = {
    "A01": ("in-progress", 0),
    "A04": ("in-progress", 0),
    "A03": ("finished", 1),
    "A13": ("in-progress", 2),
    "A11": ("cancelled", 3),
}


def patient_of(told: Message, pid: Segment, facility: str, reading: Reading, *, of_registration: bool, event: str, message: str) -> Draft:
    """The Patient of a PID.

    Raises:
        MessageRefused: `no-bsn`, `invalid-bsn`, `several-bsns`: nobody could ever ask for it, or it is not known who it is.
    """
    bsn = _bsn(pid)
    numbers = _numbers(pid.repetitions(3), reading)
    content: Json = {"resourceType": "Patient", "id": patient_id(pid, 3, facility, reading, bsn)}
    content["identifier"] = [{"use": "official", "system": BSN_SYSTEM, "value": bsn}, *numbers]
    names = [name for one in pid.repetitions(5) if (name := _name(one))]
    telecom = [_telecom(one, use) for field, use in ((13, "home"), (14, "work")) for one in pid.repetitions(field)]
    died = moment(pid, 29, reading.zone)
    content |= given(
        active=True,
        name=names,
        telecom=[one for one in telecom if one.get("value")],
        gender=_GENDERS.get(pid.text(8), ""),
        birthDate=moment(pid, 7, reading.zone)[:10],
        deceasedDateTime=died,
        deceasedBoolean=True if pid.text(30) == "Y" and not died else None,
        address=[address for one in pid.repetitions(11) if (address := _address(one))],
    )
    place = rank(content, definitive=of_registration, event=event, message=message)
    return Draft(RecordRef("Patient", str(content["id"])), content, place, bsns=(bsn,), original=cut_out(told, (told.first("EVN"), pid)))


def patient_id(segment: Segment, field: int, facility: str, reading: Reading, bsn: str = "") -> str:
    """The logical id of a Patient: the number of the authority of the settings, or one derived from a number of the holder.

    Raises:
        MessageRefused: There is no number at all.
    """
    local = _local(segment, field)
    own = [one for one in local if _is_own(one, reading)]
    usual = own or [one for one in local if part(one, 5) in ("PI", "MR", "PT", "")] or local
    if usual:
        return _id_by(usual[0], facility, reading)
    if not bsn:
        raise MessageRefused(Fault.MALFORMED_MESSAGE, segment.where(field))
    return secret_id(reading.secret, "Patient", facility, bsn)


def _local(segment: Segment, field: int) -> list[Repetition]:
    """The numbers that are the holder's own."""
    return [one for one in segment.repetitions(field) if not _is_bsn(one) and part(one, 1)]


def _is_own(number: Repetition, reading: Reading) -> bool:
    return bool(reading.number_authority) and part(number, 4) == reading.number_authority and is_logical_id(part(number, 1))


def _id_by(number: Repetition, facility: str, reading: Reading) -> str:
    return part(number, 1) if _is_own(number, reading) else derived_id("Patient", facility, part(number, 4), part(number, 1))


def merges_of(message: Message, survivor: Draft, facility: str, reading: Reading, *, event: str, said: str) -> tuple[Merge, ...]:
    """What A40 says: the Patient of MRG-1 is the one of PID from now on, by whichever of its numbers it is known here.

    Raises:
        MessageRefused: There is no MRG or more than one, or no number in it.
    """
    mrgs = list(message.named("MRG"))
    if len(mrgs) != 1:
        raise MessageRefused(Fault.MALFORMED_MESSAGE, "MRG^1^1")
    (mrg,) = mrgs
    replaced = {patient_id(mrg, 1, facility, reading, _first_bsn(mrg)), *(_id_by(one, facility, reading) for one in _local(mrg, 1))}
    order = rank({"survivor": survivor.ref.id}, definitive=True, event=event, message=said)
    return tuple(Merge(one, survivor.ref.id, order) for one in sorted(replaced - {survivor.ref.id}))


def encounter_of(message: Message, trigger: str, patient: str, facility: str, reading: Reading, *, event: str, said: str) -> Draft | None:
    """The Encounter of PV1; none where the visit has no number: it could never be changed again.

    Raises:
        MessageRefused: `malformed-message`.
    """
    pv1 = message.first("PV1")
    if pv1 is None or not pv1.text(19):
        return None
    own = reading.number_authority and part(pv1.repetitions(19)[0], 4) == reading.number_authority and is_logical_id(pv1.text(19))
    logical_id = pv1.text(19) if own else derived_id("Encounter", facility, part(pv1.repetitions(19)[0], 4), pv1.text(19))
    status, severity = VISITS[trigger]
    ended = moment(pv1, 45, reading.zone) if trigger == "A03" else ""
    kind = _CLASSES.get(pv1.text(2))
    content: Json = {"resourceType": "Encounter", "id": logical_id, "status": status}
    content |= given(identifier=_numbers(pv1.repetitions(19), reading))
    content["class"] = {"system": f"{TERMINOLOGY}/v3-ActCode", "code": kind} if kind else {"system": f"{TERMINOLOGY}/v3-NullFlavor", "code": "UNK"}
    content["subject"] = {"reference": f"Patient/{patient}"}
    content |= given(period=given(start=moment(pv1, 44, reading.zone), end=ended))
    place = rank(content, definitive=True, event=event, message=said, severity=severity)
    return Draft(RecordRef("Encounter", logical_id), content, place, patient, original=cut_out(message, (message.first("EVN"), pv1)))


def _is_bsn(number: Repetition) -> bool:
    namespace, universal, _ = authority(number, 4)
    return namespace == _BSN_NAMESPACE or _BSN_OID in (namespace, universal)


def _first_bsn(segment: Segment) -> str:
    return next((part(one, 1) for one in segment.repetitions(1) if _is_bsn(one)), "")


def _bsn(pid: Segment) -> str:
    claimed = [part(one, 1) for one in pid.repetitions(3) if _is_bsn(one) and part(one, 1)]
    if not claimed:
        raise MessageRefused(Fault.NO_BSN, pid.where(3))
    if len(set(claimed)) > 1:
        raise MessageRefused(Fault.SEVERAL_BSNS, pid.where(3))
    try:
        return Bsn(claimed[0]).value
    except BadInput:
        raise MessageRefused(Fault.INVALID_BSN, pid.where(3)) from None


def _numbers(repetitions: tuple[Repetition, ...], reading: Reading) -> list[Json]:
    """Business identifiers; the one that is the logical id itself is none."""
    found = []
    for one in repetitions:
        by = authority(one, 4)
        if _is_bsn(one) or not part(one, 1) or (reading.number_authority and by[0] == reading.number_authority):
            continue
        found.append(given(use="usual", system=system_of(by), value=part(one, 1), assigner=given(display=by[0])))
    return found


def _name(one: Repetition) -> Json:
    family, names = part(one, 1), [name for name in (part(one, 2), *part(one, 3).split()) if name]
    if not family and not names:
        return {}
    use = {"L": "official", "": "official", "D": "usual", "N": "nickname", "M": "maiden", "B": "maiden"}.get(part(one, 7), "")
    return given(use=use, text=" ".join((*names, family)).strip(), family=family, given=names, prefix=[part(one, 5)] if part(one, 5) else [])


def _telecom(one: Repetition, use: str) -> Json:
    mail = part(one, 4)
    value = mail or part(one, 12) or part(one, 1) or "".join((part(one, 6), part(one, 7)))
    use = "mobile" if part(one, 3) == "CP" else use
    return given(system="email" if mail else "phone", value=value, use=use)


def _address(one: Repetition) -> Json:
    line = part(one, 1) or " ".join(filter(None, (part(one, 1, 2), part(one, 1, 3))))
    use = {"H": "home", "O": "work", "B": "work", "C": "temp", "BA": "old"}.get(part(one, 7), "")
    return given(use=use, line=[text for text in (line, part(one, 2)) if text], city=part(one, 3), postalCode=part(one, 5), country=part(one, 6))
