"""Writes the untidy people down, each with the one thing that went wrong."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from accord.terms.identifiers import BSN_SYSTEM
from testbed.people import untidy
from testbed.people.catalogue import CREATININE, KALIUM, PENICILLIN, PROBLEMS
from testbed.people.contacts import care_plan, encounter
from testbed.people.desk import Desk, File
from testbed.people.findings import allergy, blood_pressure, body_weight, condition, lab_report, lab_result
from testbed.people.known import Known
from testbed.people.life import LabResult
from testbed.people.papers import add_letter
from testbed.people.person import Person, Relative, patient_record, person, related_person
from testbed.people.wording import Json, instant

Desks = Mapping[str, Desk]

_NAMES: Final = ("Aleida Bultman", "Berend Dijkhoes", "Clara Esbroek", "Diederik Fleer", "Evelien Geerlink", "Ferre Holtmaat", "Gonda Immink")
_PARENTS: Final = {"minor-under-12", "minor-from-12"}


def write_untidy(desks: Desks, at: datetime) -> None:
    """Write everybody down where they are known, tidily or as only real life does it."""
    for turn, (name, known) in enumerate(untidy.UNTIDY_PEOPLE.items()):
        who = _person(turn, name, known, at)
        odd = _MISHAPS.get(name, _nothing_wrong)(desks, who, at)
        for file in (odd, *(_tidy(desks[place], who, at) for place in known.where[1:])):
            refused = name == "minor-from-16" and file.desk.holder.name.value == "eschrand"
            file.choose(permits=not refused, since=instant(at - timedelta(days=365)))


def _person(turn: int, name: str, known: Known, at: datetime) -> Person:
    given, _, family = _NAMES[turn % len(_NAMES)].partition(" ")
    more: dict[str, Any] = {}
    if name in _PARENTS:
        more["relative"] = Relative("Marije", family, "MTH", "moeder", "06-55510001", represents=True)
    if name == "represented":
        more["relative"] = Relative("Jorien", "Kamphoes", "GUARD", "mentor", "06-55510002", represents=True)
    if name == "deceased":
        more["deceased"] = instant(at - timedelta(days=6))
    gender = "female" if turn % 2 == 0 else "male"
    return person(known.bsn, date.fromisoformat(known.birth_date), gender, given, family, **more)


def _fill(file: File, at: datetime) -> File:
    """A contact and two measurements, so that every file has something in it."""
    seen = at - timedelta(days=120 + int(file.who.bsn[-3:]) % 50, hours=15)
    if file.who.relative is not None:
        file.add(related_person(file.who.relative, file.patient), seen)
    file.add(encounter(file, "AMB", "consult", seen, end=seen + timedelta(minutes=10)), seen)
    file.add(blood_pressure(file, 131, 78, seen), seen)
    file.add(body_weight(file, "72.50", seen), seen)
    return file


def _tidy(desk: Desk, who: Person, at: datetime) -> File:
    record = patient_record(who, f"{desk.holder.ura.value[-3:]}-{who.bsn[-4:]}")
    if who.deceased is not None and desk.holder.name.value == "wieke":
        del record["deceasedDateTime"]  # nobody told home care yet
    file = _fill(desk.open(who, record), at)
    if who.bsn == untidy.SUPERSEDED.bsn and desk.holder.name.value == "twickelaar":
        corrected = _unsure(who, "4.9", at)
        file.add(lab_result(file.patient, corrected, status="corrected"), corrected.when)
    return file


def _nothing_wrong(desks: Desks, who: Person, at: datetime) -> File:
    places = {known.bsn: known.where[0] for known in untidy.UNTIDY_PEOPLE.values()}
    return _tidy(desks[places[who.bsn]], who, at)


def _with_patient(place: str, spoil: Callable[[Json], None]) -> Callable[[Desks, Person, datetime], File]:
    """A mishap in the Patient record itself."""

    def write(desks: Desks, who: Person, at: datetime) -> File:
        record = patient_record(who, f"{desks[place].holder.ura.value[-3:]}-{who.bsn[-4:]}")
        spoil(record)
        return _fill(desks[place].open(who, record), at)

    return write


def _wrong_bsn(desks: Desks, who: Person, at: datetime) -> File:
    file = _nothing_wrong(desks, who, at)
    spoiled = body_weight(file, "81.0", at - timedelta(days=30))
    spoiled["subject"] = file.subject | {"identifier": {"system": BSN_SYSTEM, "value": untidy.NEIGHBOUR.bsn}}
    file.add(spoiled, at - timedelta(days=30))
    return file


def _newborn(desks: Desks, who: Person, at: datetime) -> File:
    file = _nothing_wrong(desks, who, at)
    born = (at - timedelta(days=3)).date()
    baby = person(who.bsn, born, "male", "Zoon van", who.family)
    nursery = file.desk.open(baby)
    nursery.add(body_weight(nursery, "3.480", at - timedelta(days=3)), at - timedelta(days=3))
    nursery.add(care_plan(nursery, "Zorg rond de geboorte", "dagelijks wegen", at - timedelta(days=3)), at - timedelta(days=3))
    return file


def _merged(desks: Desks, who: Person, at: datetime) -> File:
    desk = desks["reggerbrug"]
    patients = sum(record.type == "Patient" for record in desk.records)
    old, new = f"Patient/{patients + 1}", f"Patient/{patients + 2}"
    replaced = patient_record(who, f"OUD-{who.bsn[-4:]}") | {"active": False, "link": [{"other": {"reference": new}, "type": "replaced-by"}]}
    kept = patient_record(who, f"NIEUW-{who.bsn[-4:]}") | {"link": [{"other": {"reference": old}, "type": "replaces"}]}
    before, after = desk.open(who, replaced), desk.open(who, kept)
    _fill(before, at)
    return _fill(after, at)


def _in_error(desks: Desks, who: Person, at: datetime) -> File:
    file = _nothing_wrong(desks, who, at)
    file.add(allergy(file, PENICILLIN, "2019-03-04", verification="entered-in-error"), at)
    result = LabResult(f"TWK2610-{who.bsn[-5:]}0.1", CREATININE, "412", at - timedelta(days=40))
    file.add(lab_result(file.patient, result, status="entered-in-error"), at)
    return file


def _superseded(desks: Desks, who: Person, at: datetime) -> File:
    file = _nothing_wrong(desks, who, at)
    first = add_letter(file, "Ontslagbrief", "Concept: controle over twee weken.\n", at - timedelta(days=70), status="superseded")
    add_letter(file, "Ontslagbrief", "Definitief: controle over zes weken.\n", at - timedelta(days=68), replaces=first)
    result = _unsure(who, "5.9", at)
    file.add(lab_result(file.patient, result, status="preliminary"), result.when)
    return file


def _unsure(who: Person, value: str, at: datetime) -> LabResult:
    return LabResult(f"TWK2609-{who.bsn[-5:]}0.1", KALIUM, value, at - timedelta(days=66))


def _partial_dates(desks: Desks, who: Person, at: datetime) -> File:
    file = _nothing_wrong(desks, who, at)
    for problem, onset in zip(PROBLEMS[:3], ("1998", "2007-11", "2024-05-02T10:30:00"), strict=True):
        file.add(condition(file, problem, at) | {"onsetDateTime": onset}, at)
    return file


def _contained(desks: Desks, who: Person, at: datetime) -> File:
    file = _nothing_wrong(desks, who, at)
    neighbours = _patient_of(desks["weefgetouw"], untidy.NEIGHBOUR.bsn)
    stray = lab_result(neighbours, LabResult(f"TWK2608-{who.bsn[-5:]}0.1", KALIUM, "4.0", at - timedelta(days=90)))
    report = lab_report(file, [], at - timedelta(days=90))
    report["contained"] = [{key: value for key, value in stray.items() if key != "meta"} | {"id": "uitslag"}]
    report["result"] = [{"reference": "#uitslag"}]
    file.add(report, at - timedelta(days=90))
    return file


def _logical(desks: Desks, who: Person, at: datetime) -> File:
    file = _nothing_wrong(desks, who, at)
    stated = {"type": "Patient", "identifier": {"system": BSN_SYSTEM, "value": untidy.NEIGHBOUR.bsn}}
    file.add(condition(file, PROBLEMS[0], at - timedelta(days=50)) | {"asserter": stated}, at - timedelta(days=50))
    return file


def _patient_of(desk: Desk, bsn: str) -> str:
    """The reference to the first Patient record here with a number."""
    return next(record.ref for record in desk.records if record.type == "Patient" and bsn.encode() in record.json)


_MISHAPS: Final[dict[str, Callable[[Desks, Person, datetime], File]]] = {
    "wrong-bsn-on-one-record": _wrong_bsn,
    "two-bsns": _with_patient("weefgetouw", lambda record: record["identifier"].append({"system": BSN_SYSTEM, "value": untidy.NEIGHBOUR.bsn})),
    "without-bsn": _with_patient("losserveld", lambda record: record["identifier"].pop(0)),
    "without-birth-date": _with_patient("marksveen", lambda record: record.pop("birthDate")),
    "other-birth-date": _with_patient("reggerbrug", lambda record: record.update(birthDate="1956-05-16")),
    "newborn-under-mothers-number": _newborn,
    "merged": _merged,
    "entered-in-error": _in_error,
    "superseded": _superseded,
    "partial-dates": _partial_dates,
    "contained-other": _contained,
    "logical-other": _logical,
}
