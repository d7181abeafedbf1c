"""What a holder of each kind writes down of one person's life."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Final

from accord.terms.vocabulary import HolderKind
from testbed.holders import BY_NAME
from testbed.people.catalogue import CHILD, FLU, PROCEDURES
from testbed.people.contacts import care_plan, care_team, encounter, episode, nutrition, procedure, request, vaccination
from testbed.people.desk import Desk, File
from testbed.people.findings import (
    allergy,
    blood_pressure,
    body_weight,
    condition,
    flag,
    functional_status,
    heart_rate,
    lab_report,
    lab_result,
    practice_lab,
    social,
)
from testbed.people.life import LabResult, Life
from testbed.people.medication import agreement, hand_out, instruction, used
from testbed.people.papers import add_letter, aid, coverage
from testbed.people.person import related_person
from testbed.people.wishes import HOSPITAL_ADMISSION, INTENSIVE_CARE, RESUSCITATION, directive, directive_of_2017, goal, living_will
from testbed.people.wording import day, snomed

Writer = Callable[[File, Life, Random], None]


def write_down(desk: Desk, life: Life, chance: Random) -> File:
    """Register the person at this holder and write down its part of the history."""
    file = desk.open(life.who)
    if life.who.relative is not None and (life.who.relative.represents or chance.random() < 0.5):
        file.add(related_person(life.who.relative, file.patient), life.visits[0])
    _WRITERS[desk.holder.kind](file, life, chance)
    return file


def _practice(file: File, life: Life, chance: Random) -> None:
    for problem, since in life.problems:
        found = file.add(condition(file, problem, since, gp=True), since)
        file.add(episode(file, found, since), since)
    _write_allergies(file, life)
    for medicine, since in life.medicines:
        file.add(agreement(file, medicine, since), since)
    for visit in life.visits:
        file.add(encounter(file, "AMB", "consult", visit, end=visit + timedelta(minutes=10)), visit)
        if life.age > 30:
            file.add(blood_pressure(file, chance.randint(105, 175), chance.randint(60, 100), visit, gp=True), visit)
    for result in life.results:
        if result.test.nhg is not None:
            file.add(practice_lab(file, result.test, result), result.when)
    last = life.visits[-1]
    if life.age > 15:
        smokes = chance.choice((snomed("8392000", "rookt niet"), snomed("77176002", "roker")))
        file.add(social(file, "TobaccoUse", "365980008", "tabaksgebruik", smokes, last), last)
    if life.age >= 60:
        file.add(vaccination(file, FLU, life.at - timedelta(days=30)), life.at - timedelta(days=30))
    if "dinkelhorst" in life.holders and chance.random() < 0.5:
        file.add(request(file, "183444007", "verwijzing voor verdere zorg", last), last)
    if life.age > 74 and chance.random() < 0.5:
        _write_wishes(file, life, chance)


def _write_wishes(file: File, life: Life, chance: Random) -> None:
    """What people want later in life; a third say "yes, but"."""
    spoken = life.visits[-1]
    file.add(directive(file, RESUSCITATION, chance.choice(("permit", "deny", "deny")), spoken), spoken)
    file.add(directive(file, INTENSIVE_CARE, chance.choice(("permit", "deny")), spoken), spoken)
    if chance.random() < 0.35:
        file.add(directive(file, HOSPITAL_ADMISSION, None, spoken, text="Ja, mits de familie vooraf wordt gebeld."), spoken)
    if chance.random() < 0.3:
        file.add(living_will(file, "NR", "Niet reanimeren verklaring", spoken), spoken)


def _write_allergies(file: File, life: Life) -> None:
    for what, since in life.allergies:
        file.add(allergy(file, what, day(since), criticality="high" if what[2] == "medication" else "low"), since)


def _pharmacy(file: File, life: Life, chance: Random) -> None:
    for medicine, since in life.medicines:
        file.add(instruction(file, medicine, since), since)
        handed = life.at - timedelta(days=chance.randint(5, 80), hours=14)
        file.add(hand_out(file, medicine, handed), handed)
    _write_allergies(file, life)
    if life.medicines and chance.random() < 0.5:
        medicine, since = chance.choice(life.medicines)
        file.add(used(file, medicine, max(since, life.visits[-1])), life.visits[-1])


def _hospital(file: File, life: Life, chance: Random) -> None:
    visit = life.visits[0]
    reason = None
    for problem, since in life.problems[:3]:
        reason = file.add(condition(file, problem, since), since)
    _write_allergies(file, life)
    for what, since in life.allergies:
        if what[2] == "medication":
            file.add(flag(file, what[0], f"allergie voor {what[1]}", since), since)
    for medicine, since in life.medicines[:2]:
        file.add(agreement(file, medicine, since), since)
    stays = chance.random() < 0.35
    hours = chance.randint(24, 120) if stays else 1
    file.add(encounter(file, *(("IMP", "opname") if stays else ("AMB", "polikliniek")), visit, end=visit + timedelta(hours=hours), reason=reason), visit)
    _write_copies(file, life, chance)
    if stays:
        fitting = [(code, display) for code, display, youngest in PROCEDURES if life.age >= youngest]
        if fitting:
            file.add(procedure(file, *chance.choice(fitting), visit), visit)
        file.add(coverage(file, visit), visit)
        file.add(nutrition(file, chance.choice(("zoutarm", "eiwitverrijkt", "energieverrijkt")), visit), visit)
        if life.age > 70:
            file.add(aid(file, "705406009", "rollator", visit), visit)
    if chance.random() < 0.5:
        add_letter(file, "Ontslagbrief", f"Geachte collega,\n\n{life.who.given} was bij ons op {day(visit)}. Controle over zes weken.\n", visit)


def _write_copies(file: File, life: Life, chance: Random) -> None:
    """Copies of what the laboratory reported: the identical statement under the hospital's own ids."""
    kept = [result for result in life.results if chance.random() < 0.6]
    copied = [file.add(lab_result(file.patient, result, laboratory=_laboratory(file, result)), result.when) for result in kept]
    if copied:
        file.add(lab_report(file, copied, life.results[0].when), life.results[0].when)


