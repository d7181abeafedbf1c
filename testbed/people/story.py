"""Dina and Bennie: the people of the acceptance story, each record as the story's table says."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from testbed.people.catalogue import APIXABAN_2_5, APIXABAN_5, CRP, EGFR, KALIUM, KNEE_PROSTHESIS, METOPROLOL, PARACETAMOL, PENICILLIN, PROBLEMS
from testbed.people.contacts import care_plan, care_team, encounter, episode, request
from testbed.people.desk import Desk, File
from testbed.people.findings import allergy, blood_pressure, condition, heart_rate, lab_result, social
from testbed.people.known import Known
from testbed.people.life import LabResult
from testbed.people.medication import agreement, hand_out, instruction
from testbed.people.person import Person, Relative, person, related_person
from testbed.people.story_history import write_history
from testbed.people.wishes import HOSPITAL_ADMISSION, INTENSIVE_CARE, RESUSCITATION, directive, directive_of_2017
from testbed.people.wording import instant, snomed

DINA: Final = Known(
    "999984056",
    "1942-03-14",
    ("dinkelhorst", "reggerbrug", "brinkhof", "marksveen", "twickelaar", "vijzelmarke", "eschrand", "wieke", "losserveld"),
)
"""Dina Olde Wolbers-Nijkamp, 84, hip fracture on Saturday 02:41."""

BENNIE: Final = Known("999984123", "1955-06-02", ("dinkelhorst", "brinkhof", "twickelaar", "vijzelmarke"))
"""Bennie Lutke Veldhuis, 71, who has never made a choice; a new knee in three weeks."""

STORY_PEOPLE: Final[dict[str, Known]] = {"dina": DINA, "bennie": BENNIE}

#: Number of the line with Dina's eGFR: the same at the laboratory and on the copy in Dinkelhorst.
DINA_EGFR_NUMBER: Final = "TWK2611-840560.1"
DINA_HOSPITAL_ADMISSION: Final = "Ja, mits: alleen als thuis of in het zorghuis behandelen niet kan, en na overleg met dochter Ria."

_CRP_NUMBER: Final = "TWK2611-840560.2"
_KALIUM_NUMBER: Final = "TWK2605-840560.1"
_RIA: Final = Relative("Ria", "Olde Wolbers", "DAUC", "dochter", "06-55500017", represents=True)


def dina() -> Person:
    """Dina as every administration has her."""
    return person(
        DINA.bsn,
        date.fromisoformat(DINA.birth_date),
        "female",
        "Dina",
        "Olde Wolbers-Nijkamp",
        place="Marksveen",
        postcode="7591 SA",
        street="Noaberpad 7",
        telephone="053-5550184",
        relative=_RIA,
    )


def bennie() -> Person:
    """Bennie as every administration has him."""
    return person(BENNIE.bsn, date.fromisoformat(BENNIE.birth_date), "male", "Bennie", "Lutke Veldhuis", place="Losserveld", postcode="7594 SD")


def write_story(desks: Mapping[str, Desk], at: datetime) -> None:
    """Write both down, first of all people, so that their records have the lowest ids everywhere."""
    files = {name: desks[name].open(dina()) for name in DINA.where}
    _dina_at_dinkelhorst(files["dinkelhorst"], at)
    _dina_at_reggerbrug(files["reggerbrug"], at)
    _dina_at_brinkhof(files["brinkhof"], at)
    _dina_at_the_lab(files["twickelaar"], at)
    _dina_at_home(files, at)
    write_history(files, at)
    for name, file in files.items():
        file.choose(permits=name != "eschrand", since=instant(at - timedelta(days=14)))
    _bennie({name: desks[name].open(bennie()) for name in BENNIE.where}, at)


def _hours(at: datetime, days: int, hour: int) -> datetime:
    """A whole hour some days before."""
    return (at - timedelta(days=days)).replace(hour=hour, minute=15, second=0, microsecond=0)


def _egfr(at: datetime) -> LabResult:
    return LabResult(DINA_EGFR_NUMBER, EGFR, "34", _hours(at, 9, 8))


def _contacts(file: File, starts: tuple[tuple[datetime, str, str], ...]) -> None:
    for start, code, display in starts:
        file.add(encounter(file, code, display, start, end=start + timedelta(minutes=20)), start)


def _dina_at_dinkelhorst(file: File, at: datetime) -> None:
    pressed = _hours(at, 260, 11)
    file.add(related_person(_RIA, file.patient), pressed)
    file.add(allergy(file, PENICILLIN, "2011"), pressed)
    file.add(agreement(file, APIXABAN_2_5, _hours(at, 260, 11)), pressed)
    file.add(blood_pressure(file, 148, 82, pressed), pressed)  # Observation/1
    file.add(lab_result(file.patient, _egfr(at)), _hours(at, 8, 6))  # Observation/2, the copy
    _contacts(file, ((_hours(at, 640, 10), "AMB", "polikliniek"), (pressed, "AMB", "polikliniek")))
    arrived = at - timedelta(minutes=31)
    file.add(encounter(file, "EMER", "spoedeisende hulp", arrived), arrived)  # Encounter/3, still there


def _dina_at_reggerbrug(file: File, at: datetime) -> None:
    file.add(allergy(file, PENICILLIN, "2024-05-17", verification="refuted", criticality="low"), _hours(at, 917, 10))


def _dina_at_brinkhof(file: File, at: datetime) -> None:
    spoken = _hours(at, 14, 14)
    file.add(related_person(_RIA, file.patient), spoken)
    file.add(directive(file, RESUSCITATION, "deny", spoken), spoken)
    file.add(directive(file, INTENSIVE_CARE, "deny", spoken), spoken)
    file.add(directive(file, HOSPITAL_ADMISSION, None, spoken, text=DINA_HOSPITAL_ADMISSION), spoken)
    _contacts(file, ((_hours(at, 210, 9), "AMB", "consult"), (_hours(at, 60, 9), "HH", "visite"), (spoken, "HH", "visite")))


def _dina_at_the_lab(file: File, at: datetime) -> None:
    drawn = _hours(at, 9, 8)
    for result in (
        LabResult(_KALIUM_NUMBER, KALIUM, "4.1", _hours(at, 190, 8)),  # Observation/1, of its own
        LabResult(_CRP_NUMBER, CRP, "37.50", drawn),
        _egfr(at),
    ):
        file.add(lab_result(file.patient, result), result.when)


def _dina_at_home(files: Mapping[str, File], at: datetime) -> None:
    """Pharmacy, mental health, home care, the post and the ambulance."""
    pharmacy, mind, home = files["vijzelmarke"], files["eschrand"], files["wieke"]
    handed = _hours(at, 12, 16)
    pharmacy.add(instruction(pharmacy, APIXABAN_5, handed), handed)
    pharmacy.add(hand_out(pharmacy, APIXABAN_5, handed), handed)
    depression = next(problem for problem in PROBLEMS if problem.icpc == "P76")
    mind.add(condition(mind, depression, _hours(at, 2400, 10)), _hours(at, 2400, 10))
    wished = datetime(2021, 4, 8, 10, 0, tzinfo=at.tzinfo)
    home.add(related_person(_RIA, home.patient), wished)
    home.add(directive_of_2017(home, RESUSCITATION, "JA", wished), wished)
    home.add(care_plan(home, "Hulp van anderen", "dagelijks hulp bij wassen en kleden", _hours(at, 320, 9)), _hours(at, 320, 9))
    home.add(social(home, "LivingSituation", "365508006", "woonsituatie", snomed("105529008", "woont alleen"), _hours(at, 320, 9)), _hours(at, 320, 9))
    _contacts(files["marksveen"], ((_hours(at, 75, 22), "AMB", "consult huisartsenpost"),))
    ride, fetched = files["losserveld"], at - timedelta(minutes=64)
    ride.add(encounter(ride, "EMER", "ambulancerit", fetched, end=at - timedelta(minutes=33)), fetched)
    ride.add(heart_rate(ride, 104, fetched), fetched)


def _bennie(files: Mapping[str, File], at: datetime) -> None:
    hospital, practice, lab, pharmacy = (files[name] for name in ("dinkelhorst", "brinkhof", "twickelaar", "vijzelmarke"))
    knee = next(problem for problem in PROBLEMS if problem.icpc == "L90")
    pressure = next(problem for problem in PROBLEMS if problem.icpc == "K86")
    seen, planned = _hours(at, 25, 10), at + timedelta(days=21)
    found = hospital.add(condition(hospital, knee, seen), seen)
    hospital.add(encounter(hospital, "AMB", "polikliniek orthopedie", seen, end=seen + timedelta(minutes=15), reason=found), seen)
    hospital.add(request(hospital, *KNEE_PROSTHESIS, seen, planned=planned), seen)
    for problem, days in ((knee, 900), (pressure, 2900)):
        noted = practice.add(condition(practice, problem, _hours(at, days, 9), gp=True), _hours(at, days, 9))
        practice.add(episode(practice, noted, _hours(at, days, 9)), _hours(at, days, 9))
    practice.add(blood_pressure(practice, 138, 84, _hours(at, 40, 9), gp=True), _hours(at, 40, 9))
    practice.add(care_team(practice, _hours(at, 40, 9)), _hours(at, 40, 9))
    result = LabResult("TWK2611-841230.1", KALIUM, "4.4", _hours(at, 24, 8))
    lab.add(lab_result(lab.patient, result), result.when)
    hospital.add(lab_result(hospital.patient, result), result.when)
    for medicine in (METOPROLOL, PARACETAMOL):
        practice.add(agreement(practice, medicine, _hours(at, 400, 9)), _hours(at, 400, 9))
        pharmacy.add(instruction(pharmacy, medicine, _hours(at, 30, 15)), _hours(at, 30, 15))
        pharmacy.add(hand_out(pharmacy, medicine, _hours(at, 30, 15)), _hours(at, 30, 15))
