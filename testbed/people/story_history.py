"""What Dina's holders had about her before that night: enough for a doctor to have something to read."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from testbed.people.catalogue import CREATININE, EGFR, METOPROLOL, PROBLEMS
from testbed.people.contacts import encounter, episode
from testbed.people.desk import File
from testbed.people.findings import blood_pressure, body_weight, condition, lab_result
from testbed.people.life import LabResult
from testbed.people.medication import agreement, hand_out, instruction
from testbed.people.papers import aid

#: Problems of the practice by ICPC, and how many days ago they were noted.
_PROBLEMS: Final = (("K78", 1460), ("K86", 5200), ("U99.01", 880), ("L95", 2100))
#: Her kidneys over the years: days before the night, eGFR, creatinine.
_KIDNEYS: Final = ((742, "47", "98"), (390, "42", "108"), (190, "38", "117"))


def write_history(files: Mapping[str, File], at: datetime) -> None:
    """Write down what came before, after what the story tells: its records have the ids that the story names."""
    hospital, practice, lab, pharmacy = (files[name] for name in ("dinkelhorst", "brinkhof", "twickelaar", "vijzelmarke"))
    for icpc, days in _PROBLEMS:
        problem, noted = next(one for one in PROBLEMS if one.icpc == icpc), _day(at, days)
        reference = practice.add(condition(practice, problem, noted, gp=True), noted)
        practice.add(episode(practice, reference, noted), noted)
    for days, pressure in ((60, (152, 84)), (210, (146, 80))):
        seen = _day(at, days)
        practice.add(blood_pressure(practice, *pressure, seen, gp=True), seen)
    practice.add(body_weight(practice, "58.5", _day(at, 60)), _day(at, 60))
    practice.add(agreement(practice, METOPROLOL, _day(at, 1460)), _day(at, 1460))
    pharmacy.add(instruction(pharmacy, METOPROLOL, _day(at, 1460)), _day(at, 1460))
    pharmacy.add(hand_out(pharmacy, METOPROLOL, _day(at, 12)), _day(at, 12))
    for turn, (days, rate, creatinine) in enumerate(_KIDNEYS):
        drawn = _day(at, days)
        for line, (test, value) in enumerate(((EGFR, rate), (CREATININE, creatinine))):
            lab.add(lab_result(lab.patient, LabResult(f"TWK2{turn}11-840560.{line}", test, value, drawn)), drawn)
    placed = _day(at, 1180)
    fibrillation = next(one for one in PROBLEMS if one.icpc == "K78")
    hospital.add(condition(hospital, fibrillation, _day(at, 1462)), _day(at, 1462))
    hospital.add(aid(hospital, "14106009", "pacemaker", placed), placed)
    hospital.add(encounter(hospital, "IMP", "opname cardiologie", placed, end=placed + timedelta(days=1)), placed)


def _day(at: datetime, days: int) -> datetime:
    return (at - timedelta(days=days)).replace(hour=9, minute=40, second=0, microsecond=0)
