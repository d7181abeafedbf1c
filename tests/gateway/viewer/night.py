"""Nights for tests: what a region tells of one person, as events, from records as holders keep them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from accord.rules.reading import category_of, check_record, content_hint, identifier_hint, read_record, time_ms
from accord.terms.answers import Batch, Counts, Ending
from accord.terms.faults import Fault
from accord.terms.identifiers import HolderName, QueryId, Ura
from accord.terms.parties import DataHolder
from accord.terms.records import TYPE_CODE
from accord.terms.vocabulary import CATEGORY_ORDER, HolderKind
from accord.wire.columns import COMPANION, DERIVED, ENTERED_IN_ERROR, ROW
from gateway.dossier.completeness import account
from gateway.ports import DossierEvent, HolderBatch, HolderClosed, NotAsked, Planned
from testbed.holders import BY_NAME
from testbed.people import DINA
from testbed.people.region import generate

QUERY: Final = QueryId("0123456789abcdef0123456789abcdef")
HEARD: Final = ("dinkelhorst", "reggerbrug", "brinkhof", "twickelaar", "vijzelmarke", "wieke")
SHOWING_NOTHING: Final = ("eschrand", "weefgetouw")
#: 2026-11-20 23:40 in the Netherlands.
LAST_EVENING: Final = 1_795_214_400_000
_ABOUT_EVERYBODY: Final = frozenset({"Practitioner", "PractitionerRole", "Organization", "Medication", "Device"})
Json = Mapping[str, Any]


def holder(name: str, kind: HolderKind = HolderKind.HOSPITAL, title: str = "", telephone: str = "074-555 0101") -> DataHolder:
    """A holder; one of the testbed's where it has the name."""
    if name in BY_NAME:
        return BY_NAME[name].registered
    return DataHolder(HolderName(name), Ura("90000099"), title or f"Ziekenhuis {name.title()}", kind, telephone)


def planned(*asked: DataHolder, not_asked: Iterable[NotAsked] = (), emergency: bool = True) -> Planned:
    """The plan."""
    return Planned(QUERY, asked, tuple(not_asked), emergency)


def batch(name: str, contents: Sequence[bytes], *, derived: bool = False, mapping: str = "") -> HolderBatch:
    """Records of one holder, byte for byte, with the columns that its agent makes."""
    columns, blob = [], b""
    for content in contents:
        record = read_record(content)
        kind = check_record(record)
        blob += content
        flags = (COMPANION if kind.is_companion else 0) | (ENTERED_IN_ERROR if record.entered_in_error else 0) | (DERIVED if derived else 0)
        category = CATEGORY_ORDER.index(category_of(record, kind))
        columns.append(ROW.pack(identifier_hint(record), content_hint(record, kind), time_ms(record, kind), flags, len(blob), TYPE_CODE[kind.name], category))
    return HolderBatch(HolderName(name), Batch(b"".join(columns), blob, 0), frozenset({"1"}), mapping)


def said(name: str, *records: Json | bytes, **more: Any) -> HolderBatch:
    """The same, from records as Python has them."""
    return batch(name, [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records], **more)


def closed(name: str, ending: Ending = Ending.ANSWERED, code: Fault | None = None, *, records: int = 1, **more: Any) -> HolderClosed:
    """A holder's last word."""
    counts = Counts(records if ending.heard_out and ending is not Ending.NOTHING_SHOWN else 0)
    return HolderClosed(HolderName(name), ending, counts, code, None, 12, more.pop("last_heard_ms", LAST_EVENING), **more)


def patient(*, name: str = "Dina Olde Wolbers-Nijkamp", born: str = "1942-03-14", sex: str = "female", **more: Any) -> Json:
    """A holder's record of the person."""
    return {
        "resourceType": "Patient",
        "id": "1",
        "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": DINA.bsn}],
        "name": [{"text": name, "family": name.rpartition(" ")[2]}],
        "birthDate": born,
        "gender": sex,
    } | more


def result(number: int, value: str, when: str, *, code: str = "98979-8", unit: str = "mL/min/1.73 m2", **more: Any) -> bytes:
    """A laboratory result, its number as it is written."""
    record = {
        "resourceType": "Observation",
        "id": f"lab-{number}",
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": f"test {code}"}]},
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": when,
        "valueQuantity": {"value": "VALUE", "unit": unit},
    } | more
    return json.dumps(record).replace('"VALUE"', value).encode()


@cache
def dinas_records() -> Mapping[str, tuple[bytes, ...]]:
    """What each holder of the story keeps of Dina, as it keeps it."""
    kept = generate(2026, 60).kept
    return {name: tuple(_about_dina([one.json for one in kept[name]])) for name in HEARD}


def _about_dina(contents: Sequence[bytes]) -> Iterator[bytes]:
    ids = [tree["id"] for one in contents if DINA.bsn.encode() in one and (tree := json.loads(one))["resourceType"] == "Patient"]
    named = [f'"Patient/{one}"'.encode() for one in ids]
    for content in contents:
        tree = json.loads(content)
        is_person = tree["resourceType"] == "Patient" and tree["id"] in ids
        if is_person or tree["resourceType"] in _ABOUT_EVERYBODY or any(one in content for one in named):
            yield content


def dinas_night() -> tuple[DossierEvent, ...]:
    """Ten holders: six answered, two show nothing, one is out of reach, one too late; and one that was not asked."""
    asked = [holder(name) for name in (*HEARD, *SHOWING_NOTHING, "marksveen", "losserveld")]
    events: list[DossierEvent] = [planned(*asked, not_asked=[NotAsked(holder("reviant"), Fault.NOT_ACTIVE)])]
    for name in HEARD:
        events.append(batch(name, dinas_records()[name]))
        events.append(closed(name, records=len(dinas_records()[name])))
    events += [closed(name, Ending.NOTHING_SHOWN) for name in SHOWING_NOTHING]
    events.append(closed("marksveen", Ending.UNREACHABLE, Fault.HOLDER_UNREACHABLE, last_heard_ms=0))
    events.append(closed("losserveld", Ending.TOO_LATE, Fault.HOLDER_SILENT))
    return ended(events)


def ended(events: Sequence[DossierEvent]) -> tuple[DossierEvent, ...]:
    """The same, and the account that closes it."""
    plan = next(event for event in events if isinstance(event, Planned))
    register = [*plan.asked, *(one.holder for one in plan.not_asked)]
    last = account(QUERY, register, plan.not_asked, [event for event in events if isinstance(event, HolderClosed)], {})
    return (*events, last)
