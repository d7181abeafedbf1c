"""The people whom attacks are about, what they chose, and what attackers may look at afterwards: answers, logs and journals."""

import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from accord.audit.content import Event
from accord.audit.verifying import events_of
from accord.rules.reading import category_of, read_record
from accord.terms.identifiers import BSN_SYSTEM, Bsn
from accord.terms.vocabulary import CareCategory
from node_agent.importing.choices import read_choices
from node_agent.sources.choice_store import keep_choices
from testbed.people import KeptRecord
from testbed.people import Region as Generated
from testbed.region import BlockingRegion
from testbed.scripted_gateway import Told, records_in

SMALL: Final = ("brinkhof", "dinkelhorst", "eschrand")
HOLDER: Final = "brinkhof"


def a_bsn(begin: str) -> str:
    """A number that passes the eleven-test, with these eight digits."""
    rest = sum(int(digit) * weight for digit, weight in zip(begin, range(9, 1, -1), strict=True)) % 11
    return a_bsn(f"{int(begin) + 1:08}") if rest == 10 else f"{begin}{rest}"


#: Known at De Brinkhof, permits everything to everybody; others known there: one who never chose, one with much on record,
#: one whose records would make a careless reader fetch things; and somebody whom nobody knows.
VICTIM, SILENT, BULKY, LURING, STRANGER = (a_bsn(begin) for begin in ("99944110", "99944120", "99944130", "99944140", "99944150"))
#: By what their records are called: a number in an id would be in every journal, and be nobody's fault but ours.
ALIAS: Final = {VICTIM: "victim", SILENT: "silent", BULKY: "bulky", LURING: "luring", STRANGER: "stranger"}
CANARY: Final = f"kanarie{secrets.token_hex(8)}"
PERMIT: Final = {"permits": True, "from": "2020-01-01"}
_BULKY_RECORDS: Final = 900
LURES: Final = (
    "http://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "http://[::1]:9/a",
    "https://lure.example/redirect",
    "gopher://127.0.0.1:9/x",
)


def with_victims(generated: Generated) -> Generated:
    """The region with these people in it."""
    records = [one for bsn in (VICTIM, SILENT, BULKY, LURING) for one in _records(bsn)]
    choices = tuple({"bsn": bsn, **PERMIT} for bsn in (VICTIM, BULKY, LURING))
    return replace(
        generated,
        kept={**generated.kept, HOLDER: (*generated.kept[HOLDER], *records)},
        choices={**generated.choices, HOLDER: (*generated.choices[HOLDER], *choices)},
    )


def choose(region: BlockingRegion, *lines: Mapping[str, Any], bsn: str = VICTIM) -> None:
    """Put these in the place of what a person chose at De Brinkhof; a line is a FHIR Consent, or as `noaber agent choices import` takes it."""
    written = [json.dumps(line if "resourceType" in line else {"bsn": bsn, **line}).encode() for line in lines]
    chosen = read_choices(written)
    keep_choices(region.files[HOLDER].source / "choices.db", {Bsn(bsn): (), **chosen})


def categories_in(told: Told) -> frozenset[CareCategory]:
    """Of which kinds of data there is something in an answer, the person's own record left aside."""
    read = [read_record(record) for record in records_in(told)]
    return frozenset(category_of(one, one.kind) for one in read if one.kind is not None and one.kind.name != "Patient")


def looks(told: Told) -> tuple[object, ...]:
    """Everything of an answer that could tell one cause from another; what depends on the question's own random id left out."""
    closed = told.closed
    last = None if closed is None else (closed.ending, closed.code, closed.more, closed.counts.SerializeToString(), closed.digest)
    return (told.status, told.details, [frame.WhichOneof("frame") for frame in told.frames], last, told.trailing)


def within_five_seconds(holds: Callable[[], bool]) -> bool:
    """Whether it comes to that before five seconds are over: the promise on whoever is blocked, and on revocation."""
    return comes_true(holds, 5.0)


def comes_true(holds: Callable[[], bool], seconds: float = 90.0) -> bool:
    """Whether it comes to that. Where no promise says how soon, a busy machine may take its time."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def events_at(region: BlockingRegion, holder: str = HOLDER) -> list[Event]:
    """What the journal of a holder, or of the `gateway`, tells."""
    return [event for _, event in events_of(journal_of(region, holder))]


def journal_of(region: BlockingRegion, holder: str) -> Path:
    """The folder of a journal."""
    return (region.root / "gateway" if holder == "gateway" else region.files[holder].agent) / "journal"


def logs_of(region: BlockingRegion) -> Iterator[Path]:
    """The logs of every process that could write about somebody."""
    yield from (folder / "log" for folder in (region.root / "gateway", region.root / "connect", *(files.agent for files in region.files.values())))


def resident_kib(pid: int) -> int:
    """How much memory a process has in use."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def _records(bsn: str) -> Iterable[KeptRecord]:
    alias = ALIAS[bsn]
    own = f"p-{alias}"
    yield _kept(
        {
            "resourceType": "Patient",
            "id": own,
            "identifier": [{"system": BSN_SYSTEM, "value": bsn}],
            "name": [{"family": f"Doelwit {CANARY}"}],
            "birthDate": "1970-01-01",
        }
    )
    subject = {"reference": f"Patient/{own}"}
    text = {"text": f"{CANARY} {alias}"}
    yield _kept({"resourceType": "Condition", "id": f"c-{alias}", "subject": subject, "code": text})
    yield _kept({"resourceType": "AllergyIntolerance", "id": f"a-{alias}", "patient": subject, "code": text})
    yield _kept({"resourceType": "MedicationStatement", "id": f"m-{alias}", "status": "active", "subject": subject, "medicationCodeableConcept": text})
    laboratory = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}]
    yield _kept({"resourceType": "Observation", "id": f"o-{alias}", "status": "final", "category": laboratory, "subject": subject, "code": text})
    if bsn == BULKY:
        for number in range(_BULKY_RECORDS):
            yield _kept({"resourceType": "Condition", "id": f"b{number}", "subject": subject, "code": {"text": f"{number} " + "lang verhaal " * 500}})
    if bsn == LURING:
        for number, url in enumerate(LURES):
            content = [{"attachment": {"contentType": "text/plain", "url": url}}]
            yield _kept(
                {
                    "resourceType": "DocumentReference",
                    "id": f"lure{number}",
                    "status": "current",
                    "subject": subject,
                    "content": content,
                    "meta": {"source": url},
                }
            )


def _kept(record: dict[str, Any]) -> KeptRecord:
    return KeptRecord(record["resourceType"], record["id"], json.dumps(record).encode())