def _laboratory(file: File, result: LabResult) -> str | None:
    """Every second order names the laboratory by reference, the others by its URA only; the same at every holder."""
    return file.desk.of_holder(BY_NAME["twickelaar"]) if result.when.day % 2 else None


def _lab(file: File, life: Life, _chance: Random) -> None:
    orders: dict[str, list[str]] = {}
    for result in life.results:
        orders.setdefault(result.number.partition(".")[0], []).append(
            file.add(lab_result(file.patient, result, laboratory=_laboratory(file, result)), result.when)
        )
    when = {result.number.partition(".")[0]: result.when for result in life.results}
    for order, results in orders.items():
        file.add(lab_report(file, results, when[order]), when[order])


def _mental_health(file: File, life: Life, _chance: Random) -> None:
    start = life.visits[0]
    for problem, since in life.problems:
        if problem.icpc.startswith("P"):
            file.add(condition(file, problem, since), since)
    aim = file.add(goal(file, "713148004", "voorkomen en behandelen van klachten", start), start)
    file.add(care_plan(file, "Behandelplan", "wekelijks gesprek", start, goals=(aim,)), start)
    file.add(care_team(file, start), start)
    file.add(encounter(file, "AMB", "behandelcontact", start, end=start + timedelta(minutes=45)), start)


def _nursing(file: File, life: Life, chance: Random) -> None:
    start = life.visits[0]
    aim = file.add(goal(file, "385987000", "zorg bij ziekte", start), start)
    file.add(care_plan(file, "Zorgplan", chance.choice(("hulp bij wassen en kleden", "wondzorg", "medicatie aanreiken")), start, goals=(aim,)), start)
    file.add(care_team(file, start), start)
    file.add(functional_status(file, "301438001", "mobiliteit", chance.choice(("loopt met rollator", "loopt zelfstandig", "rolstoel")), start), start)
    alone = chance.choice((snomed("105529008", "woont alleen"), snomed("408821002", "woont met partner")))
    file.add(social(file, "LivingSituation", "365508006", "woonsituatie", alone, start), start)
    file.add(body_weight(file, f"{chance.uniform(48, 95):.1f}", start), start)
    if chance.random() < 0.4:
        file.add(nutrition(file, "energieverrijkt", start), start)
    if chance.random() < 0.4:
        file.add(aid(file, "705406009", "rollator", start), start)
    if life.age > 70 and chance.random() < 0.5:
        spoken = start - timedelta(days=1200)
        file.add(directive_of_2017(file, RESUSCITATION, chance.choice(("JA", "JA_MAAR", "NEE")), spoken), spoken)


def _ride(file: File, life: Life, chance: Random) -> None:
    start = life.visits[-1]
    file.add(encounter(file, "EMER", "spoedcontact", start, end=start + timedelta(minutes=50)), start)
    file.add(heart_rate(file, chance.randint(55, 130), start), start)
    file.add(blood_pressure(file, chance.randint(90, 180), chance.randint(50, 100), start), start)


def _short(file: File, life: Life, _chance: Random) -> None:
    start = life.visits[-1]
    file.add(encounter(file, "AMB", "contact", start, end=start + timedelta(minutes=20)), start)
    for problem, since in life.problems[:1]:
        file.add(condition(file, problem, since), since)


def _public_health(file: File, life: Life, chance: Random) -> None:
    start = life.visits[0]
    for vaccine in CHILD if life.age < 18 else (FLU,):
        file.add(vaccination(file, vaccine, start), start)
    file.add(body_weight(file, f"{chance.uniform(9, 70):.1f}", start), start)


def _maternity(file: File, life: Life, _chance: Random) -> None:
    start = life.visits[-1]
    file.add(encounter(file, "HH", "kraambezoek", start, end=start + timedelta(hours=3)), start)
    file.add(care_plan(file, "Kraamzorg", "kraamzorg aan huis", start), start)


def _diagnostics(file: File, life: Life, chance: Random) -> None:
    start = life.visits[-1]
    file.add(body_weight(file, f"{chance.uniform(48, 110):.2f}", start), start)
    add_letter(file, "Uitslag echo", f"Echo van {day(start)}: geen bijzonderheden.\n", start)


_WRITERS: Final[dict[HolderKind, Writer]] = {
    HolderKind.HOSPITAL: _hospital,
    HolderKind.GP_PRACTICE: _practice,
    HolderKind.OUT_OF_HOURS_POST: _short,
    HolderKind.PHARMACY: _pharmacy,
    HolderKind.LABORATORY: _lab,
    HolderKind.MENTAL_HEALTH: _mental_health,
    HolderKind.HOME_CARE: _nursing,
    HolderKind.NURSING_HOME: _nursing,
    HolderKind.AMBULANCE: _ride,
    HolderKind.HOSPICE: _nursing,
    HolderKind.MATERNITY: _maternity,
    HolderKind.DISABILITY: _nursing,
    HolderKind.DIAGNOSTIC_CENTRE: _diagnostics,
    HolderKind.PUBLIC_HEALTH: _public_health,
    HolderKind.PARAMEDIC: _short,
}
