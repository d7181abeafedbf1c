"""Writes the twins down: pairs of statements at two holders that look alike, of which one pair is the same."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from testbed.people import untidy
from testbed.people.catalogue import APIXABAN_2_5, APIXABAN_5, CRP, Medicine
from testbed.people.desk import Desk, File
from testbed.people.findings import lab_result
from testbed.people.known import Known
from testbed.people.life import LabResult
from testbed.people.medication import agreement
from testbed.people.person import person
from testbed.people.wording import Json, instant


def write_twins(desks: Mapping[str, Desk], at: datetime) -> None:
    """Write each pair down, and permit all of it."""
    when = (at - timedelta(days=20)).replace(hour=8, minute=5, second=0, microsecond=0)
    for known, ours, theirs in (
        (untidy.TWIN_DECIMALS, {"value": "37.5"}, {"value": "37.50"}),
        (untidy.TWIN_STATUS, {"status": "final"}, {"status": "preliminary"}),
        (untidy.TWIN_ORDER_NUMBER, {"line": 1}, {"line": 2}),
        (untidy.TWIN_IDENTICAL, {}, {}),
    ):
        for file, differently in zip(_files(desks, known, at), (ours, theirs), strict=True):
            file.add(_result(file, when, **differently), when)
    for file, medicine in zip(_files(desks, untidy.TWIN_MEDICATION, at), (APIXABAN_2_5, APIXABAN_5), strict=True):
        file.add(_agreed(file, medicine, when), when)


def _files(desks: Mapping[str, Desk], known: Known, at: datetime) -> list[File]:
    who = person(known.bsn, date.fromisoformat(known.birth_date), "female", "Tweeling", f"Zandbulten {int(known.bsn) % 100}")
    files = [desks[place].open(who) for place in known.where]
    for file in files:
        file.choose(permits=True, since=instant(at - timedelta(days=200)))
    return files


def _result(file: File, when: datetime, *, value: str = "37.50", status: str = "final", line: int = 1) -> Json:
    result = LabResult(f"TWK2611-{file.who.bsn[-5:]}0.{line}", CRP, value, when)
    return lab_result(file.patient, result, status=status)


def _agreed(file: File, medicine: Medicine, when: datetime) -> Json:
    """The same words at both, by whoever and for whatever product: only what is referred to differs."""
    record: dict[str, Any] = agreement(file, medicine, when)
    del record["requester"]
    record["extension"] = record["extension"][:1]
    record["identifier"] = [{"system": "http://marksveen.example/fhir/NamingSystem/afspraak", "value": f"MA-{file.who.bsn[-4:]}"}]
    record["medicationReference"] = {"reference": record["medicationReference"]["reference"], "display": "Apixaban tablet"}
    return record
